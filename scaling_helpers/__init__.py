"""Neural scaling laws: published constants with sources, exact optima, explorers.

>>> import scaling_helpers
>>> best = scaling_helpers.BESIROGLU_2024.optimal(5.76e23)
>>> f"{best.N:.3g} parameters on {best.D:.3g} tokens"
'7.22e+10 parameters on 1.33e+12 tokens'

Only NumPy loads with this module; SciPy, matplotlib and Altair load when something that needs them is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import facts, laws, numbers, optimum
from .laws import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    HOFFMANN_2022_ROUNDED,
    KAPLAN_2020,
    KAPLAN_2020_ALLOCATION,
    LAWS,
    MUENNIGHOFF_2023,
    ChinchillaLaw,
)
from .optimum import Allocation

if TYPE_CHECKING:
    from . import checks, costs, counting, explorers, figures, inference, palette, trace, trends
    from .inference import pass_at_k

__version__ = "0.1.0"
__all__ = [
    "BESIROGLU_2024",
    "HOFFMANN_2022",
    "HOFFMANN_2022_ROUNDED",
    "KAPLAN_2020",
    "KAPLAN_2020_ALLOCATION",
    "LAWS",
    "MUENNIGHOFF_2023",
    "Allocation",
    "ChinchillaLaw",
    "checks",
    "costs",
    "counting",
    "explorers",
    "facts",
    "figures",
    "inference",
    "laws",
    "numbers",
    "optimum",
    "palette",
    "pass_at_k",
    "trace",
    "trends",
]

_ON_USE = ("checks", "costs", "counting", "explorers", "figures", "inference", "palette", "trace", "trends")
#: Functions that load with their module: name -> module.
_FUNCTIONS_ON_USE = {"pass_at_k": "inference"}


def __getattr__(name: str) -> Any:
    if name in _ON_USE:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS_ON_USE:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS_ON_USE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ON_USE, *_FUNCTIONS_ON_USE])
