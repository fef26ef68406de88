"""Growth rates: the textbook straight line, its intervals, and what must not change them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers.fitting import Status, fit_growth

YEARS = np.array([2015.2, 2016.9, 2017.4, 2018.8, 2019.1, 2020.6, 2021.3, 2022.7])
NOISE = np.array([0.3, -0.5, 0.1, 0.4, -0.2, -0.4, 0.5, -0.2])


def planted(growth=4.0, level=3.0, sigma=0.0):
    return level * growth ** (YEARS - 2018.0) * np.exp(sigma * NOISE)


@given(growth=st.floats(0.05, 50.0), level=st.floats(1e-12, 1e25))
def test_a_planted_growth_rate_is_recovered(growth, level):
    fit = fit_growth(YEARS, planted(growth, level))
    assert fit.growth == pytest.approx(growth, rel=1e-10)
    assert fit.predicted == pytest.approx(planted(growth, level), rel=1e-9)
    assert fit.status is Status.CONVERGED


def test_slope_error_and_interval_are_those_of_the_textbook_line():
    from scipy.stats import linregress, t

    fit = fit_growth(YEARS, planted(sigma=1.0))
    line = linregress(YEARS, np.log(planted(sigma=1.0)))
    half = t(len(YEARS) - 2).ppf(0.95) * line.stderr
    assert math.log(fit.growth) == pytest.approx(line.slope, rel=1e-11)
    assert fit.log_growth_error == pytest.approx(line.stderr, rel=1e-11)
    assert np.log(fit.growth_interval(0.9)) == pytest.approx([line.slope - half, line.slope + half], rel=1e-11)
    assert fit.objective == pytest.approx(np.sum(fit.residuals**2))
    assert fit.grad_norm < 1e-10


def test_a_90_percent_interval_covers_the_planted_rate_in_nine_of_ten_simulated_sets():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(400):
        value = planted() * np.exp(0.7 * rng.standard_normal(YEARS.size))
        low, high = fit_growth(YEARS, value).growth_interval(0.9)
        inside += low < 4.0 < high
    assert 0.85 < inside / 400 < 0.95


def test_a_prediction_interval_is_wider_than_a_confidence_interval_and_both_widen_away_from_the_data():
    fit = fit_growth(YEARS, planted(sigma=1.0))
    widths = {}
    for kind in ("confidence", "prediction"):
        low, high = fit.interval(np.array([2019.0, 2030.0]), 0.9, kind=kind)
        widths[kind] = np.log(high / low)
    assert np.all(widths["prediction"] > widths["confidence"])
    assert np.all(np.diff([widths["confidence"], widths["prediction"]]) > 0)
    low, high = fit.interval(2019.0)
    assert low < fit.law.value(2019.0) < high


def test_doubling_time_and_its_interval_follow_the_growth():
    fit = fit_growth(YEARS, planted(2.0, sigma=0.2))
    low, high = fit.doubling_interval(0.9)
    assert low < fit.doubling_time < high
    assert (2 ** (1 / high), 2 ** (1 / low)) == pytest.approx(fit.growth_interval(0.9))


def test_where_no_growth_is_not_ruled_out_the_doubling_time_has_no_upper_end():
    fit = fit_growth(YEARS, planted(1.02, sigma=1.0))
    assert fit.growth > 1 and fit.growth_interval()[0] < 1
    assert fit.doubling_interval()[1] == math.inf
    with pytest.raises(ValueError, match="neither growth nor decline"):
        fit_growth(YEARS, 1.0 / planted(1.2, sigma=1.0)).doubling_interval(0.999)


def test_a_decline_has_negative_doubling_times():
    fit = fit_growth(YEARS, planted(0.5, sigma=0.1))
    low, high = fit.doubling_interval()
    assert low < fit.doubling_time < high < 0


def test_units_order_and_epoch_do_not_change_the_rate():
    value, order = planted(sigma=1.0), np.random.default_rng(0).permutation(YEARS.size)
    reference = fit_growth(YEARS, value)
    for other in (fit_growth(YEARS[order], value[order]), fit_growth(YEARS, 1e20 * value), fit_growth(YEARS - 2000.0, value)):
        assert other.growth == pytest.approx(reference.growth, rel=1e-10)
        assert other.growth_interval() == pytest.approx(reference.growth_interval(), rel=1e-10)


def test_a_weight_counts_like_repeated_rows_in_the_line():
    value, weights = planted(sigma=1.0), np.array([1, 2, 1, 3, 1, 1, 2, 1])
    repeated = fit_growth(np.repeat(YEARS, weights), np.repeat(value, weights))
    weighted = fit_growth(YEARS, value, weights=weights)
    assert weighted.theta == pytest.approx(repeated.theta, rel=1e-12)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-12)


def test_a_point_of_no_weight_has_no_say():
    value = planted(sigma=1.0)
    odd = fit_growth(np.append(YEARS, 2030.0), np.append(value, 1e30), weights=np.append(np.ones(8), 0.0))
    plain = fit_growth(YEARS, value)
    assert odd.growth_interval() == pytest.approx(plain.growth_interval(), rel=1e-12)


def test_refits_in_one_batch_are_the_fits_one_by_one():
    value = planted(sigma=1.0)
    fit = fit_growth(YEARS, value)
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, (5, YEARS.size)).astype(float)
    targets = value * np.exp(0.1 * rng.standard_normal((5, YEARS.size)))
    both = fit.refit(weights, targets)
    for i in range(5):
        one = fit_growth(YEARS, targets[i], weights=weights[i])
        assert fit.law_at(both.thetas[i]).value(2030.0) == pytest.approx(one.law.value(2030.0), rel=1e-9)
        assert both.objectives[i] == pytest.approx(one.objective, rel=1e-9)
    assert fit.refit(targets=targets).thetas.shape == (5, 2)
    assert fit.refit(weights).converged.all()


def test_a_resample_that_holds_a_single_time_is_not_called_converged():
    fit = fit_growth(YEARS, planted(sigma=1.0))
    assert not fit.refit(np.eye(YEARS.size)).converged.any()


@pytest.mark.parametrize(
    ("time", "value", "message"),
    [
        ([2020.0, 2021.0], [1.0, 2.0], "at least 3"),
        ([2020.0] * 4, [1.0, 2.0, 3.0, 4.0], "single value 2020"),
        (YEARS, -planted(), "value = -.*positive"),
        (YEARS, np.full(8, np.nan), "value = nan"),
        (np.full(8, np.inf), planted(), r"time\[0\] = inf"),
        (YEARS[:5], planted(), "differ in length"),
        (np.ones((2, 2)), planted(), "one column"),
    ],
)
def test_columns_that_say_nothing_about_growth_are_refused(time, value, message):
    with pytest.raises(ValueError, match=message):
        fit_growth(time, value)


@pytest.mark.parametrize("time", [["2020", "2021", "2022"], [True, False, True], [2020, None, 2022], [[1, 2], [3], [4]]])
def test_text_and_objects_are_refused(time):
    with pytest.raises((TypeError, ValueError), match="time"):
        fit_growth(time, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(8), "not be negative"),
        (np.zeros(8), "all zero"),
        (np.ones(7), "7 entries"),
        ([1, 1, 0, 0, 0, 0, 0, 0], "only 2 points"),
    ],
)
def test_weights_that_leave_nothing_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        fit_growth(YEARS, planted(), weights=weights)


def test_what_an_interval_cannot_be_asked_is_said():
    fit = fit_growth(YEARS, planted(sigma=1.0))
    with pytest.raises(ValueError, match="level = 95"):
        fit.growth_interval(95)
    with pytest.raises(ValueError, match="kind = 'both'"):
        fit.interval(2030.0, kind="both")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs weights, targets or both"),
        ({"weights": np.ones((2, 7))}, r"shape \(S, 8\)"),
        ({"targets": np.ones(8)}, r"shape \(S, 8\)"),
        ({"weights": np.ones((2, 8)), "targets": np.ones((3, 8))}, "must agree"),
        ({"weights": -np.ones((2, 8))}, "not negative"),
        ({"weights": np.zeros((2, 8))}, "positive weight"),
        ({"targets": np.zeros((2, 8))}, "targets must be finite and positive"),
    ],
)
def test_a_refit_says_what_it_cannot_use(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_growth(YEARS, planted(sigma=1.0)).refit(**arguments)


def test_integers_beyond_64_bits_are_numbers_too():
    assert fit_growth([2020, 2021, 2022, 2023], [10**k for k in range(20, 24)]).growth == pytest.approx(10.0, rel=1e-12)
