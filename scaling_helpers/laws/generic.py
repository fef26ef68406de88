"""Which curves do scaling laws take, whatever they describe? Forms of one variable, to be fitted to anything.

:class:`PowerLaw` with or without a constant, :class:`ShiftedPowerLaw`, :class:`BrokenPowerLaw` (a smooth bend between
power laws) and :class:`SigmoidLaw`, for scores between a floor and a ceiling. The variable is whatever was
scaled: parameters, tokens, FLOP, samples.

>>> law = PowerLaw(scale=1e9, exponent=0.5, constant=2.0)
>>> law.loss(4e9)
2.5
>>> round(law.needed(2.5) / 1e9, 9)
4.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..quantities import positive
from ..trace import Expr
from .constants import check_constants
from .origin import Origin, warn_outside

__all__ = ["BrokenPowerLaw", "PowerLaw", "ShiftedPowerLaw", "SigmoidLaw"]


@dataclass(frozen=True)
class PowerLaw:
    """L(x) = constant + (scale / x)**exponent: a straight line on log axes once the constant is taken off.

    ``scale`` is in units of x and is where the reducible part is 1; ``exponent`` is positive; ``constant`` (the loss
    that no x removes) may be 0. ``variable`` is what x is: "N", "D", "C" or a word. ``fit`` names the fit that the
    constants belong to: laws that combine terms refuse terms of different fits.
    Constants that are not one finite number of the right sign raise TypeError or ValueError.

    >>> law = PowerLaw(scale=1e4, exponent=0.5, constant=1.5)
    >>> float(law.loss(1e4)), float(law.loss(1e8))
    (2.5, 1.51)
    """

    scale: Any
    exponent: Any
    constant: Any = 0.0
    variable: str = "x"
    fit: str = ""
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "constant + (scale / x)**exponent"

    def __post_init__(self) -> None:
        check_constants(self, "scale", "exponent", "constant", zero=("constant",))

    @property
    def answers(self) -> Mapping[str, tuple[str, ...]]:
        """The methods that compute something, and what they take."""
        return {"loss": (self.variable,)}

    def loss(self, x: Any) -> Any:
        """The loss at ``x``: a float, an array (the result has its shape) or a tracer.

        Raises TypeError or ValueError where ``x`` is not real, positive and finite.
        """
        x = positive(self.variable, x)
        warn_outside(self, **{self.variable: x})
        return self.constant + (self.scale / x) ** self.exponent

    def needed(self, loss: Any) -> Any:
        """The x at which the loss falls to ``loss``. Raises ValueError where ``loss`` is not above the constant."""
        reducible = _above(loss, self.constant, "the constant of this law")
        x = self.scale / reducible ** (1.0 / self.exponent)
        warn_outside(self, **{self.variable: x})
        return x


@dataclass(frozen=True)
class ShiftedPowerLaw:
    """L(x) = constant + (scale / (x + shift))**exponent: a power law that starts from a finite loss at x = 0.

    For curves that are flat at first. ``scale`` and ``shift`` in units of x; ``shift`` and ``constant`` may be 0.

    >>> ShiftedPowerLaw(scale=8.0, shift=2.0, exponent=0.5).loss(6.0)
    1.0
    """

    scale: Any
    exponent: Any
    shift: Any = 0.0
    constant: Any = 0.0
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "constant + (scale / (x + shift))**exponent"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("x",)}

    def __post_init__(self) -> None:
        check_constants(self, "scale", "exponent", "shift", "constant", zero=("shift", "constant"))

    def loss(self, x: Any) -> Any:
        """The loss at ``x``: a float, an array or a tracer; TypeError or ValueError for what is not positive and finite."""
        return self.constant + (self.scale / (positive("x", x) + self.shift)) ** self.exponent

    def needed(self, loss: Any) -> Any:
        """The x at which the loss falls to ``loss``.

        Raises ValueError where ``loss`` is not above the constant, or so high that the curve starts below it.
        """
        reducible = _above(loss, self.constant, "the constant of this law")
        x = self.scale / reducible ** (1.0 / self.exponent) - self.shift
        if not isinstance(x, Expr) and np.any(np.asarray(x) <= 0):
            raise ValueError(f"loss = {float(np.max(loss)):g} is above where this curve starts, so that no positive x gives it")
        return x


@dataclass(frozen=True)
class BrokenPowerLaw:
    """A power law that bends smoothly at each break (Caballero et al. 2022, arXiv:2210.14891, Eq 1).

    y(x) = constant + coefficient * x**-slope * product over breaks of (1 + (x / at)**(1 / width))**(-change * width).

    ``breaks`` holds (change, at, width) of each: after x = ``at`` the slope is larger by ``change`` (which may be
    negative), over a bend of ``width`` in log x. With no breaks it is a power law. ``slope`` may have either sign.

    >>> law = BrokenPowerLaw(coefficient=10.0, slope=0.5, breaks=((-0.5, 1e4, 0.1),))
    >>> [f"{law.loss(x):.3f}" for x in (1e2, 1e3, 1e8)]
    ['1.000', '0.316', '0.100']
    """

    coefficient: Any
    slope: Any
    breaks: tuple[tuple[Any, Any, Any], ...] = ()
    constant: Any = 0.0
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "constant + coefficient * x**-slope * prod (1 + (x / at)**(1 / width))**(-change * width)"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": ("x",)}

    def __post_init__(self) -> None:
        check_constants(self, "coefficient", "slope", "constant", zero=("constant",), signed=("slope",))
        breaks = []
        for number, one in enumerate(self.breaks, start=1):
            if not isinstance(one, Sequence | np.ndarray) or len(one) != 3:
                raise ValueError(f"break {number} must be (change, at, width), got {one!r}")
            change, at, width = one
            if not isinstance(change, Expr):
                size = positive(f"change of break {number}", abs(change)) if change else 0.0
                change = size if change > 0 else -size
            breaks.append((change, positive(f"at of break {number}", at), positive(f"width of break {number}", width)))
        object.__setattr__(self, "breaks", tuple(breaks))

    def loss(self, x: Any) -> Any:
        """y at ``x``: a float, an array or a tracer; TypeError or ValueError for what is not positive and finite."""
        x = positive("x", x)
        exponent = -self.slope * np.log(x)
        for change, at, width in self.breaks:
            # log(1 + exp(z)), written so that no z overflows: a narrow bend makes z large.
            z = (np.log(x) - np.log(at)) / width
            exponent = exponent - change * width * (np.maximum(z, 0.0) + np.log(1.0 + np.exp(-np.abs(z))))
        return self.constant + self.coefficient * np.exp(exponent)


@dataclass(frozen=True)
class SigmoidLaw:
    """R(x) = floor + (ceiling - floor) / (1 + (middle / x)**steepness): a score that saturates.

    The form of the scaling law for reinforcement learning of Khatri et al. (2025, arXiv:2510.13786), where x is compute,
    ``floor`` the score before it and ``ceiling`` what no amount of it passes. Their constants are given by no source
    we have seen in full, so none stand here. ``ceiling`` must differ from ``floor``; below it, the score falls.

    >>> print(SigmoidLaw(ceiling=0.6, middle=1e3, steepness=2.0, floor=0.2).value(1e3))
    0.4
    """

    ceiling: Any
    middle: Any
    steepness: Any
    floor: Any = 0.0
    origin: Origin | None = field(default=None, compare=False)

    form: ClassVar[str] = "floor + (ceiling - floor) / (1 + (middle / x)**steepness)"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {"value": ("x",)}

    def __post_init__(self) -> None:
        check_constants(self, "ceiling", "middle", "steepness", "floor", zero=("ceiling", "floor"))
        if not isinstance(self.ceiling, Expr) and not isinstance(self.floor, Expr) and self.ceiling == self.floor:
            raise ValueError(f"ceiling = floor = {self.floor:g}: the score would not depend on x")

    def value(self, x: Any) -> Any:
        """The score at ``x``: a float, an array or a tracer; TypeError or ValueError for what is not positive and finite."""
        x = positive("x", x)
        # Beyond e^700 a float would overflow; the score is the floor long before.
        away = np.minimum(self.steepness * (np.log(self.middle) - np.log(x)), 700.0)
        return self.floor + (self.ceiling - self.floor) / (1.0 + np.exp(away))

    def needed(self, value: Any) -> Any:
        """The x at which the score is ``value``. Raises ValueError for a value that is not between floor and ceiling."""
        share = (value - self.floor) / (self.ceiling - self.floor)
        if not isinstance(share, Expr) and not np.all((np.asarray(share) > 0) & (np.asarray(share) < 1)):
            raise ValueError(f"value = {value} is not between the floor {self.floor:g} and the ceiling {self.ceiling:g}")
        return self.middle * (share / (1.0 - share)) ** (1.0 / self.steepness)


def _above(loss: Any, floor: Any, what: str) -> Any:
    """``loss`` less ``floor``; ValueError where nothing is left."""
    if not isinstance(loss, Expr):
        loss = positive("loss", loss)
        if not isinstance(floor, Expr) and np.any(np.asarray(loss) <= floor):
            raise ValueError(f"loss = {float(np.min(loss)):g} is not above {what}, {floor:g}, which nothing goes below")
    return loss - floor
