"""What our own runs say can be found again, and what is read from the tables is what stands there."""

import math

import numpy as np
import pytest

from scaling_helpers import own_runs
from scaling_helpers.fitting import Table, fit_isoflop, hoffmann_starts, rollout
from scaling_helpers.laws import FLOP_PER_PARAMETER_TOKEN
from scaling_helpers.runs import load_curves, load_runs
from scaling_helpers.runs.model import Shape
from scaling_helpers.runs.plan import BUDGETS, plan


def test_every_planned_run_was_made_and_no_other():
    assert set(load_runs()["id"]) == {one.run.id for one in plan()}


def test_every_run_has_its_curve():
    assert set(load_curves()["id"]) == set(load_runs()["id"])


def test_the_sweep_is_as_large_as_a_law_needs():
    points = own_runs.family()
    budgets = np.unique(points["C"])
    assert len(load_runs(status="done")) >= 150
    assert np.allclose(budgets, BUDGETS) and budgets.max() / budgets.min() >= 1000
    assert all(len(np.unique(points["N"][points["C"] == budget])) >= 7 for budget in budgets)


def test_no_run_of_the_families_reads_a_byte_twice():
    runs = load_runs(study=["isoflop", "tuning", "schedule", "warmup", "untuned", "kaplan"])
    assert np.all(runs["D"] <= runs["U"])


def test_every_budget_has_its_best_size_between_sizes_that_were_trained():
    fit = own_runs.valleys()
    assert not fit.excluded
    points = own_runs.family()
    for valley in fit.valleys:
        sizes = points["N"][points["C"] == valley.budget]
        assert np.sum(np.unique(sizes) < valley.N) >= 2 and np.sum(np.unique(sizes) > valley.N) >= 2


def test_the_law_of_the_runs_is_at_its_minimum():
    fit = own_runs.law()
    assert fit.status.value == "converged"
    assert not fit.at_bound


def test_the_small_runs_foretell_too_high_a_loss_for_the_large_and_still_better_than_no_change_does():
    for cut in (1e11, 10**11.5, 1e12, 10**12.5):
        score = rollout(own_runs.law(), own_runs.family()["C"], upto=cut * 1.01, draws=100)
        assert np.sum(score.held) == np.sum(own_runs.family()["C"] > 1.1 * cut)
        assert score.skill > 0.2 and score.bias > 0.05 and score.coverage < 0.7


def test_where_the_form_holds_valleys_and_law_agree_on_the_exponent():
    fit, valleys = own_runs.law(smallest=own_runs.HOLDS_FROM), own_runs.valleys(smallest=own_runs.HOLDS_FROM)
    drawn = fit.bootstrap(200, kind="residual").interval(lambda law: law.beta / (law.alpha + law.beta))
    assert valleys.a in drawn and 0.5 in drawn


def test_every_departure_from_own_settings_raises_the_exponent():
    readings = own_runs.re_enactment()
    own = readings["own settings"]
    changed = ("embeddings not counted", "one long schedule", "long schedule, long warmup", "one rate and batch for all",
               "schedule, warmup, rate, batch")  # fmt: skip
    assert all(readings[name].interval.low > own.fit.a for name in changed)
    assert 0.73 in readings["schedule, warmup, rate, batch"].interval, "Kaplan's exponent"


def test_a_mean_over_seeds_is_that_of_the_logarithms():
    points, averaged = own_runs.family(), own_runs.means(own_runs.family())
    one = averaged["config"][np.argmax(averaged["seeds"])]
    losses = points["loss"][points["config"] == one]
    assert math.isclose(averaged["loss"][averaged["config"] == one][0], math.exp(np.mean(np.log(losses))))


