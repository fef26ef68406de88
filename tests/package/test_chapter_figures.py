"""The static figures of the chapters: drawn for any law, labelled, and refusing what they cannot draw."""

from __future__ import annotations

import pytest

from scaling_helpers import figures
from scaling_helpers.laws import BESIROGLU_2024, HOFFMANN_2022, LAWS, ChinchillaLaw

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
