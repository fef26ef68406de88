"""From FLOP to hours, dollars and kilowatt-hours; and the published cost that can be recomputed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import costs, facts
from scaling_helpers.laws import BESIROGLU_2024
from scaling_helpers.optimum import inference_aware

H100, H800 = costs.device("h100"), costs.device("h800")


@pytest.mark.parametrize("stage", ["pre-training", "context", "post-training"])
def test_every_stage_of_deepseek_v3_costs_its_hours_at_two_dollars(stage):
    hours, usd = (facts.get(f"deepseek_v3_cost/{what}/{stage}").value for what in ("hours", "usd"))
    (mine,) = (one for one in costs.deepseek_v3().stages if one.name.startswith(stage))
    assert (mine.device_hours, mine.usd) == (hours, usd) == (hours, hours * 2)


def test_deepseek_v3_cost_5_576_million_dollars_for_2_788_million_hours():
    run = costs.deepseek_v3()
    assert (run.device_hours, run.usd) == (2_788_000, 5_576_000)
    assert run.device_hours == facts.get("deepseek_v3_cost/hours/total").value
    assert run.usd == facts.get("deepseek_v3_cost/usd/total").value
    assert any("prior research" in left for left in run.leaves_out) and len(run.leaves_out) == 6


def test_deepseek_v3_kept_35_percent_of_the_16_bit_peak_and_half_of_that_against_8_bits():
    sixteen = costs.deepseek_v3_utilisation()
    assert sixteen.value == pytest.approx(6 * 37e9 * 14.8e12 / (2.664e6 * 3600 * 9.89e14), rel=1e-12)
    assert sixteen.value == pytest.approx(0.346, abs=5e-4)
    assert (sixteen.precision, sixteen.peak, sixteen.device) == ("bf16", 9.89e14, "NVIDIA H800 SXM5")
    eight = costs.deepseek_v3_utilisation(H100, "fp8")
    assert eight.value == pytest.approx(sixteen.value / 2, rel=1e-3) and eight.precision == "fp8"
    with pytest.raises(ValueError, match="precision = 'fp8': for NVIDIA H800 SXM5 the peak is known in fp32, bf16"):
        costs.deepseek_v3_utilisation(precision="fp8")


def test_epochs_count_of_deepseek_v3_is_six_flop_per_active_parameter():
    assert costs.deepseek_v3_utilisation().flop == pytest.approx(facts.get("deepseek_v3_cost/flop").value, rel=0.01)


def test_r1s_training_cost_is_its_hours_at_the_same_rent():
    rows = facts.table("r1_training")
    hours = [float(row["value"]) for row in rows.values() if row["unit"] == "GPU-hours"]
    total = max(hours)
    assert sum(hours) - total == total
    (usd,) = (float(row["value"]) for row in rows.values() if row["unit"] == "USD")
    assert total * costs.deepseek_v3().usd_per_hour == usd


share = st.floats(0.01, 1.0)


@given(st.floats(1e18, 1e27), share, st.floats(0.1, 20.0))
def test_the_utilisation_of_the_hours_that_a_utilisation_costs_is_that_utilisation(flop, kept, price):
    bill = costs.training_cost(flop, H100, utilisation=kept, usd_per_hour=price)
    assert costs.utilisation(flop, H100, bill.device_hours * (1 + 1e-15)).value == pytest.approx(kept, rel=1e-12)
    assert bill.usd == pytest.approx(flop / 989.4e12 / kept / 3600 * price, rel=1e-12)
    assert bill.kwh == pytest.approx(bill.device_hours * 0.7, rel=1e-12)
    assert bill.days(100) * 24 * 100 == pytest.approx(bill.device_hours, rel=1e-12)


@given(st.floats(1e8, 1e13), share, share, st.floats(0, 1e6), st.floats(1, 1e6))
def test_a_query_costs_its_tokens_each_at_their_own_utilisation(params, reading, writing, read, written):
    def a_token(kept):
        return costs.usd_per_million_tokens(params, H100, utilisation=kept, usd_per_hour=3.0) / 1e6

    bill = costs.query_cost(params, read, written, H100, utilisation_in=reading, utilisation_out=writing, usd_per_hour=3.0)
    assert bill == pytest.approx(read * a_token(reading) + written * a_token(writing), rel=1e-12)


def test_a_million_tokens_of_a_70_billion_model_at_a_tenth_of_the_peak():
    hours = 2 * 70e9 * 1e6 / (989.4e12 * 0.1) / 3600
    assert costs.usd_per_million_tokens(70e9, H100, utilisation=0.1, usd_per_hour=2.0) == pytest.approx(hours * 2, rel=1e-12)


def test_arrays_go_through_and_shapes_that_do_not_fit_are_refused():
    bill = costs.training_cost(np.array([1e22, 1e23]), H100, utilisation=np.array([[0.3], [0.5]]), usd_per_hour=2.0)
    assert bill.usd.shape == bill.kwh.shape == (2, 2)
    with pytest.raises(ValueError, match="shapes do not fit together"):
        costs.training_cost(np.ones(2), H100, utilisation=np.full(3, 0.3), usd_per_hour=2.0)


def test_dearer_flop_in_use_make_the_best_model_smaller():
    train = costs.usd_per_flop(H100, utilisation=0.4, usd_per_hour=3.0)
    serve = costs.usd_per_flop(H100, utilisation=0.1, usd_per_hour=3.0)
    assert serve == pytest.approx(4 * train, rel=1e-12)
    plain = inference_aware(BESIROGLU_2024, 2.0, 1e13)
    dear = inference_aware(BESIROGLU_2024, 2.0, 1e13, prices=(train, serve))
    assert dear.N < plain.N
    assert dear.total == pytest.approx(train * dear.compute + serve * dear.inference_compute, rel=1e-12)


def test_every_device_and_every_rent_of_the_facts_answers():
    for id in facts.table("hardware"):
        one = costs.device(id)
        assert one.peaks and all(one.peak(name) == speed for name, speed in one.peaks)
    for path in facts.paths("gpu_prices"):
        if "/rental/" in path:
            fact = costs.rent(path.rpartition("/")[2])
            assert fact.low <= fact.value <= fact.high and fact.unit == "USD/hour"


@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, "0.4", True, None, 1j])
def test_bad_numbers_are_refused_by_name(bad):
    good = {"utilisation": 0.4, "usd_per_hour": 2.0}
    for name in good:
        with pytest.raises((TypeError, ValueError), match=name):
            costs.training_cost(1e24, H100, **{**good, name: bad})
    with pytest.raises((TypeError, ValueError), match="flop"):
        costs.training_cost(bad, H100, **good)
    with pytest.raises((TypeError, ValueError), match="device_hours"):
        costs.utilisation(1e24, H100, bad)
    with pytest.raises((TypeError, ValueError), match="overhead"):
        costs.energy(1e3, H100, bad)
    with pytest.raises((TypeError, ValueError), match="devices"):
        costs.training_cost(1e24, H100, **good).days(bad)


def test_what_cannot_be_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"utilisation = 40: a share of the peak is at most 1 \(0.4 for 40%\)"):
        costs.training_cost(1e24, H100, utilisation=40, usd_per_hour=2.0)
    with pytest.raises(ValueError, match="device_hours = 100: 1e\\+24 FLOP need more than that on NVIDIA H100"):
        costs.utilisation(1e24, H100, 100)
    with pytest.raises(ValueError, match="overhead = 0.5"):
        costs.energy(1e3, H100, 0.5)
    with pytest.raises(ValueError, match="at least one token"):
        costs.query_cost(1e9, 0, 0, H100, utilisation_in=0.4, utilisation_out=0.4, usd_per_hour=2.0)
    with pytest.raises(facts.FactError, match="unknown device 'h1000'; known: gtx-580"):
        costs.device("h1000")
    with pytest.raises(facts.FactError, match="no row 'rental/h800'"):
        costs.rent("h800")
    nameless = costs.Device("a prototype", (("bf16", 1e15),))
    assert costs.training_cost(1e24, nameless, utilisation=0.5, usd_per_hour=1.0).kwh is None
    with pytest.raises(ValueError, match="power of a prototype is not known"):
        costs.energy(1.0, nameless)
