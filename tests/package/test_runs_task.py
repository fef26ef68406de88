"""The problems that the sampled model is asked: graded, checked exactly, the same for every scratchpad."""

import numpy as np
import pytest

from scaling_helpers.runs.task import CONTEXT, MOST, Problem, decode, encode, examples, is_right, problems


@pytest.mark.parametrize("pad", "abc")
@pytest.mark.parametrize("terms", [2, 3, 8])
def test_what_is_taught_is_right_and_fits_the_window(pad, terms):
    for problem in problems(terms, 20, scratchpad=pad):
        assert is_right(problem, problem.answer)
        assert int(problem.answer.rstrip(";").split(",")[-1]) == sum(problem.terms)
        assert len(problem.prompt) + len(problem.answer) <= CONTEXT + 1


def test_longer_scratchpads_write_more():
    tokens = [len(problems(MOST, 1, scratchpad=pad)[0].answer) for pad in "abc"]
    assert tokens == sorted(tokens) and tokens[0] < tokens[1] < tokens[2]


@pytest.mark.parametrize("answer", ["", ";", "12", "012;", "12;;", "1,2,;", "a12;", "12;3", ",12;", "13;", "12,13;", " 12;"])
def test_only_the_sum_is_right(answer):
    assert not is_right(Problem((5, 7)), answer)


@pytest.mark.parametrize("answer", ["12;", "5,12;", "99,12;"])
def test_what_is_written_on_the_way_is_not_judged(answer):
    assert is_right(Problem((5, 7)), answer)


def test_problems_are_different_from_each_other_and_the_same_every_time():
    assert len({one.terms for one in problems(2, 200)}) == 200
    assert problems(4, 5) == problems(4, 5) != problems(4, 5, seed=1)


@pytest.mark.parametrize(
    ("arguments", "said"), [((1, 5), "terms = 1"), ((9, 5), "terms = 9"), ((2, 5, 0, "d"), "scratchpad = 'd'")]
)
def test_problems_that_there_are_not_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        problems(*arguments)


def test_the_scored_targets_are_the_answers():
    windows, scored = examples(50, 0, 3)
    for window, mask in zip(windows, scored, strict=True):
        text = decode(window)
        prompt, _, rest = text.partition("=")
        answer = rest[: rest.index(";") + 1]
        assert decode(window[1:][mask]) == answer
        assert is_right(Problem(tuple(int(term) for term in prompt[1:].split("+")), prompt[0]), answer)
    again, other = examples(50, 0, 3)[0], examples(50, 0, 4)[0]
    assert np.array_equal(windows, again) and not np.array_equal(windows, other)
    assert encode(decode(windows[0])) == windows[0].tolist()
