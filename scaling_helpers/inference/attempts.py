"""n attempts were made and c of them succeeded: what would k attempts have done?

``pass@k`` is the chance that at least one of k attempts succeeds, ``pass^k`` the chance that all of them do. Drawing k of the
n attempts without replacement estimates both without bias (Chen et al. 2021, arXiv:2107.03374, section 2.1); putting c/n
into 1 - (1 - p)**k does not, and nothing can be said about k above n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..quantities import same_shape
from ..trace import Expr
from .gamma import log_gamma_twist
from .inputs import at_least, fraction, level_of, natural, whole

__all__ = ["PassCurve", "benchmark_pass_at_k", "pass_at_k", "pass_at_k_variance", "pass_hat_k", "pass_probability"]

Array = NDArray[np.float64]


def pass_at_k(n: Any, c: Any, k: Any) -> Any:
    """Unbiased estimate of the chance that at least one of ``k`` attempts succeeds, when ``c`` of ``n`` did.

    1 - C(n-c, k) / C(n, k): the share of all choices of k among the n attempts that hold a success (Chen et al. 2021, Eq 1).
    Computed through :func:`~scaling_helpers.inference.gamma.log_gamma_twist`, so that the relative error stays below
    1e-14 however small the answer.

    n, c, k: whole numbers, scalars or arrays that broadcast, or tracers (which are not checked). Returns a fraction: a
    float for scalars, else an array of the common shape.
    Raises TypeError for booleans, text and objects, ValueError for a count that is not whole, negative, or
    beyond 2**53, for c > n, and for k > n: k attempts cannot be judged from fewer.

    >>> pass_at_k(n=10, c=3, k=[1, 5, 8]).round(4).tolist()
    [0.3, 0.9167, 1.0]
    >>> pass_at_k(10, 3, 11)
    Traceback (most recent call last):
    ...
    ValueError: k = 11 is more than n = 10: pass@k needs at least k attempts; draw more, or ask for a smaller k
    """
    n, c, k = _counts(n, c, k)
    return _scalar(_share_with_a_success(n, c, k))


def pass_hat_k(n: Any, c: Any, k: Any) -> Any:
    """Unbiased estimate of pass^k, the chance that all of ``k`` attempts succeed, when ``c`` of ``n`` did.

    C(c, k) / C(n, k): the share of all choices of k among the n attempts that hold no failure. It measures
    reliability, where :func:`pass_at_k` measures reach (Yao et al. 2024, arXiv:2406.12045).
    Arguments, shapes and errors as in :func:`pass_at_k`.

    >>> pass_hat_k(n=10, c=9, k=[1, 5, 10]).round(4).tolist()
    [0.9, 0.5, 0.0]
    """
    n, c, k = _counts(n, c, k)
    return _scalar(_share_without_a_success(n, n - c, k))


def pass_probability(p: Any, k: Any) -> Any:
    """The chance that at least one of ``k`` independent attempts succeeds when each does with known probability ``p``.

    1 - (1 - p)**k, exact for small p. With an estimate c/n in place of p it is biased: the curve is concave in p, so
    its mean over the chance outcomes of c lies below its value at the true p (Jensen). Averaging p over the problems of a
    benchmark first errs the other way and further: the curve at the mean p is above the mean curve, because
    no number of attempts on an easy problem solves a hard one. ``p`` in [0, 1], ``k`` >= 0; floats, arrays or tracers.

    Raises TypeError or ValueError for p outside [0, 1] and for k that is negative or not finite.

    >>> round(pass_probability(0.5, 2), 3), round(pass_probability(1e-18, 1000), 27)
    (0.75, 1e-15)
    """
    p, k = fraction("p", p), at_least("k", k, 0.0)
    same_shape(p=p, k=k)
    if isinstance(p, Expr) or isinstance(k, Expr):
        # log1p(-1) is minus infinity: a tracer for p may sit there.
        return np.where(p >= 1.0, np.where(k > 0.0, 1.0, 0.0), -np.expm1(k * np.log1p(-np.minimum(p, 1.0 - 1e-16))))
    with np.errstate(divide="ignore", invalid="ignore"):
        some = -np.expm1(k * np.log1p(-np.asarray(p)))
    return _scalar(np.where(np.asarray(k) == 0, 0.0, some))


def pass_at_k_variance(n: Any, k: Any, p: Any) -> Any:
    """Variance of the estimate :func:`pass_at_k` on one problem whose attempts succeed with probability ``p``.

    The sum over all outcomes c of Binomial(n, p), exact. It says how far one problem's pass@k moves when the n attempts are
    made again; :func:`benchmark_pass_at_k` says how far the mean moves when the problems are drawn again.
    n: one whole number; k and p: scalars or arrays that broadcast. Raises as :func:`pass_at_k` does.

    >>> round(pass_at_k_variance(n=10, k=1, p=0.3), 6)  # p (1 - p) / n
    0.021
    """
    p = fraction("p", p)
    same_shape(k=k, p=p)
    outcomes = np.arange(natural("n", n, 1, 10**7) + 1)
    estimates = pass_at_k(n, outcomes, np.asarray(k)[..., None])
    chances = binomial(outcomes, n, np.asarray(p)[..., None])
    mean = np.sum(chances * estimates, axis=-1, keepdims=True)
    return _scalar(np.sum(chances * (estimates - mean) ** 2, axis=-1))


@dataclass(frozen=True)
class PassCurve:
    """pass@k of a benchmark: the mean over its problems, with an interval.

    ``k`` (K,) attempts, ``estimate``, ``low`` and ``high`` (K,) fractions, ``per_problem`` (K, P), ``level`` of the interval,
    which comes from drawing the problems again ``draws`` times.

    >>> curve = benchmark_pass_at_k(n=100, c=[0, 1, 5, 20, 90], k=[1, 10])
    >>> curve.estimate.round(3).tolist(), curve.per_problem.shape
    ([0.232, 0.484], (2, 5))
    """

    k: Array
    estimate: Array
    low: Array
    high: Array
    per_problem: Array
    level: float
    draws: int


def benchmark_pass_at_k(
    n: Any, c: Any, k: Any, *, hat: bool = False, level: float = 0.9, draws: int = 4000, seed: int = 0
) -> PassCurve:
    """pass@k (or pass^k with ``hat``) of a whole benchmark: the mean over problems, with a bootstrap interval over problems.

    ``c`` (P,): successes on each problem; ``n``: attempts, one number or (P,); ``k``: one or several numbers of attempts.
    The interval answers "what if the benchmark had drawn other problems of this kind?", at the 5% and 95% points for a
    ``level`` of 0.9 (percentile bootstrap of ``draws`` resamples, seeded). The noise of n attempts on each problem is in
    it, because the spread between problems contains it. With few problems, or a mean near 0 or 1, the percentile
    interval is too short: for a plain success rate Wilson's interval is better.

    Raises as :func:`pass_at_k` does, and ValueError for fewer than two problems, a level outside (0, 1) or draws below 1.

    >>> curve = benchmark_pass_at_k(n=100, c=[0, 1, 5, 20, 90], k=[1, 10])
    >>> curve.estimate.round(3).tolist(), bool((curve.low <= curve.estimate).all())
    ([0.232, 0.484], True)
    """
    successes = np.atleast_1d(np.asarray(c))
    if successes.ndim != 1 or successes.size < 2:
        raise ValueError(f"c must hold the successes of two problems or more, got shape {np.shape(c)}: one has no interval")
    level, draws = level_of(level), natural("draws", draws, 1, 10**7)
    attempts = np.atleast_1d(np.asarray(k))
    if attempts.ndim != 1 or not attempts.size:
        raise ValueError(f"k must be one number or a list of them, got shape {np.shape(k)}")
    share = pass_hat_k if hat else pass_at_k
    table = np.asarray(share(np.asarray(n), successes, attempts[:, None]), dtype=float)
    problems = successes.size
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(problems, np.full(problems, 1.0 / problems), size=draws) / problems
    tails = (1.0 - level) / 2.0
    low, high = np.quantile(weights @ table.T, [tails, 1.0 - tails], axis=0)
    return PassCurve(attempts.astype(float), table.mean(axis=1), low, high, table, level, draws)


def binomial(c: Any, n: Any, p: Any) -> Any:
    """P(c successes in n attempts), exact in the tails; ``n`` one whole number, c and p arrays or scalars."""
    from scipy.stats import binom

    return binom.pmf(c, n, p)


# -- one formula for both shares -----------------------------------------------------------------------
def _share_with_a_success(n: Any, c: Any, k: Any) -> Any:
    z = n - c - k + 1.0
    return np.where(z < 1.0, 1.0, -np.expm1(log_gamma_twist(np.maximum(z, 1.0), c, k)))


def _share_without_a_success(n: Any, c: Any, k: Any) -> Any:
    z = n - c - k + 1.0
    return np.where(z < 1.0, 0.0, np.exp(log_gamma_twist(np.maximum(z, 1.0), c, k)))


# -- what may enter ------------------------------------------------------------------------------------
def _counts(n: Any, c: Any, k: Any) -> tuple[Any, Any, Any]:
    n, c, k = whole("n", n), whole("c", c), whole("k", k)
    if any(isinstance(count, Expr) for count in (n, c, k)):
        return n, c, k
    same_shape(n=n, c=c, k=k)
    _compare("c", c, "n", n, "there cannot be more successes than attempts")
    _compare("k", k, "n", n, "pass@k needs at least k attempts; draw more, or ask for a smaller k")
    return n, c, k


def _compare(name: str, value: Array, other: str, limit: Array, why: str) -> None:
    bad = value > limit
    if np.any(bad):
        at = np.unravel_index(int(np.argmax(bad)), bad.shape)
        one, most = (float(np.broadcast_to(array, bad.shape)[at]) for array in (value, limit))
        raise ValueError(f"{name} = {one:.17g} is more than {other} = {most:.17g}: {why}")


def _scalar(value: Any) -> Any:
    return value if isinstance(value, Expr) or np.ndim(value) else float(value)
