"""Votes, verifiers and scores hand in what they should, and level off or turn down where they must."""

import itertools
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import facts
from scaling_helpers.inference import (
    BetaCoverage,
    ScoreModel,
    acceptance,
    best_of_n,
    contested_vote,
    difficulty_grid,
    majority_plateau,
    majority_vote,
    over_problems,
    pass_probability,
    resample_until_accepted,
    selection_efficiency,
    verifier_plateau,
    vote_accuracy,
    vote_plateau,
)
from scaling_helpers.trace import evaluate, variable

chance = st.floats(0, 1)


def vote_by_definition(p, k):
    """More than half of k, and half of the ties."""
    return sum(comb(k, j) * p**j * (1 - p) ** (k - j) * (1.0 if 2 * j > k else 0.5 if 2 * j == k else 0.0) for j in range(k + 1))


@given(chance, st.integers(1, 60))
def test_a_vote_between_two_answers_is_a_binomial_tail(p, k):
    assert majority_vote(p, k) == pytest.approx(vote_by_definition(p, k), abs=2e-14)


def test_an_even_vote_does_no_better_than_one_less():
    p = np.linspace(0, 1, 21)
    assert majority_vote(p, 8) == pytest.approx(majority_vote(p, 7), abs=0)


@given(st.floats(0.05, 20), st.floats(0.05, 20), st.integers(1, 40))
def test_a_vote_over_a_benchmark_is_the_mean_vote_over_its_problems(a, b, k):
    law = BetaCoverage(a, b, 0.8)
    solvable = over_problems(lambda p: majority_vote(p, k), BetaCoverage(a, b))
    assert majority_vote(law, k) == pytest.approx(0.8 * solvable, abs=1e-9)


def test_votes_level_off_at_the_share_of_problems_that_are_mostly_right():
    law = BetaCoverage(0.6, 0.9)
    draws = np.random.default_rng(0).beta(0.6, 0.9, size=400_000)
    assert majority_plateau(law) == pytest.approx((draws > 0.5).mean(), abs=0.003)
    assert majority_vote(law, 20_001) == pytest.approx(majority_plateau(law), abs=1e-4)
    assert law.coverage(20_001) > 0.99 > 0.4 > majority_plateau(law)
    assert majority_plateau(0.5) == 0.5 and majority_plateau(np.array([0.2, 0.9])).tolist() == [0.0, 1.0]


def vote_by_enumeration(probabilities, k, weights):
    total = 0.0
    for counts in itertools.product(range(k + 1), repeat=len(probabilities)):
        if sum(counts) != k:
            continue
        size = factorial(k)
        for count, p in zip(counts, probabilities, strict=True):
            size *= p**count / factorial(count)
        votes = [count * weight for count, weight in zip(counts, weights, strict=True)]
        if votes[0] == max(votes):
            total += size / votes.count(votes[0])
    return total


@pytest.mark.parametrize("k", [1, 2, 3, 6, 9])
@pytest.mark.parametrize(
    ("probabilities", "weights"),
    [
        ([0.4, 0.35, 0.25], [1, 1, 1]),
        ([0.25, 0.25, 0.25, 0.25], [1, 1, 1, 1]),
        ([0.1, 0.6, 0.3], [2, 1, 1]),
        ([0.3, 0.3, 0.4, 0.0], [1, 1, 0.5, 3]),
        ([0.7, 0.3], [1, 1]),
    ],
)
def test_the_exact_vote_is_the_sum_over_all_outcomes(probabilities, weights, k):
    got = vote_accuracy(probabilities, k, weights=weights)
    assert got.method == "exact" and got.standard_error == 0
    assert got.value == pytest.approx(vote_by_enumeration(probabilities, k, weights), rel=1e-11)


