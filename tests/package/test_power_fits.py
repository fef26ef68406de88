"""Power laws fitted: the planted law comes back, the minimum is one, and data that cannot tell say so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_helpers.fitting import (
    Huber,
    LeastAbsolute,
    LeastSquares,
    Status,
    fit_broken_power_law,
    fit_kaplan,
    fit_power_law,
    fit_sigmoid,
)
from scaling_helpers.fitting.traced import Traced
from scaling_helpers.laws import KAPLAN_2020, BrokenPowerLaw, PowerLaw, SigmoidLaw
from scaling_helpers.trace import variable

X = np.geomspace(1e18, 1e22, 30)
OBJECTIVES = [LeastSquares(), LeastSquares("loss"), Huber(1e-3), Huber(0.01, "loss"), LeastAbsolute(), LeastAbsolute("loss")]


def noisy(y, sigma=0.01, seed=0):
    return y * np.exp(sigma * np.random.default_rng(seed).standard_t(3, len(y)))


def with_constant(E=1.7, a=0.3, x=X):
    return E + (1e17 / x) ** a


def grid_of_runs():
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e6, 1e9, 6), np.geomspace(1e8, 2e10, 6)))
    return N, D, KAPLAN_2020.loss(N, D)


# -- recovery ----------------------------------------------------------------------------------------
@settings(max_examples=40)
@given(log_c=st.floats(-20, 20), a=st.floats(-2, 2), objective=st.sampled_from(OBJECTIVES))
def test_a_planted_power_law_is_recovered_by_every_objective(log_c, a, objective):
    y = np.exp(log_c) * (X / 1e20) ** a
    fit = fit_power_law(X, y, objective=objective)
    assert -fit.law.slope == pytest.approx(a, abs=1e-7)
    assert fit.predicted == pytest.approx(y, rel=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("E", "a"), [(1.7, 0.3), (0.2, 0.05), (3.0, 1.2)])
def test_a_planted_constant_is_recovered_by_every_objective(E, a, objective):
    fit = fit_power_law(X, with_constant(E, a), constant=True, objective=objective)
    assert (fit.law.constant, fit.law.exponent) == pytest.approx((E, a), rel=1e-5)
    assert fit.law.scale == pytest.approx(1e17, rel=1e-3)
    assert fit.status is Status.CONVERGED


@settings(max_examples=25)
@given(s=st.floats(0.02, 0.4), change=st.floats(0.1, 0.8), at=st.floats(3.0, 5.0), width=st.floats(0.2, 1.0))
def test_a_planted_bend_is_recovered(s, change, at, width):
    x = np.geomspace(1.0, 1e8, 40)
    planted = BrokenPowerLaw(coefficient=5.0, slope=s, breaks=((change, 10**at, width),))
    fit = fit_broken_power_law(x, planted.loss(x), constant=False)
    found_change, found_at, found_width = fit.law.breaks[0]
    assert (fit.law.slope, found_change, np.log10(found_at), found_width) == pytest.approx((s, change, at, width), rel=1e-4)


def test_a_bend_above_a_constant_is_recovered():
    x = np.geomspace(1.0, 1e8, 40)
    planted = BrokenPowerLaw(coefficient=5.0, slope=0.1, breaks=((0.5, 1e3, 0.4),), constant=0.3)
    fit = fit_broken_power_law(x, planted.loss(x))
    assert fit.law.constant == pytest.approx(0.3, rel=1e-5)
    assert fit.law.breaks[0] == pytest.approx(planted.breaks[0], rel=1e-4)


@pytest.mark.parametrize(("floor", "ceiling"), [(0.1, 0.9), (0.9, 0.1), (0.0, 0.5)])
def test_a_planted_sigmoid_is_recovered_rising_and_falling(floor, ceiling):
    x = np.geomspace(1.0, 1e5, 20)
    planted = SigmoidLaw(ceiling=ceiling, middle=300.0, steepness=0.9, floor=floor)
    fit = fit_sigmoid(x, planted.value(x))
    assert (fit.law.floor, fit.law.ceiling, fit.law.middle) == pytest.approx((floor, ceiling, 300.0), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("objective", [LeastSquares(), Huber(1e-3)])
def test_kaplans_joint_law_is_recovered(objective):
    N, D, loss = grid_of_runs()
    law = fit_kaplan(N, D, loss, objective=objective).law
    assert (law.alpha_N, law.alpha_D) == pytest.approx((KAPLAN_2020.alpha_N, KAPLAN_2020.alpha_D), rel=1e-6)
    assert (law.N_c, law.D_c) == pytest.approx((KAPLAN_2020.N_c, KAPLAN_2020.D_c), rel=1e-4)


# -- the minimum -------------------------------------------------------------------------------------
def test_the_line_on_log_axes_is_that_of_numpy():
    y = noisy(3.0 * X**0.4)
    slope, level = np.polyfit(np.log(X), np.log(y), 1)
    fit = fit_power_law(X, y)
    assert fit.theta == pytest.approx([level, -slope], rel=1e-9)
    assert fit.grad_norm < 1e-6 and fit.status is Status.CONVERGED


def test_least_absolute_deviation_is_the_optimum_of_the_linear_programme():
    from scipy.optimize import linprog

    y, n = noisy(3.0 * X**0.4, 0.1), X.size
    line = np.column_stack([np.ones(n), np.log(X / 1e20)])
    sides = np.block([[line, -np.eye(n)], [-line, -np.eye(n)]])
    best = linprog(
        np.r_[0, 0, np.ones(n)], A_ub=sides, b_ub=np.r_[np.log(y), -np.log(y)], bounds=[(None, None)] * 2 + [(0, None)] * n
    )
    fit = fit_power_law(X, y, objective=LeastAbsolute())
    assert fit.objective == pytest.approx(best.fun, rel=1e-12)
    assert fit.grad_norm < 1e-9


def summed(objective, y, predicted):
    """Each objective written out again."""
    r = np.log(y / predicted) if objective.space == "log" else y - predicted
    if isinstance(objective, LeastSquares):
        return np.sum(r**2)
    if isinstance(objective, LeastAbsolute):
        return np.sum(np.abs(r))
    d = objective.delta
    return np.sum(np.where(np.abs(r) <= d, r**2 / 2, d * (np.abs(r) - d / 2)))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_objective_is_the_sum_it_claims_and_no_search_from_there_finds_less(objective):
    from scipy.optimize import minimize

    y = noisy(with_constant())
    fit = fit_power_law(X, y, constant=True, objective=objective)
    E, log_c, a = fit.theta
    assert fit.objective == pytest.approx(summed(objective, y, E + np.exp(log_c) * X**-a), rel=1e-11)
    assert fit.objective == pytest.approx(np.sum(objective.value(fit.residuals)), rel=1e-11)
    assert fit.estimator == objective.name

    def around(step):  # in directions that keep the coefficient at the middle of the data
        scale = np.exp(log_c + step[1] + (a + step[2] - a) * np.log(1e20))
        return summed(objective, y, E + step[0] + scale * X ** -(a + step[2]))

    for size in (1e-2, 1e-5):
        simplex = np.vstack([np.zeros(3), size * np.eye(3)])
        found = minimize(
            around, np.zeros(3), method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-13, "fatol": 1e-18}
        )
        assert found.fun >= fit.objective * (1 - 1e-11)


def test_a_scan_of_the_profile_over_the_exponent_finds_nothing_lower():
    y = noisy(with_constant(), 0.02)
    fit = fit_power_law(X, y, constant=True, objective=LeastSquares("loss"))
    for a in np.geomspace(0.01, 5.0, 400):
        design = np.column_stack([np.ones(X.size), (X / 1e20) ** -a])
        E, c = np.linalg.lstsq(design, y, rcond=None)[0]
        if E >= 0 and c >= 0:
            assert np.sum((y - design @ [E, c]) ** 2) >= fit.objective * (1 - 1e-12)


def test_exact_derivatives_are_those_of_a_complex_step():
    planted = lambda E, c, a, x: np.log(E + np.exp(c) * np.exp(-a * np.log(x)))  # noqa: E731
    traced = Traced(lambda v: planted(v["E"], v["c"], v["a"], variable("x")), ("E", "c", "a"))
    x, at = np.geomspace(0.1, 10.0, 7), np.array([1.7, 0.4, 0.3])
    value, first, second = traced.derivatives(at[None], {"x": x})
    h = 1e-30
    for i in range(3):
        moved = at.astype(complex)
        moved[i] += 1j * h
        assert first[0, i] == pytest.approx(planted(*moved, x).imag / h, rel=1e-13)
        for j in range(3):
            up, down = at.copy(), at.copy()
            up[j] += 1e-6
            down[j] -= 1e-6
            slope = (traced.derivatives(up[None], {"x": x})[1] - traced.derivatives(down[None], {"x": x})[1])[0, i] / 2e-6
            assert second[0, i, j] == pytest.approx(slope, rel=1e-7, abs=1e-9)
    assert value[0] == pytest.approx(planted(*at, x), rel=1e-15)


# -- what must not change a fit ----------------------------------------------------------------------
@pytest.mark.parametrize("objective", OBJECTIVES[:4])
def test_order_and_units_of_x_do_not_change_the_fit(objective):
    y = noisy(with_constant())
    order = np.random.default_rng(1).permutation(X.size)
    reference = fit_power_law(X, y, constant=True, objective=objective)
    for other in (
        fit_power_law(X[order], y[order], constant=True, objective=objective),
        fit_power_law(X / 8.64e19, y, constant=True, objective=objective),
    ):
        assert other.objective == pytest.approx(reference.objective, rel=1e-10)
        assert (other.law.exponent, other.law.constant) == pytest.approx(
            (reference.law.exponent, reference.law.constant), rel=1e-6
        )


def test_units_of_y_scale_the_constant():
    y = noisy(with_constant())
    nats, bits = (fit_power_law(X, y * unit, constant=True) for unit in (1.0, 1 / np.log(2)))
    assert bits.law.constant == pytest.approx(nats.law.constant / np.log(2), rel=1e-7)
    assert bits.objective == pytest.approx(nats.objective, rel=1e-10)


@pytest.mark.parametrize("objective", OBJECTIVES[:4])
def test_a_weight_counts_like_repeated_rows(objective):
    y, weights = noisy(with_constant()), np.arange(X.size) % 4
    weighted = fit_power_law(X, y, constant=True, objective=objective, weights=weights)
    repeated = fit_power_law(np.repeat(X, weights), np.repeat(y, weights), constant=True, objective=objective)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-10)
    assert weighted.law.exponent == pytest.approx(repeated.law.exponent, rel=1e-6)


# -- refits and the rest of the protocol -------------------------------------------------------------
@pytest.mark.parametrize("objective", [LeastSquares(), LeastSquares("loss"), Huber(1e-3)])
def test_refits_in_one_batch_are_the_fits_one_by_one(objective):
    y = noisy(with_constant())
    fit = fit_power_law(X, y, constant=True, objective=objective)
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 3, (6, X.size)).astype(float)
    targets = y * np.exp(0.01 * rng.standard_normal((6, X.size)))
    batch = fit.refit(weights, targets)
    for i in range(6):
        one = fit_power_law(X, targets[i], constant=True, objective=objective, weights=weights[i])
        assert batch.objectives[i] == pytest.approx(one.objective, rel=1e-9)
    assert batch.converged.all()


def test_a_resample_of_too_few_points_is_not_called_converged():
    fit = fit_power_law(X, noisy(with_constant()), constant=True)
    assert not fit.refit(np.eye(X.size)[:3]).converged.any()


def test_a_bootstrap_of_a_curve_holds_the_planted_exponent():
    fit = fit_power_law(X, noisy(with_constant(), 0.003), constant=True)
    low, high = fit.bootstrap(300, seed=0).interval("exponent", 0.95)
    assert low < 0.3 < high
    assert fit.inputs == ("x",) and fit.outcome == "loss" and fit.space == "log"


def test_a_coordinate_can_be_held_and_the_criterion_changed():
    y = noisy(with_constant(a=0.5))
    fit = fit_power_law(X, y, constant=True)
    assert fit.theta[1] > 15  # beyond the bound that holds in scaled units only
    assert fit.fixed("exponent", fit.law.exponent).objective == pytest.approx(fit.objective, rel=1e-10)
    held = fit.fixed("log_coefficient", float(fit.theta[1]) + 1.0)
    assert held.theta[1] == pytest.approx(fit.theta[1] + 1.0, rel=1e-12) and held.objective > fit.objective
    robust = fit.under(Huber(1e-3))
    assert robust.objective == pytest.approx(fit_power_law(X, y, constant=True, objective=Huber(1e-3)).objective, rel=1e-12)
    with pytest.raises(ValueError, match="'slope' is no coordinate"):
        fit.fixed("slope", 1.0)


# -- data that cannot tell ---------------------------------------------------------------------------
def test_half_a_decade_does_not_determine_an_exponent_above_a_constant():
    x = np.geomspace(1e20, 5e20, 30)
    fit = fit_power_law(x, noisy(with_constant(x=x), 0.01), constant=True)
    assert fit.status in (Status.UNDETERMINED, Status.AT_BOUND)
    assert fit.undetermined or fit.at_bound


def test_a_pure_power_law_has_its_constant_at_zero():
    fit = fit_power_law(X, noisy((1e17 / X) ** 0.3, 0.001), constant=True)
    assert fit.law.constant == pytest.approx(0.0, abs=0.01)
    curved = np.exp(-0.3 * np.log(X / 1e17) - 0.01 * np.log(X / 1e20) ** 2)
    fit = fit_power_law(X, curved, constant=True)
    assert fit.at_bound == ("constant",) and fit.status is Status.AT_BOUND and fit.law.constant == 0.0


def test_points_that_rise_put_the_exponent_or_the_coefficient_at_its_bound():
    fit = fit_power_law(X, (X / 1e18) ** 0.2, constant=True)
    assert fit.status is Status.AT_BOUND and "log_coefficient" in fit.at_bound


def test_a_scale_that_no_float_holds_is_named_with_the_remedy():
    with pytest.raises(ValueError, match="give y in a unit nearer"):
        fit_power_law(X, 1e40 * with_constant(1.0, 0.1), constant=True)


def test_a_curve_without_a_bend_leaves_the_bend_undetermined():
    x = np.geomspace(1.0, 1e6, 30)
    fit = fit_broken_power_law(x, noisy(3.0 * x**-0.2), constant=False)
    assert fit.status in (Status.UNDETERMINED, Status.AT_BOUND)


def test_the_lower_half_of_a_sigmoid_does_not_tell_its_ceiling():
    x = np.geomspace(1.0, 1e2, 25)
    planted = SigmoidLaw(ceiling=0.8, middle=1e4, steepness=1.0, floor=0.1)
    fit = fit_sigmoid(x, planted.value(x) + 0.003 * np.random.default_rng(0).standard_normal(25))
    assert fit.status in (Status.UNDETERMINED, Status.AT_BOUND)


def test_as_many_points_as_coordinates_fix_nothing():
    fit = fit_power_law(X[::14], with_constant(x=X[::14]), constant=True)
    assert fit.undetermined == ("exponent",) and fit.status is Status.UNDETERMINED


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:2], X[:2], "at least 3"),
        ([1e18] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], "1 different value"),
        (X, -X, "positive"),
        (X, X * np.nan, "finite"),
        (X, X[:-1], "differ in length"),
        (0.0 * X, X, "positive"),
    ],
)
def test_columns_that_cannot_carry_the_form_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(x, y, constant=True)


def test_the_smallest_and_largest_numbers_are_fitted_too():
    for unit in (1e-300, 1e250):
        fit = fit_power_law(X, unit * (X / 1e20) ** -0.3)
        assert fit.law.slope == pytest.approx(0.3, rel=1e-9)


@pytest.mark.parametrize("objective", ["huber", 3, object()])
def test_an_objective_that_is_none_is_refused(objective):
    with pytest.raises(TypeError, match="objective must be"):
        fit_power_law(X, with_constant(), objective=objective)


def test_the_law_of_a_fit_with_a_constant_is_the_law_that_was_minimised():
    fit = fit_power_law(X, noisy(with_constant()), constant=True)
    assert isinstance(fit.law, PowerLaw)
    E, log_c, a = fit.theta
    assert fit.law.loss(X) == pytest.approx(E + np.exp(log_c - a * np.log(X)), rel=1e-13)
    assert fit.parameters == dict(zip(fit.coordinates, fit.theta, strict=True))
