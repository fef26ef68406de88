"""The parametric fit: it finds the law that made the data, ends at a minimum, and says what the data cannot tell."""

import tracemalloc

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_helpers.fitting import (
    Huber,
    LeastAbsolute,
    LeastSquares,
    Status,
    fit_chinchilla,
    hoffmann_starts,
    newton,
    planted_runs,
)
from scaling_helpers.fitting.newton import Problem, evaluate
from scaling_helpers.laws import BESIROGLU_2024, HOFFMANN_2022, ChinchillaLaw

OBJECTIVES = [Huber(), Huber(1e-3, "loss"), LeastSquares(), LeastSquares("loss"), LeastAbsolute(), LeastAbsolute("loss")]


def law_of(fit):
    return np.array([fit.law.E, fit.law.A, fit.law.B, fit.law.alpha, fit.law.beta])


@pytest.fixture(scope="module")
def runs():
    return planted_runs(BESIROGLU_2024, np.geomspace(6e18, 3e21, 8), 15, noise=0.01, seed=1)


@pytest.fixture(scope="module")
def fit(runs):
    return fit_chinchilla(runs.N, runs.D, runs.loss)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
@pytest.mark.parametrize("law", [BESIROGLU_2024, HOFFMANN_2022], ids=lambda law: law.origin.id)
def test_the_law_that_made_the_runs_is_found(law, objective):
    runs = planted_runs(law, noise=0.0)
    found = fit_chinchilla(runs.N, runs.D, runs.loss, objective=objective)
    expected = np.array([law.E, law.A, law.B, law.alpha, law.beta])
    np.testing.assert_allclose(law_of(found), expected, rtol=1e-7)
    assert found.status is Status.CONVERGED and found.at_bound == () and found.warnings == ()


def test_the_objective_is_the_sum_over_runs_at_the_law(fit, runs):
    residual = np.log(runs.loss) - np.log(fit.law.E + fit.law.A / runs.N**fit.law.alpha + fit.law.B / runs.D**fit.law.beta)
    size = np.abs(residual)
    by_hand = np.where(size <= 1e-3, 0.5 * size**2, 1e-3 * (size - 0.5e-3)).sum()
    assert fit.objective == pytest.approx(by_hand, rel=1e-12)
    np.testing.assert_allclose(fit.residuals, residual, atol=1e-13)


def test_the_published_starts_find_no_lower_minimum(fit, runs):
    again = fit_chinchilla(runs.N, runs.D, runs.loss, starts=hoffmann_starts()[::37])
    assert again.objective == pytest.approx(fit.objective, rel=1e-12)
    assert again.n_starts == 122 and 0 < again.share_at_best < 1


def test_a_refit_is_the_fit_with_those_weights(fit, runs):
    counts = np.random.default_rng(0).multinomial(runs.N.size, np.full(runs.N.size, 1 / runs.N.size), size=20)
    again = fit.refit(weights=counts)
    assert again.converged.all()
    for theta, objective, weights in zip(again.thetas, again.objectives, counts, strict=True):
        alone = fit_chinchilla(runs.N, runs.D, runs.loss, weights=weights)
        assert objective == pytest.approx(alone.objective, rel=1e-11)
        np.testing.assert_allclose(theta, alone.theta, rtol=1e-6)


def test_a_refit_to_other_losses_is_the_fit_to_them(fit, runs):
    losses = fit.predicted * np.exp(0.01 * np.random.default_rng(1).standard_normal((5, runs.N.size)))
    again = fit.refit(targets=losses)
    for theta, loss in zip(again.thetas, losses, strict=True):
        np.testing.assert_allclose(theta, fit_chinchilla(runs.N, runs.D, loss).theta, rtol=1e-6)


