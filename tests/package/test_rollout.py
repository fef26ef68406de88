"""Extrapolation scored on runs that were held out, and what a fit depends on besides chance."""

import numpy as np
import pytest
from straight_line import PowerLaw, fit_line, planted

from scaling_helpers.fitting import (
    Table,
    fit_chinchilla,
    horizons,
    influence,
    leave_one_out,
    planted_runs,
    residual_report,
    rollout,
    scale_groups,
    scale_of,
    subset_sweep,
)
from scaling_helpers.fitting.diagnostics import estimator_sweep
from scaling_helpers.laws import BESIROGLU_2024


def budgets(noise=0.01, per_budget=8, seed=0, bend=0.0):
    """Five levels of size, with a law that bends away from a power law if asked to."""
    stream = np.random.default_rng(seed)
    N = np.repeat(10.0 ** np.arange(7, 12), per_budget)
    curve = PowerLaw(8.0, 0.07).loss(N) * np.exp(bend * np.log10(N / 1e7) ** 2)
    return fit_line(N, curve * np.exp(noise * stream.standard_normal(len(N))))


# -- rollout ---------------------------------------------------------------------------------------
def test_the_held_out_runs_are_foretold_by_the_line_through_the_others():
    fit = planted(40)
    score = rollout(fit, "N", upto=1e9)
    small = fit.data["N"] <= 1e9
    slope, level = np.polyfit(np.log(fit.data["N"][small]), np.log(fit.data["loss"][small]), 1)
    expected = np.exp(level + slope * np.log(fit.data["N"][~small]))
    assert score.predicted == pytest.approx(expected)
    assert score.errors == pytest.approx(expected / fit.data["loss"][~small] - 1)
    assert score.log_rmse == pytest.approx(np.sqrt(np.mean(np.log(expected / fit.data["loss"][~small]) ** 2)))
    assert score.baselines["last value"] > score.log_rmse > 0 and score.skill > 0.5
    assert np.array_equal(score.held, ~small) and score.converged and score.failed == 0
    assert str(score).startswith("fitted up to N = 1e+09, 13 larger runs foretold")


def test_a_share_holds_out_the_largest_runs_and_splits_no_level():
    fit = budgets()
    assert rollout(fit, "N", 0.25).upto == 1e9  # eight of forty runs are 20%, too few; two levels are held out
    assert rollout(fit, "N", 0.2).upto == 1e10
    assert rollout(planted(40), holdout=0.25).held.sum() == 10


def test_prediction_intervals_of_a_true_law_cover_and_those_of_a_false_one_do_not():
    sound = [rollout(budgets(seed=seed), "N", upto=1e9, draws=200).coverage for seed in range(30)]
    assert 0.8 < np.mean(sound) < 0.97
    bent = rollout(budgets(bend=0.01), "N", upto=1e9)
    assert bent.coverage < 0.2
    assert bent.bias < -0.05  # the loss stopped falling as it had: foretold too low
    assert bent.log_rmse > 3 * bent.baselines["all data"]


def test_the_horizon_table_loses_accuracy_with_distance_where_the_law_bends():
    table = horizons(budgets(bend=0.01), "N", draws=100)
    from_three = table["log_rmse"][np.isclose(table["upto"], 1e9)]
    assert np.all(np.diff(from_three) > 0)
    assert table["factor"].max() == pytest.approx(1e4)
    assert np.array_equal(table["converged"], table["upto"] > 2e7)  # one level of eight equal sizes is no line
    assert np.all(table["runs"] == 8)
    assert "coverage" in str(table)


def test_leaving_a_budget_out_foretells_it_from_all_others():
    fit = budgets()
    table = leave_one_out(fit, "N")
    without = fit.data["N"] != 1e11
    line = fit_line(fit.data["N"][without], fit.data["loss"][without])
    assert table["exponent"][-1] == pytest.approx(line.theta[1])
    errors = np.log(line.law.loss(1e11) / fit.data["loss"][~without])
    assert table["log_rmse"][-1] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert len(table) == 5 and table["converged"].all()


