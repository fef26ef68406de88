"""The parametric fit: it finds the law that made the data, ends at a minimum, and says what the data cannot tell."""

import numpy as np
import pytest

from scaling_helpers.fitting import Huber, LeastAbsolute, LeastSquares, Status, fit_chinchilla, hoffmann_starts, planted_runs
from scaling_helpers.laws import BESIROGLU_2024, HOFFMANN_2022

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