# ---- derivatives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [True, False], ids=["log", "loss"])
@pytest.mark.parametrize("delta", [0.02, 10.0])
def test_gradient_and_hessian_are_those_of_the_sum(log, delta):
    """Against mpmath, thirty digits; the second derivative by differencing its gradient there."""
    rng = np.random.default_rng(5)
    x, z, weight = rng.normal(size=9), rng.normal(size=9), rng.uniform(0.1, 2, size=9)
    target = rng.normal(size=9) if log else np.exp(rng.normal(size=9))
    theta = np.array([0.3, -0.2, 0.1, 0.4, 0.6])
    mp.mp.dps = 30

    def total(*t):
        out = mp.mpf(0)
        for xi, zi, yi, wi in zip(x, z, target, weight, strict=True):
            predicted = mp.exp(t[0] - t[3] * mp.mpf(xi)) + mp.exp(t[1] - t[4] * mp.mpf(zi)) + mp.exp(t[2])
            r = abs(mp.mpf(yi) - (mp.log(predicted) if log else predicted))
            out += mp.mpf(wi) * (r * r / 2 if r <= delta else delta * (r - mp.mpf(delta) / 2))
        return out

    value, gradient, hessian = evaluate(Problem(x, z, target, weight, log), theta[None], delta)
    point = [mp.mpf(t) for t in theta]
    assert value[0] == pytest.approx(float(total(*point)), rel=1e-14)
    for i in range(5):
        first = [int(k == i) for k in range(5)]
        assert gradient[0, i] == pytest.approx(float(mp.diff(total, tuple(point), tuple(first))), rel=1e-9, abs=1e-9)
        for j in range(5):
            second = [first[k] + int(k == j) for k in range(5)]
            assert hessian[0, i, j] == pytest.approx(float(mp.diff(total, tuple(point), tuple(second))), rel=1e-6, abs=1e-6)


def test_a_slice_of_the_runs_at_a_time_gives_the_same_sums(monkeypatch):
    rng = np.random.default_rng(0)
    x, z, target = rng.normal(size=(3, 500))
    problem = Problem(x, z, target, np.ones(500), True)
    theta = rng.normal(size=(7, 5))
    whole = evaluate(problem, theta, 0.1)
    monkeypatch.setattr(newton, "CELLS", 300)
    for one, other in zip(whole, evaluate(problem, theta, 0.1), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


# ---- the same question asked otherwise ---------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", [Huber(), LeastSquares("loss"), LeastAbsolute()], ids=lambda objective: objective.name)
def test_order_units_and_repetition_change_nothing(runs, objective):
    N, D, loss = runs.N, runs.D, runs.loss
    counts = np.random.default_rng(2).integers(0, 4, N.size)
    whole = fit_chinchilla(N, D, loss, objective=objective)
    order = np.random.default_rng(1).permutation(N.size)
    shuffled = fit_chinchilla(N[order], D[order], loss[order], objective=objective)
    np.testing.assert_allclose(law_of(shuffled), law_of(whole), rtol=1e-10)
    assert shuffled.objective == pytest.approx(whole.objective, rel=1e-12)

    millions = fit_chinchilla(N / 1e6, D / 1e9, loss, objective=objective)
    assert millions.objective == pytest.approx(whole.objective, rel=1e-12)
    np.testing.assert_allclose(millions.theta[2:], whole.theta[2:], rtol=1e-10)
    np.testing.assert_allclose(millions.law.A * 1e6**millions.law.alpha, whole.law.A, rtol=1e-10)

    weighted = fit_chinchilla(N, D, loss, weights=counts, objective=objective)
    repeated = fit_chinchilla(*(np.repeat(column, counts) for column in (N, D, loss)), objective=objective)
    np.testing.assert_allclose(law_of(weighted), law_of(repeated), rtol=1e-10)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-12)


@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=6)
def test_a_loss_in_other_units_scales_the_law(scale):
    runs = planted_runs(BESIROGLU_2024, sizes=5, noise=0.02, seed=4)
    one = fit_chinchilla(runs.N, runs.D, runs.loss)
    other = fit_chinchilla(runs.N, runs.D, runs.loss * scale)
    np.testing.assert_allclose(
        [other.law.E, other.law.A, other.law.B], [scale * v for v in (one.law.E, one.law.A, one.law.B)], rtol=1e-8
    )


