"""Scores have intervals, and costs meet where they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import facts
from scaling_helpers.inference import (
    BudgetCurve,
    break_even_queries,
    clopper_pearson_interval,
    cost_per_solved,
    lifetime_flop,
    matched_tokens,
    parallel_coverage,
    query_flop,
    rate_interval,
    s1_curves,
    search_compute_for,
    wilson_interval,
)
from scaling_helpers.trace import evaluate, variable


def value(path):
    return facts.get(path).value


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
@pytest.mark.parametrize("n", [1, 30, 198])
def test_intervals_hold_the_rate_and_stay_in_range(interval, n):
    solved = np.arange(n + 1)
    low, high = interval(solved, n, 0.9)
    assert np.all((low >= 0) & (low <= solved / n) & (solved / n <= high) & (high <= 1))
    assert low[0] == 0 and high[-1] == 1
    assert low == pytest.approx(1 - high[::-1], abs=1e-12)  # successes and failures are treated alike


def test_wilson_solves_its_equation_and_clopper_pearson_its_own():
    from scipy.stats import binom, norm

    z = norm.ppf(0.975)
    for end in wilson_interval(17, 30):
        assert abs(17 / 30 - end) == pytest.approx(z * np.sqrt(end * (1 - end) / 30), rel=1e-12)
    low, high = clopper_pearson_interval(17, 30)
    assert (binom.sf(16, 30, low), binom.cdf(17, 30, high)) == pytest.approx((0.025, 0.025), rel=1e-10)


def test_clopper_pearson_never_covers_less_than_it_says_and_wilson_does_so_on_average():
    from scipy.stats import binom

    n, rates = 30, np.linspace(0.01, 0.99, 197)
    solved = np.arange(n + 1)
    covers = {}
    for interval in (wilson_interval, clopper_pearson_interval):
        low, high = interval(solved, n, 0.95)
        inside = (low[:, None] <= rates) & (rates <= high[:, None])
        covers[interval] = (binom.pmf(solved[:, None], n, rates) * inside).sum(axis=0)
    assert covers[clopper_pearson_interval].min() >= 0.95
    assert 0.945 < covers[wilson_interval].mean() < 0.96 and covers[wilson_interval].min() < 0.95


@pytest.mark.parametrize(
    ("arguments", "says"), [((1, 0), "n = 0"), ((5, 3), "more than n"), ((1, 3, 95), "level = 95"), ((0.5, 3), "whole number")]
)
def test_scores_that_are_none_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        wilson_interval(*arguments)
    with pytest.raises(TypeError, match="level must be one number"):
        wilson_interval(1, 3, "0.9")


def test_the_published_curves_rise_within_intervals_that_overlap():
    curves = s1_curves()
    assert {name: curve.items for name, curve in curves.items()} == {"aime24": 30, "math500": 500, "gpqa-diamond": 198}
    for curve in curves.values():
        assert list(curve.accuracy) == sorted(curve.accuracy)
        assert [float(curve.at(tokens)) for tokens in curve.tokens] == pytest.approx(curve.accuracy, rel=1e-12)
        assert float(curve.at(1)) == curve.accuracy[0] and float(curve.at(1e7)) == pytest.approx(curve.accuracy[-1])
    low, high = curves["aime24"].intervals()
    assert low[-1] < curves["aime24"].accuracy[3] < high[-3]  # thirty problems tell the last points hardly apart
    assert curves["math500"].slopes[0] > 2 * curves["math500"].slopes[1]


def test_the_mean_slope_is_over_all_pairs_and_differs_from_table_3_whose_points_are_others():
    assert BudgetCurve((1000.0, 2000.0, 4000.0), (0.1, 0.2, 0.3), 10).scaling == pytest.approx((10 + 20 / 3 + 5) / 3)
    assert s1_curves()["aime24"].scaling == pytest.approx(8.68, abs=0.01)
    assert value("s1_methods/bf/scaling") == 15


def test_asking_often_against_thinking_long():
    curve = s1_curves()["aime24"]
    assert parallel_coverage(curve, 4000, 4000, 0.5) == pytest.approx(curve.at(4000), rel=1e-9)
    assert parallel_coverage(curve, 1000, 4000, 0.5) == pytest.approx(curve.at(4000), rel=1e-9)  # at least one attempt
    more, fewer = (parallel_coverage(curve, 32_000, 2000, spread) for spread in (0.1, 0.9))
    assert more > curve.at(32_000) > fewer  # what parallel attempts can reach rests on how problems differ


def test_a_budget_curve_that_is_none_is_refused():
    bad = [((2.0, 1.0), (0.1, 0.2), "must rise"), ((1.0,), (0.1,), "two points"), ((1.0, 2.0), (0.1,), "length")]
    for tokens, accuracy, says in bad:
        with pytest.raises(ValueError, match=says):
            BudgetCurve(tokens, accuracy, 30)


def test_the_published_bills_for_swe_bench_are_price_times_attempts_times_problems():
    problems = value("inference_trade/monkeys/problems")
    rows = list(facts.table("monkeys_cost"))
    for row in rows:
        price, attempts, total = (value(f"monkeys_cost/{row}/{name}") for name in ("usd_per_attempt", "attempts", "total_usd"))
        assert price * attempts * problems == pytest.approx(total, rel=0.005)
        each = cost_per_solved(price, attempts, value(f"monkeys_cost/{row}/solved"))
        assert each == pytest.approx(total / (problems * value(f"monkeys_cost/{row}/solved")), rel=0.005)
        relative = value(f"monkeys_cost/{row}/relative_cost")
        assert total / value("monkeys_cost/deepseek-coder-v2-instruct/total_usd") == pytest.approx(relative, abs=0.051)
    solved = {row: value(f"monkeys_cost/{row}/solved") for row in rows}
    assert max(solved, key=solved.get) == "deepseek-coder-v2-instruct"  # five tries of the cheap model solve most
    with pytest.raises(ValueError, match="nothing is solved at any price"):
        cost_per_solved(1.0, 1, 0.0)


amount = st.floats(1, 1e12)


@given(amount, amount, amount, amount)
def test_at_the_break_even_both_ways_have_cost_the_same(fixed, query, more, less):
    large_fixed, small_query = fixed + more, query + less
    queries = break_even_queries(fixed, small_query, large_fixed, query)
    assert fixed + queries * small_query == pytest.approx(large_fixed + queries * query, rel=1e-3 * (1 + query / less))


def test_where_the_ways_never_meet_the_break_even_says_so():
    assert break_even_queries(1.0, 2.0, 5.0, 3.0) == np.inf  # small is cheaper from first to last
    assert break_even_queries(5.0, 3.0, 1.0, 2.0) == 0.0  # dearer from the start
    assert break_even_queries(5.0, 2.0, 1.0, 2.0) == 0.0
    assert break_even_queries([1.0, 1.0], 3.0, 5.0, [2.0, 4.0]).tolist() == [4.0, np.inf]
    with pytest.raises(ValueError, match="query_small = -1"):
        break_even_queries(1.0, -1.0, 1.0, 1.0)


@given(st.floats(1, 100), st.floats(0.01, 100), st.floats(1e6, 1e12), st.floats(1e8, 1e13))
def test_matched_tokens_make_both_models_cost_the_same(size_ratio, token_ratio, n, d):
    tokens = token_ratio * d  # inference tokens of the larger model
    longer = matched_tokens(size_ratio, token_ratio)
    assert lifetime_flop(n, d, 1.0, tokens * longer) == pytest.approx(lifetime_flop(size_ratio * n, d, 1.0, tokens), rel=1e-12)


def test_the_published_settings_of_snell_leave_the_small_model_16_to_258_times_the_tokens():
    ratio = value("inference_trade/snell-2024/model-ratio")
    settings = [value(f"inference_trade/snell-2024/token-ratio-{name}") for name in ("low", "middle", "high")]
    assert [round(float(matched_tokens(ratio, one))) for one in settings] == [258, 63, 16]


def test_ten_times_the_training_replaces_fifteen_times_the_search_in_hex():
    assert search_compute_for(10.0) == pytest.approx(15.85, abs=0.01)  # the paper says "about fifteen"
    assert search_compute_for(10.0, slope=-1.0) == pytest.approx(10.0)


def test_costs_are_traced():
    names = ("N", "D", "queries", "tokens", "attempts")
    at = dict(zip(names, (8e9, 15e12, 1e9, 1000.0, 50.0), strict=True))
    N, D, queries, tokens, attempts = (variable(name) for name in names)
    pairs = [
        (lifetime_flop(N, D, queries, tokens, attempts), lifetime_flop(*at.values())),
        (break_even_queries(6 * N * D, query_flop(N, tokens, attempts), 7e26, 1e14),
         break_even_queries(7.2e23, 8e14, 7e26, 1e14)),
        (matched_tokens(attempts, queries / D), matched_tokens(50.0, 1e9 / 15e12)),
        (search_compute_for(attempts), search_compute_for(50.0)),
        (cost_per_solved(tokens, attempts, 1.0 / tokens), cost_per_solved(1000.0, 50.0, 0.001)),
        (s1_curves()["math500"].at(tokens), s1_curves()["math500"].at(1000.0)),
        (parallel_coverage(s1_curves()["math500"], tokens * attempts, tokens, 0.3),
         parallel_coverage(s1_curves()["math500"], 50_000.0, 1000.0, 0.3)),
    ]  # fmt: skip
    for formula, number in pairs:
        assert evaluate(formula, at) == pytest.approx(float(number), rel=1e-12)


def test_a_rate_interval_is_wilsons_for_whole_counts_and_traces_for_others():
    assert rate_interval(17 / 30, 30) == pytest.approx(wilson_interval(17, 30), rel=1e-15)
    low, high = rate_interval(variable("r"), 128.0)
    for rate in (0.0, 0.021, 0.832, 1.0):
        seen = [evaluate(end, {"r": rate}) for end in (low, high)]
        assert seen == pytest.approx(list(rate_interval(rate, 128)), abs=1e-15)
        assert seen[0] <= rate <= seen[1]
    with pytest.raises(ValueError, match="rate = 1.2"):
        rate_interval(1.2, 30)
