"""How does coverage, the share of problems solved at least once in k attempts, grow with k?

A single problem that an attempt solves with chance p stays unsolved after k attempts with chance (1 - p)**k, which falls
exponentially. A benchmark does not: problems differ, and those with small p are left over. If p is spread as Beta(a, b), its
density near nought is p**(a - 1) / B(a, b), and what stays unsolved is

    E[(1 - p)**k] = B(a, b + k) / B(a, b)  ->  Gamma(a + b) / Gamma(b) * k**-a    for large k,

since only problems with p below about 1/k are left, and their share is proportional to (1/k)**a. So *a mixture of
exponentials is a power law*, whose exponent says how many hard problems there are, not how good one attempt is (Schaeffer
et al. 2025, arXiv:2502.17578). Brown et al. (2024, arXiv:2407.21787) describe measured curves by exp(a k**b) instead, another
form with two constants; :class:`ExponentiatedPower` is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import facts
from ..quantities import positive
from ..trace import Expr
from .gamma import log_gamma_step, log_gamma_twist
from .inputs import at_least, fraction, natural, negative

__all__ = ["BetaCoverage", "ExponentiatedPower", "published_fits"]

#: Outside these a or b says nothing that this form could show, and the digits are no longer tested.
_SMALLEST, _LARGEST = 1e-6, 1e12
_NEWTON_STEPS = 4


@dataclass(frozen=True)
class BetaCoverage:
    """Coverage when the chance p that one attempt solves a problem is spread over problems as Beta(a, b).

    ``solvable`` is the share of problems for which p is Beta(a, b); for the others p = 0 (a zero-inflated mixture), and no
    number of attempts solves them. Fields are floats, arrays or tracers; all methods trace.
    Raises TypeError or ValueError for a or b outside [1e-6, 1e12] and for a share outside [0, 1].

    >>> law = BetaCoverage(a=0.3, b=1.2)
    >>> [round(float(law.coverage(k)), 3) for k in (1, 10, 100, 10_000)]
    [0.2, 0.528, 0.758, 0.939]
    >>> round(float(BetaCoverage(1, 1e6).coverage(1) * (1e6 + 1)), 12)
    1.0
    """

    a: Any
    b: Any
    solvable: Any = 1.0

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            value = positive(name, getattr(self, name))
            if not isinstance(value, Expr) and not (np.all(value >= _SMALLEST) and np.all(value <= _LARGEST)):
                raise ValueError(f"{name} = {value!r}: give a value between {_SMALLEST:g} and {_LARGEST:g}")
            object.__setattr__(self, name, value)
        share = fraction("solvable", self.solvable)
        object.__setattr__(self, "solvable", share if isinstance(share, Expr) or share.ndim else float(share))

    @classmethod
    def from_mean(cls, mean: Any, spread: Any, solvable: Any = 1.0) -> BetaCoverage:
        """The mixture whose solvable problems have p with this ``mean`` and variance ``spread`` * mean * (1 - mean).

        ``spread`` lies between 0 (all alike) and 1 (every problem certain or hopeless): it is 1 / (a + b + 1), the
        correlation of two attempts on one problem.

        >>> law = BetaCoverage.from_mean(0.2, 0.4)
        >>> round(law.a, 3), round(law.b, 3), round(law.spread, 3)
        (0.3, 1.2, 0.4)
        """
        mean, spread = fraction("mean", mean), fraction("spread", spread)
        for name, value in (("mean", mean), ("spread", spread)):
            if not isinstance(value, Expr) and (np.any(value <= 0) or np.any(value >= 1)):
                raise ValueError(f"{name} = {value!r}: it must lie strictly between 0 and 1")
        total = 1.0 / spread - 1.0
        return cls(mean * total, (1.0 - mean) * total, solvable)

    @property
    def mean(self) -> Any:
        """Mean chance that one attempt succeeds, over all problems: pass@1."""
        return self.solvable * self.a / (self.a + self.b)

    @property
    def spread(self) -> Any:
        """1 / (a + b + 1): the correlation between two attempts on one solvable problem."""
        return 1.0 / (self.a + self.b + 1.0)

    def coverage(self, k: Any) -> Any:
        """Expected share of problems solved at least once in ``k`` attempts (k >= 0, need not be whole).

        The relative error is below 1e-13, also where coverage is tiny: no difference of log-gammas is taken.
        """
        k = at_least("k", k, 0.0)
        return self.solvable * -np.expm1(log_gamma_twist(self.b, self.a, k))

    def failure(self, k: Any) -> Any:
        """Expected share of problems not solved in ``k`` attempts, with all its digits where coverage is close to 1."""
        k = at_least("k", k, 0.0)
        return self.solvable * np.exp(log_gamma_twist(self.b, self.a, k)) + (1.0 - self.solvable)

    def reliability(self, k: Any) -> Any:
        """Expected share of problems of which all ``k`` attempts succeed (pass^k): B(a + k, b) / B(a, b)."""
        k = at_least("k", k, 0.0)
        return self.solvable * np.exp(log_gamma_twist(self.a, self.b, k))

    def tail(self, k: Any) -> Any:
        """The power law that the unsolved share of the solvable problems approaches: Gamma(a + b) / Gamma(b) * k**-a.

        ``k`` > 0. The exponent is ``a`` alone: the number of hard problems, not the mean, decides how fast the last ones fall.
        """
        k = positive("k", k)
        return self.solvable * np.exp(log_gamma_step(self.b, self.a) - self.a * np.log(k))

    def samples_for(self, coverage: float) -> float:
        """Attempts (not whole) at which the expected coverage is ``coverage``. ValueError for one never reached."""
        from scipy.optimize import brentq

        target = float(fraction("coverage", coverage))
        if not 0.0 <= target < self.solvable:
            raise ValueError(
                f"coverage = {target:g}: it stays below the solvable share {self.solvable:g} for any number of attempts"
            )
        if target == 0.0:
            return 0.0
        unsolved = np.log1p(-target / self.solvable)

        def gap(log_k: float) -> float:
            return float(log_gamma_twist(self.b, self.a, np.exp(log_k)) - unsolved)

        high = 1.0
        while gap(high) > 0.0:
            high *= 2.0
            if high > 700.0:
                raise ValueError(f"coverage = {target:g}: more than 1e300 attempts would be needed")
        return float(np.exp(brentq(gap, -700.0, high, xtol=1e-13, rtol=1e-14)))

    def attempts_leaving(self, failure: Any) -> Any:
        """Attempts (not whole) after which this share of the *solvable* problems is still unsolved; traces.

        ``failure`` lies strictly between 0 and 1. :meth:`samples_for` asks for coverage, and for one law at a time. Starting from
        Gamma(x + a) / Gamma(x) = (y**2 + (1 - a**2) / 12)**(a / 2), y = x + (a - 1) / 2, which is nearly so, some steps of
        Newton's method in log k with nearly the right slope; relative error below 1e-7 for answers of one attempt or more.

        >>> law = BetaCoverage(a=0.3, b=1.2)
        >>> round(law.attempts_leaving(0.1)), round(law.samples_for(0.9))
        (1914, 1914)
        """
        failure = fraction("failure", failure)
        if not isinstance(failure, Expr) and (np.any(failure <= 0) or np.any(failure >= 1)):
            one = float(np.max(failure)) if np.any(failure >= 1) else float(np.min(failure))
            raise ValueError(f"failure = {one:g}: it must lie strictly between 0 and 1")
        wanted = np.log(failure)
        a, shift = self.a, 0.5 * (self.a - 1.0)
        square = np.exp(2.0 / a * (log_gamma_step(self.b, a) - wanted)) + (a * a - 1.0) / 12.0
        k = np.maximum(np.sqrt(np.maximum(square, 0.0)) - shift - self.b, 1e-3)
        for _ in range(_NEWTON_STEPS):
            gap = log_gamma_twist(self.b, a, k) - wanted
            x = np.maximum(self.b + k, 0.5)
            # The digamma function is nearly the logarithm of x - 1/2 + 1/(24 x), for all but the smallest x.
            slope = k * np.log1p(a * (1.0 - 1.0 / (24.0 * x * (x + a))) / (x - 0.5 + 1.0 / (24.0 * x)))
            k = k * np.exp(np.minimum(np.maximum(gap / slope, -1.0), 1.0))
        return k

    def attempts_until_solved(self, k: int) -> float:
        """Mean number of attempts spent on a problem when one stops at the first success, and after ``k`` in any case.

        The sum of the unsolved shares after 0 ... k - 1 attempts. With a verifier that knows a right answer, this is what
        sampling costs.
        """
        return float(np.sum(self.failure(np.arange(natural("k", k, 1, 10**7)))))


@dataclass(frozen=True)
class ExponentiatedPower:
    """Coverage exp(a k**b) of Brown et al. (2024, arXiv:2407.21787, section 3.1), with a and b negative.

    log coverage is a power law in k: S-shaped in log k, nearly straight in the middle, bounded by 1. Coverage at k = 1 is
    exp(a). Fields are floats or tracers; all methods trace. Raises TypeError or ValueError for others.

    >>> law = ExponentiatedPower(a=-1.33, b=-0.43)
    >>> [round(float(law.coverage(k)), 3) for k in (1, 100, 10_000)]
    [0.264, 0.832, 0.975]
    >>> round(law.samples_for(0.9))
    364
    """

    a: Any
    b: Any

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            object.__setattr__(self, name, negative(name, getattr(self, name)))

    def coverage(self, k: Any) -> Any:
        """Expected share of problems solved at least once in ``k`` attempts, k > 0."""
        return np.exp(self.a * positive("k", k) ** self.b)

    def samples_for(self, coverage: Any) -> Any:
        """Attempts at which coverage is reached: (log coverage / a)**(1 / b). ``coverage`` strictly between 0 and 1."""
        coverage = fraction("coverage", coverage)
        if not isinstance(coverage, Expr) and (np.any(coverage <= 0) or np.any(coverage >= 1)):
            raise ValueError(f"coverage = {coverage!r}: it must lie strictly between 0 and 1")
        k = (np.log(coverage) / self.a) ** (1.0 / self.b)
        return k if isinstance(k, Expr) or np.ndim(k) else float(k)


def published_fits() -> Mapping[str, ExponentiatedPower]:
    """The fits of Brown et al. (Figure 5) by fact id, such as "llama-3-8b-instruct/math".

    The published constants depend on how the points were weighted: refits of Pythia-12B on MATH give a from -3.9 to -4.2
    and b from -0.36 to -0.38. :func:`~scaling_helpers.inference.fit_exponentiated_power` shows it for your own.

    >>> round(float(published_fits()["pythia-12b/math"].coverage(100)), 3)
    0.457
    """
    return {
        row: ExponentiatedPower(facts.get(f"monkeys_fits/{row}/a").value, facts.get(f"monkeys_fits/{row}/b").value)
        for row in facts.table("monkeys_fits")
    }
