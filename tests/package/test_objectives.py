"""Objectives and planted runs: derivatives that are derivatives, limits, and data that follow their law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers.fitting import Huber, LeastAbsolute, LeastSquares, Objective, planted_runs
from scaling_helpers.laws import BESIROGLU_2024

OBJECTIVES = [Huber(), Huber(0.3, space="loss"), LeastSquares(), LeastAbsolute("loss")]
residuals = st.floats(-10, 10).filter(lambda r: abs(r) > 1e-4)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
@given(r=residuals)
def test_psi_is_the_derivative_of_the_value_and_curvature_that_of_psi(objective, r):
    h = 1e-6
    kinks = [objective.delta, -objective.delta] if isinstance(objective, Huber) else [0.0]
    if min(abs(r - kink) for kink in kinks) < 2 * h:
        return
    low, high = objective.value([r - h, r + h])
    assert (high - low) / (2 * h) == pytest.approx(objective.psi(r), rel=1e-5, abs=1e-9)
    low, high = objective.psi([r - h, r + h])
    assert (high - low) / (2 * h) == pytest.approx(objective.curvature(r), rel=1e-6, abs=1e-9)


@given(r=residuals)
def test_huber_lies_between_squares_and_absolute_values(r):
    narrow, wide = Huber(1e-8).value(r) / 1e-8, Huber(100.0).value(r)
    assert narrow == pytest.approx(abs(r), abs=1e-8)
    assert wide == pytest.approx(LeastSquares().value(r) / 2, rel=1e-14)


def test_every_objective_says_what_it_is():
    assert all(isinstance(objective, Objective) for objective in OBJECTIVES)
    assert [objective.name for objective in OBJECTIVES] == [
        "Huber(0.001) on log loss, summed",
        "Huber(0.3) on loss, summed",
        "least squares on log loss, summed",
        "least absolute deviation on loss, summed",
    ]


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan, np.inf])
def test_a_delta_that_is_no_width_is_refused(delta):
    with pytest.raises(ValueError, match="delta ="):
        Huber(delta)


@pytest.mark.parametrize("delta", ["1e-3", True, None])
def test_a_delta_that_is_no_number_is_refused(delta):
    with pytest.raises(TypeError, match="delta"):
        Huber(delta)


@pytest.mark.parametrize("kind", [Huber, LeastSquares, LeastAbsolute])
def test_an_unknown_space_is_refused(kind):
    with pytest.raises(ValueError, match="'logarithmic'"):
        kind(space="logarithmic")


def test_planted_runs_follow_their_law_and_stay_on_their_budgets():
    runs = planted_runs(BESIROGLU_2024, budgets=[1e19, 1e21], sizes=9, noise=0.02, seed=3)
    np.testing.assert_allclose(6 * runs.N * runs.D, runs.budget, rtol=1e-12)
    error = np.log(runs.loss / BESIROGLU_2024.loss(runs.N, runs.D))
    assert 0.01 < error.std() < 0.04
    assert runs.loss.tolist() == planted_runs(BESIROGLU_2024, [1e19, 1e21], 9, 0.02, 3).loss.tolist()


def test_seeds_of_one_run_share_its_error():
    runs = planted_runs(BESIROGLU_2024, seeds_per_run=4, noise=0.05, seed_noise=0.001, seed=1)
    error = np.log(runs.loss / BESIROGLU_2024.loss(runs.N, runs.D)).reshape(-1, 4)
    assert error.std(axis=1).max() < 0.01 < error.mean(axis=1).std()
    assert (runs.run.reshape(-1, 4) == runs.run[::4, None]).all()
    assert set(runs.columns()) == {"N", "D", "loss", "run", "budget"}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"noise": -0.1}, ValueError, "noise"),
        ({"noise": "much"}, TypeError, "noise"),
        ({"spread": 0.5}, ValueError, "spread"),
        ({"sizes": 0}, ValueError, "sizes"),
        ({"sizes": 2.5}, TypeError, "sizes"),
        ({"sizes": [1e8, -1e9]}, ValueError, "N = -1e"),
        ({"budgets": [20.0]}, ValueError, "C = 20"),
        ({"seeds_per_run": 0}, ValueError, "seeds_per_run"),
        ({"seed_noise": np.nan}, ValueError, "seed_noise"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change, error, said):
    with pytest.raises(error, match=said):
        planted_runs(BESIROGLU_2024, **change)
