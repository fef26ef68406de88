"""Approach 2: what its valleys say of a planted law, where the parabola errs, and what was published for a public sweep."""

import csv

import numpy as np
import pytest

from scaling_helpers.fitting import Status, fit_isoflop, group_budgets
from scaling_helpers.fitting.allocation import PowerAllocation, fit_line
from scaling_helpers.laws import BESIROGLU_2024, HOFFMANN_2022, MUENNIGHOFF_2023

LAWS = [HOFFMANN_2022, BESIROGLU_2024, MUENNIGHOFF_2023]
BUDGETS = (1e18, 1e19, 1e20, 1e21, 1e22)


def sweep(law, low, high, *, drift=0.0, sizes=11, noise=0.0, seed=0):
    """Runs whose sizes lie from ``low`` to ``high`` times N*, the window moving by 10**drift from first to last budget."""
    N, C = [], []
    for at, budget in zip(np.linspace(-0.5, 0.5, len(BUDGETS)), BUDGETS, strict=True):
        N.append(law.optimal(budget).N * 10 ** (drift * at) * np.geomspace(low, high, sizes))
        C.append(np.full(sizes, budget))
    N, C = np.concatenate(N), np.concatenate(C)
    D = C / (6 * N)
    return {
        "N": N,
        "D": D,
        "loss": law.loss(N, D) * np.exp(noise * np.random.default_rng(seed).standard_normal(N.size)),
        "budget": C,
    }


def errors(fit, law):
    return np.array([valley.N / law.optimal(valley.budget).N - 1 for valley in fit.valleys])


def exponent(law):
    return law.beta / (law.alpha + law.beta)


# -- without noise -----------------------------------------------------------------------------------
def test_with_equal_exponents_and_a_centred_window_the_parabola_is_right():
    fit = fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 8, 8))
    assert np.abs(errors(fit, MUENNIGHOFF_2023)).max() < 1e-9
    assert fit.a == pytest.approx(0.5, abs=1e-9) and fit.b == pytest.approx(0.5, abs=1e-9)


def test_unequal_exponents_pull_the_parabola_off_by_percents_more_so_the_wider_the_window():
    off = [errors(fit_isoflop(**sweep(HOFFMANN_2022, 1 / w, w)), HOFFMANN_2022) for w in (2, 4, 8, 16, 32)]
    assert all(np.ptp(one) < 1e-6 for one in off)  # the same at every budget, so the exponent survives
    sizes = [one[0] for one in off]
    assert np.all(np.diff(sizes) > 0) and sizes[0] < 0.005 and sizes[3] > 0.04


def test_an_off_centre_window_pulls_the_parabola_off_even_with_equal_exponents():
    centred = errors(fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 8, 8)), MUENNIGHOFF_2023)
    off = errors(fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 3, 24)), MUENNIGHOFF_2023)
    assert np.abs(centred).max() < 1e-9 and np.abs(off).min() > 0.02


def test_a_window_that_drifts_with_the_budget_makes_the_parabolas_exponent_wrong_without_any_noise():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, drift=1.2)
    assert abs(fit_isoflop(**runs).a - exponent(HOFFMANN_2022)) > 0.01
    assert abs(fit_isoflop(**runs, method="shape").a - exponent(HOFFMANN_2022)) < 1e-7


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("low", "high", "drift"), [(1 / 4, 4, 0.0), (1 / 16, 16, 0.0), (1 / 3, 24, 0.0), (1 / 30, 6, 0.5)])
def test_the_corrected_variant_finds_the_exact_optimum_of_a_noiseless_surface(law, low, high, drift):
    fit = fit_isoflop(**sweep(law, low, high, drift=drift), method="shape")
    assert np.abs(errors(fit, law)).max() < 1e-6
    assert (fit.shape.E, fit.shape.alpha, fit.shape.beta) == pytest.approx((law.E, law.alpha, law.beta), rel=1e-4)
    best = law.optimal(1e24)
    assert (fit.law.best_params(1e24), fit.law.best_tokens(1e24)) == pytest.approx((best.N, best.D), rel=1e-3)