# ---- at a minimum, and at the lowest -----------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_no_step_in_any_direction_lowers_the_sum(runs, objective):
    found = fit_chinchilla(runs.N, runs.D, runs.loss, objective=objective)
    assert found.status is Status.CONVERGED
    x, z = np.log(runs.N), np.log(runs.D)
    rng = np.random.default_rng(0)

    def total(theta):  # with levels at the mean run, so that a random step is not nearly all level
        a, b = theta[0] - theta[3] * (x - x.mean()), theta[1] - theta[4] * (z - z.mean())
        predicted = np.exp(a) + np.exp(b) + np.exp(theta[2])
        residual = np.log(runs.loss / predicted) if objective.space == "log" else runs.loss - predicted
        return objective.value(residual).sum()

    centred = found.theta - [found.theta[3] * x.mean(), found.theta[4] * z.mean(), 0, 0, 0] * np.array([1, 1, 0, 0, 0])
    assert total(centred) == pytest.approx(found.objective, rel=1e-11)
    for size in (1e-2, 1e-4, 1e-6):
        for step in rng.standard_normal((40, 5)):
            assert total(centred + size * step) >= found.objective * (1 - 1e-12)


def random_runs(seed):
    """Runs of any kind: few or many, on lines, grids or anywhere, with little or much noise, some with outliers."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([8, 12, 20, 40, 120]))
    low, span = rng.uniform(np.log(1e3), np.log(1e9)), rng.uniform(1.5, 9)
    x = low + span * rng.random(n)
    z = low + 3 + span * rng.random(n) if rng.random() < 0.5 else 2 * low + 20 + 2 * rng.integers(5, size=n) - x
    alpha, beta = rng.uniform(0.1, 0.9, 2)
    a, b = rng.uniform(-2, 1.5, 2)
    loss = rng.choice([0.0, 0.2, 1.0, 2.0]) + np.exp(a - alpha * (x - x.mean())) + np.exp(b - beta * (z - z.mean()))
    error = 10 ** rng.uniform(-3.5, -1) * rng.standard_normal(n)
    if rng.random() < 0.3:
        error[rng.random(n) < 0.1] += rng.choice([-1.0, 1.0])
    return np.exp(x), np.exp(z), loss * np.exp(error)


def check_default_starts(seeds, objective, every):
    for seed in seeds:
        N, D, loss = random_runs(seed)
        found = fit_chinchilla(N, D, loss, objective=objective)
        grid = fit_chinchilla(N, D, loss, objective=objective, starts=hoffmann_starts()[seed % every :: every])
        assert found.objective <= grid.objective * (1 + 1e-12) + 1e-25, (seed, found.objective / grid.objective - 1)


@pytest.mark.parametrize("objective", [Huber(), LeastSquares()], ids=lambda objective: objective.name)
def test_the_default_starts_end_no_higher_than_the_published_grid(objective):
    check_default_starts(range(6), objective, every=45)


@pytest.mark.long
@pytest.mark.parametrize("objective", [Huber(), LeastSquares(), Huber(1e-3, "loss")], ids=lambda objective: objective.name)
def test_the_default_starts_end_no_higher_than_the_published_grid_on_hundreds_of_sets(objective):
    check_default_starts(range(100, 200), objective, every=9)


# ---- data that do not determine a law ----------------------------------------------------------------------------------


def noisy(loss, seed=0):
    return loss * np.exp(0.01 * np.random.default_rng(seed).standard_normal(np.size(loss)))


@pytest.mark.parametrize(
    ("N", "D", "said"),
    [
        (np.full(30, 1e9), np.geomspace(1e9, 1e12, 30), "all runs have one N"),
        (np.geomspace(1e7, 1e10, 30), np.full(30, 1e10), "all runs have one D"),
        (np.geomspace(1e7, 1e10, 30), 20 * np.geomspace(1e7, 1e10, 30), "one D / N"),
        (np.geomspace(1e7, 1e10, 30), np.geomspace(1e7, 1e10, 30) ** 1.2, "same power of N"),
    ],
)
def test_runs_on_a_line_do_not_identify_a_law_and_the_fit_says_why(N, D, said):
    found = fit_chinchilla(N, D, noisy(BESIROGLU_2024.loss(N, D)))
    assert found.status is Status.NOT_IDENTIFIED
    assert any(said in warning for warning in found.warnings)


def test_one_budget_identifies_the_law_only_by_its_curvature():
    one = planted_runs(BESIROGLU_2024, [1e20], 30, noise=0.0)
    found = fit_chinchilla(one.N, one.D, one.loss)
    many = planted_runs(BESIROGLU_2024, noise=0.0)
    assert found.law.alpha == pytest.approx(BESIROGLU_2024.alpha, rel=1e-6)
    assert found.condition > 100 * fit_chinchilla(many.N, many.D, many.loss).condition


def test_a_law_without_irreducible_loss_ends_at_the_bound_of_E():
    runs = planted_runs(ChinchillaLaw(E=0, A=30, B=40, alpha=0.15, beta=0.15), noise=0.01, seed=2, sizes=20)
    found = fit_chinchilla(runs.N, runs.D, runs.loss)
    assert found.status is Status.AT_BOUND and found.at_bound == ("E",) and found.law.E == 0
    assert found.law_at(found.theta) == found.law
    # Any E above 0 does worse.
    for share in (1e-6, 1e-3):
        E = share * runs.loss.min()
        predicted = E + found.law.loss(runs.N, runs.D)
        assert Huber().value(np.log(runs.loss / predicted)).sum() > found.objective


def test_losses_that_do_not_depend_on_size_end_at_the_bound_of_A():
    D = np.geomspace(1e8, 1e12, 40)
    N = np.random.default_rng(0).permutation(np.geomspace(1e6, 1e10, 40))
    found = fit_chinchilla(N, D, 1.5 + (D / 1e10) ** -0.3)
    assert found.at_bound == ("A",) and "alpha means nothing" in found.warnings[0]
    assert found.law.beta == pytest.approx(0.3, rel=1e-6) and pytest.approx(1.5, rel=1e-6) == found.law.E


def test_one_loss_for_all_runs_is_all_irreducible():
    runs = planted_runs(BESIROGLU_2024)
    found = fit_chinchilla(runs.N, runs.D, np.full(runs.N.size, 2.0))
    assert found.at_bound == ("A", "B") and pytest.approx(2.0, rel=1e-12) == found.law.E


def test_losses_that_rise_with_size_and_text_have_no_falling_term():
    runs = planted_runs(BESIROGLU_2024)
    found = fit_chinchilla(runs.N, runs.D, (runs.N / 1e9) ** 0.1 * (runs.D / 1e10) ** 0.2)
    assert found.at_bound == ("A", "B") and found.status is Status.AT_BOUND


def test_an_outlier_moves_least_squares_and_hardly_the_huber_fit(fit, runs):
    loss = runs.loss.copy()
    loss[7] *= 20
    robust = fit_chinchilla(runs.N, runs.D, loss)
    squares = fit_chinchilla(runs.N, runs.D, loss, objective=LeastSquares())
    assert abs(robust.law.alpha - fit.law.alpha) < 0.01 < 0.1 < abs(squares.law.alpha - fit.law.alpha)


def test_zero_weights_leave_runs_out_and_extreme_ones_leave_a_fit(fit, runs):
    half = (np.arange(runs.N.size) % 2).astype(float)
    out = fit_chinchilla(runs.N, runs.D, runs.loss, weights=half)
    alone = fit_chinchilla(*(column[half > 0] for column in (runs.N, runs.D, runs.loss)))
    np.testing.assert_allclose(law_of(out), law_of(alone), rtol=1e-10)
    assert out.refit(weights=np.ones((1, runs.N.size))).objectives[0] == pytest.approx(fit.objective, rel=1e-11)
    for size in (1e-300, 1e300):
        again = fit_chinchilla(runs.N, runs.D, runs.loss, weights=np.full(runs.N.size, size))
        np.testing.assert_allclose(law_of(again), law_of(fit), rtol=1e-10)
        assert again.objective == pytest.approx(size * fit.objective, rel=1e-12)
        assert again.refit(weights=np.full((1, runs.N.size), size)).objectives[0] == pytest.approx(again.objective, rel=1e-11)


def test_many_runs_need_no_more_than_a_few_slices_of_memory():
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log([1e6, 1e8]), np.log([1e10, 1e12]), (200_000, 2))).T
    loss = noisy(BESIROGLU_2024.loss(N, D))
    tracemalloc.start()
    found = fit_chinchilla(N, D, loss)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.law.alpha == pytest.approx(BESIROGLU_2024.alpha, rel=0.01)
    assert peak < 60 * N.nbytes  # an information matrix per run, or a start, would be hundreds


# ---- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"N": ["a"] * 60}, TypeError, "N must be"),
        ({"N": [True] * 60}, TypeError, "N must be"),
        ({"D": -1.0}, ValueError, "D = -1"),
        ({"D": 0.0}, ValueError, "D = 0"),
        ({"loss": np.nan}, ValueError, "loss = nan"),
        ({"loss": np.inf}, ValueError, "loss = inf"),
        ({"N": 1e40}, ValueError, "beyond 1e"),
        ({"N": 10**40}, ValueError, "beyond 1e"),
        ({"N": np.ones((60, 1))}, ValueError, "shape"),
        ({"N": np.ones(59)}, ValueError, "lengths differ"),
        ({"N": 1e9, "D": 1e9}, ValueError, "different"),
        ({"weights": -1.0}, ValueError, "weights = -1"),
        ({"weights": 0.0}, ValueError, "no run has a positive weight"),
        ({"weights": ["x"] * 60}, TypeError, "weights"),
        ({"starts": [[1.0, 2.0]]}, ValueError, "starts has shape"),
        ({"starts": [[np.nan] * 5]}, ValueError, "row 0 is not finite"),
        ({"starts": "all"}, TypeError, "starts"),
        ({"objective": "huber"}, TypeError, "objective"),
        ({"delta": 0.0}, ValueError, "delta = 0"),
    ],
)
def test_what_cannot_be_fitted_is_named_and_refused(change, error, said):
    runs = planted_runs(BESIROGLU_2024)
    given = {"N": runs.N, "D": runs.D, "loss": runs.loss}
    for name, value in change.items():
        column = name in ("N", "D", "loss", "weights") and np.ndim(value) == 0
        given[name] = [value] * 60 if column else value
    with pytest.raises(error, match=said):
        fit_chinchilla(**given)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "weights, targets or both"),
        ({"weights": np.ones((2, 3))}, "give .S, 120."),
        ({"weights": np.ones(120)}, "give .S, 120."),
        ({"weights": np.zeros((2, 120))}, "no run has"),
        ({"targets": -np.ones((2, 120))}, "targets = -1"),
        ({"targets": np.ones((2, 120)), "weights": np.ones((3, 120))}, "as many of each"),
    ],
)
def test_a_refit_that_makes_no_sense_is_refused(fit, change, said):
    with pytest.raises(ValueError, match=said):
        fit.refit(**change)


positive_numbers = st.floats(1e-3, 1e12)


@given(
    rows=st.lists(st.tuples(positive_numbers, positive_numbers, st.floats(1e-6, 1e3), st.floats(0, 1e6)), min_size=1, max_size=12)
)
@settings(max_examples=25)
def test_any_positive_numbers_give_a_finite_fit_or_a_reason(rows):
    N, D, loss, weights = (np.array(column) for column in zip(*rows, strict=True))
    try:
        found = fit_chinchilla(N, D, loss, weights=weights)
    except ValueError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert "weight" in reason
        return
    assert np.isfinite(found.theta).all() and np.isfinite(found.objective) and found.objective >= 0
    assert np.isfinite(found.predicted).all()
    by_hand = (weights * Huber().value(found.residuals)).sum()
    assert by_hand == pytest.approx(found.objective, rel=1e-6, abs=1e-12 * weights.sum())


def test_the_objective_is_the_sum_even_where_a_prediction_is_off_by_hundreds_of_powers_of_e():
    N = np.array([1.7e4, 1e12, 2.4e6, 2.8e9, 1.0, 1e-3, 0.17, 5.7e5, 0.08])
    D = np.array([2.6e11, 3e6, 1.4e11, 0.66, 8.4e9, 1e-3, 1e12, 1e12, 2.4e10])
    loss = np.array([3.9e-4, 2.0, 2e-4, 7.6e-5, 845.0, 2.1e-3, 7.2e-4, 1.0, 8.9e-3])
    weights = np.array([1.0, 1e-3, 1.0, 1e-3, 1e6, 1e-3, 1e-3, 1.0, 1e6])
    found = fit_chinchilla(N, D, loss, weights=weights)
    assert np.abs(found.residuals).max() > 300
    assert (weights * Huber().value(found.residuals)).sum() == pytest.approx(found.objective, rel=1e-9)


# ---- absolute values, whose slope jumps --------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["log", "loss"])
def test_least_absolute_deviation_ends_where_some_slope_is_zero(runs, space):
    """At the minimum of a sum of kinks some runs are met exactly, and pull with at most their weight to balance the rest."""
    found = fit_chinchilla(runs.N, runs.D, runs.loss, objective=LeastAbsolute(space))
    met = np.abs(found.residuals) < 1e-12
    assert 3 <= met.sum() <= 5
    assert found.status is Status.CONVERGED and found.grad_norm < 1e-6
    # Independent of the solver: the derivatives of the law, and pulls of the runs on kinks by least squares.
    law = found.law
    a, b = law.A / runs.N**law.alpha, law.B / runs.D**law.beta
    slopes = np.stack([a, b, np.full(a.size, law.E), -a * np.log(runs.N), -b * np.log(runs.D)])
    if space == "log":
        slopes /= found.predicted
    others = (slopes * np.sign(found.residuals))[:, ~met].sum(axis=1)
    pulls, *_ = np.linalg.lstsq(slopes[:, met], -others, rcond=None)
    assert np.abs(pulls).max() <= 1 + 1e-6
    np.testing.assert_allclose(slopes[:, met] @ pulls, -others, atol=1e-6 * np.abs(slopes).sum(axis=1).max())


def test_a_refit_by_absolute_values_is_as_low_as_the_fit(runs):
    fit = fit_chinchilla(runs.N, runs.D, runs.loss, objective=LeastAbsolute())
    counts = np.random.default_rng(4).multinomial(runs.N.size, np.full(runs.N.size, 1 / runs.N.size), size=6)
    again = fit.refit(weights=counts)
    for objective, weights in zip(again.objectives, counts, strict=True):
        alone = fit_chinchilla(runs.N, runs.D, runs.loss, weights=weights, objective=LeastAbsolute())
        assert objective == pytest.approx(alone.objective, rel=1e-7)


def test_a_term_that_only_sets_the_smallest_models_apart_ends_at_the_steepest_exponent():
    N, D = np.repeat([1e7, 2e8, 3e9], 12), np.tile(np.geomspace(1e9, 1e12, 12), 3)
    found = fit_chinchilla(N, D, 1.5 + 0.5 * (N == 1e7) + (D / 1e9) ** -0.3, objective=LeastSquares())
    assert "alpha" in found.at_bound and found.status is Status.AT_BOUND
    np.testing.assert_allclose(found.predicted, found.data["loss"], rtol=1e-6)
