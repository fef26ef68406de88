"""The data-constrained law fitted: planted decay comes back, every valley is found, and what the published runs leave open."""

import csv

import numpy as np
import pytest

from scaling_helpers import facts
from scaling_helpers.fitting import Huber, LeastSquares, Status, UncertaintyWarning, fit_data_constrained, profile
from scaling_helpers.laws import MUENNIGHOFF_2023, ChinchillaLaw, DataConstrainedLaw

DESIGN = np.array([(N, U, epochs) for N in (3e8, 1e9, 3e9, 8e9) for U in (1e9, 4e9, 2e10) for epochs in (1, 2, 4, 16, 60)]).T


def planted(R_D=15.0, R_N=5.0, noise=0.0, seed=0, base=MUENNIGHOFF_2023):
    N, U, epochs = DESIGN
    loss = DataConstrainedLaw(base, R_D, R_N).loss(N, epochs * U, U)
    return N, epochs * U, U, loss * np.exp(noise * np.random.default_rng(seed).standard_t(2, N.size))


def by_hand(N, D, U, loss, R_D, R_N, base=MUENNIGHOFF_2023, delta=1e-3):
    """The objective of Muennighoff et al., written out from their equations."""
    G = (base.alpha * base.A / (base.beta * base.B)) ** (1 / (base.alpha + base.beta))
    matching = (U * G) ** (base.beta / base.alpha) * G
    U_D, U_N = np.minimum(U, D), np.minimum(N, matching)
    D_eff = U_D + U_D * R_D * (1 - np.exp(-(D / U_D - 1) / R_D))
    N_eff = U_N + U_N * R_N * (1 - np.exp(-(N / U_N - 1) / R_N))
    r = np.abs(np.log(loss) - np.log(base.E + base.A / N_eff**base.alpha + base.B / D_eff**base.beta))
    return float(np.sum(np.where(r <= delta, r**2 / 2, delta * (r - delta / 2))))


@pytest.mark.parametrize(("R_D", "R_N"), [(15.0, 5.0), (2.0, 40.0), (60.0, 0.5)])
def test_planted_decay_constants_are_recovered(R_D, R_N):
    fit = fit_data_constrained(*planted(R_D, R_N), base=MUENNIGHOFF_2023, lattice=31)
    assert pytest.approx((R_D, R_N), rel=1e-6) == (fit.law.R_D, fit.law.R_N)
    assert fit.status is Status.CONVERGED and fit.undetermined == ()


def test_all_seven_constants_are_recovered_together():
    base = ChinchillaLaw(E=1.8, A=450.0, B=1800.0, alpha=0.34, beta=0.37)
    fit = fit_data_constrained(*planted(base=base), objective=LeastSquares())
    found = (fit.law.base.E, fit.law.base.A, fit.law.base.B, fit.law.base.alpha, fit.law.base.beta, fit.law.R_D, fit.law.R_N)
    assert found == pytest.approx((1.8, 450.0, 1800.0, 0.34, 0.37, 15.0, 5.0), rel=1e-4)


def test_the_objective_is_that_of_the_paper():
    runs = planted(noise=0.01)
    fit = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=31)
    assert fit.objective == pytest.approx(by_hand(*runs, fit.law.R_D, fit.law.R_N), rel=1e-11)
    assert fit.estimator == "Huber(0.001) on log loss, summed" and fit.grad_norm < 1e-10


def test_no_start_of_a_search_by_others_ends_lower():
    from scipy.optimize import minimize

    runs = planted(noise=0.02, seed=3)
    fit = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=61)
    for start in np.log([[1.0, 1.0], [5.0, 20.0], [15.0, 5.0], [80.0, 1.0], [300.0, 0.3]]):
        found = minimize(
            lambda at: by_hand(*runs, *np.exp(at)), start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-16}
        )
        assert found.fun >= fit.objective * (1 - 1e-10)