def test_a_simulated_vote_says_so_and_agrees():
    probabilities, weights = [0.3, 0.25, 0.25, 0.2], [1.0, 1.1, 1.0, 1.0]
    exact = vote_accuracy(probabilities, 41, weights=weights)
    drawn = vote_accuracy(probabilities, 41, weights=weights, draws=60_000, seed=1)
    assert (exact.method, drawn.method) == ("exact", "simulated")
    assert abs(drawn.value - exact.value) < 4 * drawn.standard_error < 0.01
    assert vote_accuracy([0.3, 0.7], 100_000).method == "simulated"
    assert vote_accuracy([0.6, 0.4], 51).value == pytest.approx(majority_vote(0.6, 51), rel=1e-11)


def test_a_plurality_is_enough_and_a_weight_can_turn_it():
    probabilities = [0.3, 0.2, 0.2, 0.15, 0.15]
    assert vote_accuracy(probabilities, 101).value > 0.85 > vote_accuracy(probabilities, 3).value
    assert vote_plateau(probabilities) == 1.0 and vote_plateau([0.25] * 4) == 0.25
    assert vote_plateau(probabilities, weights=[1, 1.6, 1, 1, 1]) == 0.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([0.4, 0.4], 3), "probabilities sum to 0.8"),
        (([1.0], 3), "two answers or more"),
        (([0.5, 0.5], 0), "k = 0"),
        (([0.5, 0.5], 2.5), "k = 2.5"),
        (([1.5, -0.5], 3), "it must lie in \\[0, 1\\]"),
    ],
)
def test_votes_that_cannot_be_counted_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        vote_accuracy(*arguments)
    with pytest.raises(ValueError, match="weights has shape"):
        vote_accuracy([0.5, 0.5], 3, weights=[1.0])
    with pytest.raises(ValueError, match="weights = -1"):
        vote_accuracy([0.5, 0.5], 3, weights=[1.0, -1.0])


@given(chance, st.integers(1, 10_000), chance, chance)
def test_a_verifier_hands_in_an_accuracy_between_its_limits(p, n, right, wrong):
    got = float(best_of_n(p, n, right, wrong))
    assert -1e-12 <= got <= 1 + 1e-12
    assert best_of_n(p, n, 1.0, 0.0) == pytest.approx(pass_probability(p, n), abs=1e-12)
    assert best_of_n(p, n, right, right) == pytest.approx(p, abs=1e-12)
    assert best_of_n(p, 1, right, wrong) == pytest.approx(p, abs=1e-12)  # one sample leaves nothing to choose


def test_a_fallible_verifier_levels_off_at_its_precision_as_repeated_play_shows():
    rng, draws = np.random.default_rng(2), 100_000
    p, n, right, wrong = 0.2, 8, 0.8, 0.1
    answers = rng.random((draws, n)) < p
    accepted = rng.random((draws, n)) < np.where(answers, right, wrong)
    eligible = np.where(accepted.any(axis=1)[:, None], accepted, True)
    chosen = np.argmax(eligible * rng.random((draws, n)), axis=1)
    assert best_of_n(p, n, right, wrong) == pytest.approx(answers[np.arange(draws), chosen].mean(), abs=0.005)
    assert best_of_n(p, 1e6, right, wrong) == pytest.approx(verifier_plateau(p, right, wrong), rel=1e-12)
    assert verifier_plateau(0.01, 0.9, 0.05) < 0.16  # hard problems: most of what is accepted is wrong
    assert verifier_plateau(0.0, 0.9, 0.0) == 0.0 and best_of_n(1.0, 5, 1.0, 1.0) == 1.0 and best_of_n(0.3, 5, 0.0, 0.0) == 0.3


def test_the_best_of_n_by_a_score_matches_repeated_play():
    rng, draws = np.random.default_rng(3), 60_000
    for model, p, n in ((ScoreModel(1.0), 0.3, 7), (ScoreModel(1.5, 1.4), 0.2, 40), (ScoreModel(0.5, 0.6), 0.1, 25)):
        right = rng.random((draws, n)) < p
        noise = rng.standard_normal((draws, n))
        score = np.where(right, model.separation + noise, model.spread_wrong * noise)
        won = right[np.arange(draws), np.argmax(score, axis=1)].mean()
        assert model.accuracy(p, n) == pytest.approx(won, abs=4 * np.sqrt(0.25 / draws))
    good, bad = 1.2 + rng.standard_normal(10**6), 0.8 * rng.standard_normal(10**6)
    assert ScoreModel(1.2, 0.8).auc == pytest.approx((good > bad).mean(), abs=0.002)


