"""The plan of our own sweep: wide enough to see every valley, and what it is expected to cost."""

import math
from collections import Counter

import pytest

from scaling_helpers.counting import Transformer
from scaling_helpers.runs.model import Shape
from scaling_helpers.runs.plan import BEYOND, BUDGETS, STUDIES, WIDTHS, batch_for, expected_seconds, plan, total_flop, tuned_rate
from scaling_helpers.runs.sweep import Progress, duration, summary


def test_the_families_span_three_orders_with_seven_sizes_at_every_budget():
    assert len(BUDGETS) >= 5 and max(BUDGETS) / min(BUDGETS) >= 1e3
    planned = plan(["isoflop"])
    for budget in BUDGETS:
        mine = [one for one in planned if one.budget == budget]
        assert len({one.run.width for one in mine}) >= 7
        assert all(abs(one.run.flop / budget - 1) < 0.05 for one in mine)
    assert any(len({one.run.seed for one in planned if one.run.width == width and one.budget == 1e10}) >= 2 for width in WIDTHS)
    assert len(plan()) >= 150


def test_every_run_is_planned_once_and_its_name_depends_on_its_settings_alone():
    planned = plan()
    assert max(Counter(one.run.id for one in planned).values()) == 1
    assert [one.run.id for one in plan()] == [one.run.id for one in planned]
    assert plan(["tuning", "isoflop"])[0].study == "tuning"


def test_what_a_step_takes_grows_with_the_run_and_the_rate_falls_with_the_size():
    batches = [batch_for(10**exponent) for exponent in (4, 5, 6, 7, 8)]
    assert batches == sorted(batches) and batches[-1] > batches[0]
    assert tuned_rate(1e4, 4) > tuned_rate(1e5, 4) and tuned_rate(1e4, 16) > tuned_rate(1e4, 4)


def test_the_fixed_schedule_reads_its_losses_where_the_own_schedule_ends():
    own = {(one.run.width, round(math.log10(one.budget), 2)): one.run.D for one in plan(["isoflop"])}
    for one in plan(["schedule"]):
        read = [own[one.run.width, round(math.log10(budget), 2)] for budget in BUDGETS if
                (one.run.width, round(math.log10(budget), 2)) in own and budget <= one.budget * 1.01]  # fmt: skip
        per_step = one.run.batch * one.run.context
        assert len(one.run.stops) == len(read)
        assert all(abs(stop - D) <= per_step for stop, D in zip(one.run.stops[::-1], read[::-1], strict=False))
        assert max(one.run.stops) == one.run.D and one.run.schedule == round(BEYOND * one.run.D), "no loss is read at its end"


def test_an_unknown_study_is_refused():
    with pytest.raises(ValueError, match="unknown study 'kapaln'"):
        plan(["kapaln"])


def test_a_larger_plan_is_expected_to_take_longer_and_the_time_left_follows_the_pace():
    small, large = plan(["isoflop"], [1e10]), plan(["isoflop"], [1e12])
    assert total_flop(large) > total_flop(small)
    assert sum(expected_seconds(one.run) for one in large) > sum(expected_seconds(one.run) for one in small)
    progress = Progress([10.0, 10.0, 20.0], jobs=2)
    assert progress.seconds_left == 20.0
    progress.finished(10.0, spent=30.0)
    assert progress.seconds_left == 45.0
    assert [duration(seconds) for seconds in (3, 300, 90_000)] == ["3 s", "5 min", "25.0 h"]
    done = [one.run.id for one in small]
    assert summary(small, done)[0][3] == len(small)
    assert set(STUDIES) == {one.study for one in plan()}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_counts_are_those_of_the_counting_module(width):
    shape = Shape(width)
    by_hand = 256 * width + 12 * shape.layers * width**2 + (2 * shape.layers + 1) * width
    assert shape.N == by_hand == shape.parameters.non_embedding + shape.parameters.embedding
    exact = 6 * (256 * width + 12 * shape.layers * width**2) + 12 * shape.layers * width * 129 / 2
    assert shape.flop_per_token == pytest.approx(exact, rel=1e-12)
    assert isinstance(shape.transformer, Transformer) and shape.width % shape.heads == 0


@pytest.mark.parametrize(
    ("width", "said"), [(0, "whole number"), (52, "does not divide"), (True, "whole number"), (9, "even width")]
)
def test_a_width_that_cannot_be_is_refused(width, said):
    with pytest.raises(ValueError, match=said):
        Shape(width)
