"""Coverage curves: right to the last digits, a power law in the tail, and fits that sit at their minimum."""

import re

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_helpers import facts
from scaling_helpers.inference import (
    BetaCoverage,
    ExponentiatedPower,
    beta_like,
    fit_beta,
    fit_exponentiated_power,
    pass_at_k,
    pass_probability,
    published_fits,
)
from scaling_helpers.trace import evaluate, variable

shape = st.floats(-3, 6).map(lambda power: 10.0**power)
attempts = st.floats(0, 8).map(lambda power: 10.0**power)


def unsolved_in_many_digits(a, b, k):
    a, b, k = mpmath.mpf(a), mpmath.mpf(b), mpmath.mpf(k)
    return mpmath.gammaprod([b + k, a + b], [b, a + b + k])


@given(shape, shape, attempts)
def test_beta_coverage_keeps_its_digits(a, b, k):
    law = BetaCoverage(a, b)
    with mpmath.workdps(60):
        unsolved = unsolved_in_many_digits(a, b, k)
        size = 1.0 - float(mpmath.log(unsolved))  # the last digit of an exponent counts that many times
        assert law.coverage(k) == pytest.approx(float(1 - unsolved), rel=1e-13, abs=0)
        assert law.failure(k) == pytest.approx(float(unsolved), rel=1e-14 * size, abs=1e-300)


def test_the_case_that_differences_of_log_gammas_lose():
    assert BetaCoverage(1, 1e6).coverage(1) == pytest.approx(1 / (1e6 + 1), rel=1e-14, abs=0)
    assert BetaCoverage(1e-6, 1e12).coverage(1) == pytest.approx(1e-18, rel=1e-10, abs=0)


@given(shape, shape)
def test_the_limits_of_beta_coverage(a, b):
    law = BetaCoverage(a, b, 0.75)
    assert law.coverage(0) == 0 and law.failure(0) == 1 and law.reliability(0) == 0.75
    assert law.coverage(1) == pytest.approx(law.mean, rel=1e-13) == pytest.approx(0.75 * a / (a + b), rel=1e-13)
    assert law.reliability(1) == pytest.approx(law.mean, rel=1e-13)
    assert law.coverage(1e300) <= 0.75


@given(shape, shape, attempts, st.floats(1.01, 100))
def test_coverage_grows_with_attempts_and_reliability_falls(a, b, k, factor):
    law = BetaCoverage(a, b)
    assert law.coverage(k * factor) >= law.coverage(k)
    assert law.reliability(k * factor) <= law.reliability(k)
    assert law.coverage(k) <= pass_probability(law.mean, k) + 1e-15  # a spread of difficulty only loses coverage


def test_the_mixture_is_the_mean_over_its_problems():
    law = BetaCoverage(0.4, 2.0, solvable=0.8)
    draws = np.random.default_rng(0).beta(0.4, 2.0, size=400_000)
    for k in (1, 10, 300):
        assert law.coverage(k) == pytest.approx(0.8 * pass_probability(draws, k).mean(), abs=0.003)
        assert law.reliability(k) == pytest.approx(0.8 * (draws**k).mean(), abs=0.003)
    again = BetaCoverage.from_mean(0.4 / 2.4, law.spread, 0.8)
    assert (again.a, again.b) == pytest.approx((0.4, 2.0), rel=1e-14)


def test_what_stays_unsolved_approaches_the_power_law_of_its_exponent():
    law = BetaCoverage(0.3, 1.2)
    for k, off in ((1e3, 1e-3), (1e6, 1e-6), (1e9, 1e-9)):
        assert law.failure(k) == pytest.approx(law.tail(k), rel=off)
    assert np.log(law.failure(1e9) / law.failure(1e8)) / np.log(10) == pytest.approx(-0.3, rel=1e-7)


def test_pass_at_k_is_the_coverage_of_a_beta_with_the_counts_for_parameters():
    # The posterior of p under no prior at all, with the k attempts taken out of the failures.
    assert pass_at_k(100, 3, 20) == pytest.approx(BetaCoverage(3, 100 - 3 - 20 + 1).coverage(20), rel=1e-13)


