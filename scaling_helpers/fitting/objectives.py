"""What does a fit minimise? The objectives in use for scaling laws, each a sum over runs.

A residual is observed less predicted, of the log loss (``space="log"``, so errors count relatively) or of the loss
itself (``space="loss"``, in nats per token). An objective maps residuals to what is summed, and gives the two
derivatives that Newton's method needs. All are *sums*: a mean divides by the number of runs, and an optimiser that
stops at a fixed tolerance then stops early (Besiroglu et al. 2024, arXiv:2404.10102, Section 4).

>>> Huber().name
'Huber(0.001) on log loss, summed'
>>> Huber(delta=0.5).value([0.1, -2.0])
array([0.005, 0.875])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Huber", "LeastAbsolute", "LeastSquares", "Objective", "Space"]

Array = NDArray[np.float64]
Space = Literal["log", "loss"]


@runtime_checkable
class Objective(Protocol):
    """What a fit needs to know of its objective: a name, the space of the residuals, and three functions of them."""

    @property
    def space(self) -> Space:
        """ "log" if residuals are of log loss, "loss" if of the loss."""

    @property
    def name(self) -> str:
        """The objective in words, for ``fit.estimator``."""

    def value(self, residuals: ArrayLike) -> Array:
        """What each residual adds to the sum; same shape."""

    def psi(self, residuals: ArrayLike) -> Array:
        """First derivative of ``value``; same shape."""

    def curvature(self, residuals: ArrayLike) -> Array:
        """Second derivative of ``value``, 0 where it jumps; same shape."""


def _checked(space: Any) -> None:
    if space not in ("log", "loss"):
        raise ValueError(f"space = {space!r}: residuals are of the log loss ('log') or of the loss ('loss')")


def _of(space: Space) -> str:
    return "log loss" if space == "log" else "loss"


def huber(residual: Any, delta: Any) -> Any:
    """What a residual adds to the Huber sum: its square halved up to ``delta``, ``delta`` times its size less a constant beyond.

    Floats, arrays or tracers.

    >>> float(huber(0.5, 1.0)), float(huber(-3.0, 1.0))
    (0.125, 2.5)
    """
    size = np.abs(residual)
    inner = np.minimum(size, delta)
    return inner * (size - 0.5 * inner)


@dataclass(frozen=True)
class Huber:
    """Squared for small residuals, linear for large ones: outliers count, but not more than their sign and size say.

    value r**2 / 2 for abs(r) <= delta, else delta (abs(r) - delta / 2). ``delta`` is in units of the residual:
    relative error in log space, nats per token in loss space. Hoffmann et al. (2022, arXiv:2203.15556, Section 3.3)
    use 1e-3 on log loss: far below the noise of most runs, so that it acts like least absolute deviation.
    Raises ValueError for a delta that is not positive and finite, TypeError for no number.

    >>> Huber(delta=1.0).psi([0.5, 3.0]).tolist(), Huber(delta=1.0).curvature([0.5, 3.0]).tolist()
    ([0.5, 1.0], [1.0, 0.0])
    """

    delta: float = 1e-3
    space: Space = "log"

    def __post_init__(self) -> None:
        _checked(self.space)
        if isinstance(self.delta, bool) or not isinstance(self.delta, (int, float, np.integer, np.floating)):
            raise TypeError(f"delta must be a real number, got {self.delta!r} ({type(self.delta).__name__})")
        object.__setattr__(self, "delta", float(self.delta))
        if not (np.isfinite(self.delta) and self.delta > 0):
            raise ValueError(f"delta = {self.delta:g}: it must be positive and finite; for squares use LeastSquares()")

    @property
    def name(self) -> str:
        """The objective in words.

        >>> Huber(0.01, space="loss").name
        'Huber(0.01) on loss, summed'
        """
        return f"Huber({self.delta:g}) on {_of(self.space)}, summed"

    def value(self, residuals: ArrayLike) -> Array:
        """What each residual adds to the sum."""
        return huber(np.asarray(residuals, float), self.delta)

    def psi(self, residuals: ArrayLike) -> Array:
        """First derivative: the residual, cut off at plus and minus delta."""
        return np.clip(np.asarray(residuals, float), -self.delta, self.delta)

    def curvature(self, residuals: ArrayLike) -> Array:
        """Second derivative: 1 up to delta, 0 beyond."""
        return (np.abs(np.asarray(residuals, float)) <= self.delta).astype(float)


@dataclass(frozen=True)
class LeastSquares:
    """The sum of squared residuals (not halved, not averaged).

    >>> LeastSquares(space="loss").name, LeastSquares().value([3.0]).tolist()
    ('least squares on loss, summed', [9.0])
    """

    space: Space = "log"

    def __post_init__(self) -> None:
        _checked(self.space)

    @property
    def name(self) -> str:
        """The objective in words."""
        return f"least squares on {_of(self.space)}, summed"

    def value(self, residuals: ArrayLike) -> Array:
        """What each residual adds to the sum."""
        return np.square(np.asarray(residuals, float))

    def psi(self, residuals: ArrayLike) -> Array:
        """First derivative: twice the residual."""
        return 2.0 * np.asarray(residuals, float)

    def curvature(self, residuals: ArrayLike) -> Array:
        """Second derivative: 2 everywhere."""
        return np.full(np.shape(residuals), 2.0)


@dataclass(frozen=True)
class LeastAbsolute:
    """The sum of absolute residuals: the median in place of the mean.

    Its derivative jumps at 0. There ``psi`` is 0, one of the subgradients.

    >>> LeastAbsolute().name, LeastAbsolute().psi([-2.0, 0.0]).tolist()
    ('least absolute deviation on log loss, summed', [-1.0, 0.0])
    """

    space: Space = "log"

    def __post_init__(self) -> None:
        _checked(self.space)

    @property
    def name(self) -> str:
        """The objective in words."""
        return f"least absolute deviation on {_of(self.space)}, summed"

    def value(self, residuals: ArrayLike) -> Array:
        """What each residual adds to the sum."""
        return np.abs(np.asarray(residuals, float))

    def psi(self, residuals: ArrayLike) -> Array:
        """A subgradient: the sign."""
        return np.sign(np.asarray(residuals, float))

    def curvature(self, residuals: ArrayLike) -> Array:
        """Second derivative: 0, but for the jump at 0."""
        return np.zeros(np.shape(residuals))