def test_every_minimum_that_is_listed_is_one_and_they_come_best_first():
    runs = planted(noise=0.02, seed=3)
    fit = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=61)
    assert np.all(np.diff(fit.minima_objectives) >= 0) and fit.minima_objectives[0] == fit.objective
    around = 1e-4 * np.array([(np.cos(t), np.sin(t)) for t in np.linspace(0, 2 * np.pi, 12)])
    for theta, height in zip(fit.minima, fit.minima_objectives, strict=True):
        assert height == pytest.approx(by_hand(*runs, *np.exp(theta)), rel=1e-10)
        assert all(by_hand(*runs, *np.exp(theta + step)) >= height * (1 - 1e-12) for step in around)


def test_order_of_the_runs_does_not_matter_and_weights_count_as_repeated_rows():
    runs = planted(noise=0.02)
    order = np.random.default_rng(0).permutation(runs[0].size)
    weights = np.arange(runs[0].size) % 3
    reference = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=31)
    shuffled = fit_data_constrained(*(column[order] for column in runs), base=MUENNIGHOFF_2023, lattice=31)
    assert shuffled.objective == pytest.approx(reference.objective, rel=1e-10)
    weighted = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=31, weights=weights)
    repeated = fit_data_constrained(*(np.repeat(column, weights) for column in runs), base=MUENNIGHOFF_2023, lattice=31)
    assert weighted.objective == pytest.approx(repeated.objective, rel=1e-10)


def test_refits_start_from_every_valley_and_are_the_fits_one_by_one():
    runs = planted(noise=0.01)
    fit = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=31)
    weights = np.random.default_rng(5).integers(0, 3, (4, runs[0].size)).astype(float)
    batch = fit.refit(weights)
    for i in range(4):
        one = fit_data_constrained(*runs, base=MUENNIGHOFF_2023, lattice=31, weights=weights[i])
        assert batch.objectives[i] <= one.objective * (1 + 1e-3)
    assert fit.inputs == ("N", "D", "U")


def test_runs_that_hardly_repeat_leave_the_decay_undetermined():
    N, D, U, _ = planted()
    few = D <= 2 * U
    loss = DataConstrainedLaw(MUENNIGHOFF_2023, 15.0, 5.0).loss(N, D, U) * np.exp(
        0.01 * np.random.default_rng(1).standard_normal(N.size)
    )
    fit = fit_data_constrained(N[few], D[few], U[few], loss[few], base=MUENNIGHOFF_2023, lattice=31)
    assert fit.status in (Status.UNDETERMINED, Status.AT_BOUND)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"U": 1e15}, "without repetition"),
        ({"loss": -1.0}, "loss = -1"),
        ({"D": np.nan}, "D = nan"),
        ({"lattice": 2}, "lattice = 2"),
        ({"weights": [1.0]}, "1 entries"),
    ],
)
def test_runs_that_cannot_be_fitted_are_refused(change, message):
    N, D, U, loss = planted()
    table = {"N": N, "D": D, "U": U, "loss": loss} | {k: np.full(N.size, v) for k, v in change.items() if k in ("U", "loss", "D")}
    rest = {k: v for k, v in change.items() if k in ("lattice", "weights")}
    with pytest.raises(ValueError, match=message):
        fit_data_constrained(*table.values(), base=MUENNIGHOFF_2023, **rest)


def test_a_base_that_is_no_law_is_refused():
    with pytest.raises(TypeError, match="base must be a ChinchillaLaw"):
        fit_data_constrained(*planted(), base="chinchilla")