def test_the_number_of_attempts_for_a_coverage_is_the_inverse():
    law = BetaCoverage(0.3, 1.2, 0.9)
    for target in (1e-12, 0.2, 0.89):
        assert law.coverage(law.samples_for(target)) == pytest.approx(target, rel=1e-11)
    assert law.samples_for(0.0) == 0.0
    with pytest.raises(ValueError, match="stays below the solvable share 0.9"):
        law.samples_for(0.9)
    with pytest.raises(ValueError, match="more than 1e300 attempts"):
        BetaCoverage(1e-3, 1.0).samples_for(0.99)


def test_stopping_at_the_first_success_costs_the_sum_of_the_unsolved_shares():
    law, rng = BetaCoverage(0.5, 1.5), np.random.default_rng(3)
    tries = np.minimum(rng.geometric(np.maximum(rng.beta(0.5, 1.5, size=200_000), 1e-300)), 50)
    assert law.attempts_until_solved(50) == pytest.approx(tries.mean(), rel=0.01)
    assert law.attempts_until_solved(1) == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((0.0, 1.0), ValueError, "a = 0: it must be positive"),
        ((1.0, np.nan), ValueError, "b = nan"),
        ((1e-300, 1.0), ValueError, "a = 1e-300: give a value between 1e-06 and 1e\\+12"),
        ((1.0, 1e13), ValueError, "b = 10000000000000"),
        ((True, 1.0), TypeError, "a must be a real number"),
        ((1.0, "2"), TypeError, "b must be a real number"),
        ((1.0, 1.0, 1.5), ValueError, "solvable = 1.5: it must lie in"),
    ],
)
def test_a_mixture_that_is_none_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        BetaCoverage(*arguments)


def test_other_bad_input_is_refused():
    law = BetaCoverage(1.0, 2.0)
    with pytest.raises(ValueError, match="k = -1: it must be at least 0"):
        law.coverage(-1)
    with pytest.raises(ValueError, match="k = 0 .*positive|k = 0: it must be positive"):
        law.tail(0)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        BetaCoverage.from_mean(0.0, 0.5)
    with pytest.raises(ValueError, match="whole number from 1"):
        law.attempts_until_solved(1.5)
    for a, b in ((0.5, -1), (-1, 0.0), (-1, np.inf), (np.nan, -1)):
        with pytest.raises(ValueError, match="it must be negative and finite"):
            ExponentiatedPower(a, b)
    with pytest.raises(TypeError, match="a must be a negative number"):
        ExponentiatedPower(True, -1)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        ExponentiatedPower(-1, -1).samples_for(1.0)


def test_the_traced_laws_agree_with_the_numbers():
    a, b, k, share = (variable(name) for name in ("a", "b", "k", "share"))
    law, other = BetaCoverage(a, b, share), ExponentiatedPower(a, b)
    traced = {"coverage": law.coverage(k), "failure": law.failure(k), "reliability": law.reliability(k), "tail": law.tail(k)}
    rng = np.random.default_rng(4)
    for _ in range(200):
        at = {"a": 10 ** rng.uniform(-2, 2), "b": 10 ** rng.uniform(-2, 4), "k": 10 ** rng.uniform(0, 6), "share": rng.random()}
        numbers = BetaCoverage(at["a"], at["b"], at["share"])
        for name, formula in traced.items():
            # A tail of 1e-200 rests on an exponent of some hundreds, whose last digit counts that many times.
            assert evaluate(formula, at) == pytest.approx(getattr(numbers, name)(at["k"]), rel=1e-11, abs=1e-300)
        curve = {"a": -at["share"], "b": -at["share"] / 3, "k": at["k"]}
        assert evaluate(other.coverage(k), curve) == pytest.approx(
            ExponentiatedPower(curve["a"], curve["b"]).coverage(at["k"]), rel=1e-14
        )
    mean, spread = variable("mean"), variable("spread")
    shaped = BetaCoverage.from_mean(mean, spread).coverage(k)
    assert evaluate(shaped, {"mean": 0.2, "spread": 0.4, "k": 100.0}) == pytest.approx(BetaCoverage(0.3, 1.2).coverage(100))