def test_the_chances_of_right_and_wrong_winners_add_up():
    # A wrong answer wins under the mirrored model: swap the two kinds and rescale the scores.
    model, p, n = ScoreModel(1.5, 1.4), 0.2, 40
    x = np.linspace(-25, 25, 200_001)
    from scipy.stats import norm

    below = p * norm.cdf(x - 1.5) + (1 - p) * norm.cdf(x / 1.4)
    wrong = n * (1 - p) * np.trapezoid(norm.pdf(x, scale=1.4) * below ** (n - 1), x)
    assert model.accuracy(p, n) + wrong == pytest.approx(1.0, abs=1e-11)


def test_more_samples_always_help_with_equal_spreads_and_turn_against_you_when_wrong_answers_reach_higher():
    counts = [1, 3, 10, 100, 1000, 100_000]
    fair = [ScoreModel(1.0).accuracy(0.2, n) for n in counts]
    assert fair == sorted(fair) and fair[0] == pytest.approx(0.2, rel=1e-12)
    fooled = ScoreModel(1.5, 1.5)
    best = fooled.best_n(0.3)
    top = fooled.accuracy(0.3, best)
    assert 1 < best < 1000 and top > fooled.accuracy(0.3, 1) and top > fooled.accuracy(0.3, 100_000) + 0.1
    assert ScoreModel(0.0).accuracy(0.37, 1000) == pytest.approx(0.37, rel=1e-9)  # a score that knows nothing


def test_the_part_of_coverage_that_selection_keeps_shrinks_in_the_measured_case():
    def score(model, k):
        return facts.get(f"monkeys_coverage/{model}/{k}/coverage").value

    single = facts.get("monkeys_fits/llama-3-8b-instruct/math/coverage_1").value
    oracle, picked = "llama-3-8b-instruct/math-oracle", "llama-3-8b-instruct-best-selector/math-no-oracle"
    at = {k: selection_efficiency(score(picked, k), single, score(oracle, k)) for k in (100, 10_000)}
    assert 0.2 < at[10_000] < at[100] < 0.26
    with pytest.raises(ValueError, match="there is nothing to select"):
        selection_efficiency(0.3, 0.5, 0.4)