# -- the 182 public runs -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def published_runs(shared_data):
    with (shared_data / "datablations_fit_runs.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == facts.get("results/muennighoff-runs").value
    return tuple(np.array([float(row[name]) for row in rows]) for name in ("params", "tokens", "unique_tokens", "loss"))


@pytest.fixture(scope="module")
def published_fit(published_runs):
    return fit_data_constrained(*published_runs, base=MUENNIGHOFF_2023)


def result(name):
    return facts.get(f"results/muennighoff-{name}").value


def test_the_published_constants_are_near_a_local_minimum_and_not_the_best(published_runs, published_fit):
    at_published = by_hand(*published_runs, result("repeated-tokens"), result("excess-params"))
    assert at_published == pytest.approx(0.015825935, abs=5e-10)
    assert pytest.approx((95.365, 1.7059), rel=1e-4) == (published_fit.law.R_D, published_fit.law.R_N)
    assert published_fit.objective == pytest.approx(0.0158046625, abs=5e-11) and published_fit.objective < at_published
    assert published_fit.grad_norm < 1e-12


def test_the_published_runs_have_five_local_minima_the_highest_beside_the_published_pair(published_fit):
    found = [
        (*np.exp(theta), height) for theta, height in zip(published_fit.minima, published_fit.minima_objectives, strict=True)
    ]
    expected = [
        (95.3652, 1.70590, 0.015804662474),
        (46.9903, 2.32958, 0.015807378572),
        (52.1734, 2.19714, 0.015808335881),
        (160.7097, 1.44871, 0.015811289297),
        (15.3718, 5.31513, 0.015825932069),
    ]
    assert len(found) == 5
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=2e-5)


@pytest.mark.parametrize("which", ["", "low-"])
def test_the_valley_that_the_chapter_describes_is_there(published_fit, which):
    tokens, params, ratio = (result(f"valley/{which}{name}") for name in ("tokens", "params", "objective"))
    held = published_fit.fixed("log_R_D", np.log(tokens))
    assert pytest.approx(params, abs=0.006) == held.law.R_N
    beside_published = published_fit.minima_objectives[-1]
    assert held.objective / beside_published == pytest.approx(ratio, abs=6e-4)


def test_the_published_runs_do_not_determine_how_fast_repetition_loses_value(published_fit):
    assert published_fit.status is Status.UNDETERMINED and published_fit.undetermined == ("log_R_D", "log_R_N")


@pytest.mark.long
def test_no_start_on_a_dense_grid_finds_a_sixth_minimum(published_runs, published_fit):
    from scaling_helpers.fitting.curves import traced
    from scaling_helpers.fitting.traced import Rho, minimise

    N, D, U, loss = published_runs
    along = np.log(np.geomspace(0.05, 2e4, 40))
    starts = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    low, high = np.array(published_fit.form.lower), np.array(published_fit.form.upper)
    program = traced(published_fit.form, "log")
    reached = minimise(
        program, starts, {"N": N, "D": D, "U": U}, np.log(loss), np.ones(N.size), Rho(1e-3), low, high, gradual=False
    )
    gaps = np.abs(reached.thetas[:, None] - published_fit.minima).max(axis=2).min(axis=1)
    assert np.all(gaps[reached.converged] < 1e-3) and reached.converged.mean() > 0.99


def test_all_seven_constants_together_fit_the_published_runs_twice_as_well(published_runs, published_fit):
    joint = fit_data_constrained(*published_runs)
    assert joint.objective < 0.5 * published_fit.objective
    assert "log_R_N" in joint.at_bound


def test_a_wider_huber_loss_moves_the_constants_far(published_runs, published_fit):
    wider = published_fit.under(Huber(0.1))
    assert not np.allclose(wider.theta, published_fit.theta, atol=0.1)


def test_the_profile_in_the_facts_is_that_of_the_published_runs(published_fit):
    rows = {float(row["R_D"]): row for row in facts.table("muennighoff_profile").values()}
    some = [5.0, 15.3878, 60.0, 1000.0]
    with pytest.warns(UncertaintyWarning, match="rule out nothing above"):
        found = profile(published_fit, "R_D", some)
    assert found.threshold == pytest.approx(result("profile/threshold"), abs=5e-4)
    for R_D, rise, theta in zip(found.values, found.statistics, found.thetas, strict=True):
        assert rise == pytest.approx(float(rows[R_D]["rise"]), abs=2e-3)
        assert np.exp(theta[1]) == pytest.approx(float(rows[R_D]["R_N"]), rel=2e-3)
    threshold, low = result("profile/threshold"), result("profile/low")
    assert all((float(row["rise"]) > threshold) == (low > R_D) for R_D, row in rows.items())
