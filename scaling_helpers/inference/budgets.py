"""What is a query worth: thinking longer against asking more often, a larger model against more tries of a small one?

A test score is a count of solved problems, so it has a binomial interval: with 30 problems (AIME) it is wide.
Costs are of two kinds. Training is paid once; every query is paid again. Where the two meet is a number of queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import facts
from ..laws import FLOP_PER_PARAMETER_TOKEN
from ..optimum import INFERENCE_FLOP
from ..quantities import positive, same_shape
from ..trace import Expr
from .coverage import BetaCoverage
from .inputs import at_least, fraction, level_of, whole

__all__ = [
    "BudgetCurve",
    "break_even_queries",
    "clopper_pearson_interval",
    "cost_per_solved",
    "lifetime_flop",
    "matched_tokens",
    "parallel_coverage",
    "query_flop",
    "rate_interval",
    "s1_curves",
    "search_compute_for",
    "wilson_interval",
]

Array = NDArray[np.float64]


# -- how sure is a score of n problems? ------------------------------------------------------------------
def wilson_interval(solved: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Interval of the success rate behind ``solved`` of ``n`` problems, by Wilson (1927).

    Close to its nominal coverage on average, for few problems and rates near 0 or 1 too, where the usual
    rate +- 2 standard errors fails. solved, n: whole numbers that broadcast. Returns (low, high), fractions.
    Raises TypeError or ValueError for counts that are none, n = 0, solved > n, or a level outside (0, 1).

    >>> [round(end, 3) for end in wilson_interval(17, 30)]  # 56.7% on AIME24
    [0.392, 0.726]
    """
    solved, n = _score(solved, n)
    return rate_interval(solved / n, n, level)


