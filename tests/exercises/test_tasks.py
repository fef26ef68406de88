"""Every task of every exercise notebook: its check accepts what is right and tells a wrong answer what is wrong."""

from __future__ import annotations

import pytest

from .harness import NAMES, cases, every, every_task, hints, tasks


@pytest.mark.parametrize("name", NAMES)
def test_every_task_that_is_checked_has_its_cases(name: str) -> None:
    assert set(cases(name)) == set(tasks(name))
    for task, declared in cases(name).items():
        assert len(declared["wrong"]) >= 3, f"{task}: name at least three wrong answers"
        assert len(declared["right"]) >= 2, f"{task}: name at least two other right answers"


@pytest.mark.parametrize(("name", "task"), every_task())
def test_the_reference_scores_exactly_its_points(name: str, task: str) -> None:
    this = tasks(name)[task]
    outcome = this.outcome(this.reference)
    assert outcome.points == this.points, outcome.said
    assert "✗" not in outcome.said and "when the notebook is graded" not in outcome.said


@pytest.mark.parametrize(("name", "task"), every_task())
def test_without_the_hidden_tests_the_reference_has_every_point_on_offer(name: str, task: str) -> None:
    this = tasks(name)[task]
    outcome = this.outcome(this.reference, hidden_tests=False)
    assert 0 < outcome.points <= this.points and "✗" not in outcome.said
    assert (outcome.points < this.points) == ("when the notebook is graded" in outcome.said)


@pytest.mark.parametrize(("name", "task"), every_task())
def test_the_stub_scores_nothing_and_is_told_what_to_do(name: str, task: str) -> None:
    outcome = tasks(name)[task].outcome(tasks(name)[task].stub)
    assert outcome.points == 0
    assert "is not solved yet" in outcome.said and "\n" not in outcome.said.strip()


@pytest.mark.parametrize(("name", "task", "case"), every("wrong"))
def test_a_wrong_answer_loses_points_and_gets_the_hint_meant_for_it(name: str, task: str, case: str) -> None:
    this, declared = tasks(name)[task], cases(name)[task]["wrong"][case]
    outcome = this.outcome(this.answered(declared["code"]))
    assert outcome.points < this.points, f"accepted:\n{outcome.said}"
    failed = [line for line in outcome.said.splitlines() if "✗ 0 of" in line]
    assert any(declared["hint"] in line for line in failed), outcome.said


@pytest.mark.parametrize(("name", "task", "case"), every("right"))
def test_another_right_answer_scores_every_point(name: str, task: str, case: str) -> None:
    this = tasks(name)[task]
    outcome = this.outcome(this.answered(cases(name)[task]["right"][case]))
    assert outcome.points == this.points, outcome.said


@pytest.mark.parametrize(("name", "task"), every_task())
def test_every_hint_that_a_check_knows_is_reached_by_a_wrong_answer(name: str, task: str) -> None:
    this = tasks(name)[task]
    told = "\n".join(this.outcome(this.answered(case["code"])).said for case in cases(name)[task]["wrong"].values())
    assert [hint for hint in hints(this.check) if f"Hint: {hint}" not in told] == []
