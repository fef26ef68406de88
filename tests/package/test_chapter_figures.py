"""The static figures of the chapters: drawn for any law, labelled, and refusing what they cannot draw."""

from __future__ import annotations

import numpy as np
import pytest

from scaling_helpers import figures
from scaling_helpers.fitting import fit_envelope, fit_isoflop, planted_runs
from scaling_helpers.laws import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    KAPLAN_2020_DATA,
    KAPLAN_2020_SIZE,
    KAPLAN_2020_STEPS,
    LAWS,
    ChinchillaLaw,
)

ALT = "An alternative text that is long enough to say what the figure shows"


def test_the_two_shortfalls_are_drawn_with_the_best_size_and_the_marked_ones() -> None:
    svg = figures.loss_terms(HOFFMANN_2022, 3.15e23, marked={"GPT-3": 1.75e11, "small": 1e9}, alt=ALT).svg
    for label in ("best size, 30.6B", "GPT-3, 175B", "small, 1B", "size shortfall", "data shortfall"):
        assert label in svg


def test_a_size_or_budget_that_cannot_be_drawn_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="N = -1 parameters"):
        figures.loss_terms(HOFFMANN_2022, 3.15e23, marked={"nobody": -1.0}, alt=ALT)
    with pytest.raises(ValueError, match="C = 0 FLOP"):
        figures.loss_terms(HOFFMANN_2022, 0.0, marked={}, alt=ALT)


def test_every_law_is_named_in_the_figure_of_wasted_compute() -> None:
    own = ChinchillaLaw(E=1.7, A=400, B=400, alpha=0.3, beta=0.3)
    svg = figures.wasted_compute({**LAWS, "our own fit": own}, alt=ALT).svg
    for law in LAWS.values():
        assert law.origin is not None
        assert law.origin.title in svg
    assert "our own fit" in svg


def test_more_laws_than_colours_are_refused() -> None:
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 7"):
        figures.wasted_compute({str(number): BESIROGLU_2024 for number in range(7)}, alt=ALT)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("factor", [0.1, 0.5, 2.0, 10.0])
def test_the_wasted_share_of_a_missed_size_is_the_same_at_every_budget(law: ChinchillaLaw, factor: float) -> None:
    shares = []
    for budget in (1e19, 1e23, 1e26):
        best = law.optimal(budget)
        shares.append(1 - law.compute_for_loss(law.loss(best.N * factor, best.D / factor)) / budget)
    total = law.alpha + law.beta
    phi = (law.beta * factor**-law.alpha + law.alpha * factor**law.beta) / total
    assert shares == pytest.approx([1 - phi ** (-total / (law.alpha * law.beta))] * 3, rel=1e-9)


def test_the_envelope_names_its_sizes() -> None:
    N, D = np.repeat([1e8, 3e8, 1e9, 3e9], 20), np.tile(np.geomspace(1e8, 1e12, 20), 4)
    svg = figures.envelope(fit_envelope(N, N, D, BESIROGLU_2024.loss(N, D)), alt=ALT).svg
    assert "100M" in svg and "3B" in svg and "longest run of each size" in svg


def test_bowls_are_drawn_in_two_ways_side_by_side() -> None:
    runs = planted_runs(HOFFMANN_2022, [1e19, 1e20], 7, noise=0.0)
    pair = tuple(fit_isoflop(runs.N, runs.D, runs.loss, budget=runs.budget, method=name) for name in ("parabola", "shape"))
    svg = figures.bowls({"planted": pair, "again": pair}, alt=ALT).svg
    assert "planted" in svg and "again" in svg and "a parabola" in svg and "own shape" in svg
    with pytest.raises(ValueError, match="give two or more, got 1"):
        figures.bowls({"planted": pair}, alt=ALT)
    with pytest.raises(ValueError, match="second fit of 'planted' is by method='parabola'; give one by 'shape'"):
        figures.bowls({"planted": pair[::-1], "again": pair}, alt=ALT)


def test_measured_points_stand_beside_the_laws() -> None:
    ratios = figures.token_ratios(LAWS, {}, {}, measured={"our runs": [(1e12, 300.0, 250.0, 350.0)]}, alt=ALT).svg
    pieces = {"our runs": [([1e3, 1e4], [0.6, 0.7])]}
    slopes = figures.local_exponents(LAWS, lambda law, M: 0.5 + 0 * M, studied=(1e3, 1e9), beside=pieces, alt=ALT).svg
    assert all("our runs" in svg for svg in (ratios, slopes))


def test_tables_laws_and_lines_are_all_named_in_the_figure_of_ratios() -> None:
    svg = figures.token_ratios(LAWS, {"a table": ([1e20], [20.0])}, {"a line": ([1e19, 1e22], [9.0, 2.0])}, alt=ALT).svg
    assert "a table" in svg and "a line" in svg and "Besiroglu 2024 refit" in svg


def test_estimates_with_and_without_an_interval_are_drawn() -> None:
    rows = [("first", 0.5, 0.4, 0.6), ("second", 0.7, None, None)]
    svg = figures.estimates(rows, xlabel="Exponent", reference=0.5, alt=ALT).svg
    assert "first" in svg and "second" in svg and "0.7" in svg
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.estimates([], xlabel="Exponent", reference=0.5, alt=ALT)


