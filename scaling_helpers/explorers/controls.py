"""What can a reader move? Controls in natural units, checked the same way from a trait, a call or a link.

A slider over compute is a :class:`Log` control whose value is 5.76e23, never 23.76.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Choice", "Control", "Integer", "Linear", "Log", "Toggle"]


@dataclass(frozen=True)
class _Number:
    name: str
    label: str
    unit: str
    format: str
    min: float
    max: float
    value: float
    help: str = ""
    step: float | None = None
    color: int | None = None
    kind = "linear"

    def check(self, value: Any) -> float:
        """Return ``value`` as the float this control holds.

        TypeError for what is no real number, ValueError for NaN and for values outside [min, max]; both name the
        control, the value and the range.
        """
        bounds = f"{self.name} takes {self.min:g} to {self.max:g} {self.unit}".rstrip()
        if type(value) is int and abs(value) < 10**300:
            value = float(value)  # JavaScript writes 5.62e20 as an integer, for which NumPy has no dtype
        array = np.asarray(value)
        if array.ndim or array.dtype.kind not in "iuf":
            raise TypeError(f"{self.name} = {value!r} is not a real number; {bounds}")
        number = float(array)
        if not (math.isfinite(number) and self.min <= number <= self.max):
            raise ValueError(f"{self.name} = {number:g} is out of range; {bounds}")
        return self.snap(number)

    def snap(self, number: float) -> float:
        """The nearest step (explorer.js snaps in the same way)."""
        if self.step is None:
            return number
        steps = math.floor((number - self.min) / self.step + 0.5)
        return min(self.max, max(self.min, self.min + steps * self.step))

    def payload(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "label": self.label,
            "unit": self.unit,
            "format": self.format,
            "min": self.min,
            "max": self.max,
            "step": self.step,
            "options": None,
            "labels": None,
            "value": self.value,
            "help": self.help,
            "color": self.color,
        }


@dataclass(frozen=True)
class Linear(_Number):
    """A slider over plain numbers, with or without steps.

    >>> Linear("share", "Share", "", "percent", min=0.0, max=1.0, value=0.4, step=0.25).check(0.6)
    0.5
    """


@dataclass(frozen=True)
class Log(_Number):
    """A slider over orders of magnitude; continuous, so every value between min and max is kept as given.

    >>> compute = Log("compute", "Training compute", "FLOP", "flop", min=1e18, max=1e27, value=5.76e23)
    >>> compute.check(1e30)
    Traceback (most recent call last):
    ...
    ValueError: compute = 1e+30 is out of range; compute takes 1e+18 to 1e+27 FLOP
    """

    kind = "log"

    def __post_init__(self) -> None:
        if self.step is not None or self.min <= 0:
            raise ValueError(f"log control {self.name!r} is continuous and needs min > 0, got step {self.step}, min {self.min}")


@dataclass(frozen=True)
class Integer(_Number):
    """A slider over whole numbers.

    >>> Integer("epochs", "Epochs", "", "count", min=1, max=100, value=4).check(3.7)
    4.0
    """

    step: float | None = 1.0
    kind = "integer"


@dataclass(frozen=True)
class Choice:
    """One of several named options; ``options`` maps each value to the label a reader sees.

    >>> law = Choice("law", "Law", {"besiroglu-2024": "Besiroglu 2024"}, "besiroglu-2024")
    >>> law.check("besiroglu-2024")
    'besiroglu-2024'
    """

    name: str
    label: str
    options: Mapping[str, str]
    value: str
    help: str = ""
    color: int | None = None
    kind = "choice"

    def check(self, value: Any) -> str:
        """Return ``value`` if it is an option; ValueError naming it and the known ones otherwise."""
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(f"{self.name} = {value!r} is no option; known: {', '.join(map(repr, self.options))}")
        return value

    def payload(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "label": self.label,
            "unit": "",
            "format": "plain",
            "min": None,
            "max": None,
            "step": None,
            "options": list(self.options),
            "labels": list(self.options.values()),
            "value": self.value,
            "help": self.help,
            "color": self.color,
        }


@dataclass(frozen=True)
class Toggle:
    """A switch.

    >>> Toggle("repeat", "Repeat the text", False).check(True)
    True
    """

    name: str
    label: str
    value: bool
    help: str = ""
    color: int | None = None
    kind = "toggle"

    def check(self, value: Any) -> bool:
        """Return ``value`` if it is True or False; TypeError naming it otherwise."""
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{self.name} = {value!r} is neither True nor False")
        return bool(value)

    def payload(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "label": self.label,
            "unit": "",
            "format": "plain",
            "min": None,
            "max": None,
            "step": None,
            "options": [False, True],
            "labels": ["off", "on"],
            "value": self.value,
            "help": self.help,
            "color": self.color,
        }


#: Any of the controls.
Control = Linear | Log | Integer | Choice | Toggle