def test_the_traced_forms_agree_with_the_numbers():
    p, n, right, wrong, a, b = (variable(name) for name in ("p", "n", "right", "wrong", "a", "b"))
    traced = {
        "vote": (majority_vote(p, 21), lambda at: majority_vote(at["p"], 21)),
        "mixture": (majority_vote(BetaCoverage(a, b), 21), lambda at: majority_vote(BetaCoverage(at["a"], at["b"]), 21)),
        "verifier": (best_of_n(p, n, right, wrong), lambda at: best_of_n(at["p"], at["n"], at["right"], at["wrong"])),
        "plateau": (verifier_plateau(p, right, wrong), lambda at: verifier_plateau(at["p"], at["right"], at["wrong"])),
        "share": (selection_efficiency(p, wrong, right), lambda at: (at["p"] - at["wrong"]) / (at["right"] - at["wrong"])),
        "ends": (majority_plateau(p), lambda at: majority_plateau(at["p"])),
    }
    rng = np.random.default_rng(5)
    for _ in range(100):
        at = dict(zip(("p", "right", "wrong"), rng.random(3), strict=True))
        at |= {"n": float(rng.integers(1, 1000)), "a": 10 ** rng.uniform(-1, 1), "b": 10 ** rng.uniform(-1, 1)}
        for name, (formula, number) in traced.items():
            assert evaluate(formula, at) == pytest.approx(float(number(at)), rel=1e-12, abs=1e-14), name
    ends = [{"p": q, "n": 5.0, "right": t, "wrong": t} for q, t in ((1.0, 1.0), (0.3, 0.0))]
    assert [evaluate(traced["verifier"][0], at) for at in ends] == [1.0, 0.3]
    with pytest.raises(TypeError, match="not traced"):
        majority_plateau(BetaCoverage(a, b))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: majority_vote(0.5, 0), "k = 0"),
        (lambda: majority_vote(1.5, 3), "p = 1.5"),
        (lambda: best_of_n(0.5, 0, 1, 0), "n = 0: it must be at least 1"),
        (lambda: best_of_n(0.5, 2, 2, 0), "true_positive = 2"),
        (lambda: ScoreModel(-1.0), "separation = -1"),
        (lambda: ScoreModel(1.0, 0.0), "spread_wrong = 0"),
        (lambda: ScoreModel(100.0), "give up to 20"),
        (lambda: ScoreModel(1.0).accuracy(0.5, 0), "n = 0"),
        (lambda: over_problems(lambda p: p, BetaCoverage(1, 1), nodes=1), "nodes = 1"),
    ],
)
def test_bad_input_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_problems_that_nothing_solves_count_with_what_is_handed_in_for_them():
    law = BetaCoverage(1.0, 3.0, 0.6)
    assert over_problems(lambda p: p + 0.1, law) == pytest.approx(0.6 * 0.35 + 0.4 * 0.1, rel=1e-12)


# -- a vote with one rival, and sampling until a verifier accepts --------------------------------------------


def contested_by_definition(p, k, agree):
    """Every count of right, rival and single answers; the most votes win, ties by lot."""
    q, total = agree * (1 - p), 0.0
    for x, y in itertools.product(range(k + 1), repeat=2):
        z = k - x - y
        if z < 0:
            continue
        ways = factorial(k) // (factorial(x) * factorial(y) * factorial(z))
        top = max(x, y, 1 if z else 0)
        winners = (x == top) + (y == top) + (z if top == 1 else 0)
        total += ways * p**x * q**y * (1 - p - q) ** z * ((x == top) / winners)
    return total


@given(chance, st.integers(1, 14), chance)
def test_a_contested_vote_is_the_sum_over_all_counts(p, k, agree):
    assert contested_vote(p, k, agree) == pytest.approx(contested_by_definition(p, k, agree), abs=1e-11)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 33, 100, 2001])
def test_a_vote_in_which_all_wrong_answers_agree_is_the_majority_vote(k):
    p = np.linspace(0, 1, 23)
    assert contested_vote(p, k, 1.0) == pytest.approx(majority_vote(p, k), abs=1e-12)


def test_a_long_vote_is_won_by_the_answer_that_is_most_frequent():
    for agree in (0.1, 0.25, 0.5):
        threshold = agree / (1 + agree)
        assert contested_vote([0.8 * threshold, 1.25 * threshold], 20_001, agree) == pytest.approx([0.0, 1.0], abs=1e-6)


def test_what_a_verifier_accepts_first_is_what_repeated_play_hands_in():
    p, n, right, wrong = 0.2, 6, 0.8, 0.15
    rng = np.random.default_rng(5)
    good = rng.random((200_000, n)) < p
    accepted = rng.random(good.shape) < np.where(good, right, wrong)
    first = np.argmax(accepted, axis=1)
    any_accepted = accepted.any(axis=1)
    handed = good[np.arange(len(good)), first]
    seen = [np.mean(any_accepted & handed), np.mean(any_accepted & ~handed), np.mean(~any_accepted)]
    made = resample_until_accepted(p, n, right, wrong)
    assert [made.right, made.wrong, made.nothing] == pytest.approx(seen, abs=5 * 0.5 / np.sqrt(len(good)))