def test_runs_of_weight_zero_are_neither_fitted_nor_foretold():
    fit = planted(40)
    odd = fit_line(np.append(fit.data["N"], 1e12), np.append(fit.data["loss"], 99.0), np.append(np.ones(40), 0.0))
    assert rollout(odd, upto=1e9).observed == pytest.approx(rollout(fit, upto=1e9).observed)
    assert len(leave_one_out(odd, "N")) == 40


def test_scales_are_columns_budgets_or_an_array():
    fit = planted(4)
    assert scale_of(fit, "N")[0] == "N"
    assert scale_of(fit, [1, 2, 3, 4])[1].tolist() == [1, 2, 3, 4]
    _, levels, groups = scale_groups(fit, [1e18, 1.02e18, 1e19, 1.04e18])
    assert groups.tolist() == [0, 0, 1, 0] and levels[1] == pytest.approx(1e19)
    for by, message in [("C", "the runs have N, loss"), ([1, 2], "4 numbers"), ([1, 2, 3, -4], "positive"), ("name", "'name'")]:
        with pytest.raises(ValueError, match=message):
            scale_of(fit, by)
    with pytest.raises(ValueError, match="4 numbers"):
        scale_of(fit, ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: rollout(planted(), upto=1e12), "nothing is held out; lower upto"),
        (lambda: rollout(planted(), upto=1e7), "1 runs up to N = 1e\\+07 for 2 parameters"),
        (lambda: rollout(planted(), holdout=0.0), "holdout = 0.0"),
        (lambda: rollout(planted(), holdout=5), "holdout = 5"),
        (lambda: rollout(planted(), level=90), "level = 90"),
        (lambda: rollout(planted(), draws=0), "draws = 0"),
        (lambda: horizons(fit_line([1e8] * 4 + [1e9], [2, 2.1, 2, 2.1, 1.8]), "loss"), "leave nothing to foretell"),
        (lambda: horizons(planted(), "N", draws=2.5), "draws = 2.5"),
        (lambda: leave_one_out(planted(), np.full(40, 1e20)), "one level of scale only"),
        (lambda: influence(planted(), np.full(40, 1e20)), "one level of scale only"),
        (lambda: influence(planted(), "run", names=["a"]), "1 names for 40 runs"),
        (lambda: influence(planted(), "N", ["alpha"]), "known are exponent"),
        (lambda: subset_sweep(planted(), "N", keep="middle"), "keep = 'middle'"),
        (lambda: subset_sweep(fit_line([1e8, 1e9], [2.0, 1.8]), "N"), "no subset has more runs"),
        (lambda: residual_report(planted(7)), "7 runs"),
        (lambda: residual_report(planted(), threshold=0), "threshold = 0"),
        (lambda: residual_report(planted(), names=["a"]), "1 names for 40 runs"),
        (lambda: residual_report(planted(noise=0.0)), "the runs lie on the law"),
        (lambda: estimator_sweep(planted(), []), "criteria is empty"),
        (lambda: Table({"a": [1], "b": [1, 2]}), "differ in length"),
        (lambda: Table({"a": [1]})["b"], "no column 'b'; there are a"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


# -- diagnostics -----------------------------------------------------------------------------------
def test_residuals_of_a_true_law_show_nothing():
    report = residual_report(planted(200, seed=2))
    assert report.spread == pytest.approx(0.02, rel=0.2)
    assert len(report.outliers) == 0 and report.normality_p > 0.01
    assert min(report.trends["level_p"][0], report.trends["noise_p"][0], report.trends["bend_p"][0]) > 0.01
    assert "no outliers" in str(report)


def test_a_bend_a_changing_noise_and_a_heavy_tail_are_each_seen():
    assert residual_report(budgets(bend=0.006)).trends["bend_p"][0] < 1e-6
    stream, N = np.random.default_rng(0), np.geomspace(1e7, 1e10, 300)
    growing = fit_line(N, PowerLaw(8, 0.07).loss(N) * np.exp(np.linspace(0.001, 0.05, 300) * stream.standard_normal(300)))
    assert residual_report(growing).trends["noise_p"][0] < 1e-6
    heavy = fit_line(N, PowerLaw(8, 0.07).loss(N) * np.exp(0.01 * stream.standard_t(2, 300)))
    report = residual_report(heavy)
    assert report.normality_p < 1e-6 and report.excess_kurtosis > 3 and len(report.outliers) > 0


def test_a_planted_outlier_is_called_by_its_name():
    N, loss = planted().data["N"], planted().data["loss"].copy()
    loss[17] *= 1.3
    report = residual_report(fit_line(N, loss), names=[f"run-{i}" for i in range(40)])
    assert report.outliers["name"].tolist() == ["run-17"] and report.outliers["standard_deviations"][0] > 4
    assert "run-17" in str(report)
    worst = influence(fit_line(N, loss), "run", names=[f"run-{i}" for i in range(40)])
    assert worst["run"][0] == "run-17"


def test_groups_of_the_report_are_the_levels():
    report = residual_report(budgets())
    assert report.groups["N"] == pytest.approx(10.0 ** np.arange(7, 12)) and report.groups["runs"].tolist() == [8] * 5
    assert report.groups["mean"] == pytest.approx([0.0] * 5, abs=0.01)
    by_loss = residual_report(budgets(), by=["N"], group_by="loss")
    assert "loss" in by_loss.groups.columns
    assert np.isnan(residual_report(budgets(), by=[np.full(40, 3.0)]).trends["level"][0])


def test_influence_is_the_change_without_a_budget():
    fit = budgets()
    table = influence(fit, "N", ["exponent", "loss"], N=1e12)
    left = {row["N"]: row for row in table}
    line = fit_line(fit.data["N"][8:], fit.data["loss"][8:])
    first = min(left)
    assert left[first]["exponent"] == pytest.approx(line.theta[1])
    assert left[first]["exponent change"] == pytest.approx(line.theta[1] - fit.theta[1])
    assert left[first]["loss"] == pytest.approx(line.law.loss(1e12))
    assert np.all(np.diff(np.abs(table["exponent change"])) <= 0)


def test_a_false_law_drifts_as_small_runs_are_dropped_and_a_true_one_does_not():
    drifting = subset_sweep(budgets(noise=1e-4, bend=0.004), "N", ["exponent"])
    assert drifting["converged"].tolist() == [True] * 4 + [False]  # one size alone is no line
    assert np.all(np.diff(drifting["exponent"][:4]) < 0)
    steady = subset_sweep(budgets(noise=1e-4), "N", ["exponent"], keep="smallest")
    assert np.ptp(steady["exponent"][:4]) < 1e-4
    assert steady["upto"][0] > steady["upto"][-1] and steady["runs"].tolist() == [40, 32, 24, 16, 8]


def test_a_fit_with_one_criterion_says_so():
    with pytest.raises(NotImplementedError, match="one criterion only"):
        estimator_sweep(planted(), ["least squares"])


def test_the_estimator_moves_the_exponents_and_the_sweep_says_by_how_much():
    runs = planted_runs(BESIROGLU_2024, (1e18, 1e19, 1e20, 1e21), 8, noise=0.02, seed=1)
    fit = fit_chinchilla(runs.N, runs.D, runs.loss)
    table = estimator_sweep(fit, quantities=["alpha", "optimal.N"], C=1e23)
    assert len(table) == 8 and set(table["status"]) == {"CONVERGED"}
    assert table["alpha"][1] == pytest.approx(fit.law.alpha, rel=1e-9)  # the second is the fit's own
    assert table["alpha"][3] == pytest.approx(table["alpha"][4], rel=1e-6)  # a delta above all residuals is least squares
    assert np.ptp(table["alpha"]) > 0.005
    assert table["optimal.N"][1] == pytest.approx(fit.law.optimal(1e23).N, rel=1e-9)
