"""The book's interactive figures: each a function that returns an ``ipywidgets.DOMWidget``.

>>> w = isoflop()
>>> w.compute = 3.14e23
>>> round(w.readouts()["optimal_ratio"], 1)
18.7
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .bottleneck import bottleneck
from .data_constrained import data_constrained
from .data_wall import data_wall
from .effective_compute import effective_compute
from .emergence import emergence
from .fit_by_hand import fit_by_hand
from .isoflop import isoflop
from .kaplan_vs_chinchilla import kaplan_vs_chinchilla
from .limits_2030 import limits_2030
from .loss_surface import loss_surface
from .overtraining import overtraining
from .pass_at_k import pass_at_k
from .power_law import power_law
from .selection import selection
from .sequential_vs_parallel import sequential_vs_parallel
from .train_or_think import train_or_think
from .which_scaling import which_scaling
from .who_pays_when import who_pays_when
from .widget import Explorer

__all__ = [
    "CATALOGUE",
    "Explorer",
    "bottleneck",
    "data_constrained",
    "data_wall",
    "effective_compute",
    "emergence",
    "fit_by_hand",
    "isoflop",
    "kaplan_vs_chinchilla",
    "limits_2030",
    "loss_surface",
    "overtraining",
    "pass_at_k",
    "power_law",
    "selection",
    "sequential_vs_parallel",
    "train_or_think",
    "which_scaling",
    "who_pays_when",
]

#: Every explorer of the book, by name.
CATALOGUE: Mapping[str, Callable[..., Any]] = {
    "isoflop": isoflop,
    "loss_surface": loss_surface,
    "overtraining": overtraining,
    "power_law": power_law,
    "bottleneck": bottleneck,
    "kaplan_vs_chinchilla": kaplan_vs_chinchilla,
    "which_scaling": which_scaling,
    "who_pays_when": who_pays_when,
    "emergence": emergence,
    "limits_2030": limits_2030,
    "data_wall": data_wall,
    "effective_compute": effective_compute,
    "data_constrained": data_constrained,
    "pass_at_k": pass_at_k,
    "selection": selection,
    "sequential_vs_parallel": sequential_vs_parallel,
    "train_or_think": train_or_think,
    "fit_by_hand": fit_by_hand,
}
