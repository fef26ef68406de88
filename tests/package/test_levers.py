"""What moves the price of a FLOP leaves the law alone; what moves the FLOP needed is a change of its constants."""

import numpy as np
import pytest

from scaling_helpers.costs import Device, training_cost, usd_per_flop
from scaling_helpers.laws import LAWS
from scaling_helpers.levers import all_parameters_count, better_recipe
from scaling_helpers.trace import evaluate, variable

every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)


@every_law
@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0, 100.0])
def test_a_recipe_reaches_every_loss_with_one_over_its_gain_of_the_compute(law, gain):
    better = better_recipe(law, gain)
    for budget in (1e18, 1e22, 1e26):
        best, plain = better.optimal(budget), law.optimal(budget)
        assert better.compute_for_loss(law.optimal(budget).loss) == pytest.approx(budget / gain, rel=1e-9)
        assert pytest.approx((plain.N, plain.D), rel=1e-12) == (best.N, best.D), "the best split stays where it was"


@every_law
def test_a_recipe_divides_the_reducible_loss_by_the_same_number_everywhere(law):
    better = better_recipe(law, 10.0)
    N, D = np.meshgrid([1e8, 1e10, 1e12], [1e9, 1e11, 1e13])
    ratio = (law.loss(N, D) - law.E) / (better.loss(N, D) - law.E)
    assert ratio == pytest.approx(10 ** (1 / (1 / law.alpha + 1 / law.beta)), rel=1e-9)


@every_law
def test_if_all_parameters_count_the_loss_is_that_of_a_dense_model_of_the_total_size(law):
    full = all_parameters_count(law, 37 / 671)
    assert full.loss(3.7e10, 1.48e13) == pytest.approx(law.loss(6.71e11, 1.48e13), rel=1e-12)
    assert all_parameters_count(law, 1.0) == law


@pytest.mark.parametrize("lever", [better_recipe, all_parameters_count])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_lever_that_is_not_positive_is_refused(lever, value):
    with pytest.raises(ValueError, match="must be"):
        lever(LAWS["besiroglu-2024"], value)


def test_the_price_of_a_flop_can_be_traced():
    share, price = variable("share"), variable("price")
    traced = usd_per_flop(Device("any", (("bf16", 1e15),)), utilisation=share, usd_per_hour=price)
    assert evaluate(traced, {"share": 0.4, "price": 2.0}) == pytest.approx(2.0 / (0.4 * 1e15 * 3600), rel=1e-12)
    hours = training_cost(1e24, Device("any", (("bf16", 1e15),)), utilisation=share, usd_per_hour=price).device_hours
    assert evaluate(hours, {"share": 0.4, "price": 2.0}) == pytest.approx(1e24 / (0.4 * 1e15 * 3600), rel=1e-12)
