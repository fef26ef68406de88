"""Approach 1: the lower envelope of planted runs, what it can tell, and what its staircase hides."""

import numpy as np
import pytest

from scaling_helpers.fitting import Status, fit_envelope
from scaling_helpers.laws import ChinchillaLaw

LAW = ChinchillaLaw(E=1.7, A=400.0, B=1100.0, alpha=0.34, beta=0.3)
EXPONENT = LAW.beta / (LAW.alpha + LAW.beta)


def curves(sizes=25, steps=80, noise=0.0, seed=0):
    """Whole curves: ``sizes`` runs of one size each, ``steps`` losses along every one."""
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(3e7, 3e10, sizes), np.geomspace(1e8, 1e13, steps), indexing="ij"))
    run = np.repeat(np.arange(sizes), steps)
    return {
        "run": run,
        "N": N,
        "D": D,
        "loss": LAW.loss(N, D) * np.exp(noise * np.random.default_rng(seed).standard_normal(N.size)),
    }


def test_a_dense_family_of_curves_gives_the_planted_exponents_and_sizes():
    fit = fit_envelope(**curves(sizes=60))
    assert fit.a == pytest.approx(EXPONENT, abs=0.004) and fit.a + fit.b == pytest.approx(1.0, abs=1e-9)
    best = LAW.optimal(1e22)
    assert (fit.law.best_params(1e22), fit.law.best_tokens(1e22)) == pytest.approx((best.N, best.D), rel=0.03)
    assert len(fit.carriers) > 50 and fit.status is Status.CONVERGED


def test_the_envelope_is_the_lowest_of_all_curves_found_by_looking_at_each():
    runs = curves(sizes=12)
    fit = fit_envelope(**runs)
    for point in fit.points[::10]:
        at = [LAW.loss(N, point.compute / (6 * N)) for N in np.unique(runs["N"])]
        assert point.loss == pytest.approx(min(at), rel=1e-3)
        assert np.unique(runs["N"])[int(np.argmin(at))] == point.N


def test_a_coarse_grid_of_sizes_makes_a_staircase():
    fit = fit_envelope(**curves(sizes=6))
    free = [point.N for point in fit.points if not point.censored]
    assert len(set(free)) == 4 < len(free) / 10
    assert len(fit.carriers) == 6


def test_budgets_that_the_smallest_or_the_largest_size_carries_are_censored():
    fit = fit_envelope(**curves())
    extremes = {3e7, 3e10}
    assert all(point.censored == any(np.isclose(point.N, extreme) for extreme in extremes) for point in fit.points)
    assert any(point.censored for point in fit.points[:3]) and fit.points[-1].censored
    budgets = np.log([point.compute for point in fit.points])
    everything = np.polyfit(budgets, np.log([point.N for point in fit.points]), 1)[0]
    assert abs(everything - EXPONENT) > 3 * abs(fit.a - EXPONENT)


def test_final_points_alone_are_biased_and_scatter_where_curves_are_exact():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        N, D = 10 ** rng.uniform(7.5, 10.5, 300), 10 ** rng.uniform(8.5, 12.5, 300)
        found.append(fit_envelope(np.arange(300), N, D, LAW.loss(N, D), per_decade=4).a)
    assert np.mean(found) == pytest.approx(0.43, abs=0.01) and np.mean(found) < EXPONENT - 0.03
    assert np.std(found) > 3 * abs(fit_envelope(**curves(sizes=60)).a - EXPONENT)


def test_more_compute_that_does_no_good_is_no_part_of_the_envelope():
    fit = fit_envelope(**curves())
    assert np.all(np.diff([point.loss for point in fit.points]) < 0)
    assert np.all(np.diff([point.compute for point in fit.points]) > 0)


def test_text_labels_order_and_units_do_not_matter():
    runs = curves(sizes=15, noise=0.001)
    order = np.random.default_rng(1).permutation(runs["N"].size)
    reference = fit_envelope(**runs)
    shuffled = fit_envelope(**{k: v[order] for k, v in runs.items()})
    assert shuffled.theta == pytest.approx(reference.theta, rel=1e-12)
    named = fit_envelope(**{**runs, "run": np.array([f"run-{k:02d}" for k in runs["run"]])})
    assert named.theta == pytest.approx(reference.theta, rel=1e-12) and named.carriers[0].startswith("run-")
    thousands = fit_envelope(**{**runs, "N": runs["N"] / 1e3}, flop_per_token=lambda N: 6e3 * N)
    assert thousands.a == pytest.approx(reference.a, rel=1e-9)


def test_rows_of_no_weight_are_left_out_and_other_weights_change_nothing():
    runs = curves(sizes=15)
    keep = runs["run"] % 2 == 0
    without = fit_envelope(**runs, weights=keep * 3.0)
    dropped = fit_envelope(**{k: v[keep] for k, v in runs.items()})
    assert without.theta == pytest.approx(dropped.theta, rel=1e-12)


def test_whole_runs_can_be_resampled():
    fit = fit_envelope(**curves(sizes=25, noise=0.001))
    weights = (np.random.default_rng(0).integers(0, 3, 25)[fit.data["run"].astype(int)]).astype(float)
    batch = fit.refit(weights[None])
    one = fit_envelope(**curves(sizes=25, noise=0.001), weights=weights)
    assert fit.law_at(batch.thetas[0]).best_params(1e24) == pytest.approx(one.law.best_params(1e24), rel=1e-9)
    assert batch.objectives[0] == pytest.approx(one.objective, rel=1e-9)
    low, high = fit.bootstrap(60, kind="cluster", clusters=fit.data["run"], seed=0).interval("a", 0.9)
    assert low < EXPONENT < high
    alone = fit.refit((fit.data["run"] == 3).astype(float)[None])
    assert not alone.converged[0] and np.array_equal(alone.thetas[0], fit.theta)
    assert fit.coordinates[1] == "a" and fit.space == "loss" and fit.inputs == ("compute",)


def test_no_row_lies_below_the_envelope_of_smooth_curves():
    fit = fit_envelope(**curves())
    inside = (fit.data["compute"] >= fit.points[0].compute) & (fit.data["compute"] <= fit.points[-1].compute)
    assert fit.residuals[inside].min() > -2e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"N": lambda r: r["N"] * (1 + 0.01 * (np.arange(r["N"].size) % 2))}, "has 2 sizes"),
        ({"loss": lambda r: -r["loss"]}, "positive"),
        ({"run": lambda r: r["run"][:-1]}, "one label per point"),
        ({"D": lambda r: r["D"] * np.nan}, "D = nan"),
        ({"run": lambda r: np.where(r["run"] == 0, np.nan, r["run"])}, "run holds NaN"),
    ],
)
def test_rows_that_make_no_sense_are_refused(change, message):
    runs = curves(sizes=5, steps=10)
    changed = {name: make(runs) for name, make in change.items()}
    with pytest.raises(ValueError, match=message):
        fit_envelope(**{**runs, **changed})


def test_two_sizes_have_no_envelope_between_them():
    with pytest.raises(ValueError, match="neither the smallest nor the largest"):
        fit_envelope(**curves(sizes=2))
    with pytest.raises(ValueError, match="per_decade = 0"):
        fit_envelope(**curves(sizes=5), per_decade=0)
    assert fit_envelope(**curves(sizes=4)).status is Status.UNDETERMINED