@given(chance, st.integers(1, 1000), chance, chance)
def test_right_wrong_and_nothing_are_all_there_is_and_a_guess_fills_the_gap(p, n, right, wrong):
    made = resample_until_accepted(p, n, right, wrong)
    assert made.right + made.wrong + made.nothing == pytest.approx(1.0, abs=1e-12)
    share, accepted = acceptance(p, right, wrong)
    assert 0 <= share <= 1 and accepted == pytest.approx(p * right + (1 - p) * wrong, abs=1e-15)
    if accepted < 1:  # best_of_n hands in any refused sample where none was accepted
        missed = p * (1 - right) / (1 - accepted)
        assert best_of_n(p, n, right, wrong) == pytest.approx(made.right + made.nothing * missed, abs=1e-9)


def test_with_one_sample_the_outcomes_are_the_four_cells_of_the_verifier():
    made = resample_until_accepted(0.3, 1, 0.9, 0.2)
    assert [made.right, made.wrong, made.nothing] == pytest.approx([0.3 * 0.9, 0.7 * 0.2, 0.3 * 0.1 + 0.7 * 0.8], abs=1e-15)


def test_a_perfect_verifier_hands_in_coverage_and_its_score_never_turns():
    law = BetaCoverage(0.37, 1.09)
    scores = [over_problems(lambda p, n=n: resample_until_accepted(p, n, 1.0, 0.0).score(5.0), law) for n in (1, 10, 100)]
    assert scores == pytest.approx([float(law.coverage(n)) for n in (1, 10, 100)], abs=1e-7)


def test_one_problem_never_turns_down_but_a_benchmark_does_where_wrong_answers_cost():
    n = np.array([1, 2, 4, 8, 16, 64, 256, 1024])
    easy = resample_until_accepted(0.5, n, 0.9, 0.05)
    assert np.all(np.diff(easy.score(1.0)) >= 0)
    law = BetaCoverage(0.37, 1.09)
    free, dear = (
        [over_problems(lambda p, k=k, c=c: resample_until_accepted(p, k, 0.9, 0.05).score(c), law) for k in n] for c in (0.0, 1.0)
    )
    assert np.all(np.diff(free) > -1e-12)
    assert n[np.argmax(dear)] == 8 and dear[-1] < 0.7 * max(dear)


@pytest.mark.parametrize(("a", "b"), [(0.37, 1.09), (0.41, 0.48), (0.05, 0.8), (0.3, 11.0), (2.0, 5.0)])
def test_the_grid_of_difficulties_gives_coverage_and_scores(a, b):
    law = BetaCoverage(a, b, solvable=0.9)
    p, share = difficulty_grid(law)
    assert share.sum() == pytest.approx(1.0, abs=1e-4) and np.all(share >= -1e-6)
    for n in (1, 10, 1000, 10_000):
        assert share @ (1 - (1 - p) ** n) == pytest.approx(float(law.coverage(n)), abs=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: contested_vote(0.5, 0, 0.5), "k = 0"),
        (lambda: contested_vote(0.5, 3, 1.5), "agree = 1.5"),
        (lambda: contested_vote(-0.1, 3, 0.5), "p = -0.1"),
        (lambda: resample_until_accepted(0.5, 0.5, 0.9, 0.1), "n = 0.5"),
        (lambda: resample_until_accepted(0.5, 5, 1.1, 0.1), "true_positive = 1.1"),
        (lambda: resample_until_accepted(0.5, 5, 0.9, 0.1).score(-1), "cost = -1"),
        (lambda: difficulty_grid(BetaCoverage(1, 1), step=3.0), "step = 3"),
    ],
)
def test_a_vote_or_verifier_that_cannot_be_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_the_verifier_is_traced():
    p, n, right, wrong = 0.2, 17.0, 0.9, 0.05
    names = dict(zip("pntf", (p, n, right, wrong), strict=True))
    traced = resample_until_accepted(*(variable(name) for name in names)).score(variable("c"))
    assert evaluate(traced, {**names, "c": 2.0}) == pytest.approx(
        resample_until_accepted(p, n, right, wrong).score(2.0), rel=1e-13
    )
