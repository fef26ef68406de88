"""The spread of a fit: against answers that are known exactly, and against every way to ask wrongly."""

import itertools
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from straight_line import PowerLaw, fit_line, planted

from scaling_helpers.fitting import (
    Huber,
    LeastSquares,
    bootstrap_many,
    fit_chinchilla,
    fit_data_constrained,
    fit_growth,
    map_fits,
    planted_runs,
)
from scaling_helpers.fitting.bootstrap import KINDS, METHODS, UncertaintyWarning, bootstrap
from scaling_helpers.laws import BESIROGLU_2024, MUENNIGHOFF_2023, DataConstrainedLaw

FIT = planted()
BOOT = FIT.bootstrap(4000)


def design(fit):
    return np.stack([np.ones_like(fit.data["N"]), -np.log(fit.data["N"])], axis=1)


# -- known answers ---------------------------------------------------------------------------------
def test_every_draw_of_pairs_is_the_line_through_some_multiset_of_the_points():
    N, loss = np.array([1e7, 1e8, 1e9, 1e10]), np.array([2.6, 2.1, 1.9, 1.7])
    lines = []
    for chosen in itertools.combinations_with_replacement(range(4), 4):
        if len(set(chosen)) > 1:
            slope, level = np.polyfit(-np.log(N[list(chosen)]), np.log(loss[list(chosen)]), 1)
            lines.append([level, slope])
    with pytest.warns(UncertaintyWarning, match="did not converge"):  # four times the same point is no line
        boot = fit_line(N, loss).bootstrap(300)
    for theta in boot.draws[boot.converged]:
        assert np.min(np.abs(np.array(lines) - theta).sum(axis=1)) < 1e-9
    assert boot.failed == np.sum(~boot.converged) > 0


def test_the_residual_bootstrap_of_a_line_has_the_textbook_standard_errors():
    X, s2 = design(FIT), np.sum(FIT.residuals**2) / (40 - 2)
    textbook = np.sqrt(np.diag(s2 * np.linalg.inv(X.T @ X)))
    assert np.std(FIT.bootstrap(8000, kind="residual").draws, axis=0) == pytest.approx(textbook, rel=0.03)


@pytest.mark.parametrize("kind", ["pairs", "wild"])
def test_pairs_and_wild_have_the_standard_errors_of_the_sandwich(kind):
    rough = planted(200, seed=3)
    louder = fit_line(rough.data["N"], rough.predicted * np.exp(rough.residuals * np.linspace(0.1, 3, 200)))
    X, bread = design(louder), np.linalg.inv(design(louder).T @ design(louder))
    # The wild bootstrap is that of HC3: each residual over one less its leverage.
    residuals = louder.residuals / (1 - np.sum(X @ bread * X, axis=1) if kind == "wild" else 1)
    sandwich = np.sqrt(np.diag(bread @ (X.T * residuals**2) @ X @ bread))
    assert np.std(louder.bootstrap(8000, kind=kind).draws, axis=0) == pytest.approx(sandwich, rel=0.03)


def test_cluster_standard_errors_know_that_the_points_of_a_run_move_together():
    stream = np.random.default_rng(1)
    N = np.repeat(np.geomspace(1e7, 1e10, 30), 6)
    runs = np.repeat(np.arange(30), 6)
    together = 0.02 * stream.standard_normal(30)[runs]
    fit = fit_line(N, PowerLaw(8.0, 0.07).loss(N) * np.exp(together + 0.002 * stream.standard_normal(180)))
    by_point, by_run = fit.bootstrap(2000), fit.bootstrap(2000, kind="cluster", clusters=runs)
    once_each = fit_line(N[::6], fit.data["loss"][::6])
    truth = once_each.bootstrap(2000).standard_error("exponent")
    assert by_run.standard_error("exponent") == pytest.approx(truth, rel=0.15)
    assert by_point.standard_error("exponent") < 0.5 * truth
    signs_by_run = fit.bootstrap(2000, kind="wild", clusters=[f"run {run}" for run in runs])
    assert signs_by_run.standard_error("exponent") == pytest.approx(truth, rel=0.2)


def test_a_cluster_of_one_point_each_is_the_pairs_bootstrap():
    assert np.array_equal(FIT.bootstrap(50, kind="cluster", clusters=range(40)).draws, FIT.bootstrap(50).draws)