@pytest.mark.parametrize("row", list(facts.table("monkeys_fits")))
def test_published_fits_give_the_coverages_drawn(row):
    law = published_fits()[row]
    for k in (1, 100, 10_000):
        assert law.coverage(k) == pytest.approx(facts.get(f"monkeys_fits/{row}/coverage_{k}").value, abs=5.1e-4)


def test_published_fits_stand_beside_the_measured_coverages():
    fits = published_fits()
    for k, off in ((100, 0.005), (10_000, 0.01)):
        measured = facts.get(f"monkeys_coverage/llama-3-8b-instruct/math-oracle/{k}/coverage").value
        assert fits["llama-3-8b-instruct/math"].coverage(k) == pytest.approx(measured, abs=off)


# -- fits --------------------------------------------------------------------------------------------------
def planted(a, b, n, problems, solvable=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.binomial(n, rng.beta(a, b, size=problems) * (rng.random(problems) < solvable))


@pytest.mark.parametrize(("a", "b", "n"), [(0.3, 1.2, 100), (0.05, 0.5, 1000), (2.0, 5.0, 20), (0.3, 40.0, 10_000)])
def test_the_fit_finds_the_planted_spread(a, b, n):
    fit = fit_beta(n, planted(a, b, n, 4000))
    assert fit.status.name == "CONVERGED" and fit.share_at_best == 1.0 and fit.at_bound == ()
    assert fit.law.a == pytest.approx(a, rel=0.1) and fit.law.b == pytest.approx(b, rel=0.15)
    assert fit.tail_exponent == fit.law.a


def test_the_objective_is_the_likelihood_and_its_gradient_vanishes_there():
    n, c = np.array([5, 50, 500, 500, 20]), np.array([0, 3, 499, 20, 20])
    weights = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    fit = fit_beta(n, c, weights=weights)

    def likelihood(log_a, log_b):
        a, b = mpmath.exp(log_a), mpmath.exp(log_b)
        return -sum(
            w * mpmath.log(mpmath.binomial(int(m), int(s)) * mpmath.beta(a + int(s), b + int(m - s)) / mpmath.beta(a, b))
            for m, s, w in zip(n, c, weights, strict=True)
        )

    with mpmath.workdps(40):
        at = tuple(mpmath.mpf(one) for one in fit.theta)
        assert fit.objective == pytest.approx(float(likelihood(*at)), rel=1e-13)
        for order in ((1, 0), (0, 1)):
            assert abs(float(mpmath.diff(likelihood, at, order))) < 1e-10
        assert fit.grad_norm < 1e-10


def test_zero_inflation_is_found_where_it_was_planted_and_its_likelihood_is_right():
    c = planted(0.8, 2.0, 400, 3000, solvable=0.7, seed=1)
    plain, fit = fit_beta(400, c), fit_beta(400, c, zero_inflated=True)
    assert fit.law.solvable == pytest.approx(0.7, abs=0.03) and fit.law.a == pytest.approx(0.8, rel=0.12)
    assert fit.objective < plain.objective - 100 and fit.coordinates[2] == "log_odds_solvable"
    law, some = fit.law, np.array([0, 0, 3, 400])
    small = fit_beta(400, some, zero_inflated=True, weights=np.ones(4))
    assert small.estimator.endswith("with zero inflation, summed")

    def likelihood(log_a, log_b, odds):
        a, b, share = mpmath.exp(log_a), mpmath.exp(log_b), 1 / (1 + mpmath.exp(-odds))
        total = mpmath.mpf(0)
        for value, count in zip(*np.unique(c, return_counts=True), strict=True):
            s = int(value)
            chance = mpmath.binomial(400, s) * mpmath.beta(a + s, b + 400 - s) / mpmath.beta(a, b)
            total -= int(count) * mpmath.log(share * chance + (1 - share if s == 0 else 0))
        return total

    with mpmath.workdps(30):
        at = tuple(mpmath.mpf(one) for one in fit.theta)
        assert fit.objective == pytest.approx(float(likelihood(*at)), rel=1e-12)
        assert max(abs(float(mpmath.diff(likelihood, at, order))) for order in ((1, 0, 0), (0, 1, 0), (0, 0, 1))) < 1e-6
    assert law.coverage(10_000) < 0.72


def test_counts_that_vary_no_more_than_chance_put_the_spread_at_its_bound():
    fit = fit_beta(100, [50, 50, 50, 50, 51, 49])
    assert fit.status.name == "AT_BOUND" and fit.at_bound
    assert fit.law.mean == pytest.approx(0.5, abs=0.01) and fit.law.spread < 1e-6


def test_a_bootstrap_over_problems_brackets_the_truth_and_matches_repeated_rows():
    c = planted(0.3, 1.2, 200, 150, seed=2)
    fit = fit_beta(200, c)
    boot = fit.bootstrap(300, seed=1)
    assert boot.failed == 0
    low, high = boot.interval("coverage", k=10_000)
    assert low < BetaCoverage(0.3, 1.2).coverage(10_000) < high and high - low < 0.1
    times = np.random.default_rng(5).multinomial(150, np.full(150, 1 / 150))
    weighted = fit.refit(weights=times[None].astype(float))
    repeated = fit_beta(200, np.repeat(c, times))
    assert weighted.thetas[0] == pytest.approx(repeated.theta, abs=1e-9)
    other = fit.refit(targets=np.stack([c, np.minimum(c + 1, 200)]).astype(float))
    assert other.thetas[0] == pytest.approx(fit.theta, abs=1e-9) and other.thetas[1, 0] > fit.theta[0]
    with pytest.raises(ValueError, match="more successes than attempts"):
        fit.refit(targets=np.full((1, 150), 201.0))
    assert fit.residuals.sum() == pytest.approx((c / 200).sum() - 150 * fit.law.mean)


@pytest.mark.long
def test_a_90_percent_interval_covers_the_planted_coverage_as_often_as_it_says():
    truth, covered = BetaCoverage(0.4, 1.5).coverage(3000), 0
    for trial in range(300):
        low, high = fit_beta(100, planted(0.4, 1.5, 100, 128, seed=trial)).bootstrap(300, seed=trial).interval("coverage", k=3000)
        covered += low <= truth <= high
    assert 0.84 <= covered / 300 <= 0.95


def test_the_order_of_problems_does_not_matter():
    c = planted(0.3, 1.2, 50, 60, seed=6)
    shuffled = np.random.default_rng(0).permutation(c)
    assert fit_beta(50, shuffled).theta == pytest.approx(fit_beta(50, c).theta, abs=1e-10)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([10, 10], [0, 0]), "no attempt succeeded"),
        (([10, 10], [10, 10]), "every attempt succeeded"),
        ((10, [3]), "1 point cannot fix the spread of difficulty"),
        ((1, [1, 0, 1]), "n = 1 for every problem"),
        (([10, 0], [3, 0]), "n = 0: leave out problems"),
        ((10, [3, 11]), "c = 11 is more than n = 10"),
        ((10, [3, np.nan]), "c = nan .*: it must be finite"),
        (([10, 10, 10], [3, 4]), "columns differ in length"),
    ],
)
def test_counts_that_fix_no_spread_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        fit_beta(*arguments)
    with pytest.raises(ValueError, match="fewer than two problems carry weight|carry weight"):
        fit_beta(10, [3, 4], weights=[1.0, 0.0])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.booleans())