def test_where_the_parabola_errs_by_percents_the_correction_errs_by_less_than_a_thousandth():
    runs = sweep(HOFFMANN_2022, 1 / 16, 16)
    assert np.abs(errors(fit_isoflop(**runs), HOFFMANN_2022)).min() > 0.04
    assert np.abs(errors(fit_isoflop(**runs, method="shape"), HOFFMANN_2022)).max() < 1e-3


# -- with noise --------------------------------------------------------------------------------------
def test_the_correction_trades_bias_for_spread():
    found = {"parabola": [], "shape": []}
    for seed in range(60):
        runs = sweep(HOFFMANN_2022, 1 / 16, 16, noise=0.003, seed=seed)
        for method, errs in found.items():
            errs.append(np.log1p(errors(fit_isoflop(**runs, method=method), HOFFMANN_2022)[2]))
    bias = {method: abs(np.mean(errs)) for method, errs in found.items()}
    spread = {method: np.std(errs) for method, errs in found.items()}
    assert bias["parabola"] > 0.04 and bias["shape"] < 0.015
    assert spread["parabola"] < spread["shape"] < 2.2 * spread["parabola"]


def test_the_interval_of_a_parabolas_minimum_covers_where_the_parabola_is_true():
    inside = total = 0
    for seed in range(120):  # equal exponents, narrow and centred: no bias worth the name
        fit = fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 4, 4, noise=0.001, seed=seed))
        for valley in fit.valleys:
            total += 1
            inside += valley.low < MUENNIGHOFF_2023.optimal(valley.budget).N < valley.high
    assert 0.85 < inside / total < 0.95


def test_the_interval_of_the_exponent_covers_the_planted_one():
    inside = 0
    for seed in range(200):
        fit = fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 4, 4, noise=0.002, seed=seed))
        low, high = fit.N_line.slope_interval(0.9)
        inside += low < 0.5 < high
    assert 0.84 < inside / 200 < 0.96


def test_the_minimum_of_a_parabola_is_that_of_numpy():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, noise=0.01)
    fit = fit_isoflop(**runs)
    for valley in fit.valleys:
        at = runs["budget"] == valley.budget
        c2, c1, _ = np.polyfit(np.log(runs["N"][at]), runs["loss"][at], 2)
        assert np.log(valley.N) == pytest.approx(-c1 / (2 * c2), rel=1e-9)
        assert valley.low < valley.N < valley.high
        assert pytest.approx(valley.budget / (6 * valley.N), rel=1e-9) == valley.D
    assert fit.objective == pytest.approx(np.sum(fit.residuals**2)) and fit.grad_norm < 1e-9


def test_the_shape_is_a_minimum_that_no_other_search_beats():
    from scipy.optimize import minimize

    runs = sweep(HOFFMANN_2022, 1 / 16, 16, noise=0.002)
    fit = fit_isoflop(**runs, method="shape")

    def squares(at):
        alpha, beta = np.exp(at)
        columns = [np.ones(runs["N"].size)]
        for budget in BUDGETS:
            here = runs["budget"] == budget
            size = np.where(here, runs["N"] / 1e9, 1.0)
            columns += [here * size**-alpha, here * size**beta]
        design = np.column_stack(columns)
        return np.sum((runs["loss"] - design @ np.linalg.lstsq(design, runs["loss"], rcond=None)[0]) ** 2)

    assert fit.objective == pytest.approx(squares(np.log([fit.shape.alpha, fit.shape.beta])), rel=1e-9)
    for start in ([0.2, 0.6], [0.6, 0.2], [0.4, 0.4]):
        assert minimize(squares, np.log(start), method="Nelder-Mead").fun >= fit.objective * (1 - 1e-9)
    assert fit.status is Status.CONVERGED and fit.grad_norm < 1e-6


