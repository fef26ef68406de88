"""What did we measure ourselves? Small language models, trained on Python source.

:mod:`~scaling_helpers.runs.measured` loads the tables; the rest is what made them, and makes them again: the text
(:mod:`~scaling_helpers.runs.corpus`), the model (:mod:`~scaling_helpers.runs.model`), one run
(:mod:`~scaling_helpers.runs.train`), the plan of the sweep (:mod:`~scaling_helpers.runs.plan`) and its execution
(:mod:`~scaling_helpers.runs.sweep`). Training needs PyTorch, the extra ``[train]``; nothing else here does.

>>> load_runs.__module__
'scaling_helpers.runs.measured'
"""

from .measured import load_curves, load_runs

__all__ = ["load_curves", "load_runs"]
