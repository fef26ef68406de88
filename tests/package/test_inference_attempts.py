"""pass@k and pass^k say what k attempts would have done, exactly, and refuse to say more."""

import re
from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_helpers.inference import (
    benchmark_pass_at_k,
    pass_at_k,
    pass_at_k_variance,
    pass_hat_k,
    pass_probability,
)
from scaling_helpers.inference.gamma import log_gamma_step, log_gamma_twist
from scaling_helpers.trace import evaluate, variable, vega_signals

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n)))


def exact(n, c, k):
    return 1 - Fraction(comb(n - c, k), comb(n, k))


@given(counts)
def test_pass_at_k_is_the_share_of_choices_that_hold_a_success(case):
    n, c, k = case
    assert pass_at_k(n, c, k) == pytest.approx(float(exact(n, c, k)), rel=2e-15, abs=0)
    assert pass_hat_k(n, c, k) == pytest.approx(float(Fraction(comb(c, k), comb(n, k))), rel=2e-13, abs=0)


def test_one_success_in_ten_thousand_gives_one_in_ten_thousand_to_fourteen_digits():
    assert pass_at_k(10_000, 1, 1) == pytest.approx(1e-4, rel=1e-14, abs=0)
    assert pass_at_k(10_000, 1, np.arange(1, 10_001)) == pytest.approx(np.arange(1, 10_001) / 10_000, rel=1e-14, abs=0)
    assert pass_at_k(2**53, 1, 1) == pytest.approx(2.0**-53, rel=1e-14, abs=0)


@pytest.mark.parametrize("n", [1, 2, 30, 10_000, 10**12])
def test_the_limits_of_pass_at_k(n):
    successes = np.unique(np.geomspace(1, n, 20).astype(int))
    assert pass_at_k(n, 0, successes) == pytest.approx(0.0, abs=0)
    assert (pass_at_k(n, n, successes) == 1).all() and (pass_hat_k(n, n, successes) == 1).all()
    assert (pass_at_k(n, successes, n) == 1).all()
    assert pass_at_k(n, successes, 1) == pytest.approx(successes / n, rel=1e-14, abs=0)
    assert (pass_at_k(n, successes, 0) == 0).all() and (pass_hat_k(n, successes, 0) == 1).all()
    assert pass_hat_k(n, n - 1, n) == 0


@pytest.mark.parametrize("n", [1, 7, 100])
@pytest.mark.parametrize("p", [1e-6, 0.02, 0.5, 0.97])
def test_the_estimate_is_unbiased_because_its_mean_over_all_outcomes_is_the_truth(n, p):
    # A proof by arithmetic: weigh the estimate at every c with the exact chance of that c.
    c, rate = np.arange(n + 1), Fraction(p)
    chance = np.array([float(comb(n, int(one)) * rate ** int(one) * (1 - rate) ** int(n - one)) for one in c])
    for k in sorted({1, min(3, n), n}):
        assert chance @ pass_at_k(n, c, k) == pytest.approx(float(1 - (1 - rate) ** k), rel=1e-12, abs=0)
        assert chance @ pass_hat_k(n, c, k) == pytest.approx(p**k, rel=1e-12, abs=0)


@given(counts)
def test_more_attempts_and_more_successes_never_lower_pass_at_k(case):
    n, c, k = case
    assert pass_at_k(n, c, min(k + 1, n)) >= pass_at_k(n, c, k)
    assert pass_at_k(n, min(c + 1, n), k) >= pass_at_k(n, c, k)
    assert pass_hat_k(n, c, min(k + 1, n)) <= pass_hat_k(n, c, k)
    assert 0 <= pass_at_k(n, c, k) <= 1


def test_shapes_broadcast_and_scalars_stay_scalars():
    table = pass_at_k(np.array([100, 200]), np.array([3, 5]), np.array([[1], [10], [100]]))
    assert table.shape == (3, 2) and table[1, 1] == pass_at_k(200, 5, 10)
    assert isinstance(pass_at_k(10, 1, 1), float) and isinstance(pass_at_k(np.int32(10), np.float64(1), 1), float)
    assert pass_at_k([], [], []).shape == (0,)