# -- what must not change it -------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["parabola", "shape"])
def test_order_units_and_repeated_rows_do_not_change_the_valleys(method):
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, noise=0.003)
    n = runs["N"].size
    order, weights = np.random.default_rng(0).permutation(n), 1 + np.arange(n) % 3
    reference = fit_isoflop(**runs, method=method)
    shuffled = fit_isoflop(**{k: v[order] for k, v in runs.items()}, method=method)
    assert shuffled.theta == pytest.approx(reference.theta, rel=1e-9)
    in_millions = fit_isoflop(**{**runs, "N": runs["N"] / 1e6}, method=method)
    assert in_millions.a == pytest.approx(reference.a, rel=1e-8)
    weighted = fit_isoflop(**runs, method=method, weights=weights)
    repeated = fit_isoflop(**{k: np.repeat(v, weights) for k, v in runs.items()}, method=method)
    assert weighted.theta == pytest.approx(repeated.theta, rel=1e-8)


def test_budgets_are_found_from_the_runs_where_they_are_not_given():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, noise=0.003)
    budget = runs.pop("budget")
    jitter = np.exp(0.02 * np.random.default_rng(0).uniform(-1, 1, budget.size))
    found = fit_isoflop(runs["N"], runs["D"] * jitter, runs["loss"])
    assert len(found.valleys) == 5
    assert [v.budget for v in found.valleys] == pytest.approx(BUDGETS, rel=0.02)


def test_flop_per_token_other_than_6n_groups_the_runs_too():
    N = np.tile(np.geomspace(1e8, 1e10, 9), 3)
    cost = lambda N: 6 * N + 1e9  # noqa: E731
    budget = np.repeat([1e19, 1e20, 1e21], 9)
    D = budget / cost(N)
    fit = fit_isoflop(N, D, MUENNIGHOFF_2023.loss(N, D), flop_per_token=cost, method="shape")
    assert [v.budget for v in fit.valleys] + [v.budget for v in fit.excluded] == pytest.approx([1e19, 1e20, 1e21], rel=1e-9)


def test_runs_that_form_a_continuum_are_no_budgets():
    with pytest.raises(ValueError, match="run into one another"):
        group_budgets(np.geomspace(1e18, 1e20, 100))
    with pytest.raises(ValueError, match="tolerance = 2"):
        group_budgets([1e18], 2)


# -- budgets without a valley ------------------------------------------------------------------------
def test_a_minimum_that_is_not_bracketed_is_left_out_and_said():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8)
    keep = ~((runs["budget"] == 1e22) & (runs["N"] < 1.2 * HOFFMANN_2022.optimal(1e22).N))
    for method in ("parabola", "shape"):
        fit = fit_isoflop(**{k: v[keep] for k, v in runs.items()}, method=method)
        assert [v.budget for v in fit.valleys] == list(BUDGETS[:4])
        (left,) = fit.excluded
        assert left.budget == 1e22 and "not bracketed" in left.reason and left.N is None


def test_a_budget_whose_curve_opens_downward_is_left_out_and_said():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8)
    upside = runs["budget"] == 1e18
    loss = np.where(upside, 6.0 - runs["loss"], runs["loss"])
    fit = fit_isoflop(**{**runs, "loss": loss})
    assert "opens downward" in fit.excluded[0].reason and fit.excluded[0].budget == 1e18


def test_two_sizes_are_no_valley():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8)
    first = np.flatnonzero(runs["budget"] == 1e18)
    keep = np.ones(runs["N"].size, dtype=bool)
    keep[first[2:]] = False
    fit = fit_isoflop(**{k: v[keep] for k, v in runs.items()})
    assert "2 sizes" in fit.excluded[0].reason


def test_too_few_valleys_for_a_power_law_are_refused_with_every_reason():
    runs = sweep(HOFFMANN_2022, 2, 30)
    with pytest.raises(ValueError, match=r"0 of 5 budgets.*not bracketed.*not bracketed"):
        fit_isoflop(**runs)
    one = sweep(HOFFMANN_2022, 1 / 8, 8)
    keep = one["budget"] == 1e20
    with pytest.raises(ValueError, match="only one budget"):
        fit_isoflop(**{k: v[keep] for k, v in one.items()})


def test_two_budgets_give_a_line_without_an_interval():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, noise=0.002)
    keep = runs["budget"] <= 1e19
    fit = fit_isoflop(**{k: v[keep] for k, v in runs.items()})
    assert fit.status is Status.UNDETERMINED and fit.N_line.slope_interval() == (-np.inf, np.inf)


