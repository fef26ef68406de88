"""Growth, effective compute, data and limits: the published numbers come out, and assumptions move them as they should."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import facts, trends
from scaling_helpers.trace import evaluate, variable
from scaling_helpers.trends import EffectiveCompute, LogNormal


def value(path):
    return facts.get(path).value


@given(st.floats(0.05, 50))
def test_doubling_times_and_yearly_growth_are_each_others_inverse(years):
    growth = trends.growth_per_year(years)
    assert trends.doubling_time(growth) == pytest.approx(years, rel=1e-12)
    assert growth**years == pytest.approx(2.0, rel=1e-12)


def test_every_published_rate_is_a_factor_a_year_with_its_bounds_in_order():
    rates = {}
    for path in facts.paths("trends"):
        fact = facts.get(path)
        if fact.unit in ("years", "months", "days", "times/year", "fraction/year"):
            rate = rates[path] = trends.yearly_growth(path.removeprefix("trends/"))
            assert rate.median > 1 and rate.path == path
            assert (rate.low is None) == (fact.low is None)
            assert rate.low is None or rate.low <= rate.median <= rate.high
    assert len(rates) > 25
    assert rates["trends/algorithms/language"].median == pytest.approx(2 ** (12 / 8.44))
    assert rates["trends/hardware/price"].median == pytest.approx(1 / 0.7)
    assert rates["trends/metr/horizon"].median == pytest.approx(2 ** (12 / 7))
    with pytest.raises(ValueError, match="which is no rate of growth"):
        trends.yearly_growth("data/stock")


def test_published_rates_that_say_the_same_agree():
    rate = {name: trends.yearly_growth(name) for name in ("price/ml-gpus", "price/all-gpus", "price/fp16", "hardware/price")}
    for name in ("price/ml-gpus", "price/fp16"):
        assert rate[name].low < rate["hardware/price"].median < rate[name].high  # 30% cheaper a year
    assert pytest.approx(value("trends/metr/horizon"), abs=0.05) == 212 / 365.2425 * 12
    # Spending times FLOP per dollar is the growth of physical compute, somewhat below the 4 to 5 that is measured.
    parts = EffectiveCompute.published()
    assert 3.5 < parts.physical < 4.0
    budgets = trends.yearly_growth("budgets")
    assert budgets.low * 1 / 0.7 < 4 < budgets.high * 1 / 0.7


def test_the_trend_of_the_shipped_models_stands_beside_the_published_ones():
    everything = trends.fit_compute_growth(since=2010, until=2024.4)
    low, high = everything.growth_interval(0.95)
    fact = facts.get("trends/compute/notable-refit")
    assert low < fact.high and fact.low < high  # 3.81 [3.38, 4.30] on the full list
    recent = trends.fit_compute_growth(since=2018, top=10)
    other = facts.get("trends/compute/top10-refit-since-2018")
    low, high = recent.growth_interval(0.95)
    assert low < other.high and other.low < high
    sets = trends.fit_token_growth()
    assert sets.growth > 1.5 and sets.degrees_of_freedom > 20


def test_the_points_of_a_trend_are_dated_ordered_and_chosen_as_asked():
    times, flop, names = trends.compute_points()
    assert len(times) == len(flop) == len(names) == 64 and np.all(np.diff(times) >= 0)
    assert times[names.index("gpt-4-mar-2023")] == pytest.approx(2023 + 73 / 365)
    top_times, top, top_names = trends.compute_points(top=1)
    assert list(top) == sorted(top) and set(top_names) < set(names) and len(top_times) < 30
    with pytest.raises(ValueError, match="a trend needs three or more"):
        trends.compute_points(since=2030)
    with pytest.raises(ValueError, match="column = 'size'"):
        trends.compute_points(column="size")


def test_the_jumps_between_models_that_the_text_names():
    flop = {row: value(f"compute_history/{row}/flop") for row in ("gpt-2-1.5b", "gpt-3-175b-davinci", "gpt-4-mar-2023", "gpt-5")}
    assert flop["gpt-4-mar-2023"] / flop["gpt-2-1.5b"] == pytest.approx(11_000, rel=0.01)
    assert flop["gpt-4-mar-2023"] / flop["gpt-3-175b-davinci"] == pytest.approx(67, rel=0.01)
    assert flop["gpt-5"] / flop["gpt-4-mar-2023"] == pytest.approx(3, rel=0.05)
    assert value("limits_2030_resources/headline") / flop["gpt-4-mar-2023"] == pytest.approx(9_500, rel=0.01)


def test_a_log_normal_is_what_its_interval_says():
    from scipy.stats import lognorm

    one = LogNormal(1e14, 1e15, 0.9)
    twin = lognorm(one.sigma, scale=one.median)
    assert twin.ppf([0.05, 0.95]) == pytest.approx([1e14, 1e15], rel=1e-12)
    assert one.quantile([0.05, 0.5, 0.95]) == pytest.approx([1e14, one.median, 1e15], rel=1e-12)
    assert one.above(5e14) == pytest.approx(twin.sf(5e14), rel=1e-12)
    drawn = one.draws(100_000, np.random.default_rng(0))
    assert np.mean((drawn > 1e14) & (drawn < 1e15)) == pytest.approx(0.9, abs=0.004)
    assert one.times(3.0).median == pytest.approx(3 * one.median) and one.times(3.0).sigma == pytest.approx(one.sigma)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: LogNormal(2.0, 1.0), "low = 2 is not below high = 1"),
        (lambda: LogNormal(0.0, 1.0), "low = 0"),
        (lambda: LogNormal(1.0, 2.0, 90), "level = 90"),
        (lambda: LogNormal(1.0, 2.0).quantile(1.0), "share = 1.0"),
        (lambda: LogNormal.from_fact("trends/metr/horizon", 0.9), "has no interval"),
        (lambda: trends.doubling_time(1.0), "never doubles"),
        (lambda: trends.growth_per_year(0.0), "doubling_years = 0"),
        (lambda: trends.exhaustion_year(3e14, 1e13, 0.9, 2024), "never reaches the stock"),
        (lambda: trends.exhaustion_year(3e14, 1e13, 2.0, 2024, synthetic=1.0), "synthetic = 1.0"),
        (lambda: trends.year_reached(1e29, 1e25, 1.0, 2024), "never gets there"),
        (lambda: trends.first_limit(change={"water": 2.0}), "change names 'water'"),
        (lambda: trends.first_limit({"chips": LogNormal(1.0, 2.0)}), "one limit alone"),
        (lambda: trends.first_limit(level=1.5), "level = 1.5"),
        (lambda: trends.lifetimes_of_reading(-1.0), "tokens = -1"),
        (lambda: EffectiveCompute(2.5, math.nan, 2.0), "price_performance = nan"),
        (lambda: trends.exhaustion(level=1.0), "level = 1.0"),
        (lambda: trends.exhaustion(n=0), "n = 0"),
    ],
)
def test_bad_input_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_effective_compute_is_the_product_of_its_parts():
    parts = EffectiveCompute(2.0, 1.5, 3.0)
    assert parts.physical == 3.0 and parts.effective == 9.0 and parts.factor(2) == 81.0
    assert parts.algorithmic_share == pytest.approx(0.5)
    published = EffectiveCompute.published()
    assert published.algorithmic_share == pytest.approx(np.log(published.algorithms) / np.log(published.effective))


def test_the_data_wall_is_where_the_published_forecast_puts_it():
    fact = facts.get("trends/data/full-use")
    forecast = trends.exhaustion()
    assert int(forecast.median) == fact.value  # in the course of that year
    assert fact.low < forecast.low < forecast.high < fact.high
    again = trends.exhaustion()
    assert (again.median, again.low) == (forecast.median, forecast.low)
    # Five times over-training uses five times the tokens: the wall comes about two years earlier, the source says about one.
    factor = value("trends/data/over-training")
    tokens = value("compute_history/llama-3.1-405b/tokens")
    over = trends.exhaustion(tokens=factor * tokens)
    assert abs(over.median - value("trends/data/full-use-overtrained")) < 1
    longer = trends.exhaustion(epochs=4.0)
    assert 1.5 < longer.median - forecast.median < 2.5  # four epochs buy about two years
    assert trends.exhaustion(synthetic=0.5).median > forecast.median


def test_a_set_that_may_not_grow_has_draws_that_never_end():
    forecast = trends.exhaustion(growth=LogNormal(0.9, 4.0, 0.8), n=20_000)
    assert np.isinf(forecast.draws).any() and np.isfinite(forecast.median) and forecast.low < forecast.median
    assert not np.isnan(forecast.draws).any()


def test_a_stock_of_data_allows_the_compute_that_the_source_names():
    # The published 6e28 to 2e32 also hold several modalities and a ratio of their own: within a factor of two.
    for end in ("low", "high"):
        ours = trends.compute_for_tokens(value(f"limits_2030_resources/data/resource-{end}"))
        assert 0.5 < ours / value(f"limits_2030/data/flop_{end}") < 1.0


def test_which_limit_comes_first_agrees_with_drawing_them():
    forecast = trends.first_limit()
    limits = {name: one for name, one in trends.limits_2030().items() if name != "power-campus"}
    rng = np.random.default_rng(1)
    drawn = np.stack([one.draws(200_000, rng) for one in limits.values()])
    first = np.bincount(drawn.argmin(axis=0), minlength=len(limits)) / 200_000
    for share, name in zip(first, limits, strict=True):
        assert forecast.probability[name] == pytest.approx(share, abs=0.005)
    assert sum(forecast.probability.values()) == pytest.approx(1.0, abs=1e-9)
    ends = np.quantile(drawn.min(axis=0), [0.1, 0.5, 0.9])
    assert ends == pytest.approx([forecast.low, forecast.median, forecast.high], rel=0.02)


def test_power_binds_first_and_chips_second_as_the_source_says_and_the_headline_lies_in_the_interval():
    forecast = trends.first_limit()
    order = sorted(forecast.probability, key=forecast.probability.get, reverse=True)
    assert order[0] == "power-distributed"
    assert forecast.low < value("limits_2030_resources/headline") < forecast.high
    for name, limit in trends.limits_2030().items():
        middle = facts.table("limits_2030")[name]["flop_mid"]
        if middle:
            assert limit.median == pytest.approx(float(middle), rel=0.25)


def test_more_power_moves_the_limit_and_who_sets_it():
    before, after = trends.first_limit(), trends.first_limit(change={"power-distributed": 10.0})
    assert after.median > before.median and after.probability["power-distributed"] < before.probability["power-distributed"]
    sure = trends.first_limit({"one": LogNormal(1e20, 1.1e20), "two": LogNormal(1e30, 1.1e30)})
    assert sure.probability["one"] == pytest.approx(1.0, abs=1e-6)


def test_a_sense_of_size_recomputed():
    assert trends.moles(6e26) == pytest.approx(996, abs=0.5) and trends.gold_kilograms(6e26) == pytest.approx(196, abs=0.5)
    grok = value("compute_history/grok-3/flop")
    assert (round(trends.moles(grok)), round(trends.gold_kilograms(grok))) == (581, 114)
    assert (round(trends.moles(5e26)), round(trends.gold_kilograms(5e26))) == (830, 164)
    assert trends.lifetimes_of_reading(5e12) == pytest.approx(2000, rel=0.03)
    assert trends.lifetimes_of_reading(13e12) == pytest.approx(5200, rel=0.03)


def test_the_traced_forms_agree_with_the_numbers():
    names = ("a", "b", "c", "d", "e", "s")
    a, b, c, d, e, s = (variable(name) for name in names)
    at = dict(zip(names, (3e14, 1.5e13, 2.1, 2024.5, 4.0, 0.3), strict=True))
    pairs = [
        (trends.exhaustion_year(a, b, c, d, e, s), trends.exhaustion_year(*at.values())),
        (trends.year_reached(a, b, c, d), trends.year_reached(3e14, 1.5e13, 2.1, 2024.5)),
        (EffectiveCompute(c, e, c).factor(s), EffectiveCompute(2.1, 4.0, 2.1).factor(0.3)),
        (EffectiveCompute(c, e, c).algorithmic_share, EffectiveCompute(2.1, 4.0, 2.1).algorithmic_share),
        (trends.growth_per_year(c), trends.growth_per_year(2.1)),
        (trends.doubling_time(c), trends.doubling_time(2.1)),
        (trends.compute_for_tokens(a), trends.compute_for_tokens(3e14)),
        (trends.gold_kilograms(a), trends.gold_kilograms(3e14)),
        (trends.lifetimes_of_reading(a), trends.lifetimes_of_reading(3e14)),
    ]
    for formula, number in pairs:
        assert evaluate(formula, at) == pytest.approx(float(number), rel=1e-14)
