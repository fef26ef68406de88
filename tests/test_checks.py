"""What an exercise's check cell says to a student, case by case."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from scaling_helpers.checks import (
    CheckFailed,
    Mistake,
    NotSolved,
    Score,
    WrongType,
    WrongValue,
    expect,
    expect_value,
    holds,
)


def tokens(compute: float, params: float) -> float:
    return compute / (6 * params)


def test_a_right_answer_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    expect(1, tokens, 6e21, 1e9, want=1e12)
    assert capsys.readouterr().out == "✓ Task 1: tokens(6e+21, 1e+09) = 1e+12\n"


@pytest.mark.parametrize(
    "answer", [1e12, 10**12, np.float32(1e12), np.float64(1e12), np.array(1e12), 1e12 * (1 + 1e-9)]
)
def test_any_real_number_type_is_accepted(answer: object) -> None:
    expect_value(1, "D", answer, want=1e12)


@pytest.mark.parametrize("answer", [(2.0, 3.0), [2, 3], np.array([2.0, 3.0])])
def test_a_pair_may_be_a_tuple_a_list_or_an_array(answer: object) -> None:
    expect_value(2, "(N, D)", answer, want=(2.0, 3.0))


def test_the_stub_is_told_from_a_wrong_answer() -> None:
    def stub(compute: float) -> float:
        raise NotImplementedError

    with pytest.raises(NotSolved, match="Task 1 is not solved yet: replace the `raise NotImplementedError` line"):
        expect(1, stub, 6e21, want=1e12)
    with pytest.raises(NotSolved, match="still `...`"):
        expect_value(1, "ratio", ..., want=0.8)


def test_a_missing_return_is_named() -> None:
    with pytest.raises(WrongType, match="is None, expected one number. Is there a return line"):
        expect(1, lambda: None, want=1.0, what="f()")


@pytest.mark.parametrize("answer", ["1e12", True, 1 + 0j, {"D": 1e12}, [[1.0], [2.0, 3.0]], [1.0, "x"]])
def test_what_is_not_a_real_number_is_refused(answer: object) -> None:
    with pytest.raises(WrongType, match="expected one number"):
        expect_value(1, "D", answer, want=1e12)


def test_the_wrong_number_of_numbers_is_refused() -> None:
    with pytest.raises(WrongType, match=r"an array of shape \(2,\), expected one number"):
        expect_value(1, "D", (1.0, 2.0), want=1e12)
    with pytest.raises(WrongType, match="is one number, expected 2 numbers"):
        expect_value(1, "(N, D)", 1.0, want=(1.0, 2.0))


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_nan_and_infinity_are_wrong_values(answer: float) -> None:
    with pytest.raises(WrongValue, match="not finite"):
        expect_value(1, "D", answer, want=1e12)


def test_a_wrong_value_comes_with_its_ratio_to_the_right_one() -> None:
    with pytest.raises(WrongValue, match=r"D is 3e\+12; that is 3 times the right value\.$"):
        expect_value(1, "D", 3e12, want=1e12)
    with pytest.raises(WrongValue, match=r"that is \(2, 1\) times the right values, in order"):
        expect_value(2, "(N, D)", (2.0, 5.0), want=(1.0, 5.0))


def test_a_mistake_that_is_recognised_gets_its_hint_and_no_other() -> None:
    mistakes = [Mistake(6e12, "divide by 6 as well"), Mistake(3e12, "one pass forward is not the whole cost")]
    with pytest.raises(WrongValue, match="Hint: divide by 6 as well"):
        expect_value(1, "D", 6e12, want=1e12, mistakes=mistakes)
    with pytest.raises(WrongValue, match="Hint: one pass forward"):
        expect_value(1, "D", 3e12, want=1e12, mistakes=mistakes)
    with pytest.raises(WrongValue) as failure:
        expect_value(1, "D", 7e12, want=1e12, mistakes=mistakes)
    assert "Hint" not in str(failure.value)


def test_an_answer_outside_the_tolerance_is_wrong() -> None:
    expect_value(1, "D", 1.009, want=1.0, rtol=0.01)
    with pytest.raises(WrongValue):
        expect_value(1, "D", 1.011, want=1.0, rtol=0.01)


def test_an_error_of_the_students_own_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        expect(1, tokens, 6e21, 0, want=1e12)


def test_a_property_is_checked_without_giving_the_answer_away(capsys: pytest.CaptureFixture[str]) -> None:
    holds(2, "spends the whole budget", np.bool_(True), hint="D = C / (6 N)")
    assert capsys.readouterr().out == "✓ Task 2: spends the whole budget\n"
    with pytest.raises(WrongValue, match=r"not so: spends the whole budget\. Hint: D = C / \(6 N\)"):
        holds(2, "spends the whole budget", False, hint="D = C / (6 N)")
    with pytest.raises(TypeError, match="condition must be True or False, got 1"):
        holds(2, "spends the whole budget", 1, hint="")


@pytest.mark.parametrize("want", [0.0, float("nan"), (1.0, 0.0)])
def test_an_authors_slip_is_not_a_students(want: object) -> None:
    with pytest.raises(ValueError, match="want must be finite and not zero"):
        expect_value(1, "D", 1.0, want=want)  # type: ignore[arg-type]


def test_a_notebook_shows_one_line_and_no_stack() -> None:
    failure = WrongValue("Task 1: D is 3; that is 3 times the right value.")
    assert isinstance(failure, CheckFailed)
    assert failure._render_traceback_() == ["✗ Task 1: D is 3; that is 3 times the right value."]


def stub(*arguments: object) -> float:
    raise NotImplementedError


def crash(*arguments: object) -> float:
    return 1 / 0


def test_a_score_counts_item_by_item_and_says_what_each_one_is(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score("1a", points=3)
    score.expect(1, tokens, 6e21, 1e9, want=1e12)
    score.expect(1, tokens, 6e21, 2e9, want=1e12, mistakes=[Mistake(5e11, "half the model")])
    score.holds(1, "twice the model reads half", lambda: True, hint="")
    earned = score.result()
    assert type(earned) is float and earned == 2  # anything else nbgrader takes for full marks
    assert capsys.readouterr().out.splitlines() == [
        "✗ Task 1a: 2 of 3 points",
        "  ✓ 1 of 1: tokens(6e+21, 1e+09) = 1e+12",
        "  ✗ 0 of 1: tokens(6e+21, 2e+09) is 5e+11; that is 0.5 times the right value. Hint: half the model",
        "  ✓ 1 of 1: twice the model reads half",
    ]


def test_an_error_in_one_item_costs_that_item_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score(1, points=2)
    score.expect(1, crash, want=1.0)
    score.holds(1, "the next item still counts", lambda: True, hint="")
    assert score.result() == 1
    assert "stopped at `return 1 / 0` with ZeroDivisionError: division by zero" in capsys.readouterr().out


def test_an_unsolved_task_is_told_in_one_line_and_a_wholly_wrong_one_item_by_item() -> None:
    unsolved = Score(1, points=2)
    unsolved.expect(1, stub, want=1.0)
    unsolved.holds(1, "a property", lambda: stub() > 0, hint="")
    with pytest.raises(NotSolved, match=r"^Task 1 is not solved yet: replace the `raise NotImplementedError` line[^\n]*$"):
        unsolved.result()
    wrong = Score(1, points=1)
    wrong.value(1, "D", 3e12, want=1e12)
    with pytest.raises(WrongValue, match=r"Task 1: 0 of 1 points\n  ✗ 0 of 1: D is 3e\+12; that is 3 times the right value\."):
        wrong.result()


def test_a_half_done_task_says_which_half_is_missing() -> None:
    score = Score(1, points=2)
    score.value(1, "first", 2.0, want=1.0)
    score.value(1, "second", ..., want=1.0)
    with pytest.raises(WrongValue, match=r"(?s)first is 2.*not solved yet: second is still"):
        score.result()


def test_points_of_hidden_tests_are_announced(capsys: pytest.CaptureFixture[str]) -> None:
    score = Score(1, points=3)
    score.holds(1, "a property", lambda: True, hint="")
    score.result()
    assert "✓ Task 1: 1 of 1 points, 2 more when the notebook is graded" in capsys.readouterr().out


def test_a_score_refuses_an_authors_slip() -> None:
    with pytest.raises(ValueError, match="points must be above 0"):
        Score(1, points=0)
    score = Score(1, points=1)
    with pytest.raises(ValueError, match="the items are worth 2, more than the 1 declared"):
        score.holds(2, "too dear", lambda: True, hint="")


@pytest.mark.parametrize("answer", [["b", "a"], ("a", "b"), {"a", "b"}, np.array(["a", "b"])])
def test_names_come_in_any_order_and_container(answer: object) -> None:
    score = Score(1, points=1)
    score.names(1, "rows", answer, want=["a", "b"], hint="")
    assert score.result() == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["a"], "rows: 1 of the 1 named belong there, 1 missing. Hint: look again"),
        (["a", "b", "c"], "rows: 2 of the 3 named belong there, 0 missing. Hint: look again"),
        ("ab", "rows is 'ab' (str), expected a list of names."),
        (7, "rows is 7 (int), expected a list of names."),
        (None, "rows is None, expected a list of names. Is there a return line?"),
    ],
)
def test_wrong_names_are_counted_and_not_told(answer: object, said: str) -> None:
    score = Score(1, points=1)
    score.names(1, "rows", answer, want=["a", "b"], hint="look again")
    assert score.lines == [f"  ✗ 0 of 1: {said}"]


def test_the_ratio_can_be_kept_back() -> None:
    score = Score(1, points=1)
    score.value(1, "factor", 3.0, want=2.0, tell_ratio=False)
    assert score.lines == ["  ✗ 0 of 1: factor is 3, and that is not it."]


@pytest.mark.parametrize("answer", [126 * 10**23, Fraction(126 * 10**23)])
def test_whole_numbers_beyond_64_bits_and_fractions_are_numbers(answer: object) -> None:
    expect_value(1, "C", answer, want=1.26e25)


def test_what_is_no_function_is_named() -> None:
    score = Score(1, points=2)
    score.expect(1, 3.0, want=1.0)  # type: ignore[arg-type]
    score.expect(1, ..., want=1.0)  # type: ignore[arg-type]
    assert "3.0 is no function" in score.lines[0] and "not solved yet" in score.lines[1]


@pytest.mark.parametrize(
    ("answer", "want", "hint"),
    [
        (-2.0, 2.0, "the sign is turned over"),
        (50.0, 0.5, "not a percentage"),
        (0.25, 4.0, "upside down"),
        (2e9, 2e12, "a thousandth is a unit"),
        (1 / 24, 1.0, "days for hours"),
        ((3.0, 1.0), (1.0, 3.0), "in another order"),
    ],
)
def test_a_slip_that_any_task_can_meet_gets_a_hint(answer, want, hint):
    with pytest.raises(WrongValue, match=hint):
        expect_value("1a", "answer", answer, want=want)


def test_a_mistake_that_the_task_knows_comes_before_a_general_slip():
    with pytest.raises(WrongValue, match="look at the cost"):
        expect_value("1a", "answer", 200.0, want=2.0, mistakes=[Mistake(200.0, "look at the cost")])


def test_a_number_that_is_off_by_no_known_factor_gets_no_hint():
    with pytest.raises(WrongValue) as failure:
        expect_value("1a", "answer", 3.0, want=2.0)
    assert "Hint" not in str(failure.value)


def test_where_the_ratio_would_give_the_answer_away_no_slip_is_told():
    score = Score("1", points=1)
    score.value(1, "factor", -2.0, want=2.0, tell_ratio=False)
    with pytest.raises(WrongValue) as failure:
        score.result()
    assert "sign" not in str(failure.value)


def test_a_name_that_the_task_does_not_have_is_told_from_a_wrong_one():
    score = Score("1", points=2)
    score.names(1, "best", ["Coarse"], want=["coarse"], hint="look again", among=["coarse", "fine"])
    score.names(1, "best", [], want=["coarse"], hint="look again", among=["coarse", "fine"])
    with pytest.raises(WrongValue, match="'Coarse' is none of the names of this task") as failure:
        score.result()
    assert "names nothing, and 1 missing" in str(failure.value)