def test_three_sizes_give_a_valley_without_an_interval():
    fit = fit_isoflop(**sweep(HOFFMANN_2022, 1 / 3, 3, sizes=3))
    assert all(v.low is None and v.log_error is None for v in fit.valleys)
    with pytest.raises(ValueError, match="standard error of N"):
        fit_isoflop(**sweep(HOFFMANN_2022, 1 / 3, 3, sizes=3), weighted=True)


def test_a_flat_and_noisy_valley_rules_no_size_out():
    runs = sweep(HOFFMANN_2022, 1 / 2, 2, noise=0.005, seed=2, sizes=6)
    fit = fit_isoflop(**runs, level=0.99)
    assert any(v.low == 0.0 and v.high == np.inf for v in fit.valleys)


def test_noise_in_the_shape_that_no_exponent_explains_ends_at_a_bound():
    statuses = {fit_isoflop(**sweep(HOFFMANN_2022, 1 / 2, 2, noise=0.01, seed=s), method="shape").status for s in range(6)}
    assert Status.AT_BOUND in statuses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "cubic"}, "method = 'cubic'"),
        ({"level": 90}, "level = 90"),
        ({"method": "akima"}, "noise"),
        ({"noise": 0.01}, "noise"),
        ({"method": "akima", "noise": -1.0}, "noise = -1"),
        ({"loss": [-1.0] * 55}, "loss = -1"),
        ({"budget": [1e20] * 3}, "differ in length"),
        ({"budget": [0.0] * 55}, "budget = 0"),
    ],
)
def test_options_and_columns_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fit_isoflop(**{**sweep(HOFFMANN_2022, 1 / 8, 8), **change})


def test_the_shape_needs_more_runs_than_it_has_numbers():
    runs = sweep(HOFFMANN_2022, 1 / 3, 3, sizes=3)
    keep = runs["budget"] <= 1e19
    with pytest.raises(ValueError, match="cannot fix the shared shape"):
        fit_isoflop(**{k: v[keep] for k, v in runs.items()}, method="shape")


# -- resamples ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["parabola", "shape"])
def test_a_refit_is_the_fit_of_the_changed_runs(method):
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, noise=0.003)
    fit = fit_isoflop(**runs, method=method)
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 4, (3, runs["N"].size)).astype(float)
    targets = runs["loss"] * np.exp(0.002 * rng.standard_normal(weights.shape))
    batch = fit.refit(weights, targets)
    for i in range(3):
        one = fit_isoflop(**{**runs, "loss": targets[i]}, weights=weights[i], method=method)
        assert fit.law_at(batch.thetas[i]).best_params(1e24) == pytest.approx(one.law.best_params(1e24), rel=1e-6)
        assert batch.objectives[i] == pytest.approx(one.objective, rel=1e-9)
    assert batch.converged.all()
    lost = fit.refit((runs["budget"] == 1e20).astype(float)[None]) if method == "parabola" else None
    assert lost is None or (not lost.converged[0] and np.array_equal(lost.thetas[0], fit.theta))


def test_a_bootstrap_carries_into_the_best_size():
    fit = fit_isoflop(**sweep(MUENNIGHOFF_2023, 1 / 6, 6, noise=0.003, seed=1))
    low, high = fit.bootstrap(200, seed=0).interval("best_params", 0.95, C=1e24)
    assert low < MUENNIGHOFF_2023.optimal(1e24).N < high


# -- lines and the allocation ------------------------------------------------------------------------
def test_a_line_is_that_of_scipy():
    from scipy.stats import linregress

    x, y = np.geomspace(1e18, 1e22, 6), np.array([1.0, 3.3, 9.0, 33.0, 95.0, 340.0])
    line, other = fit_line(x, y), linregress(np.log(x), np.log(y))
    assert (line.slope, line.slope_error, line.r_squared) == pytest.approx(
        (other.slope, other.stderr, other.rvalue**2), rel=1e-10
    )
    with pytest.raises(ValueError, match="two different budgets"):
        fit_line(x[:1], y[:1])
    with pytest.raises(ValueError, match="level = 2"):
        line.slope_interval(2)