def test_straight_lines_want_a_name_and_a_unit_for_each_law() -> None:
    pairs = [(KAPLAN_2020_SIZE, (1e3, 1e9)), (KAPLAN_2020_DATA, (1e7, 1e10))]
    svg = figures.straight_lines(pairs, ["Model size N", "Text D"], ["parameters", "tokens"], alt=ALT).svg
    assert "Model size N (parameters)" in svg and "Text D (tokens)" in svg
    with pytest.raises(ValueError, match="give as many of each, two or more; got 2, 1, 2"):
        figures.straight_lines(pairs, ["Model size N"], ["parameters", "tokens"], alt=ALT)


def test_a_ruler_needs_a_range_that_increases_and_ends_before_the_forecast() -> None:
    with pytest.raises(ValueError, match="each must be larger than the one before"):
        figures.ruler_forecast(KAPLAN_2020_SIZE, KAPLAN_2020_SIZE, (1e9, 1e6), 1e12, alt=ALT)


def test_nothing_to_draw_is_refused_by_the_figures_of_the_chapter_on_kaplan() -> None:
    for draw in (
        lambda: figures.flop_counts({}, alt=ALT),
        lambda: figures.sizes_and_tokens({}, 3e11, 20, aside={}, alt=ALT),
        lambda: figures.compute_growth([], [], None, {}, alt=ALT),
    ):
        with pytest.raises(ValueError, match="nothing to draw"):
            draw()
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.steps_curves(KAPLAN_2020_STEPS, [], (1e3, 1e6), alt=ALT)
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.domain_curves({}, (1e15, 1e20), alt=ALT)


def test_the_shares_of_a_budget_are_named_with_their_factors() -> None:
    svg = figures.spending({"size": 0.75, "steps": 0.05}, 8, alt=ALT).svg
    assert "size: 1,000,000×" in svg and "steps: 2.51×" in svg
    with pytest.raises(ValueError, match="size = -1"):
        figures.spending({"size": -1.0}, 8, alt=ALT)


def test_the_local_exponent_is_drawn_for_each_law() -> None:
    svg = figures.local_exponents(LAWS, lambda law, M: 0.5 + 0 * M, studied=(1e3, 1e9), alt=ALT).svg
    assert "sizes of Kaplan" in svg and "Muennighoff 2023, C4" in svg


def test_real_ratios_are_written_beside_their_points() -> None:
    svg = figures.real_ratios({"large": (1.07, True), "small": (1875.0, True), "cut": (7317.0, False)}, rule=20, alt=ALT).svg
    assert "1,875" in svg and "1.07" in svg and "20 per parameter" in svg
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.real_ratios({}, rule=20, alt=ALT)


def test_each_volume_of_use_has_its_cheapest_size_in_the_legend() -> None:
    goal = BESIROGLU_2024.loss(7e10, 1.4e12)
    svg = figures.inference_costs(BESIROGLU_2024, goal, [0, 1e13], alt=ALT).svg
    assert "training alone: best at 73B" in svg and "10T tokens served: best at 34.5B" in svg
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.inference_costs(BESIROGLU_2024, goal, [], alt=ALT)


def test_figures_of_several_laws_refuse_none() -> None:
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.token_ratios({}, {}, {}, alt=ALT)
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.local_exponents({}, lambda law, M: M, studied=(1.0, 2.0), alt=ALT)


def test_the_map_names_its_models_and_draws_the_frontier() -> None:
    svg = figures.surface_and_frontier(BESIROGLU_2024, [1e20, 1e24], {"Gopher": (2.8e11, 3e11)}, alt=ALT).svg
    assert "Gopher" in svg and "frontier" in svg and "a budget" in svg
    with pytest.raises(ValueError, match="C = 0 FLOP"):
        figures.surface_and_frontier(BESIROGLU_2024, [0.0, 1e24], {}, alt=ALT)


def test_every_frontier_is_named_and_too_many_are_refused() -> None:
    least = {"ours": lambda C: BESIROGLU_2024.optimal(C).loss}
    assert "ours" in figures.tenfold_gains(least, span=(1e18, 1e26), alt=ALT).svg
    with pytest.raises(ValueError, match="give 1 to 6 of them, got 0"):
        figures.tenfold_gains({}, span=(1e18, 1e26), alt=ALT)


def test_steps_multiply_up_to_the_last_cost() -> None:
    svg = figures.cost_steps(("first", 3e7), {"a tenth": 0.1, "twice": 2.0}, "last", unit="hours", alt=ALT).svg
    for words in ("first", "30M", "÷ 10", "× 2", "last", "6M"):
        assert words in svg
    with pytest.raises(ValueError, match="step = 0"):
        figures.cost_steps(("first", 3e7), {"nothing": 0.0}, "last", unit="hours", alt=ALT)


def test_runs_and_chips_are_both_needed() -> None:
    chips = {"chip": (2010.9, 1e12), "later": (2020.0, 1e14)}
    svg = figures.chips_and_runs({"run": (2012.7, 1e18)}, chips, days=100, alt=ALT).svg
    assert "run" in svg and "chip" in svg and "100 days" in svg
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.chips_and_runs({}, {"chip": (2010.9, 1e12)}, days=100, alt=ALT)


def test_a_ruler_orders_its_items_and_refuses_none() -> None:
    svg = figures.ruler({"large": 1e12, "small": 2.5e9}, xlabel="Tokens", kind="count", alt=ALT).svg
    assert svg.index("small") < svg.index("large") and "2.5B" in svg
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.ruler({}, xlabel="Tokens", kind="count", alt=ALT)
    with pytest.raises(ValueError, match="item = 0"):
        figures.ruler({"none": 0.0}, xlabel="Tokens", kind="count", alt=ALT)
