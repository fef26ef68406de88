"""Sampling by counts gives what sampling one by one would, and the study goes on where it was stopped."""

import itertools
import os

import numpy as np
import pytest

from scaling_helpers.runs.measured import load_samples
from scaling_helpers.runs.model import forward, initial
from scaling_helpers.runs.records import Journal
from scaling_helpers.runs.sample import STUDY, Batch, Tally, export_samples, sample, solver_shape, study, train_solver
from scaling_helpers.runs.task import ALPHABET, Problem, decode, encode, problems

if os.environ.get("CI") == "true":
    import torch  # on a server the sampling is tested or the tests fail
else:
    torch = pytest.importorskip("torch", reason="the [train] extra is not installed")


@pytest.fixture(scope="module")
def guesser():
    """A model that has learnt nothing but is not even either: its embedding is larger than it starts."""
    weights = initial(solver_shape(8), seed=3)
    weights["embedding"] *= 3
    weights["embedding"][ALPHABET.index(";")] *= 2
    return weights


def chances(weights, prompt, temperature):
    logits, _ = forward(weights, torch.tensor([prompt]), solver_shape(8))
    return (logits[0, -1].double() / temperature).softmax(-1).numpy()


@pytest.mark.parametrize("temperature", [0.6, 1.0])
def test_answers_come_as_often_as_the_model_says(guesser, temperature):
    asked = problems(2, 2)
    n = 4000
    for problem, tally in zip(asked, sample(guesser, solver_shape(8), asked, n, temperature, seed=0), strict=True):
        assert tally.n == n
        prompt = encode(problem.prompt)
        first = chances(guesser, prompt, temperature)
        for a in range(len(ALPHABET)):
            seen = sum(count for answer, count in tally.answers.items() if answer[0] == ALPHABET[a])
            assert abs(seen - n * first[a]) < 5 * np.sqrt(n * first[a] * (1 - first[a])) + 1
        likely = int(np.argmax(np.where(np.arange(len(ALPHABET)) == ALPHABET.index(";"), 0, first)))
        second = chances(guesser, [*prompt, likely], temperature) * first[likely]
        for b in range(len(ALPHABET)):
            seen = sum(count for answer, count in tally.answers.items() if answer[:2] == decode([likely, b]))
            assert abs(seen - n * second[b]) < 5 * np.sqrt(n * second[b] * (1 - second[b])) + 1
        assert tally.tokens == sum(len(answer) * count for answer, count in tally.answers.items())


def test_few_rows_at_a_time_give_the_same_distribution(guesser, monkeypatch):
    from scaling_helpers.runs import sample as module

    asked = problems(3, 3)
    whole = sample(guesser, solver_shape(8), asked, 300, 1.0, seed=1)
    monkeypatch.setattr(module, "ROWS", 50)
    parts = sample(guesser, solver_shape(8), asked, 300, 1.0, seed=2)
    for one, other in zip(whole, parts, strict=True):
        assert one.n == other.n == 300
        shares = [sum(c for answer, c in tally.answers.items() if answer == ";") / 300 for tally in (one, other)]
        assert abs(shares[0] - shares[1]) < 5 * np.sqrt(0.5 / 300)


def test_results_are_counted_by_the_sum_whatever_was_written_before():
    tally = Tally({"12;": 3, "5,12;": 2, "13;": 4, "4,13;": 1, "9;": 2, "no end": 1}, tokens=50)
    assert tally.row(Problem((5, 7))) == {"n": 13, "c": 5, "wrong": "5 2 1", "distinct": 4, "tokens": 50}


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(guesser, temperature):
    with pytest.raises(ValueError, match="temperature"):
        sample(guesser, solver_shape(8), problems(2, 1), 10, temperature, seed=0)


def test_problems_of_different_lengths_are_refused(guesser):
    with pytest.raises(ValueError, match="ask those of one number together"):
        sample(guesser, solver_shape(8), [*problems(2, 1), *problems(3, 1)], 10, 1.0, seed=0)


def test_the_study_is_as_large_as_it_has_to_be():
    from scaling_helpers.runs.sample import OF_EACH

    most = [part for part in STUDY if part.n == 10_000]
    assert len({(part.width, part.temperature, part.scratchpad) for part in most}) == 1
    assert OF_EACH * len(most) >= 200
    assert len({part.width for part in STUDY}) >= 3 and len({part.temperature for part in STUDY}) >= 3
    assert all(part.n >= 1000 for part in STUDY) and len({part.id for part in STUDY}) == len(STUDY)


def test_a_study_that_is_stopped_goes_on_and_ends_in_a_checked_table(tmp_path):
    parts = [Batch(8, "a", terms, 1.0, n) for terms, n in ((2, 50), (2, 80), (3, 50))]
    assert study(tmp_path, parts[:1], of_each=4, steps=3) == 1
    model = train_solver(8, tmp_path, steps=3)
    assert study(tmp_path, parts, of_each=4, steps=3) == 2 and study(tmp_path, parts, of_each=4, steps=3) == 0
    assert all(torch.equal(a, b) for a, b in zip(model.values(), train_solver(8, tmp_path, steps=3).values(), strict=True))
    assert [part["id"] for part in Journal(tmp_path / "samples").read()] == [part.id for part in parts]
    assert export_samples(tmp_path, tmp_path / "out") == 8
    table = load_samples(tmp_path / "out" / "samples.csv")
    assert table["n"].tolist() == [80] * 4 + [50] * 4
    assert all(itertools.starmap(lambda c, n: 0 <= c <= n, zip(table["c"], table["n"], strict=True)))


def test_a_solver_soon_learns_what_an_answer_looks_like(tmp_path):
    shares = []
    for steps in (1, 100):
        weights = train_solver(16, tmp_path, steps=steps)
        (tally,) = sample(weights, solver_shape(16), problems(2, 1), 200, 1.0, seed=0)
        answers = [count for answer, count in tally.answers.items() if answer.endswith(";") and answer[:-1].isdigit()]
        shares.append(sum(answers) / 200)
    assert shares[0] < 0.2 < shares[1]
