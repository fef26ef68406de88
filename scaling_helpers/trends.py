"""How fast do compute, prices, algorithms and data grow, and what stops them?

Everything here is arithmetic on the tables ``trends``, ``limits_2030``, ``compute_history`` and ``sense_of_size`` of
``scaling_helpers.facts``, so that an assumption can be changed and its effect seen. Growth is a factor a year throughout;
published doubling times are turned into that. An uncertain quantity is a :class:`LogNormal`, read off a published interval.

>>> compute = fit_compute_growth(since=2012)
>>> round(compute.growth, 1), [round(bound, 1) for bound in compute.growth_interval(0.9)]
(3.9, [3.4, 4.4])
>>> trend = yearly_growth("algorithms/language")  # published as a doubling in 8.44 months
>>> round(trend.median, 2), round(trend.low, 2), round(trend.high, 2)
(2.68, 1.79, 6.3)
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import facts
from .laws import FLOP_PER_PARAMETER_TOKEN
from .quantities import positive
from .trace import Expr

if TYPE_CHECKING:
    from .fitting import GrowthFit

__all__ = [
    "EffectiveCompute",
    "Exhaustion",
    "Growth",
    "LimitForecast",
    "LogNormal",
    "compute_for_tokens",
    "compute_points",
    "doubling_time",
    "exhaustion",
    "exhaustion_quantile",
    "exhaustion_year",
    "first_limit",
    "fit_compute_growth",
    "fit_token_growth",
    "gold_kilograms",
    "growth_needed",
    "growth_per_year",
    "lifetimes_of_reading",
    "limits_2030",
    "log_growth_interval",
    "lowest_above",
    "lowest_chances",
    "lowest_quantile",
    "moles",
    "used_up_chance",
    "value_at",
    "year_reached",
    "yearly_growth",
]

Array = NDArray[np.float64]

#: Months and days in a year, for units of published doubling times.
_MONTHS = 12.0


# -- growth and doubling ---------------------------------------------------------------------------------
def growth_per_year(doubling_years: Any) -> Any:
    """Factor a year of something that doubles every ``doubling_years`` years: 2**(1 / years). Floats, arrays or tracers.

    >>> round(growth_per_year(8.44 / 12), 3)
    2.679
    """
    return 2.0 ** (1.0 / positive("doubling_years", doubling_years))


def doubling_time(growth: Any) -> Any:
    """Years in which something doubles that grows by the factor ``growth`` a year: log 2 / log growth.

    Negative, a halving time, for growth below 1. ValueError for growth of exactly 1, which never doubles.
    Floats, arrays or tracers.

    >>> round(12 * doubling_time(4.0), 6)  # months
    6.0
    """
    growth = positive("growth", growth)
    if not isinstance(growth, Expr) and np.any(np.asarray(growth) == 1.0):
        raise ValueError("growth = 1: what does not grow never doubles")
    return _plain(math.log(2.0) / np.log(growth))


@dataclass(frozen=True)
class Growth:
    """A published growth rate as a factor a year, with its interval where one was given.

    ``low`` and ``high`` are None where the source has no interval; ``interval`` says what they are; ``path`` names the fact.

    >>> growth = yearly_growth("compute/frontier")
    >>> round(growth.median, 1), growth.low, growth.high
    (4.5, 4.0, 5.0)
    """

    median: float
    low: float | None
    high: float | None
    interval: str
    path: str

    @property
    def doubling_years(self) -> float:
        """Years per doubling."""
        return float(doubling_time(self.median))


def yearly_growth(name: str) -> Growth:
    """The trend ``trends/<name>`` as a factor a year, whatever unit it was published in.

    Doubling (or halving) times in years, months or days become 2**(1 / years), and their bounds change places;
    "30% cheaper a year" becomes 1 / 0.7. Raises FactError for an unknown trend, ValueError for one that is no growth.

    >>> round(yearly_growth("hardware/price").median, 3), round(yearly_growth("metr/horizon").median, 2)
    (1.429, 3.28)
    """
    fact = facts.get(f"trends/{name}")
    per_year = {"years": 1.0, "months": _MONTHS, "days": facts.get("sense_of_size/days-a-year").value}
    if fact.unit not in (*per_year, "fraction/year", "times/year"):
        raise ValueError(f"trends/{name} is in {fact.unit}, which is no rate of growth")

    def factor(value: float | None) -> float | None:
        if value is None or fact.unit == "times/year":
            return value
        if fact.unit == "fraction/year":
            return 1.0 / (1.0 - value)
        return float(growth_per_year(value / per_year[fact.unit]))

    ends = (factor(fact.low), factor(fact.high))
    low, high = ends[::-1] if fact.unit in per_year else ends
    return Growth(float(factor(fact.value) or 0.0), low, high, fact.interval, fact.path)


def _plain(value: Any) -> Any:
    return value if isinstance(value, Expr) or np.ndim(value) else float(value)


# -- growth of training compute --------------------------------------------------------------------------
def compute_points(
    *, since: float = 2010.0, until: float = 2100.0, top: int | None = None, column: str = "flop"
) -> tuple[Array, Array, tuple[str, ...]]:
    """Release times (years), values and ids of the models in ``compute_history`` that have a value.

    ``column``: "flop", "tokens", "params" or "cost_usd". ``top``: only models that were among the ``top`` largest of the list
    when released (the running top of Epoch AI's frontier trend). ValueError where fewer than three remain.

    >>> times, flop, ids = compute_points(until=2024.4)
    >>> len(times) == len(flop) == len(ids) == 40
    True
    """
    models = []
    for row_id, row in facts.table("compute_history").items():
        if column not in ("flop", "tokens", "params", "cost_usd"):
            raise ValueError(f"column = {column!r}: choose flop, tokens, params or cost_usd")
        if row[column]:
            day = datetime.date.fromisoformat(row["released"])
            first, last = datetime.date(day.year, 1, 1), datetime.date(day.year + 1, 1, 1)
            models.append((day.year + (day - first).days / (last - first).days, float(row[column]), row_id))
    models.sort()
    kept = [
        (when, value, name)
        for i, (when, value, name) in enumerate(models)
        if since <= when < until and (top is None or sum(other >= value for _, other, _ in models[: i + 1]) <= top)
    ]
    if len(kept) < 3:
        raise ValueError(f"{len(kept)} models between {since:g} and {until:g}: a trend needs three or more")
    times, values, names = zip(*kept, strict=True)
    return np.array(times), np.array(values), names


def fit_compute_growth(*, since: float = 2010.0, until: float = 2100.0, top: int | None = None) -> GrowthFit:
    """Growth of training compute over the models of ``compute_history``, by least squares on the logarithm.

    The shipped list holds 64 well-known models, so it is a selection: few and famous at first, many middle-sized open ones later.
    To May 2024 its 40 models give 4.3 times a year (95% interval 3.6 to 5.2); Epoch AI publishes 4 to 5, and the 387 models of
    its full list, refitted, give 3.8 (3.4 to 4.3). All of them agree. It cannot repeat the faster trend of language models
    alone (``trends/compute/language``), since it does not say which models those are.

    >>> fit = fit_compute_growth(until=2024.4)
    >>> round(fit.growth, 1), [round(bound, 1) for bound in fit.growth_interval()]
    (4.3, [3.6, 5.2])
    """
    from .fitting import fit_growth

    times, values, _ = compute_points(since=since, until=until, top=top)
    return fit_growth(times, values)


def fit_token_growth(*, since: float = 2010.0, until: float = 2100.0) -> GrowthFit:
    """Growth of the number of training tokens over the models of ``compute_history`` that have one.

    >>> fit = fit_token_growth()
    >>> bool(fit.growth > 1)
    True
    """
    from .fitting import fit_growth

    times, values, _ = compute_points(since=since, until=until, column="tokens")
    return fit_growth(times, values)


# -- uncertain quantities --------------------------------------------------------------------------------
@dataclass(frozen=True)
class LogNormal:
    """An uncertain positive quantity whose logarithm is Normal, given by a central interval.

    ``low`` and ``high`` enclose it with chance ``level``; the median is their geometric mean.
    Raises ValueError for low >= high, ends that are not positive, or a level outside (0, 1).

    >>> stock = LogNormal.from_fact("trends/data/stock", level=0.9)
    >>> f"{stock.median:.2g} {stock.quantile(0.95):.2g}"
    '3.2e+14 1e+15'
    """

    low: float
    high: float
    level: float = 0.8

    def __post_init__(self) -> None:
        low, high = positive("low", self.low), positive("high", self.high)
        if not low < high:
            raise ValueError(f"low = {low:g} is not below high = {high:g}: an interval needs two ends")
        if not (isinstance(self.level, float) and 0.0 < self.level < 1.0):
            raise ValueError(f"level = {self.level!r}: it must lie between 0 and 1, such as 0.9")

    @classmethod
    def from_fact(cls, path: str, level: float) -> LogNormal:
        """From the bounds of a fact; ``level`` is what its ``interval`` says. ValueError for a fact without bounds."""
        fact = facts.get(path)
        if fact.low is None or fact.high is None:
            raise ValueError(f"{path} has no interval: pass low and high of your own")
        return cls(fact.low, fact.high, level)

    @property
    def median(self) -> float:
        """The geometric mean of the ends."""
        return math.sqrt(self.low) * math.sqrt(self.high)

    @property
    def sigma(self) -> float:
        """Standard deviation of the natural logarithm."""
        from scipy.special import ndtri

        return math.log(self.high / self.low) / (2.0 * float(ndtri(0.5 + self.level / 2.0)))

    def quantile(self, share: Any) -> Any:
        """The value below which it lies with chance ``share``, strictly between 0 and 1."""
        from scipy.special import ndtri

        share = np.asarray(share, dtype=float)
        if not np.all((share > 0) & (share < 1)):
            raise ValueError(f"share = {share}: it must lie between 0 and 1")
        value = self.median * np.exp(self.sigma * ndtri(share))
        return value if value.ndim else float(value)

    def above(self, value: Any) -> Any:
        """The chance that it exceeds ``value``."""
        from scipy.special import ndtr

        return ndtr(np.log(self.median / np.asarray(positive("value", value))) / self.sigma)

    def draws(self, n: int, rng: np.random.Generator) -> Array:
        """``n`` independent draws."""
        return self.median * np.exp(self.sigma * rng.standard_normal(n))

    def times(self, factor: float) -> LogNormal:
        """The same quantity ``factor`` times as large: what a changed assumption does to it."""
        factor = positive("factor", factor)
        return LogNormal(self.low * factor, self.high * factor, self.level)


# -- effective compute -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class EffectiveCompute:
    """Physical compute grows with spending and with what a dollar buys; algorithms multiply what it is worth.

    Three factors a year: spending, price_performance (FLOP per dollar), algorithms. Effective compute is the compute that the
    algorithms of the start would need (Ho et al. 2024, arXiv:2403.05812). Floats, arrays or tracers; all methods trace.

    >>> growth = EffectiveCompute.published()
    >>> round(float(growth.physical), 2), round(float(growth.effective), 2), round(float(growth.factor(5)))
    (3.57, 9.57, 80211)
    """

    spending: Any
    price_performance: Any
    algorithms: Any

    def __post_init__(self) -> None:
        for name in ("spending", "price_performance", "algorithms"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))

    @classmethod
    def published(cls) -> EffectiveCompute:
        """Budgets and price-performance as Epoch AI reports them, algorithmic progress of Ho et al."""
        return cls(*(yearly_growth(name).median for name in ("budgets", "hardware/price", "algorithms/language")))

    @property
    def physical(self) -> Any:
        """Growth of physical compute a year."""
        return self.spending * self.price_performance

    @property
    def effective(self) -> Any:
        """Growth of effective compute a year."""
        return self.physical * self.algorithms

    @property
    def algorithmic_share(self) -> Any:
        """Share of the growth of log effective compute that is due to algorithms."""
        return np.log(self.algorithms) / np.log(self.effective)

    def factor(self, years: Any) -> Any:
        """How many times more effective compute after ``years``."""
        return self.effective**years


def log_growth_interval(medians: Sequence[Any], sigmas: Sequence[Any], z: float) -> tuple[Any, Any]:
    """Ends of the interval of the sum of uncertain rates of growth of a logarithm, such as those of several factors. It traces.

    ``medians``: log growth a year of each factor; a doubling time that is log-normal makes this log-normal too, ``sigmas`` the
    standard deviations of its logarithm. The sum is matched by a log-normal of the same mean and variance (Fenton 1960); ``z``
    is the Normal quantile of the upper end. Good to a few per cent of the interval's width.

    >>> low, high = log_growth_interval([0.5, 0.5], [0.3, 0.3], 1.2816)
    >>> round(float(low), 2), round(float(high), 2)
    (0.78, 1.35)
    """
    mean: Any = 0.0
    variance: Any = 0.0
    for median, sigma in zip(medians, sigmas, strict=True):
        one = median * np.exp(0.5 * sigma * sigma)
        mean = mean + one
        variance = variance + one * one * np.expm1(sigma * sigma)
    square = np.log1p(variance / (mean * mean))
    width = np.sqrt(square)
    middle = np.log(mean) - 0.5 * square
    return np.exp(middle - z * width), np.exp(middle + z * width)


# -- data ------------------------------------------------------------------------------------------------
def exhaustion_year(stock: Any, tokens: Any, growth: Any, start: Any, epochs: Any = 1.0, synthetic: Any = 0.0) -> Any:
    """Year in which the largest training set reaches the stock of text.

    ``stock``: tokens there are. ``tokens``: tokens of the largest set in the year ``start``, growing by ``growth`` a
    year. ``epochs``: how often each text may be used; ``synthetic``: the share of the set that is not human text, in [0, 1).
    start + log(stock epochs / ((1 - synthetic) tokens)) / log growth. Floats, arrays or tracers; growth must exceed 1.

    >>> round(exhaustion_year(stock=3e14, tokens=1.56e13, growth=2.1, start=2024.56), 1)
    2028.5
    """
    growth = positive("growth", growth)
    if not isinstance(growth, Expr) and np.any(np.asarray(growth) <= 1.0):
        raise ValueError(f"growth = {np.min(growth):g}: a set that does not grow never reaches the stock")
    if not isinstance(synthetic, Expr) and not np.all((np.asarray(synthetic, dtype=float) >= 0) & (np.asarray(synthetic) < 1)):
        raise ValueError(f"synthetic = {synthetic!r}: it must be a share from 0 to below 1")
    room = positive("stock", stock) * positive("epochs", epochs) / ((1.0 - synthetic) * positive("tokens", tokens))
    return _plain(start + np.log(room) / np.log(growth))


@dataclass(frozen=True)
class Exhaustion:
    """When the stock is used up: ``median`` year, ``low`` and ``high`` of the interval of ``level``, and the ``draws``.

    >>> forecast = exhaustion(n=1000)
    >>> forecast.low < forecast.median < forecast.high, forecast.draws.shape
    (True, (1000,))
    """

    median: float
    low: float
    high: float
    level: float
    draws: Array


def exhaustion(
    *,
    stock: LogNormal | None = None,
    tokens: float | None = None,
    growth: LogNormal | None = None,
    start: float | None = None,
    epochs: float = 1.0,
    synthetic: float = 0.0,
    level: float = 0.8,
    n: int = 100_000,
    seed: int = 0,
) -> Exhaustion:
    """The year of :func:`exhaustion_year` with an uncertain stock and growth, by seeded Monte Carlo.

    By default: the stock of Villalobos et al. (2024, arXiv:2211.04325), 1e14 to 1e15 tokens with 90%; the set of Llama 3.1
    405B at its release; and a set that grows like the square root of compute (D in proportion to C**0.5), where compute grows
    4 to 5 times a year with 80% (``trends/compute/frontier``). This gives the published median year of 2028 and an
    interval inside the published 2026 to 2032, which also holds doubts about the growth that are left out here.

    >>> forecast = exhaustion()
    >>> int(forecast.median), int(forecast.low), int(forecast.high)
    (2028, 2027, 2029)
    """
    stock = LogNormal.from_fact("trends/data/stock", 0.9) if stock is None else stock
    if growth is None:
        compute = LogNormal.from_fact("trends/compute/frontier", 0.8)
        growth = LogNormal(math.sqrt(compute.low), math.sqrt(compute.high), compute.level)
    if tokens is None or start is None:
        times, sets, names = compute_points(column="tokens")
        at = names.index("llama-3.1-405b")
        tokens = float(sets[at]) if tokens is None else tokens
        start = float(times[at]) if start is None else start
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n = {n!r}: give a whole number of draws, at least 1")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: it must lie between 0 and 1, such as 0.8")
    rng = np.random.default_rng(seed)
    rates, stocks = growth.draws(n, rng), stock.draws(n, rng)
    grows = rates > 1.0  # no growth, no exhaustion: such draws never end, and are kept as infinite
    years = np.full(n, np.inf)
    years[grows] = exhaustion_year(stocks[grows], tokens, rates[grows], start, epochs, synthetic)
    low, middle, high = np.quantile(years, [0.5 - level / 2, 0.5, 0.5 + level / 2], method="inverted_cdf")
    return Exhaustion(float(middle), float(low), float(high), level, years)


def exhaustion_quantile(
    z: Any, *, room: Any, tokens: Any, growth: Any, start: Any, room_sigma: Any, growth_sigma: Any
) -> tuple[Any, Any]:
    """The year that :func:`exhaustion_year` stays below with the chance of a Normal below ``z``, in closed form.

    ``room``: median of the text that may be used, epochs and synthetic share counted in; ``growth``: median growth of the
    largest set. Both are log-normal and independent, ``room_sigma`` and ``growth_sigma`` the standard deviations of their
    logarithms. Years to go are then a Normal over a Normal, whose quantiles solve a quadratic equation (Fieller 1954). Returns
    the year and the number a that must be positive for it to exist: else the chance that nothing grows is too large.
    Floats or tracers; :func:`exhaustion` draws the same at random.

    >>> stock, rate = LogNormal.from_fact("trends/data/stock", 0.9), LogNormal(2.0, 5.0**0.5, 0.8)
    >>> year, a = exhaustion_quantile(1.2815515655446, room=stock.median, tokens=1.56e13, growth=rate.median, start=2024.56,
    ...                               room_sigma=stock.sigma, growth_sigma=rate.sigma)
    >>> round(year, 2), round(exhaustion().high, 2)
    (2029.84, 2029.84)
    """
    far, fast = np.log(room / tokens), np.log(growth)
    a = fast * fast - (z * growth_sigma) ** 2
    under = (fast * room_sigma) ** 2 + (far * growth_sigma) ** 2 - (z * room_sigma * growth_sigma) ** 2
    exists = a > 0.0
    # A stand-in where there is no such year; the caller looks at a.
    divisor = np.where(exists, a, 1.0)
    return _plain(start + (fast * far + z * np.sqrt(np.where(exists, under, 0.0))) / divisor), _plain(a)


def used_up_chance(year: Any, *, room: Any, tokens: Any, growth: Any, start: Any, room_sigma: Any, growth_sigma: Any) -> Any:
    """The chance that the largest training set has reached the text that may be used by ``year``. It traces.

    The quantities as in :func:`exhaustion_quantile`.

    >>> known = {"room": 3e14, "tokens": 1.56e13, "growth": 2.1, "start": 2024.56, "room_sigma": 0.7, "growth_sigma": 0.1}
    >>> round(float(used_up_chance(2028.5, **known)), 2)
    0.48
    """
    from scipy.special import ndtr

    years = year - start
    gap = years * np.log(growth) - np.log(room / tokens)
    return ndtr(gap / np.sqrt(room_sigma * room_sigma + (years * growth_sigma) ** 2))


def compute_for_tokens(tokens: Any, tokens_per_parameter: Any = None) -> Any:
    """FLOP of a run that uses ``tokens`` tokens at a fixed ratio of tokens to parameters (20 by default): 6 D**2 / ratio.

    This is how a stock of data limits compute. Floats, arrays or tracers.

    >>> f"{compute_for_tokens(4e14):.2g}"
    '4.8e+28'
    """
    ratio = facts.get("results/twenty-to-one").value if tokens_per_parameter is None else tokens_per_parameter
    return FLOP_PER_PARAMETER_TOKEN * positive("tokens", tokens) ** 2 / positive("tokens_per_parameter", ratio)


# -- limits of 2030 --------------------------------------------------------------------------------------
def limits_2030(level: float = 0.8) -> Mapping[str, LogNormal]:
    """The largest training run that each limit allows in 2030, in FLOP (Sevilla et al. 2024), by name.

    "power-campus", "power-distributed", "chips", "data", "latency". The source calls its ranges 80% confidence
    intervals (caption of its Figure 1); that the limits are log-normal is an assumption of this book.

    >>> f"{limits_2030()['power-distributed'].median:.1e}"
    '2.0e+29'
    """
    table = facts.table("limits_2030")
    return {name: LogNormal(float(row["flop_low"]), float(row["flop_high"]), level) for name, row in table.items()}


@dataclass(frozen=True)
class LimitForecast:
    """Which limit comes first, and where.

    probability: limit -> chance that it is the lowest; they sum to 1. median, low, high: of the lowest limit, FLOP, at ``level``.

    >>> forecast = first_limit()
    >>> round(sum(forecast.probability.values()), 6), forecast.low < forecast.median < forecast.high
    (1.0, True)
    """

    probability: Mapping[str, float]
    median: float
    low: float
    high: float
    level: float


def first_limit(
    limits: Mapping[str, LogNormal] | None = None, *, change: Mapping[str, float] | None = None, level: float = 0.8
) -> LimitForecast:
    """Which of several independent limits is the lowest, with what chance, and how large a run it allows.

    ``limits``: FLOP, by default those of :func:`limits_2030` for a run that may be distributed (the single campus left out).
    ``change``: factors on single limits, such as {"power-distributed": 2.0}, to see what an assumption is worth.
    Exact: the chance that one lies at x and all others above, integrated over log x. Independence is an
    assumption: cheaper chips and more power would come together.
    Raises ValueError for fewer than two limits and for a change of an unknown one.

    >>> forecast = first_limit()
    >>> max(forecast.probability, key=forecast.probability.get), f"{forecast.median:.1e}"
    ('power-distributed', '1.0e+29')
    >>> doubled = first_limit(change={"power-distributed": 2.0})
    >>> doubled.probability["power-distributed"] < forecast.probability["power-distributed"]
    True
    """
    if limits is None:
        limits = {name: one for name, one in limits_2030().items() if name != "power-campus"}
    for name in change or {}:
        if name not in limits:
            raise ValueError(f"change names {name!r}; the limits are {', '.join(limits)}")
    if len(limits) < 2:
        raise ValueError("one limit alone is always the first: give two or more")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level!r}: it must lie between 0 and 1, such as 0.8")
    scale = {name: float(positive(f"change of {name}", factor)) for name, factor in (change or {}).items()}
    centre = [math.log(one.median * scale.get(name, 1.0)) for name, one in limits.items()]
    spread = [one.sigma for one in limits.values()]
    chance = lowest_chances(centre, spread)

    def quantile(share: float) -> float:
        from scipy.special import ndtri

        return math.exp(lowest_quantile(centre, spread, 1.0 - share, float(ndtri(1.0 - share))))

    low, middle, high = (quantile(0.5 + side * level / 2.0) for side in (-1.0, 0.0, 1.0))
    shares = {name: float(one) for name, one in zip(limits, chance, strict=True)}
    return LimitForecast(shares, middle, low, high, level)


def lowest_above(centre: Sequence[Any], spread: Sequence[Any], x: Any) -> Any:
    """Chance that all of several independent Normals, of these means and standard deviations, lie above ``x``. It traces.

    >>> float(lowest_above([0.0, 0.0], [1.0, 1.0], 0.0))
    0.25
    """
    from scipy.special import ndtr

    chance: Any = 1.0
    for middle, width in zip(centre, spread, strict=True):
        chance = chance * ndtr((middle - x) / width)
    return chance


def lowest_chances(centre: Sequence[Any], spread: Sequence[Any], nodes: int = 400) -> list[Any]:
    """Chance of each of several independent Normals to be the lowest. It traces.

    The density of one times the chance that the others lie above, summed over ``nodes`` equal steps: such a sum closes in
    on the integral faster than any power of the step. From 6 standard deviations below to where one surely lies below.

    >>> [round(float(chance), 6) for chance in lowest_chances([0.0, 1.0], [1.0, 1.0])]
    [0.76025, 0.23975]
    """
    from scipy.special import ndtr

    pairs = list(zip(centre, spread, strict=True))
    low, high = (pairs[0][0] + side * pairs[0][1] for side in (-6.0, 6.0))
    for middle, width in pairs[1:]:
        low, high = np.minimum(low, middle - 6.0 * width), np.minimum(high, middle + 6.0 * width)
    step = (high - low) / nodes
    totals: list[Any] = [0.0] * len(pairs)
    for node in range(nodes):
        z = [((low + (node + 0.5) * step) - middle) / width for middle, width in pairs]
        above = [ndtr(-one) for one in z]
        for i, one in enumerate(z):
            others: Any = np.exp(-0.5 * one * one)
            for j, chance in enumerate(above):
                others = others * chance if j != i else others
            totals[i] = totals[i] + others
    return [total * step / (math.sqrt(2.0 * math.pi) * width) for total, (_, width) in zip(totals, pairs, strict=True)]


def lowest_quantile(centre: Sequence[Any], spread: Sequence[Any], above: float, z: float, steps: int = 7) -> Any:
    """The value that the lowest of several independent Normals exceeds with chance ``above``; ``z`` is its Normal quantile.

    Newton's method on the logarithm of :func:`lowest_above`, which is concave: from the lowest of the single quantiles it
    comes down to the root without passing it. It traces.

    >>> round(float(lowest_quantile([1.0, 1.0], [1.0, 1.0], 0.25, -0.6744897501960817)), 12)
    1.0
    """
    from scipy.special import ndtr

    pairs = list(zip(centre, spread, strict=True))
    x = pairs[0][0] - z * pairs[0][1]
    for middle, width in pairs[1:]:
        x = np.minimum(x, middle - z * width)
    for _ in range(steps):
        gap: Any = -math.log(above)
        slope: Any = 0.0
        for middle, width in pairs:
            one = (middle - x) / width
            chance = ndtr(one)
            gap = gap + np.log(chance)
            slope = slope + np.exp(-0.5 * one * one) / (chance * width)
        x = x + gap * math.sqrt(2.0 * math.pi) / slope
    return x


def year_reached(target: Any, value: Any, growth: Any, start: Any) -> Any:
    """Year in which a quantity that is ``value`` in the year ``start`` and grows by ``growth`` a year reaches ``target``.

    Floats, arrays or tracers. For data use :func:`exhaustion_year`, which knows epochs.

    >>> round(year_reached(2e29, value=5e25, growth=4.0, start=2024.0), 1)
    2030.0
    """
    growth = positive("growth", growth)
    if not isinstance(growth, Expr) and np.any(np.asarray(growth) <= 1.0):
        raise ValueError(f"growth = {np.min(growth):g}: what does not grow never gets there")
    return _plain(start + np.log(positive("target", target) / positive("value", value)) / np.log(growth))


def value_at(year: Any, value: Any, growth: Any, start: Any) -> Any:
    """What a quantity has grown to by ``year`` that was ``value`` at ``start`` and grows by ``growth`` a year. It traces.

    >>> f"{value_at(2030.0, 5e25, growth=4.0, start=2024.0):.2g}"
    '2e+29'
    """
    return value * positive("growth", growth) ** (year - start)


def growth_needed(target: Any, value: Any, years: Any) -> Any:
    """Growth a year that takes ``value`` to ``target`` within ``years``: (target / value)**(1 / years). It traces.

    >>> round(growth_needed(2e29, 5e25, 6.0), 2)
    3.98
    """
    return (positive("target", target) / positive("value", value)) ** (1.0 / positive("years", years))


# -- a sense of size -------------------------------------------------------------------------------------
def lifetimes_of_reading(tokens: Any) -> Any:
    """How many lifetimes of reading ``tokens`` are: a book a day for 70 years, 100,000 tokens a book, 2.6 billion tokens.

    >>> round(lifetimes_of_reading(5e12), -2)
    2000.0
    """
    names = ("books-a-day", "days-a-year", "reading-years", "tokens-a-book")
    return positive("tokens", tokens) / math.prod(facts.get(f"sense_of_size/{name}").value for name in names)


def moles(count: Any) -> Any:
    """A count in moles: over 6.022e23.

    >>> round(moles(6e26))
    996
    """
    return positive("count", count) / facts.get("sense_of_size/avogadro").value


def gold_kilograms(count: Any) -> Any:
    """The mass of that many atoms of gold, in kilograms.

    >>> round(gold_kilograms(6e26))
    196
    """
    return moles(count) * facts.get("sense_of_size/gold").value / 1000.0
