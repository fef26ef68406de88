"""How do the best size and the best number of tokens grow with compute? Two power laws, and the line fits behind them.

Approaches 1 and 2 of Hoffmann et al. (2022, arXiv:2203.15556, Sections 3.1 and 3.2) both end here: with pairs of a budget and its
best N (and D), and a straight line through them on log axes.

>>> law = PowerAllocation(C0=5.76e23, N0=67e9, a=0.5, D0=1.43e12, b=0.5)
>>> f"{law.best_params(5.76e21):.3g}", f"{law.best_tokens(5.76e21):.3g}"
('6.7e+09', '1.43e+11')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..quantities import positive

__all__ = ["Line", "PowerAllocation", "fit_line"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PowerAllocation:
    """N* = N0 (C / C0)**a parameters and D* = D0 (C / C0)**b tokens at a budget of C FLOP.

    C0, N0, D0 positive; a and b any finite numbers (a + b = 1 where C = 6 N D exactly). TypeError or ValueError else.

    >>> law = PowerAllocation(C0=1e20, N0=1e9, a=0.5, D0=1.67e10, b=0.5)
    >>> float(law.best_params(1e22)), round(float(law.tokens_per_parameter(1e22)), 1)
    (10000000000.0, 16.7)
    """

    C0: Any
    N0: Any
    a: Any
    D0: Any
    b: Any

    form: ClassVar[str] = "N0 (C / C0)**a, D0 (C / C0)**b"
    answers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "best_params": ("C",),
        "best_tokens": ("C",),
        "tokens_per_parameter": ("C",),
    }

    def __post_init__(self) -> None:
        for name in ("C0", "N0", "D0"):
            object.__setattr__(self, name, positive(name[:1], getattr(self, name)))
        for name in ("a", "b"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name} = {getattr(self, name)}: an exponent must be finite")

    def best_params(self, C: Any) -> Any:
        """Parameters for ``C`` FLOP: a float, an array or a tracer; TypeError or ValueError for what is no budget."""
        return self.N0 * (positive("C", C) / self.C0) ** self.a

    def best_tokens(self, C: Any) -> Any:
        """Tokens for ``C`` FLOP, arguments as above."""
        return self.D0 * (positive("C", C) / self.C0) ** self.b

    def tokens_per_parameter(self, C: Any) -> Any:
        """D* / N* for ``C`` FLOP."""
        return self.best_tokens(C) / self.best_params(C)


@dataclass(frozen=True)
class Line:
    """A straight line log y = level + slope (log x - middle) by weighted least squares.

    middle: weighted mean of log x. slope_error, level_error: standard errors from the scatter about the line; infinite where
    there are only two points. degrees_of_freedom: points less two.
    """

    level: float
    slope: float
    middle: float
    slope_error: float
    level_error: float
    degrees_of_freedom: int
    r_squared: float

    def slope_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the slope by Student's t; infinite for two points. ValueError unless 0 < level < 1."""
        from scipy.special import stdtrit

        if not 0.0 < level < 1.0:
            raise ValueError(f"level = {level!r}: give a confidence between 0 and 1, such as 0.95")
        if self.degrees_of_freedom < 1:
            return -np.inf, np.inf
        half = float(stdtrit(self.degrees_of_freedom, 0.5 + level / 2.0)) * self.slope_error
        return self.slope - half, self.slope + half

    def log_at(self, log_x: float) -> float:
        """log y at ``log_x``."""
        return self.level + self.slope * (log_x - self.middle)


def fit_line(x: Array, y: Array, weights: Array | None = None) -> Line:
    """The line through positive points (n,) on log axes. ValueError for fewer than two different x of positive weight.

    >>> import numpy as np
    >>> round(fit_line(np.array([1e18, 1e20, 1e22]), np.array([1e8, 1e9, 1e10])).slope, 12)
    0.5
    """
    weights = np.ones(len(x)) if weights is None else weights
    used = weights > 0
    log_x, log_y, w = np.log(x[used]), np.log(y[used]), weights[used]
    if np.unique(log_x).size < 2:
        raise ValueError(f"a power law needs at least two different budgets, got {np.unique(log_x).size}")
    middle, level = float(np.average(log_x, weights=w)), float(np.average(log_y, weights=w))
    off, rise = log_x - middle, log_y - level
    spread = float(np.sum(w * off**2))
    slope = float(np.sum(w * off * rise)) / spread
    free = log_x.size - 2
    left = float(np.sum(w * (rise - slope * off) ** 2))
    variance = left / free if free > 0 else np.inf
    total = float(np.sum(w * rise**2))
    return Line(
        level,
        slope,
        middle,
        float(np.sqrt(variance / spread)),
        float(np.sqrt(variance / np.sum(w))),
        free,
        1.0 - left / total if total > 0 else 1.0,
    )