def test_a_weight_of_zero_takes_a_point_out_of_the_bootstrap():
    N, loss = FIT.data["N"], FIT.data["loss"]
    with_outlier = fit_line(np.append(N, 1e8), np.append(loss, 50.0), np.append(np.ones(40), 0.0))
    assert with_outlier.theta == pytest.approx(FIT.theta)
    for kind in ("pairs", "wild"):
        assert with_outlier.bootstrap(2000, kind=kind).standard_error("exponent") < 0.002


# -- seeds and workers -----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS[:3])
def test_the_same_seed_gives_the_same_draws_and_fewer_draws_are_the_first_of_them(kind):
    many = FIT.bootstrap(1100, kind=kind, seed=7)
    assert np.array_equal(many.draws, FIT.bootstrap(1100, kind=kind, seed=7).draws)
    assert many.draws[:730] == pytest.approx(FIT.bootstrap(730, kind=kind, seed=7).draws, rel=1e-12)
    assert not np.any(many.draws == FIT.bootstrap(1100, kind=kind, seed=8).draws)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_two_workers_give_the_numbers_of_one(backend):
    alone = FIT.bootstrap(1200, kind="wild", seed=2)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert np.array_equal(FIT.bootstrap(1200, kind="wild", seed=2).draws, alone.draws)
        both = bootstrap_many([FIT, planted(seed=5)], 700, seed=2)
    assert np.array_equal(both[0].draws, FIT.bootstrap(700, seed=2).draws)
    assert np.array_equal(both[1].draws, planted(seed=5).bootstrap(700, seed=2).draws)


def test_map_fits_keeps_the_order_and_passes_errors_on():
    assert map_fits(abs, [-3, 2, -1], n_jobs=2) == [3, 2, 1]
    with pytest.raises(ZeroDivisionError):
        map_fits(divmod, [(1, 1), (1, 0)])
    with pytest.raises(TypeError, match="callable"):
        map_fits(3, [1])
    with pytest.raises(ValueError, match="n_jobs = 0"):
        map_fits(abs, [1], n_jobs=0)
    with pytest.raises(ValueError, match="empty"):
        bootstrap_many([])
    with pytest.raises(ValueError, match="1 sets of cluster labels for 2 fits"):
        bootstrap_many([FIT, FIT], 10, kind="cluster", clusters=[range(40)])


# -- quantities ------------------------------------------------------------------------------------
def test_a_quantity_is_that_of_each_draws_law():
    expected = [BOOT.law(i).loss(3e11) for i in range(len(BOOT))]
    assert BOOT.values("loss", N=3e11) == pytest.approx(expected, rel=1e-12)
    assert BOOT.values(lambda law: float(law.loss(3e11))) == pytest.approx(expected, rel=1e-12)
    assert BOOT.values("exponent") == pytest.approx(BOOT.draws[:, 1])
    assert BOOT.values("log_scale") == pytest.approx(BOOT.draws[:, 0])


def test_arrays_give_bands_place_by_place():
    sizes = np.geomspace(1e10, 1e12, 3)
    band = BOOT.interval("loss", N=sizes)
    for i, size in enumerate(sizes):
        one = BOOT.interval("loss", N=size)
        assert (band.low[i], band.high[i]) == pytest.approx((one.low, one.high))
    assert band.low.shape == band.estimate.shape == (3,)
    assert "3 places" in str(band)


def test_a_draw_without_an_answer_is_counted_and_named_not_dropped():
    small = planted(5, noise=0.3).bootstrap(200)
    lowest = float(np.median(small.values("scale")))
    small = replace(small, fit=fit_line(small.fit.data["N"], 3.0 * small.fit.data["loss"]))
    missing = int(np.sum(small.values("scale") < lowest))
    assert np.sum(np.isnan(small.values("size_for", loss=lowest))) == missing > 0
    with pytest.raises(ValueError, match=rf"{missing} of 200 draws have no answer.*undefined=np.inf"):
        small.interval("size_for", loss=lowest)
    assert small.interval("size_for", undefined=np.inf, loss=lowest).high == np.inf
    assert small.interval("size_for", undefined=0.0, loss=lowest).low == 0.0