def rate_interval(rate: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """:func:`wilson_interval` around a ``rate`` over ``n`` problems that need be no whole number of them.

    For a mean over problems of chances between 0 and 1, such as pass@k, it is too wide: a chance varies less from problem
    to problem than a problem that is either solved or not. rate: a fraction, n > 0; floats, arrays or tracers that
    broadcast. Returns (low, high). Raises TypeError or ValueError for rates outside [0, 1], n = 0, or a level outside (0, 1).

    >>> [round(end, 3) for end in rate_interval(0.832, 128)]
    [0.758, 0.887]
    """
    from scipy.special import ndtri

    rate, n = fraction("rate", rate), positive("n", n)
    z = float(ndtri(0.5 + level_of(level) / 2.0))
    low, high = wilson_bounds(rate, n, z)
    return _plain(np.where(rate == 0.0, 0.0, low)), _plain(np.where(rate == 1.0, 1.0, high))


def wilson_bounds(rate: Any, n: Any, z: float) -> tuple[Any, Any]:
    """Wilson's interval of half-width ``z`` around a rate that need not be a count of ``n``; traces."""
    centre = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n)
    half = z / (1.0 + z * z / n) * np.sqrt(rate * (1.0 - rate) / n + z * z / (4.0 * n * n))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def clopper_pearson_interval(solved: Any, n: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Interval of the success rate that never covers less often than ``level`` (Clopper and Pearson 1934), so it is wide.

    Arguments, result and errors as in :func:`wilson_interval`.

    >>> [round(end, 3) for end in clopper_pearson_interval(17, 30)]
    [0.374, 0.745]
    """
    from scipy.special import betaincinv

    solved, n = _score(solved, n)
    tail = (1.0 - level_of(level)) / 2.0
    low = np.where(solved == 0, 0.0, betaincinv(np.maximum(solved, 1.0), n - solved + 1.0, tail))
    high = np.where(solved == n, 1.0, betaincinv(solved + 1.0, np.maximum(n - solved, 1.0), 1.0 - tail))
    return _plain(low), _plain(high)


def _score(solved: Any, n: Any) -> tuple[Any, Any]:
    solved, n = whole("solved", solved), whole("n", n)
    same_shape(solved=solved, n=n)
    if np.any(n < 1):
        raise ValueError("n = 0: a rate needs at least one problem")
    if np.any(solved > n):
        raise ValueError(f"solved = {np.max(solved):g} is more than n = {np.min(n):g} problems")
    return solved, n


def _plain(value: Any) -> Any:
    return value if isinstance(value, Expr) or np.ndim(value) else float(value)


# -- thinking longer -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BudgetCurve:
    """Measured accuracy of one model at several budgets of thinking tokens, one chain of thought each.

    tokens (n,) rising, accuracy (n,) fractions, items: problems in the benchmark.

    >>> curve = s1_curves()["aime24"]
    >>> round(float(curve.at(3000)), 3), round(curve.scaling, 1)
    (0.38, 8.7)
    """

    tokens: tuple[float, ...]
    accuracy: tuple[float, ...]
    items: int

    def __post_init__(self) -> None:
        tokens, accuracy = positive("tokens", self.tokens), fraction("accuracy", self.accuracy)
        if np.ndim(tokens) != 1 or np.shape(tokens) != np.shape(accuracy) or len(tokens) < 2:
            raise ValueError("tokens and accuracy must be two columns of one length, two points or more")
        if np.any(np.diff(tokens) <= 0):
            raise ValueError("tokens must rise from point to point")

    def at(self, tokens: Any) -> Any:
        """Accuracy at a budget of ``tokens``: straight lines in log tokens between the points, flat outside them.

        Floats, arrays or tracers. Outside the points nothing was measured: the flat ends extrapolate nothing.
        """
        x = np.log(positive("tokens", tokens))
        value: Any = self.accuracy[0]
        knots = [float(knot) for knot in np.log(np.asarray(self.tokens))]
        for left, right, low, high in zip(knots, knots[1:], self.accuracy, self.accuracy[1:], strict=False):
            value = value + (high - low) / (right - left) * (np.minimum(np.maximum(x, left), right) - left)
        return value

    def intervals(self, level: float = 0.95) -> tuple[Array, Array]:
        """Wilson interval of every point, (low, high), each (n,)."""
        return wilson_interval(np.round(np.asarray(self.accuracy) * self.items), self.items, level)

    @property
    def scaling(self) -> float:
        """Mean slope between all pairs of points, in percentage points per 1,000 tokens.

        The measure that arXiv:2501.19393 calls "scaling". Its Table 3 prints 15 for budget forcing on AIME24, from
        settings that are not the points of its Figure 1; those give 8.7.
        """
        t, y = np.asarray(self.tokens), 100.0 * np.asarray(self.accuracy)
        first, second = np.triu_indices(len(t), 1)
        return float(np.mean((y[second] - y[first]) / (t[second] - t[first])) * 1000.0)

    @property
    def slopes(self) -> Array:
        """Percentage points gained by each doubling of the tokens, between neighbouring points, (n - 1,)."""
        return 100.0 * np.diff(self.accuracy) / np.diff(np.log2(self.tokens))


def s1_curves() -> Mapping[str, BudgetCurve]:
    """Budget forcing of s1-32B (Muennighoff et al. 2025, arXiv:2501.19393, Fig 1), a curve for each of three benchmarks.

    >>> sorted(s1_curves())
    ['aime24', 'gpqa-diamond', 'math500']
    """
    points: dict[str, list[Mapping[str, str]]] = {}
    for row_id, row in facts.table("s1_points").items():
        points.setdefault(row_id.partition("/")[0], []).append(row)
    return {
        name: BudgetCurve(
            tuple(float(row["thinking_tokens"]) for row in rows),
            tuple(float(row["accuracy"]) for row in rows),
            int(float(rows[0]["items"])),
        )
        for name, rows in points.items()
    }


def parallel_coverage(curve: BudgetCurve, budget: Any, tokens_each: Any, spread: Any) -> Any:
    """Coverage of budget / tokens_each independent attempts, each thinking for ``tokens_each`` tokens, on one ``curve``.

    Set it beside ``curve.at(budget)``: one chain of the same total length. It is an upper bound on what parallel
    answers can score, since something must still pick the right one. How coverage grows is an assumption: the chances of
    problems are spread as Beta with the measured mean and ``spread`` (see ``BetaCoverage.from_mean``).
    Floats, arrays or tracers; at least one attempt is made.

    >>> curve = s1_curves()["aime24"]
    >>> round(float(curve.at(7321)), 3), round(float(parallel_coverage(curve, 7321, 2000, 0.5)), 3)
    (0.567, 0.492)
    """
    budget, tokens_each = positive("budget", budget), positive("tokens_each", tokens_each)
    attempts = np.maximum(budget / tokens_each, 1.0)
    mean = np.minimum(np.maximum(curve.at(tokens_each), 1e-5), 1.0 - 1e-5)
    return BetaCoverage.from_mean(mean, spread).coverage(attempts)


# -- paying once or every time ---------------------------------------------------------------------------
def query_flop(N: Any, tokens: Any, attempts: Any = 1.0) -> Any:
    """FLOP of one query: 2 N for each of ``tokens`` tokens, ``attempts`` times over.

    N: active parameters. The attention over the context comes on top and is left out. Floats, arrays or tracers.

    >>> f"{query_flop(70e9, tokens=1000, attempts=10):.3g}"
    '1.4e+15'
    """
    return INFERENCE_FLOP * positive("N", N) * positive("tokens", tokens) * at_least("attempts", attempts, 1.0)


def lifetime_flop(N: Any, D: Any, queries: Any, tokens: Any, attempts: Any = 1.0) -> Any:
    """FLOP of training N parameters on D tokens once, and of ``queries`` queries: 6 N D + queries * 2 N tokens attempts.

    >>> f"{lifetime_flop(7e10, 1.4e12, queries=1e9, tokens=1000):.3g}"
    '7.28e+23'
    """
    trained = FLOP_PER_PARAMETER_TOKEN * positive("N", N) * positive("D", D)
    return trained + at_least("queries", queries, 0.0) * query_flop(N, tokens, attempts)


def break_even_queries(fixed_small: Any, query_small: Any, fixed_large: Any, query_large: Any) -> Any:
    """Queries at which two ways of reaching one quality have cost the same: fixed + queries * cost of a query.

    "Small": little paid once, much for each query, such as a small model asked k times; "large" the other way round. All four in
    one unit (FLOP or money), not negative. Below the answer the small way is cheaper, above it the large one. Infinite
    where the small way never gets dearer (its query costs no more), 0 where it is dearer from the start.
    Floats, arrays or tracers; a tracer must have query_small > query_large.

    >>> small, large = query_flop(8e9, 1000, attempts=50), query_flop(70e9, 1000)
    >>> f"{break_even_queries(6 * 8e9 * 15e12, small, 6 * 70e9 * 15e12, large):.3g}"
    '8.45e+09'
    """
    given = {"fixed_small": fixed_small, "query_small": query_small, "fixed_large": fixed_large, "query_large": query_large}
    values = {name: at_least(name, value, 0.0) for name, value in given.items()}
    same_shape(**values)
    saved = values["fixed_large"] - values["fixed_small"]
    extra = values["query_small"] - values["query_large"]
    if isinstance(saved, Expr) or isinstance(extra, Expr):
        return np.maximum(saved, 0.0) / extra
    cheaper_each = extra <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(cheaper_each, np.inf, np.maximum(saved, 0.0) / np.where(cheaper_each, 1.0, extra))
    return _plain(np.where(cheaper_each & (saved < 0), 0.0, at))


def matched_tokens(size_ratio: Any, token_ratio: Any) -> Any:
    """How many times more tokens a small model may spend at inference to match the FLOP of one ``size_ratio`` times larger.

    ``token_ratio``: inference tokens over training tokens of the small model's deployment. Setting
    6 N D + 2 N V x = M (6 N D + 2 N V) gives x = M + 3 (M - 1) / (V / D) (Snell et al. 2024, arXiv:2408.03314, section 7).
    Where few queries follow the training, the small model has a great deal to spend on each. Floats, arrays or tracers.

    >>> [round(float(matched_tokens(14, ratio)), 1) for ratio in (0.16, 0.79, 22)]
    [257.8, 63.4, 15.8]
    """
    size_ratio, token_ratio = at_least("size_ratio", size_ratio, 1.0), positive("token_ratio", token_ratio)
    return size_ratio + FLOP_PER_PARAMETER_TOKEN / INFERENCE_FLOP * (size_ratio - 1.0) / token_ratio


def search_compute_for(train_factor: Any, slope: float | None = None) -> Any:
    """Factor on test compute that makes up for training with 1/``train_factor`` of the compute, at equal strength.

    train_factor**(-slope); the published slope, -1.2 in log10 against log10, is for the board game Hex with tree search (Jones
    2021, arXiv:2104.03113, Fig 9), and its author notes a bug that likely affects it. No such slope is known for language.
    Floats, arrays or tracers.

    >>> round(search_compute_for(10.0))
    16
    """
    if slope is None:
        slope = facts.get("inference_trade/jones-2021/slope").value
    return positive("train_factor", train_factor) ** -slope


def cost_per_solved(price: Any, attempts: Any, solved: Any) -> Any:
    """Money per solved problem: price of an attempt times attempts per problem, over the share of problems solved.

    With a price per token, pass ``price * tokens``. Raises ValueError for a share of 0: nothing is solved at any price.
    Floats, arrays or tracers.

    >>> round(cost_per_solved(0.0072, 5, 0.2962), 3), round(cost_per_solved(0.17, 1, 0.267), 3)
    (0.122, 0.637)
    """
    solved = fraction("solved", solved)
    if not isinstance(solved, Expr) and np.any(solved <= 0):
        raise ValueError("solved = 0: nothing is solved at any price")
    return _plain(positive("price", price) * at_least("attempts", attempts, 1.0) / solved)