def test_an_allocation_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="a = nan"):
        PowerAllocation(1e20, 1e9, np.nan, 1e10, 0.5)
    assert PowerAllocation(1e20, 1e9, 0.5, 2e10, 0.5).tokens_per_parameter(1e24) == pytest.approx(20.0)


# -- Porian et al., the public sweep -----------------------------------------------------------------
KEY = ("source", "dataset", "hparams", "warmup", "decay", "param_count", "val")


@pytest.fixture(scope="module")
def porian(shared_data):
    with (shared_data / "porian_published_powerlaw_fits.csv").open() as handle:
        published = {tuple(row[k] for k in KEY): row for row in csv.DictReader(handle)}
    points = {key: [] for key in published}
    with (shared_data / "porian_isoflop_points.csv").open() as handle:
        for row in csv.DictReader(handle):
            if tuple(row[k] for k in KEY) in points:
                points[tuple(row[k] for k in KEY)].append([float(row[c]) for c in ("n", "t", "loss", "flops")])
    return [(published[key], np.array(rows).T) for key, rows in points.items()]


def akima(row, table):
    N, D, loss, budget = table
    noise = 0.002 if row["dataset"] == "rw" else 0.01  # what their code assumes for the two data sets
    return fit_isoflop(N, D, loss, budget=budget, method="akima", noise=noise, weighted=True)


def test_the_fifteen_published_exponents_of_porian_et_al_follow_from_their_points(porian):
    assert len(porian) == 15
    for row, table in porian:
        fit = akima(row, table)
        assert fit.a == pytest.approx(float(row["n_exponent"]), abs=0.0025)
        assert fit.b == pytest.approx(float(row["t_exponent"]), abs=0.0025)


def test_their_five_steps_from_kaplan_to_chinchilla_agree_to_two_digits_with_the_facts(porian):
    from scaling_helpers import facts

    steps = ["kaplan", "head", "warmup", "decay", "tuned"]
    for step, (row, table) in zip(steps, porian[:5], strict=True):
        fit = akima(row, table)
        published = facts.get(f"porian_steps/{step}/exponent")
        assert fit.a == pytest.approx(published.value, abs=0.002)
        low, high = (facts.get(f"porian_steps/{step}/exponent_{end}").value for end in ("low", "high"))
        assert low - 0.005 <= fit.a <= high + 0.005
        at_gopher = facts.get(f"porian_steps/{step}/size_at_gopher").value
        assert fit.law.best_params(5.88e23) == pytest.approx(at_gopher, rel=0.05)


def test_parabolas_through_the_same_points_give_other_exponents(porian):
    row, (N, D, loss, budget) = porian[1]
    fit = fit_isoflop(N, D, loss, budget=budget)
    assert fit.excluded and abs(fit.a - float(row["n_exponent"])) > 0.05


def test_akima_finds_the_valleys_of_planted_runs_to_the_spacing_of_sizes():
    runs = sweep(HOFFMANN_2022, 1 / 8, 8, sizes=15)
    fit = fit_isoflop(**runs, method="akima", noise=0.002, weighted=True)
    assert np.abs(errors(fit, HOFFMANN_2022)).max() < 0.03
    assert fit.a == pytest.approx(exponent(HOFFMANN_2022), abs=0.01)
    one_sided = sweep(HOFFMANN_2022, 1.5, 30)
    keep = (runs["budget"] < 1e22, one_sided["budget"] == 1e22)
    both = {k: np.r_[runs[k][keep[0]], one_sided[k][keep[1]]] for k in runs}
    assert "not bracketed" in fit_isoflop(**both, method="akima", noise=0.002).excluded[0].reason
    few = np.r_[np.flatnonzero(runs["budget"] < 1e22), np.flatnonzero(runs["budget"] == 1e22)[:2]]
    assert "2 sizes" in fit_isoflop(**{k: v[few] for k, v in runs.items()}, method="akima", noise=0.002).excluded[0].reason