def test_the_interval_says_what_it_is():
    interval = BOOT.interval("exponent", 0.8)
    low, high = interval
    assert low < interval.estimate == FIT.theta[1] < high
    assert 0.07 in interval and 0.2 not in interval
    assert str(interval).startswith("exponent = 0.0691") and "80% confidence interval" in str(interval)
    assert "loss(N=1e+11)" in str(BOOT.interval("loss", N=1e11))
    assert (interval.draws, interval.failed, interval.kind) == (4000, 0, "confidence")


def test_the_summary_names_every_parameter_and_how_they_move_together():
    summary = BOOT.summary()
    assert summary.names == ("scale", "exponent")
    assert summary.correlation[0, 1] == pytest.approx(np.corrcoef(BOOT.values("scale"), BOOT.values("exponent"))[0, 1])
    assert "4,000 draws, 0 of them did not converge" in str(summary) and "exponent" in str(summary)
    growth = fit_growth([2018, 2019, 2020, 2021], [1.0, 3.8, 17.0, 63.0]).bootstrap(50, kind="wild")
    assert growth.summary().names == ("level", "growth")  # not the year that growth is counted from, which was given
    assert np.isnan(FIT.bootstrap(1).summary().standard_errors).all()


# -- methods ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS[:3])
def test_more_confidence_needs_a_wider_interval(kind, method):
    boot = FIT.bootstrap(1000, kind=kind)
    ends = np.array([tuple(boot.interval("exponent", level, method)) for level in (0.5, 0.8, 0.9, 0.99)])
    assert np.all(np.diff(ends[:, 0]) < 0) and np.all(np.diff(ends[:, 1]) > 0)


@given(st.floats(0.5, 0.98), st.sampled_from(["percentile", "bca", "expanded"]))
def test_percentile_like_intervals_do_not_depend_on_the_units(level, method):
    plain = BOOT.interval(lambda law: law.exponent, level, method)
    bent = BOOT.interval(lambda law: np.exp(30 * law.exponent), level, method)
    assert np.log([bent.low, bent.high]) / 30 == pytest.approx([plain.low, plain.high], rel=1e-3)


def test_the_basic_interval_is_the_percentile_interval_mirrored_at_the_estimate():
    percentile, basic = BOOT.interval("scale"), BOOT.interval("scale", method="basic")
    assert basic.low - basic.estimate == pytest.approx(percentile.estimate - percentile.high)
    assert basic.high - basic.estimate == pytest.approx(percentile.estimate - percentile.low)


def test_bca_of_a_straight_line_is_close_to_percentile_and_expanded_is_wider():
    percentile, bca, wide = (BOOT.interval("exponent", method=method) for method in ("percentile", "bca", "expanded"))
    assert [bca.low, bca.high] == pytest.approx([percentile.low, percentile.high], rel=0.01)
    assert wide.low < percentile.low and wide.high > percentile.high


def test_the_expanded_interval_of_a_few_points_has_the_width_of_students():
    from scipy.stats import t

    few = planted(8, seed=4)
    X, s2 = design(few), np.sum(few.residuals**2) / 6
    half = t.ppf(0.95, 6) * np.sqrt(s2 * np.linalg.inv(X.T @ X)[1, 1])
    interval = few.bootstrap(8000, kind="residual").interval("exponent", method="expanded")
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.1)


def test_bca_refuses_an_estimate_outside_its_draws():
    elsewhere = replace(BOOT, draws=BOOT.draws + 1.0)
    with pytest.raises(ValueError, match="0% of the draws lie below"):
        elsewhere.interval("exponent", method="bca")


def test_bca_of_clusters_leaves_out_whole_clusters():
    runs = np.repeat(np.arange(20), 2)
    boot = FIT.bootstrap(500, kind="cluster", clusters=runs)
    assert boot._jackknife.shape == (20, 2)
    without_first = fit_line(FIT.data["N"][2:], FIT.data["loss"][2:])
    assert boot._jackknife[0] == pytest.approx(without_first.theta)
    assert np.isfinite(boot.interval("exponent", method="bca").low)


# -- confidence against prediction -----------------------------------------------------------------
def test_with_many_runs_the_law_is_certain_and_a_new_run_is_not():
    noise = 0.05
    boot = planted(4000, noise).bootstrap(1000)
    law, run = boot.predict(1e9), boot.predict(1e9, kind="prediction")
    assert law.kind == "confidence" and run.kind == "prediction"
    assert (law.high - law.low) / law.estimate < 0.01
    assert np.log([run.low, run.high]) - np.log(run.estimate) == pytest.approx([-1.645 * noise, 1.645 * noise], rel=0.1)