BAD = [
    ((10, 3, 11), ValueError, "k = 11 is more than n = 10: pass@k needs at least k attempts"),
    ((10, 11, 1), ValueError, "c = 11 is more than n = 10: there cannot be more successes"),
    ((10, -1, 1), ValueError, "c = -1: it must not be negative"),
    ((10, 1, -1), ValueError, "k = -1: it must not be negative"),
    ((10, 1.5, 1), ValueError, "c = 1.5: it must be a whole number"),
    ((10, np.nan, 1), ValueError, "c = nan: it must be finite"),
    ((np.inf, 1, 1), ValueError, "n = inf: it must be finite"),
    ((10, True, 1), TypeError, "c must be a whole number"),
    (("10", 1, 1), TypeError, "n must be a whole number"),
    ((None, 1, 1), TypeError, "n must be a whole number"),
    ((10, 1j, 1), TypeError, "c must be a whole number"),
    ((10**400, 1, 1), ValueError, "far beyond what a double holds"),
    ((2**60, 1, 1), ValueError, "counts above 2\\*\\*53"),
    ((10, 1e-300, 1), ValueError, "it must be a whole number"),
    (([10, 20], [1, 2, 3], 1), ValueError, "shapes do not fit together"),
    (([[1], [1, 2]], 1, 1), ValueError, "rows of different length"),
    (([10, 10], [3, 12], 1), ValueError, "c = 12 is more than n = 10"),
    ((0, 0, 1), ValueError, "k = 1 is more than n = 0"),
]


@pytest.mark.parametrize(("arguments", "error", "says"), BAD)
@pytest.mark.parametrize("share", [pass_at_k, pass_hat_k])
def test_what_cannot_be_answered_is_refused_by_name(share, arguments, error, says):
    with pytest.raises(error, match=says):
        share(*arguments)


anything = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(max_size=3), st.none(), st.lists(st.integers(-2, 30), max_size=3),
    st.complex_numbers(), st.sampled_from([1e-300, 2**53, 2**64, -0.0]),
)  # fmt: skip


@settings(max_examples=60)
@given(anything, anything, anything)
def test_any_input_gives_fractions_or_a_clear_error(n, c, k):
    said = ""
    try:
        answer = pass_at_k(n, c, k)
    except (ValueError, TypeError) as error:
        said, answer = str(error), 0.5
    assert np.all((np.asarray(answer) >= 0) & (np.asarray(answer) <= 1))
    assert not said or re.match(r"(n|c|k) (=|must)|shapes do not fit", said)


@given(st.floats(1e-12, 1), st.floats(1e-3, 1e9))
def test_the_chance_at_a_known_p_keeps_its_digits(p, k):
    with mpmath.workdps(60):
        truth = 1 - (1 - mpmath.mpf(p)) ** mpmath.mpf(k)
    assert pass_probability(p, k) == pytest.approx(float(truth), rel=1e-13, abs=1e-320)


def test_the_plugged_in_rate_is_biased_low_for_a_problem_and_high_for_a_benchmark():
    n, k, p = 20, 10, 0.1
    c = np.arange(n + 1)
    chance = np.array([comb(n, int(one)) * p**one * (1 - p) ** (n - one) for one in c])
    assert chance @ pass_probability(c / n, k) < pass_probability(p, k) - 0.04
    spread = np.array([0.0, 0.0, 0.01, 0.39])
    assert pass_probability(spread.mean(), k) > pass_probability(spread, k).mean() + 0.3


def test_the_chance_at_a_known_p_is_refused_outside_its_range():
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="p = .*divide a percentage by 100"):
            pass_probability(p, 2)
    with pytest.raises(ValueError, match="k = -1: it must be at least 0"):
        pass_probability(0.5, -1)


def test_the_variance_of_the_estimate_matches_what_repeated_attempts_show():
    n, p, k = 50, 0.07, np.array([1, 5, 25])
    variance = pass_at_k_variance(n, k, p)
    assert variance[0] == pytest.approx(p * (1 - p) / n, rel=1e-12)
    drawn = np.random.default_rng(0).binomial(n, p, size=40_000)
    assert pass_at_k(n, drawn, k[:, None]).var(axis=1) == pytest.approx(variance, rel=0.04)
    assert pass_at_k_variance(n, 50, np.array([0.0, 1.0])) == pytest.approx(0.0, abs=1e-25)
    with pytest.raises(TypeError, match="n must be one whole number"):
        pass_at_k_variance([10, 20], 1, 0.5)