def test_counting_anew_finds_the_planted_exponents():
    """A law planted on N: read at equal compute by another count, its valleys lie where that count's best sizes lie."""
    N = np.repeat(np.geomspace(1e6, 1e9, 13), 17)
    D = np.tile(np.geomspace(1e7, 1e11, 17), 13)
    loss = 1.5 + 40 / N**0.3 + 300 / D**0.3
    points = Table({"N": N, "D": D, "loss": loss, "N_non_embedding": N - 1e5 * N ** (1 / 3) / 1e3})
    anew = own_runs.equal_compute(points, "N_non_embedding")
    assert np.allclose(FLOP_PER_PARAMETER_TOKEN * anew["N"] * anew["D"], anew["C"])
    inside = (anew["C"] >= 1e16) & (anew["C"] <= 1e19)
    fit = fit_isoflop(anew["N"][inside], anew["D"][inside], anew["loss"][inside], budget=anew["C"][inside])
    assert fit.a == pytest.approx(0.5, abs=0.03)


def test_counting_anew_reads_nothing_beyond_the_runs_but_the_rounding_to_whole_steps():
    points = own_runs.means(own_runs.family())
    anew = own_runs.equal_compute(points, "N")
    for size in np.unique(anew["N"]):
        mine = points["N"] == size
        assert anew["D"][anew["N"] == size].min() >= points["D"][mine].min() * (1 - 0.03)
        assert anew["D"][anew["N"] == size].max() <= points["D"][mine].max() * (1 + 0.03)


def test_a_long_run_read_on_the_way_ends_at_the_loss_of_its_row():
    for study in ("schedule", "warmup", "kaplan"):
        points, runs = own_runs.on_the_way(study), load_runs(study=study)
        for row in runs:
            mine = points["config"] == row["id"]
            assert points["loss"][mine][np.argmax(points["D"][mine])] == pytest.approx(row["loss"], rel=1e-5)


def test_a_study_that_was_not_made_is_refused_by_name():
    with pytest.raises(ValueError, match="study = 'warm'.*schedule"):
        own_runs.on_the_way("warm")


def test_the_counts_of_parameters_are_those_of_the_model():
    for row in load_runs():
        shape = Shape(int(row["width"]), int(row["context"]))
        assert row["N"] == shape.N and row["N_non_embedding"] == shape.parameters.non_embedding
        assert row["flop_exact"] == pytest.approx(shape.flop_per_token * row["D"])


def test_what_repeats_are_worth_is_found_without_a_law():
    """Planted: text read again is worth half of what new text is, whatever the law of new text."""
    N, U = 1e5, 1e6
    D = np.geomspace(1e5, 1e9, 80)
    epochs = np.array([2.0, 4.0, 16.0])
    effective = U * (1 + (epochs - 1) / 2)

    def loss(tokens):
        return 1.1 + 40 / tokens**0.2 + 3 * np.exp(-tokens / 1e7)

    points = Table({
        "N": np.full(83, N), "U": np.append(D, np.full(3, U)), "D": np.append(D, U * epochs),
        "epochs": np.append(np.ones(80), epochs), "loss": np.append(loss(D), loss(effective)),
    })  # fmt: skip
    assert np.allclose(own_runs.worth(points)["worth"], effective / U, rtol=0.002)


def test_a_loss_that_no_new_text_gave_is_worth_nothing_that_can_be_said():
    points = Table({
        "N": np.full(4, 1e5), "U": np.array([1e5, 1e6, 1e6, 1e6]), "D": np.array([1e5, 1e6, 4e6, 64e6]),
        "epochs": np.array([1.0, 1.0, 4.0, 64.0]), "loss": np.array([3.0, 2.0, 1.9, 3.5]),
    })  # fmt: skip
    assert np.isnan(own_runs.worth(points)["worth"]).all()


def test_a_run_trained_again_in_another_order_of_sums_stays_within_the_luck_of_seeds():
    spread, _degrees = own_runs.seed_spread()
    moved = np.log(own_runs.again()["loss"] / own_runs.again()["first"])
    assert np.all(abs(moved) < 3 * spread) and np.any(moved != 0)


def test_one_start_never_beats_many_and_often_stays_behind():
    least = own_runs.law_of_means().objective
    sums = [own_runs.one_start(own_runs.means(own_runs.family()), start)[1] / least for start in hoffmann_starts()[::300]]
    assert min(sums) > 1 - 1e-6 and max(sums) > 2