def test_the_prediction_interval_covers_new_runs_and_the_confidence_interval_does_not():
    stream, inside = np.random.default_rng(0), {"confidence": 0, "prediction": 0}
    for seed in range(100):
        boot = planted(30, 0.05, seed).bootstrap(300)
        new = PowerLaw(8.0, 0.07).loss(1e9) * np.exp(0.05 * stream.standard_normal())
        for kind in inside:
            inside[kind] += new in boot.predict(1e9, kind=kind)
    assert 83 <= inside["prediction"] <= 97
    assert inside["confidence"] < 45


def test_prediction_at_many_places_is_repeatable():
    sizes = np.array([1e10, 1e11])
    once, again = (BOOT.predict(N=sizes, kind="prediction") for _ in range(2))
    assert np.array_equal(once.low, again.low) and once.low.shape == (2,)


def test_growth_rates_have_a_bootstrap_too():
    fit = fit_growth([2018, 2019, 2020, 2021, 2022, 2023], [1.0, 3.8, 17.0, 63.0, 260.0, 900.0])
    assert (fit.outcome, fit.inputs, fit.space) == ("value", ("time",), "log")
    boot = fit.bootstrap(2000, kind="residual")
    assert tuple(boot.interval("growth", method="expanded")) == pytest.approx(fit.growth_interval(0.9), rel=0.02)
    year = boot.predict(2024.0, kind="prediction")
    assert year.low < boot.predict(2024.0).low < fit.law.value(2024.0) < year.high


# -- asking wrongly --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n": 0}, ValueError, "n = 0: it must be at least 1"),
        ({"n": -4}, ValueError, "n = -4"),
        ({"n": 2.5}, TypeError, "whole number, got 2.5"),
        ({"n": True}, TypeError, "whole number, got True"),
        ({"seed": -1}, ValueError, "seed = -1"),
        ({"seed": None}, TypeError, "seed must be a whole number"),
        ({"kind": "jackknife"}, ValueError, "known are pairs, residual, wild, cluster"),
        ({"kind": "cluster"}, ValueError, "needs clusters"),
        ({"kind": "pairs", "clusters": range(40)}, ValueError, "mean nothing to kind = 'pairs'"),
        ({"kind": "cluster", "clusters": range(39)}, ValueError, r"shape \(39,\), and there are 40 points"),
        ({"kind": "cluster", "clusters": [1] * 40}, ValueError, "all points are in one cluster"),
        ({"kind": "cluster", "clusters": [float("nan")] * 40}, ValueError, "NaN"),
    ],
)
def test_a_bootstrap_that_makes_no_sense_is_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        FIT.bootstrap(**{"n": 10, **options})


def test_labels_may_be_anything_and_few_clusters_are_warned_of():
    mixed = ["a", None, 3, ("b", 1)] * 10
    with pytest.warns(UncertaintyWarning, match="4 clusters only"):
        assert FIT.bootstrap(10, kind="cluster", clusters=np.array(mixed, dtype=object)).groups.max() == 3


