"""Given a compute budget, how large a model, on how many tokens? And if it will be used a great deal, or the text runs out?

One question, four constraints:

* a budget of training compute, or a loss to reach with the least of it: :func:`optimal`, :func:`compute_for_loss`, and
  what an allocation that is not optimal wasted: :func:`waste`, :func:`size_tolerance`;
* training and use in one bill: :func:`inference_aware`, :func:`inference_aware_within`, :func:`break_even`,
  :func:`suited_volume`;
* text that has to be read more than once: :func:`data_constrained`, :func:`useful_compute`, :func:`text_needed`.

Every function takes any law whose ``loss(N, D)`` can be traced, and any cost per token that can. Every result says how it
was certified: by a closed form, or by a bracket in which the exact derivative changes its sign. Losses are in nats per
token.

>>> from scaling_helpers.laws import HOFFMANN_2022
>>> best = optimal(HOFFMANN_2022, 5.76e23)
>>> round(best.N / 1e9, 1), round(best.tokens_per_parameter)
(40.4, 59)
"""

from __future__ import annotations

from .allocation import (
    Allocation,
    Tolerance,
    closed_form,
    compute_for_loss,
    equivalent,
    equivalent_compute,
    minimise,
    optimal,
    optimal_for_loss,
    size_tolerance,
    waste,
)
from .repeated import (
    LimitedLaw,
    RepeatedAllocation,
    best_epochs,
    data_constrained,
    data_constrained_for_loss,
    limited,
    loss_floor,
    text_needed,
    useful_compute,
)
from .served import (
    INFERENCE_FLOP,
    ServedAllocation,
    break_even,
    inference_aware,
    inference_aware_within,
    suited_volume,
)

__all__ = [
    "INFERENCE_FLOP",
    "Allocation",
    "LimitedLaw",
    "RepeatedAllocation",
    "ServedAllocation",
    "Tolerance",
    "best_epochs",
    "break_even",
    "closed_form",
    "compute_for_loss",
    "data_constrained",
    "data_constrained_for_loss",
    "equivalent",
    "equivalent_compute",
    "inference_aware",
    "inference_aware_within",
    "limited",
    "loss_floor",
    "minimise",
    "optimal",
    "optimal_for_loss",
    "size_tolerance",
    "suited_volume",
    "text_needed",
    "useful_compute",
    "waste",
]