def test_any_counts_give_a_minimum_or_a_clear_error(pairs, inflated):
    n, c = np.array(pairs).T
    said = ""
    try:
        fit = fit_beta(n, c, zero_inflated=inflated)
    except ValueError as error:
        said, fit = str(error), None
    assert fit is None or (fit.status.name in ("CONVERGED", "AT_BOUND") and np.isfinite(fit.objective))
    assert fit is not None or re.search(r"c =|n =|attempt|point|column|problems", said)


@pytest.mark.parametrize("space", ["coverage", "log", "loglog"])
def test_the_exponentiated_power_law_is_recovered_in_every_space(space):
    k = np.geomspace(1, 10_000, 25)
    fit = fit_exponentiated_power(k, ExponentiatedPower(-3.9, -0.35).coverage(k), space=space)
    assert (fit.law.a, fit.law.b) == pytest.approx((-3.9, -0.35), rel=1e-9)
    assert fit.status.name == "CONVERGED" and fit.share_at_best == 1.0
    assert fit.residuals == pytest.approx(0, abs=1e-9) and fit.predicted == pytest.approx(fit.data["coverage"], rel=1e-9)


def test_published_constants_depend_on_the_space_and_the_weights_because_the_form_is_not_exact():
    k = np.geomspace(1, 10_000, 25)
    curve = BetaCoverage(0.35, 12.0).coverage(k)
    a = {space: fit_exponentiated_power(k, curve, space=space).law.a for space in ("coverage", "log", "loglog")}
    assert max(a.values()) - min(a.values()) > 0.05
    late = fit_exponentiated_power(k, curve, weights=k / k.max())
    assert abs(late.law.a - a["coverage"]) > 0.05