def test_two_points_leave_no_residuals():
    with pytest.raises(ValueError, match="2 points and 2 parameters"):
        fit_line([1e8, 1e9], [2.0, 1.8]).bootstrap(10, kind="residual")
    with pytest.raises(TypeError, match="must be a Fit"):
        bootstrap(PowerLaw(1.0, 1.0), 10)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: BOOT.interval("alpha"), ValueError, "known are exponent, loss, scale, size_for.*log_scale, exponent"),
        (lambda: BOOT.interval("loss.mean_of"), TypeError, "'loss.mean_of' needs N"),
        (lambda: BOOT.values("exponent", N=3), TypeError, "takes no arguments, got N"),
        (lambda: BOOT.values("log_scale", N=3), TypeError, "takes no arguments, got N"),
        (lambda: BOOT.values("loss"), TypeError, "needs N: pass N=..."),
        (lambda: BOOT.values("loss", N=1e9, D=1e9), TypeError, "takes N, not D"),
        (lambda: BOOT.values(lambda law: law.exponent, N=1e9), TypeError, "close over the rest"),
        (lambda: BOOT.values(3), TypeError, "got 3"),
        (lambda: BOOT.values("__class__"), ValueError, "has no '__class__'"),
        (lambda: BOOT.values("size_for", loss=1e9), ValueError, "above the scale"),
        (lambda: BOOT.interval("exponent", 1.0), ValueError, "level = 1.0"),
        (lambda: BOOT.interval("exponent", 90), ValueError, "level = 90"),
        (lambda: BOOT.interval("exponent", "most"), ValueError, "level = 'most'"),
        (lambda: BOOT.interval("exponent", method="normal"), ValueError, "known are percentile, basic, bca, expanded"),
        (lambda: BOOT.predict(1e9, kind="both"), ValueError, "kind = 'both'"),
        (lambda: BOOT.predict(1e9, level=0), ValueError, "level = 0"),
        (lambda: BOOT.predict(1e9, 2e10), TypeError, "2 inputs for a law of N"),
        (lambda: BOOT.predict(), TypeError, "needs N"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


def test_no_warning_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FIT.bootstrap(600).summary()


# -- the parametric law ----------------------------------------------------------------------------
RUNS = planted_runs(BESIROGLU_2024, (1e18, 1e19, 1e20, 1e21, 1e22), 8, noise=0.01, seed=0)


def test_downstream_quantities_of_all_draws_at_once_are_those_of_each_law():
    boot = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss).bootstrap(300)
    budgets = np.array([1e20, 1e24])
    expected = [[boot.law(i).optimal(C).tokens_per_parameter for C in budgets] for i in range(300)]
    assert boot.values("optimal.tokens_per_parameter", C=budgets) == pytest.approx(np.array(expected), rel=1e-12)
    expected = [boot.law(i).compute_for_loss(2.2) for i in range(300)]
    assert boot.values("compute_for_loss", loss=2.2) == pytest.approx(expected, rel=1e-12)
    near_E = float(np.quantile(boot.values("E"), 0.9))
    assert boot.interval("compute_for_loss", undefined=np.inf, loss=near_E).high == np.inf


def test_a_draw_that_makes_no_law_counts_as_one_without_an_answer():
    boot = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss).bootstrap(20)
    draws = boot.draws.copy()
    draws[3, 3] = -0.1  # a negative exponent
    odd = replace(boot, draws=draws)
    assert odd.laws[3] is None and np.flatnonzero(np.isnan(odd.values("alpha"))).tolist() == [3]
    with pytest.raises(ValueError, match="1 of 20 draws have no answer for alpha"):
        odd.interval("alpha")
    with pytest.raises(ValueError, match="alpha"):
        odd.law(3)


def test_a_fit_through_its_points_is_blurred_before_it_is_resampled():
    absolute = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss, objective=Huber(1e-5))
    assert np.sum(np.abs(absolute.residuals) < 1e-4) >= 5  # as many runs as parameters lie on the law
    squared = fit_chinchilla(RUNS.N, RUNS.D, RUNS.loss, objective=LeastSquares())
    # The asymptotic standard error of a median is 1.25 times that of a mean; bare residuals give less than that of a mean.
    ratio = absolute.bootstrap(300, kind="residual").standard_error("alpha") / squared.bootstrap(
        300, kind="residual"
    ).standard_error("alpha")
    assert 1.0 < ratio < 1.7


def test_laws_inside_laws_are_asked_all_at_once_too():
    law = DataConstrainedLaw(MUENNIGHOFF_2023, R_D=15.0, R_N=5.0)
    N, U, times = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 2e9, 4), [1e9, 5e9], [1.0, 4.0, 20.0, 60.0]))
    loss = law.loss(N, U * times, U) * np.exp(0.003 * np.random.default_rng(0).standard_normal(len(N)))
    boot = fit_data_constrained(N, U * times, U, loss, base=MUENNIGHOFF_2023).bootstrap(40, kind="residual")
    expected = [boot.law(i).loss(1e9, 2e10, 5e9) for i in range(40)]
    assert boot.values("loss", N=1e9, D=2e10, U=5e9) == pytest.approx(expected, rel=1e-12)
    assert boot.summary().names == ("R_D", "R_N")
    assert np.ptp(boot.values("base.alpha")) == 0