def test_a_benchmark_curve_is_the_mean_over_problems_and_its_interval_covers_the_mean_of_all_problems():
    rng = np.random.default_rng(1)
    truth = float(np.mean(pass_probability(rng.beta(0.4, 2.0, size=400_000), 10)))
    covered = 0
    for trial in range(200):
        successes = rng.binomial(100, rng.beta(0.4, 2.0, size=100))
        curve = benchmark_pass_at_k(100, successes, 10, draws=500, seed=trial)
        covered += bool(curve.low[0] <= truth <= curve.high[0])
    assert 0.84 <= covered / 200 <= 0.95  # a 90% interval from 100 problems
    assert curve.estimate[0] == pytest.approx(pass_at_k(100, successes, 10).mean(), rel=1e-13)
    again = benchmark_pass_at_k(100, successes, 10, draws=500, seed=199)
    assert (again.low, again.high) == (curve.low, curve.high)
    reliable = benchmark_pass_at_k(100, successes, [1, 10], hat=True, draws=10)
    assert reliable.estimate[0] == pytest.approx(successes.mean() / 100) and reliable.estimate[1] < reliable.estimate[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"c": [3]}, "two problems or more"),
        ({"c": 3}, "two problems or more"),
        ({"level": 90}, "level = 90: it must lie between 0 and 1"),
        ({"draws": 0}, "draws = 0"),
        ({"draws": 2.5}, "draws = 2.5"),
        ({"k": []}, "k must be one number or a list"),
        ({"k": 11}, "k = 11 is more than n = 10"),
    ],
)
def test_a_benchmark_curve_that_cannot_be_had_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        benchmark_pass_at_k(**({"n": 10, "c": [1, 2, 3], "k": 1} | change))


wide = st.floats(-3, 12).map(lambda power: 10.0**power)


@given(wide, wide, wide)
def test_the_gamma_ratios_keep_their_digits_where_log_gammas_lose_them(z, s, t):
    with mpmath.workdps(60):
        a, b, c = mpmath.mpf(z), mpmath.mpf(s), mpmath.mpf(t)
        gamma = mpmath.loggamma
        twist = gamma(a + b) + gamma(a + c) - gamma(a) - gamma(a + b + c)
        step = gamma(a + b) - gamma(a)
    assert log_gamma_twist(z, s, t) == pytest.approx(float(twist), rel=5e-15, abs=0)
    assert log_gamma_step(z, s) == pytest.approx(float(step), rel=1e-14, abs=1e-15 * s * (1 + abs(np.log(z))))


def test_the_traced_forms_agree_with_the_numbers():
    n, c, k, p = (variable(name) for name in "nckp")
    share, known = pass_at_k(n, c, k), pass_probability(p, k)
    rng = np.random.default_rng(2)
    for _ in range(200):
        size = int(rng.integers(1, 10_000))
        some, drawn = (float(rng.integers(0, size + 1)) for _ in range(2))
        at = {"n": float(size), "c": some, "k": drawn, "p": rng.random() ** 9}
        assert evaluate(share, at) == pytest.approx(pass_at_k(at["n"], at["c"], at["k"]), rel=1e-14, abs=1e-300)
        assert evaluate(known, at) == pytest.approx(pass_probability(at["p"], at["k"]), rel=1e-14, abs=1e-300)
    assert [evaluate(known, {"p": 1.0, "k": one}) for one in (0.0, 1.0, 5.0)] == [0.0, 1.0, 1.0]


def in_the_browser(expression, values):
    """What Vega's own JavaScript makes of a traced formula: its number, read off a drawing."""
    import vl_convert

    signals = [{"name": name, "value": value} for name, value in values.items()]
    signals += [{"name": name, "update": text} for name, text in vega_signals({"answer": expression}).items()]
    spec = {
        "$schema": "https://vega.github.io/schema/vega/v5.json", "width": 10, "height": 10, "signals": signals,
        "marks": [{"type": "text", "encode": {"enter": {"text": {"signal": "'answer=' + answer"}, "limit": {"value": 0}}}}],
    }  # fmt: skip
    return float(re.search(r"answer=([^<]+)<", vl_convert.vega_to_svg(spec)).group(1))


def test_the_browser_computes_the_same_pass_at_k():
    n, c, k = variable("n"), variable("c"), variable("k")
    for at in ({"n": 10_000.0, "c": 1.0, "k": 1.0}, {"n": 10_000.0, "c": 37.0, "k": 250.0}, {"n": 20.0, "c": 3.0, "k": 18.0}):
        assert in_the_browser(pass_at_k(n, c, k), at) == pytest.approx(pass_at_k(*at.values()), rel=1e-14, abs=0)
