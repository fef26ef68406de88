"""By what factor does a quantity grow each year, and how sure is that?

A straight line through the logarithm of the values against time, by least squares: the way in which growth rates of training
compute, prices and performance are reported (for instance Sevilla et al. 2022, arXiv:2202.05924).

>>> fit = fit_growth([2018, 2019, 2020, 2021, 2022], [1.0, 3.8, 17.0, 63.0, 260.0])
>>> round(fit.growth, 2), [round(bound, 2) for bound in fit.growth_interval(0.95)]
(4.03, [3.84, 4.22])
>>> round(12 * fit.doubling_time, 1)  # months
6.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..quantities import positive
from .inputs import column, columns, point_weights, replacements
from .objectives import LeastSquares
from .result import Fit, Refits, Status

__all__ = ["ExponentialGrowth", "GrowthFit", "fit_growth"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExponentialGrowth:
    """value(t) = level * growth ** (t - start): growth by a constant factor a year.

    level: the value at time ``start``, in the units of the quantity. growth: factor a year. start: a time in years.

    >>> ExponentialGrowth(level=2.0, growth=4.0, start=2020.0).value(2021.5)
    16.0
    """

    level: Any
    growth: Any
    start: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", positive("level", self.level))
        object.__setattr__(self, "growth", positive("growth", self.growth))

    def value(self, time: Any) -> Any:
        """The value at ``time`` in years: a float, an array or a tracer."""
        return self.level * self.growth ** (time - self.start)


@dataclass(frozen=True)
class GrowthFit(Fit):
    """Growth by a constant factor a year, fitted by (weighted) least squares on the logarithm.

    Coordinates: ``log_level`` at the mean time of the points, ``log_growth`` a year. Intervals are the classical ones of a
    straight line: normal errors of one size on the logarithm (one size over the square root of the weight where weights are
    given), t distribution with n - 2 degrees of freedom.

    >>> fit = fit_growth([2018, 2019, 2020, 2021, 2022], [1.0, 3.8, 17.0, 63.0, 260.0])
    >>> round(fit.growth, 2), round(fit.doubling_time, 2)
    (4.03, 0.5)
    """

    @property
    def coordinates(self) -> tuple[str, ...]:
        """("log_level", "log_growth")."""
        return ("log_level", "log_growth")

    @property
    def criterion(self) -> LeastSquares:
        """Least squares on the logarithm."""
        return LeastSquares()

    @property
    def growth(self) -> float:
        """Factor a year."""
        return math.exp(self.theta[1])

    @property
    def doubling_time(self) -> float:
        """Years in which the value doubles: infinite for no growth, negative (halving) for a decline."""
        return math.log(2.0) / float(self.theta[1]) if self.theta[1] else math.inf

    @property
    def degrees_of_freedom(self) -> int:
        """Points that carry weight, less two."""
        return int(np.count_nonzero(self.data["weights"])) - 2

    @property
    def predicted(self) -> Array:
        """Fitted value at every point, (n,)."""
        return np.asarray(self.law.value(self.data["time"]))

    @property
    def residuals(self) -> Array:
        """Log of the observed less log of the fitted value, (n,)."""
        return np.log(self.data["value"] / self.predicted)

    @property
    def residual_sd(self) -> float:
        """Standard deviation of a single log value about the line (of one with weight 1)."""
        return math.sqrt(self.objective / self.degrees_of_freedom)

    @property
    def log_growth_error(self) -> float:
        """Standard error of the log growth a year."""
        return self.residual_sd / math.sqrt(self._spread)

    @property
    def _spread(self) -> float:
        offset = self.data["time"] - self.law.start
        return float(np.sum(self.data["weights"] * offset**2))

    def growth_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the factor a year. ``level`` lies between 0 and 1, else ValueError."""
        half = _quantile(level, self.degrees_of_freedom) * self.log_growth_error
        return math.exp(self.theta[1] - half), math.exp(self.theta[1] + half)

    def doubling_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the doubling time in years, shortest first.

        Its upper end is infinite where the interval of the growth reaches 1, since then no growth is not ruled out. For a decline
        that is established (the whole interval below 1) both ends are negative: halving times, the slower first. ValueError
        where the estimate itself is a decline that is not established: the doubling times allowed then are not one interval.
        """
        low, high = (math.log(bound) for bound in self.growth_interval(level))
        if high <= 0.0 or low > 0.0:
            return math.log(2.0) / high if high else -math.inf, math.log(2.0) / low
        if self.theta[1] <= 0.0:
            raise ValueError(
                f"the growth factor lies between {math.exp(low):g} and {math.exp(high):g} a year: neither growth nor decline is "
                "established, so doubling times have no interval; report growth_interval instead"
            )
        return math.log(2.0) / high, math.inf

    def interval(self, time: Any, level: float = 0.95, *, kind: str = "confidence") -> tuple[Any, Any]:
        """Interval of the value at ``time`` (years, a float or (m,) array): (low, high) in the units of the quantity.

        ``kind`` "confidence": of the trend itself. "prediction": of one new observation (of weight 1) at that time.
        ValueError for another kind or a level outside (0, 1).
        """
        if kind not in ("confidence", "prediction"):
            raise ValueError(f"kind = {kind!r}: choose 'confidence' (of the trend) or 'prediction' (of one new value)")
        offset = np.asarray(time, dtype=float) - self.law.start
        variance = 1.0 / float(np.sum(self.data["weights"])) + offset**2 / self._spread + (kind == "prediction")
        half = _quantile(level, self.degrees_of_freedom) * self.residual_sd * np.sqrt(variance)
        centre = self.theta[0] + self.theta[1] * offset
        low, high = np.exp(centre - half), np.exp(centre + half)
        return (low, high) if low.ndim else (float(low), float(high))

    def law_at(self, theta: Array) -> ExponentialGrowth:
        """The growth law with coordinates ``theta``."""
        return ExponentialGrowth(math.exp(theta[0]), math.exp(theta[1]), self.law.start)

    def refit(self, weights: Array | None = None, targets: Array | None = None) -> Refits:
        """Refit in closed form; see :meth:`scaling_helpers.fitting.result.Fit.refit`."""
        weights, targets = replacements(self.data["weights"], self.data["value"], weights, targets)
        return _line(self.data["time"] - self.law.start, np.log(targets), weights)


def fit_growth(time: Any, value: Any, *, weights: Any = None) -> GrowthFit:
    """The constant factor a year by which ``value`` grows, with its interval.

    ``time`` (n,): years, such as 2019.5. ``value`` (n,): positive, any unit. ``weights`` (n,): non-negative, inversely
    proportional to the variance of the log value. At least three points and two different times, else ValueError; TypeError
    or ValueError names a column that is not real, finite (and, for the values, positive).

    >>> round(fit_growth([2020.0, 2021.0, 2022.0, 2023.0], [1.0, 2.0, 4.0, 8.0]).doubling_time, 12)
    1.0
    """
    time, value = column("time", time, sign="any"), column("value", value)
    n = columns(3, "a growth rate and its uncertainty", time=time, value=value)
    weights = point_weights(weights, n)
    used = time[weights > 0]
    if used.size < 3:
        raise ValueError(f"only {used.size} points carry weight: a growth rate and its uncertainty take at least three")
    if np.ptp(used) <= 1e-12 * np.abs(used).max():
        raise ValueError(f"time holds the single value {used[0]:g}: growth needs at least two different times")
    start = float(np.average(time, weights=weights))
    line = _line(time - start, np.log(value), weights[None])
    theta = line.thetas[0]
    return GrowthFit(
        law=ExponentialGrowth(math.exp(theta[0]), math.exp(theta[1]), start),
        theta=theta,
        objective=float(line.objectives[0]),
        grad_norm=float(line.grad_norms[0]),
        status=Status.CONVERGED,
        n_starts=1,
        share_at_best=1.0,
        at_bound=(),
        estimator="least squares on log value, summed",
        data={"time": time, "value": value, "weights": weights},
    )


def _line(offset: Array, log_value: Array, weights: Array) -> Refits:
    """Straight lines by least squares, one for each row of ``weights`` (S, n); ``log_value`` (n,) or (S, n)."""
    total = weights.sum(axis=1)
    middle = weights @ offset / total
    centred = offset - middle[:, None]
    spread = np.sum(weights * centred**2, axis=1)
    level = np.sum(weights * log_value, axis=1) / total
    fixed = spread > 1e-18 * (1.0 + np.abs(offset).max() ** 2) * total  # a resample may hold one time only
    slope = np.sum(weights * centred * (log_value - level[:, None]), axis=1) / np.where(fixed, spread, 1.0)
    residual = log_value - level[:, None] - slope[:, None] * centred
    gradient = 2.0 * np.stack([np.sum(weights * residual, axis=1), np.sum(weights * residual * offset, axis=1)], axis=1)
    thetas = np.stack([level - slope * middle, slope], axis=1)
    objectives = np.sum(weights * residual**2, axis=1)
    return Refits(thetas, objectives, np.linalg.norm(gradient, axis=1), fixed)


def _quantile(level: float, degrees_of_freedom: int) -> float:
    """Two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: give a confidence between 0 and 1, such as 0.95")
    return float(stdtrit(degrees_of_freedom, 0.5 + level / 2.0))