def test_a_fitted_curve_is_at_its_minimum_and_resamples_with_its_points():
    rng = np.random.default_rng(7)
    k = np.geomspace(1, 1000, 12)
    curve = ExponentiatedPower(-2.0, -0.3).coverage(k) * np.exp(0.02 * rng.standard_normal(12))
    for space in ("coverage", "log", "loglog"):
        fit = fit_exponentiated_power(k, curve, space=space)
        for step in np.vstack([np.eye(2), -np.eye(2)]) * 1e-4:
            moved = fit.law_at(fit.theta + step)
            transform = {"coverage": lambda y: y, "log": np.log, "loglog": lambda y: np.log(-np.log(y))}[space]
            assert np.sum((transform(curve) - transform(moved.coverage(k))) ** 2) > fit.objective
    boot = fit_exponentiated_power(k, curve, space="log").bootstrap(100)
    assert boot.failed == 0 and boot.fit.space == "log"
    low, high = boot.interval("coverage", k=100.0)
    assert low < ExponentiatedPower(-2.0, -0.3).coverage(100) < high
    with pytest.raises(NotImplementedError, match="neither plain nor relative"):
        _ = fit.space


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1, 2], [0.1, 0.2]), "2 points cannot fix"),
        (([1, 2, 3], [0.1, 0.2, 1.0]), "coverage = 1: it must lie below 1"),
        (([1, 2, 3], [0.1, 0.0, 0.5]), "coverage = 0"),
        (([5, 5, 5], [0.1, 0.2, 0.3]), "k holds the single value 5"),
        (([1, 2, 3], [0.5, 0.4, 0.3]), "coverage does not grow with k"),
        (([1, 2, 3], [0.5, 0.4]), "columns differ in length"),
    ],
)
def test_points_that_fix_no_curve_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        fit_exponentiated_power(*arguments)
    with pytest.raises(ValueError, match="choose 'coverage', 'log' or 'loglog'"):
        fit_exponentiated_power([1, 2, 3], [0.1, 0.2, 0.3], space="linear")


# -- the inverse that traces, and a spread for a published curve ---------------------------------------------


@given(st.floats(0.03, 30), st.floats(1e-4, 0.9), st.floats(0.001, 0.9))
def test_the_attempts_that_leave_a_share_leave_it(a, mean, failure):
    law = BetaCoverage(a, a * (1 - mean) / mean)
    k = law.attempts_leaving(failure)
    if 1 <= k <= 1e100:
        assert law.failure(k) == pytest.approx(failure, rel=1e-6)


def test_the_traced_inverse_agrees_with_the_one_by_bisection():
    law = BetaCoverage(0.3, 1.2)
    k = variable("k")
    traced = BetaCoverage(variable("a"), variable("b")).attempts_leaving(k)
    assert evaluate(traced, {"a": 0.3, "b": 1.2, "k": 0.1}) == pytest.approx(law.samples_for(0.9), rel=1e-10)
    with pytest.raises(ValueError, match="failure = 1: "):
        law.attempts_leaving(1.0)


def test_a_beta_mixture_is_found_again_from_its_curve_and_describes_the_published_ones_to_two_points():
    class Curve:
        coverage = staticmethod(BetaCoverage(0.4, 2.0).coverage)

    again = beta_like(Curve())
    assert (again.a, again.b) == pytest.approx((0.4, 2.0), rel=1e-6)
    k = np.geomspace(1, 1e4, 30)
    for row, curve in published_fits().items():
        miss = np.abs(beta_like(curve).coverage(k) - curve.coverage(k))
        assert miss.max() < 0.025, row
    with pytest.raises(ValueError, match="most = 1"):
        beta_like(curve, most=1.0)
