"""The optima: they are minima, whatever the law and the cost, and two ways to each agree."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from scaling_helpers.counting import FlopPerToken
from scaling_helpers.laws import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    KAPLAN_2020,
    KAPLAN_2020_ALLOCATION,
    KAPLAN_2020_SIZE,
    KAPLAN_2020_STEPS,
    MUENNIGHOFF_2023_REPEATED,
    ChinchillaLaw,
    DataConstrainedLaw,
    matching_size,
)
from scaling_helpers.optimum import (
    break_even,
    closed_form,
    compute_for_loss,
    data_constrained,
    data_constrained_for_loss,
    equivalent,
    equivalent_compute,
    inference_aware,
    inference_aware_within,
    limited,
    loss_floor,
    minimise,
    optimal,
    optimal_for_loss,
    size_tolerance,
    suited_volume,
    text_needed,
    useful_compute,
    waste,
)
from scaling_helpers.trace import TraceError, variable

LAW = BESIROGLU_2024
REPEATED = MUENNIGHOFF_2023_REPEATED
budgets = st.floats(18, 27).map(lambda exponent: 10.0**exponent)
laws = st.builds(
    ChinchillaLaw,
    E=st.floats(0.0, 2.5),
    A=st.floats(20, 5000),
    B=st.floats(20, 5000),
    alpha=st.floats(0.15, 0.6),
    beta=st.floats(0.15, 0.6),
)
few = settings(max_examples=10)


def with_attention(N):
    """6 N, and attention over 4,096 tokens in a model whose width grows as the cube root of its size."""
    return 6 * N + 3e4 * N ** (2 / 3)


def with_embeddings(N):
    return 6 * N + 6 * 50_257 * 640.0


class Gadgetry:
    """A law of another form, with no closed form: the terms multiply."""

    E = 1.2

    def loss(self, N, D):
        return self.E + (3e3 / N**0.6 + 2e4 / D**0.6) ** 0.5 + 4.0 / np.log(N * D)


COSTS = {"attention": with_attention, "embeddings": with_embeddings}
every_cost = pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS.keys())


# -- a budget of training -------------------------------------------------------------------------------
@given(law=laws, compute=budgets)
def test_closed_form_and_certified_root_agree_for_any_law_of_the_form(law, compute):
    exact, certified = optimal(law, compute), minimise(law.loss, compute)
    assert (exact.certified, certified.certified) == ("closed form", "bracket")
    assert pytest.approx((exact.N, exact.D, exact.loss), rel=1e-10) == (certified.N, certified.D, certified.loss)


@given(law=laws, compute=budgets, k=st.floats(0.1, 30))
def test_a_cost_of_k_n_keeps_the_closed_form(law, compute, k):
    best = optimal(law, compute, lambda N: k * N)
    assert best.certified == "closed form" and best.compute == compute
    assert k * best.N * best.D == pytest.approx(compute, rel=1e-12)
    assert pytest.approx(minimise(law.loss, compute, lambda N: k * N).N, rel=1e-10) == best.N
    assert pytest.approx(optimal(law, compute * 6 / k).N, rel=1e-12) == best.N


@every_cost
@given(law=laws, compute=budgets, factor=st.floats(1.001, 30))
def test_with_any_cost_no_other_size_does_better(cost, law, compute, factor):
    best = optimal(law, compute, cost)
    assert cost(best.N) * best.D == pytest.approx(compute, rel=1e-12)
    for size in (best.N * factor, best.N / factor):
        if compute > cost(size):
            assert law.loss(size, compute / cost(size)) >= best.loss * (1 - 1e-15)
    assert best.bracket[0] < best.N < best.bracket[1] < best.bracket[0] * (1 + 1e-12)


@given(compute=budgets, factor=st.floats(1.01, 1e3))
def test_more_compute_buys_more_of_both_and_a_lower_loss(compute, factor):
    less, more = optimal(LAW, np.array([compute, compute * factor]), with_attention).N
    assert less < more
    best = optimal(LAW, np.array([compute, compute * factor]), with_attention)
    assert best.D[0] < best.D[1] and best.loss[0] > best.loss[1]


@given(compute=budgets, N_unit=st.floats(0.01, 100), D_unit=st.floats(0.01, 100))
def test_the_optimum_does_not_depend_on_the_units(compute, N_unit, D_unit):
    # N counted in units of N_unit parameters, D in units of D_unit tokens: A and B change, the model does not.
    law = ChinchillaLaw(LAW.E, LAW.A / N_unit**LAW.alpha, LAW.B / D_unit**LAW.beta, LAW.alpha, LAW.beta)
    plain, scaled = optimal(LAW, compute), optimal(law, compute, lambda N: 6 * N * N_unit * D_unit)
    assert pytest.approx((plain.N, plain.D), rel=1e-11) == (scaled.N * N_unit, scaled.D * D_unit)
    certified = minimise(law.loss, compute, lambda N: 6 * N * N_unit * D_unit + 0 * np.log(N))
    assert pytest.approx(plain.N, rel=1e-10) == certified.N * N_unit
    assert certified.loss == pytest.approx(plain.loss, rel=1e-12)


@pytest.mark.parametrize("loss", [LAW.loss, Gadgetry().loss, KAPLAN_2020.loss], ids=["sum", "product", "kaplan"])
@every_cost
def test_an_independent_minimiser_finds_the_same_to_its_precision(loss, cost):
    for compute in (1e19, 1e23, 1e26):
        mine = minimise(loss, compute, cost)
        found = minimize_scalar(
            lambda x, C=compute: float(loss(np.exp(x), C / cost(np.exp(x)))),
            bounds=(np.log(mine.N) - 2, np.log(mine.N) + 2),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert np.exp(found.x) == pytest.approx(mine.N, rel=1e-6)
        assert mine.loss <= found.fun * (1 + 4e-16)


def test_the_closed_form_has_all_its_digits():
    with mp.workdps(50):
        E, A, B, a, b = (mp.mpf(value) for value in (LAW.E, LAW.A, LAW.B, LAW.alpha, LAW.beta))
        for compute in (1e15, 5.76e23, 1e30):
            N = (a * A / (b * B)) ** (1 / (a + b)) * (mp.mpf(compute) / 6) ** (b / (a + b))
            D = mp.mpf(compute) / 6 / N
            best = optimal(LAW, compute)
            assert abs(best.N / N - 1) < 2e-14 and abs(best.D / D - 1) < 2e-14
            assert abs(best.loss / (E + A / N**a + B / D**b) - 1) < 1e-15
            again = minimise(LAW.loss, compute)
            assert abs(again.N / N - 1) < 2e-14


def test_the_certified_root_has_eleven_digits_where_no_closed_form_exists():
    with mp.workdps(50):
        C, fixed = mp.mpf(1e22), mp.mpf(6 * 50_257 * 640.0)
        A, B, a, b = (mp.mpf(value) for value in (LAW.A, LAW.B, LAW.alpha, LAW.beta))

        def slope(x):
            N = mp.exp(x)
            cost = 6 * N + fixed
            D = C / cost
            return -a * A / N**a + b * B / D**b * 6 * N / cost

        N = mp.exp(mp.findroot(slope, mp.log(9e9)))
        mine = optimal(LAW, 1e22, with_embeddings)
        assert abs(mine.N / N - 1) < 1e-12 and mine.bracket[0] < N < mine.bracket[1]


def test_arrays_are_answered_together_as_one_by_one():
    compute = np.geomspace(1e18, 1e26, 150).reshape(3, 50)
    together = optimal(LAW, compute, with_attention)
    assert together.N.shape == together.loss.shape == together.bracket[0].shape == together.certified.shape == (3, 50)
    assert set(together.certified.ravel()) == {"bracket"}
    for place in ((0, 0), (1, 30), (2, 49)):
        one = optimal(LAW, compute[place], with_attention)
        assert (one.N, one.loss) == pytest.approx((together.N[place], together.loss[place]), rel=1e-12)
        assert isinstance(one.N, float) and isinstance(one.bracket[0], float)


def test_a_law_with_a_closed_form_of_its_own_is_asked_for_it():
    for k in (6.0, 3.0):
        own = optimal(KAPLAN_2020, 1e21, lambda N, k=k: k * N)
        assert own.certified == "closed form" and own.compute == 1e21
        assert pytest.approx(minimise(KAPLAN_2020.loss, 1e21, lambda N, k=k: k * N).N, rel=1e-10) == own.N
        back = optimal_for_loss(KAPLAN_2020, own.loss, lambda N, k=k: k * N)
        assert (back.compute, back.N) == pytest.approx((1e21, own.N), rel=1e-9)
        assert compute_for_loss(KAPLAN_2020, own.loss, lambda N, k=k: k * N) == pytest.approx(1e21, rel=1e-9)


def test_kaplans_recommendation_at_1e21_flop_is_the_4_68_billion_that_hoffmann_et_al_quote():
    assert pytest.approx(4.68e9, abs=5e6) == optimal(KAPLAN_2020_ALLOCATION, 1e21).N
    with pytest.raises(TypeError, match=r"law must have a method loss\(N, D\)"):
        optimal(KAPLAN_2020_ALLOCATION, 1e21, with_attention)


# -- a loss to reach ------------------------------------------------------------------------------------
@given(law=laws, compute=budgets, k=st.floats(1, 12))
def test_the_compute_for_the_best_loss_of_a_budget_is_that_budget(law, compute, k):
    best = optimal(law, compute, lambda N: k * N)
    # What is left of the loss after E has so many digits.
    digits = np.finfo(float).eps * best.loss / (best.loss - law.E) * (1 / law.alpha + 1 / law.beta)
    assert compute_for_loss(law, best.loss, lambda N: k * N) == pytest.approx(compute, rel=1e-10 + 10 * digits)


@few
@given(compute=st.floats(18, 25).map(lambda exponent: 10.0**exponent))
@every_cost
@pytest.mark.parametrize("law", [LAW, Gadgetry()], ids=["sum", "product"])
def test_the_certified_inverse_comes_back_to_ten_digits(law, cost, compute):
    best = optimal(law, compute, cost)
    back = optimal_for_loss(law, best.loss, cost)
    assert back.compute == pytest.approx(compute, rel=1e-10)
    assert pytest.approx(best.N, rel=1e-10) == back.N
    assert back.compute_bracket[0] < back.compute < back.compute_bracket[1]
    assert back.compute_bracket[1] / back.compute_bracket[0] - 1 < 1e-9


def test_inverse_of_an_array_and_against_the_closed_form():
    losses = np.array([[1.95, 2.0], [2.5, 3.5]])
    exact = optimal_for_loss(LAW, losses)
    certified = optimal_for_loss(LAW, losses, lambda N: 6 * N + 0 * np.log(N))
    assert certified.compute == pytest.approx(exact.compute, rel=1e-10)
    assert pytest.approx(exact.N, rel=1e-10) == certified.N and certified.N.shape == (2, 2)
    assert np.array_equal(exact.compute, compute_for_loss(LAW, losses))


@every_cost
@few
@given(compute=st.floats(19, 25).map(lambda exponent: 10.0**exponent), factor=st.floats(0.05, 20))
def test_what_is_wasted_is_what_the_optimum_saves(cost, compute, factor):
    best = optimal(LAW, compute, cost)
    size = best.N * factor
    share = waste(LAW, size, compute / cost(size), cost)
    assert -1e-9 < share < 1
    same = equivalent(LAW, size, compute / cost(size), cost)
    assert same.compute == pytest.approx((1 - share) * compute, rel=1e-9)
    assert same.loss == pytest.approx(LAW.loss(size, compute / cost(size)), rel=1e-12)


def test_gopher_wasted_half_of_its_compute_under_the_refit():
    assert waste(LAW, 280e9, 300e9) == pytest.approx(0.504, abs=1e-3)
    assert waste(LAW, np.array([70e9, 280e9]), np.array([1.4e12, 300e9])).shape == (2,)
    traced = waste(LAW, variable("N"), variable("D"))
    assert type(traced).__name__ == "Expr"


@few
@given(compute=st.floats(18, 26).map(lambda exponent: 10.0**exponent), extra=st.floats(1e-4, 5))
@pytest.mark.parametrize("cost", [None, with_attention], ids=["6N", "attention"])
def test_at_the_ends_of_the_tolerance_the_extra_compute_is_wasted(cost, compute, extra):
    found = size_tolerance(LAW, compute, extra, cost)
    assert found.low < found.best.N < found.high
    for size in (found.low, found.high):
        spent = (1 + extra) * compute
        tokens = spent / (cost or (lambda N: 6 * N))(size)
        assert LAW.loss(size, tokens) == pytest.approx(found.best.loss, rel=1e-13)
        assert waste(LAW, size, tokens, cost) == pytest.approx(extra / (1 + extra), rel=1e-7)


def test_tolerances_of_many_budgets_and_shares_at_once():
    found = size_tolerance(LAW, np.array([1e20, 1e24])[:, None], np.array([0.01, 0.1, 1.0]))
    assert found.low.shape == (2, 3) and (np.diff(found.low) < 0).all() and (np.diff(found.high) > 0).all()
    # For 6 N D a tolerance in factors is the same at every budget.
    assert found.factors[0][0] == pytest.approx(found.factors[0][1], rel=1e-9)


# -- no optimum, and bad input --------------------------------------------------------------------------
def test_where_no_optimum_lies_inside_the_error_says_why():
    with pytest.raises(ValueError, match="C = 1e\\+20 FLOP: the loss only falls with N"):
        optimal(type("L", (), {"loss": lambda self, N, D: 2 + 1 / N**0.3})(), 1e20)
    with pytest.raises(ValueError, match="only rises with N"):
        minimise(lambda N, D: 2 + 1 / D**0.3, 1e20)
    with pytest.raises(ValueError, match="the loss is the same for every size"):
        minimise(lambda N, D: 2 + 0.0 * N, 1e20)
    with pytest.raises(ValueError, match="does not pay for one token, whatever the size"):
        optimal(LAW, 1e9, lambda N: 6 * N + 1e12)
    with pytest.raises(ValueError, match="derivative of the loss is not finite"):
        minimise(lambda N, D: np.sqrt(-N), 1e20)
    with pytest.raises(ValueError, match="flat from N"):
        minimise(lambda N, D: np.maximum(1 / N**0.3, 1e-2) + 0 * D, 1e20)


def test_a_flat_valley_and_a_jump_are_told_apart():
    kink = minimise(lambda N, D: 2 + np.abs(np.log(N) - 20.0) + 0 * D, 1e22)
    assert (kink.certified, np.log(kink.N)) == ("kink", pytest.approx(20.0, abs=1e-12))
    smooth = minimise(lambda N, D: 2 + (np.log(N) - 20.0) ** 2.0 + 0 * D, 1e22)
    assert smooth.certified == "bracket"


@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, 1e-300, 12.0, 10**400, "1e24", True, None, 1j, [1e20, -1], {}])
def test_a_bad_budget_is_refused_by_name(bad):
    for cost in (None, with_attention):
        with pytest.raises((TypeError, ValueError, OverflowError), match="C|int too large"):
            optimal(LAW, bad, cost)
    with pytest.raises((TypeError, ValueError, OverflowError), match="C|int too large"):
        data_constrained(REPEATED, bad, 1e10)


@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, 1e-300, "2", True, None, 1j, [2.0, math.nan]])
def test_a_bad_loss_is_refused_by_name(bad):
    for ask in (
        lambda: compute_for_loss(LAW, bad),
        lambda: optimal_for_loss(LAW, bad, with_attention),
        lambda: inference_aware(LAW, bad, 1e12),
        lambda: data_constrained_for_loss(REPEATED, bad, 1e10),
    ):
        with pytest.raises((TypeError, ValueError), match="loss"):
            ask()


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, "1", True, None, 1j, variable("V")])
def test_a_bad_volume_is_refused_by_name(bad):
    with pytest.raises((TypeError, ValueError), match="volume"):
        inference_aware(LAW, 2.0, bad)
    with pytest.raises((TypeError, ValueError), match="volume"):
        inference_aware_within(LAW, 1e24, bad)


@given(st.one_of(st.floats(allow_nan=True), st.integers(), st.text(max_size=3), st.none(), st.booleans(), st.binary(max_size=2)))
def test_whatever_comes_as_a_budget_a_loss_or_a_volume_gives_numbers_or_a_named_error(value):
    for ask in (
        lambda: optimal(LAW, value),
        lambda: compute_for_loss(LAW, value),
        lambda: inference_aware(LAW, 2.0, value),
        lambda: size_tolerance(LAW, 1e22, value),
        lambda: data_constrained(REPEATED, 1e22, value),
    ):
        found, said = None, ""
        try:
            found = ask()
        except (TypeError, ValueError) as error:
            said = str(error)
        fields = [found] if isinstance(found, float) else vars(found).values() if found else []
        numbers = [field for field in fields if isinstance(field, float)]
        assert said or (numbers and np.isfinite(numbers).all())


def test_what_is_no_law_no_cost_and_no_number_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"flop_per_token must be a function of N, got 6: write lambda N: 6 \* N"):
        optimal(LAW, 1e22, 6)
    with pytest.raises(TypeError, match=r"law must have a method loss\(N, D\), got 3 \(int\)"):
        optimal(3, 1e22)
    with pytest.raises(TypeError, match=r"use data_constrained\(law, C, U\) or limited\(law, U\)"):
        optimal(REPEATED, 1e22)
    with pytest.raises(TypeError, match="that of StepsLaw takes N, S_min"):
        optimal(KAPLAN_2020_STEPS, 1e22)
    with pytest.raises(TypeError, match="that of PowerLaw takes N"):
        waste(KAPLAN_2020_SIZE, 1e9, 1e10)
    with pytest.raises(TypeError, match="law must be a DataConstrainedLaw, got ChinchillaLaw"):
        data_constrained(LAW, 1e22, 1e10)
    with pytest.raises(TypeError, match="C is a tracer"):
        minimise(LAW.loss, variable("C"))
    with pytest.raises(TypeError, match="loss is a tracer"):
        optimal_for_loss(LAW, variable("L"), with_attention)
    with pytest.raises(TraceError, match="math"):
        minimise(lambda N, D: math.log(N), 1e20)
    with pytest.raises(ValueError, match="shapes do not fit together"):
        data_constrained(REPEATED, np.full(2, 1e22), np.full(3, 1e10))
    with pytest.raises(ValueError, match="shapes do not fit together"):
        inference_aware(LAW, np.full(2, 2.0), np.full(3, 1e12))
    for bad in (0, 1e-12, 1e300):
        with pytest.raises(ValueError, match="extra"):
            size_tolerance(LAW, 1e22, bad)
    with pytest.raises(ValueError, match="U must be one number of tokens"):
        limited(REPEATED, np.ones(2))


def test_a_loss_that_nothing_reaches_is_refused_with_what_can_be_reached():
    with pytest.raises(ValueError, match=r"loss = 1.8 nats/token is not above E = 1.8172"):
        optimal_for_loss(LAW, 1.8, with_attention)
    with pytest.raises(ValueError, match=r"no compute reaches it under this law \(1e\+40 FLOP give 1\.2"):
        optimal_for_loss(Gadgetry(), 1.2001)
    with pytest.raises(ValueError, match="fewer than 1000 FLOP reach it"):
        optimal_for_loss(LAW, 5000.0, lambda N: 6 * N + 0 * np.log(N))
    with pytest.raises(ValueError, match=r"not above 2\.155\d+, what U = 2.5e\+10 unique tokens leave"):
        data_constrained_for_loss(REPEATED, 2.15, 25e9)


def test_a_tolerance_without_an_end_is_refused():
    # A law in which compute counts and the size hardly at all: a tenth more compute makes up for any size.
    class Careless:
        def loss(self, N, D):
            off = (np.log(N) - 18) ** 2.0
            return 2 + 1 / (N * D) ** 0.05 + 1e-6 * off / (1 + off)

    with pytest.raises(ValueError, match=r"no smaller model needs as much as 0\.1 C more for the same loss"):
        size_tolerance(Careless(), 1e22, 0.1)


# -- training and use in one bill -----------------------------------------------------------------------
general = {"flop_per_token": lambda N: 6 * N + 0 * np.log(N), "inference_flop_per_token": lambda N: 2 * N + 0 * np.log(N)}


@few
@given(compute=st.floats(19, 25).map(lambda exponent: 10.0**exponent), use=st.floats(-2, 2))
def test_the_search_for_any_law_agrees_with_the_equation_for_the_parametric_one(compute, use):
    plain = optimal(LAW, compute)
    volume = plain.D * 10.0**use
    fast, slow = inference_aware(LAW, plain.loss, volume), inference_aware(LAW, plain.loss, volume, **general)
    assert (slow.N, slow.D, slow.total) == pytest.approx((fast.N, fast.D, fast.total), rel=1e-10)
    assert slow.total_bracket[0] < slow.total < slow.total_bracket[1] and fast.bracket[0] <= fast.N <= fast.bracket[1]
    assert suited_volume(LAW, fast.N, fast.D, **general) == pytest.approx(volume, rel=1e-8)
    assert suited_volume(LAW, fast.N, fast.D) == pytest.approx(volume, rel=1e-8)


@few
@given(compute=st.floats(19, 25).map(lambda exponent: 10.0**exponent), use=st.floats(-2, 2), ratio=st.floats(0.1, 10))
def test_the_best_loss_for_a_bill_and_the_least_bill_for_a_loss_are_one_model(compute, use, ratio):
    plain = optimal(LAW, compute)
    prices = (2e-18, 2e-18 * ratio)
    cheapest = inference_aware(LAW, plain.loss, plain.D * 10.0**use, prices=prices)
    twin = inference_aware_within(LAW, cheapest.total, cheapest.volume, prices=prices)
    assert (twin.N, twin.D, twin.loss) == pytest.approx((cheapest.N, cheapest.D, cheapest.loss), rel=1e-8)
    assert twin.total == pytest.approx(prices[0] * twin.compute + prices[1] * twin.inference_compute, rel=1e-10)


def test_an_independent_minimiser_finds_the_same_bill():
    for volume in (1e11, 1e13, 1e15):
        best = inference_aware(LAW, 2.0, volume, with_attention, lambda N: 2 * N + 1e4 * N ** (2 / 3))

        def bill(x, volume=volume):
            N = np.exp(x)
            return with_attention(N) * LAW.tokens_for_loss(N, 2.0) + (2 * N + 1e4 * N ** (2 / 3)) * volume

        smallest = (LAW.A / (2.0 - LAW.E)) ** (1 / LAW.alpha)
        found = minimize_scalar(bill, bounds=(np.log(smallest * 1.0001), 30), method="bounded", options={"xatol": 1e-10})
        assert pytest.approx(np.exp(found.x), rel=1e-5) == best.N
        assert best.total <= found.fun * (1 + 1e-12)


def test_without_use_it_is_the_compute_optimal_model_and_with_endless_use_the_smallest_that_can():
    volumes = np.array([0.0, 5e-324, 1.0, 1e6, 1e12, 1e18, 1e25, 1e29])
    best = inference_aware(LAW, 2.0, volumes)
    plain = optimal_for_loss(LAW, 2.0)
    smallest = (LAW.A / (2.0 - LAW.E)) ** (1 / LAW.alpha)
    assert best.N[0] == pytest.approx(plain.N, rel=1e-14) and best.total[0] == pytest.approx(plain.compute, rel=1e-14)
    assert (np.diff(best.N) <= 0).all() and (smallest < best.N).all()
    assert best.N[-1] == pytest.approx(smallest, rel=1e-3)
    # All of it on the curve of one loss.
    assert LAW.loss(best.N[:6], best.D[:6]) == pytest.approx(np.full(6, 2.0), rel=1e-12)
    again = inference_aware(LAW, 2.0, 0.0, **general)
    assert pytest.approx(plain.N, rel=1e-10) == again.N and again.inference_compute == 0.0
    assert pytest.approx(optimal(LAW, 1e23).N, rel=1e-12) == inference_aware_within(LAW, 1e23, 0.0).N


def test_the_excess_equation_has_all_its_digits():
    with mp.workdps(50):
        E, A, B, a, b = (mp.mpf(value) for value in (LAW.E, LAW.A, LAW.B, LAW.alpha, LAW.beta))
        goal, volume = mp.mpf(2.0), mp.mpf(1e13)

        def derivative_of_the_bill(x):
            N = mp.exp(x)
            left = goal - E - A / N**a
            D = (B / left) ** (1 / b)
            # dD/dx = -D (s / d), with s and d the two terms times their exponents.
            return 6 * N * D - 6 * N * D * (a * A / N**a) / (b * left) + 2 * N * volume

        N = mp.exp(mp.findroot(derivative_of_the_bill, mp.log(2.6e10)))
        best = inference_aware(LAW, 2.0, 1e13)
        assert abs(best.N / N - 1) < 1e-12 and best.bracket[0] < N < best.bracket[1]


def test_prices_count_as_their_ratio_and_one_price_for_all_changes_nothing():
    base = inference_aware(LAW, 2.0, 1e13)
    assert pytest.approx(base.N, rel=1e-12) == inference_aware(LAW, 2.0, 1e13, prices=(3.0, 3.0)).N
    dear = inference_aware(LAW, 2.0, 1e13, prices=(1.0, 4.0))
    assert pytest.approx(inference_aware(LAW, 2.0, 4e13).N, rel=1e-12) == dear.N
    assert suited_volume(LAW, dear.N, dear.D, prices=(1.0, 4.0)) == pytest.approx(1e13, rel=1e-9)
    for bad in ((1.0,), 3.0, "ab", (1.0, 0.0), (-1.0, 1.0), (math.nan, 1.0)):
        with pytest.raises((TypeError, ValueError), match="prices"):
            inference_aware(LAW, 2.0, 1e13, prices=bad)


@few
@given(shrink=st.floats(0.2, 0.9), ratio=st.floats(0.2, 5))
@pytest.mark.parametrize("cost", [None, with_attention], ids=["6N", "attention"])
def test_at_break_even_both_bills_are_the_same(cost, shrink, ratio):
    best = optimal(LAW, 1e22, cost)
    small = best.N * shrink
    tokens = LAW.tokens_for_loss(small, best.loss)
    volume = break_even(LAW, small, tokens, cost, prices=(1.0, ratio))
    train = cost or (lambda N: 6 * N)
    bills = [train(N) * D + ratio * 2 * N * volume for N, D in ((best.N, best.D), (small, tokens))]
    assert volume > 0 and bills[0] == pytest.approx(bills[1], rel=1e-9)


def test_a_model_above_the_best_size_never_pays_back_and_the_best_one_has_nothing_to():
    best = optimal(LAW, 1e22)
    larger = 2 * best.N
    assert break_even(LAW, larger, LAW.tokens_for_loss(larger, best.loss)) < 0

    class Level:
        """A law whose best size for a loss is exactly a power of two."""

        def loss(self, N, D):
            return LAW.loss(N, D)

        def optimal(self, C):
            return closed_form(LAW, 1e22)

        def compute_for_loss(self, loss):
            return 1e22

    with pytest.raises(ValueError, match="nothing to pay back"):
        break_even(Level(), best.N, best.D)


def test_a_bill_that_only_pays_for_use_is_refused():
    with pytest.raises(ValueError, match="total = 1e\\+20 with volume = 1e\\+20 tokens of use: that does not pay for one token"):
        inference_aware_within(LAW, 1e20, 1e20)


# -- text that runs out ---------------------------------------------------------------------------------
def test_the_published_search_of_500_points_ends_next_to_the_optimum():
    best = data_constrained(REPEATED, 1e22, 25e9)
    assert (best.N, best.D, best.epochs) == pytest.approx((7.02616e9, 2.372088e11, 9.48835), rel=1e-6)
    assert best.loss == pytest.approx(2.222129274871, abs=1e-12)
    printed = REPEATED.loss(7.02236e9, 1e22 / 6 / 7.02236e9, 25e9)
    assert 0 < printed - best.loss < 2e-8
    assert best.certified == "bracket" and best.bracket[0] < best.N < best.bracket[1]


def test_the_data_constrained_optimum_has_eleven_digits():
    base = REPEATED.base
    with mp.workdps(40):
        E, A, B, a, b = (mp.mpf(value) for value in (base.E, base.A, base.B, base.alpha, base.beta))
        RD, RN, U, C = (mp.mpf(value) for value in (REPEATED.R_D, REPEATED.R_N, 25e9, 1e22))
        G = (a * A / (b * B)) ** (1 / a) * U ** (b / a)

        def loss(x):
            N = mp.exp(x)
            D = C / 6 / N
            worth = [plain + plain * R * (1 - mp.exp(-(what / plain - 1) / R)) for what, plain, R in ((N, G, RN), (D, U, RD))]
            return E + A / worth[0] ** a + B / worth[1] ** b

        N = mp.exp(mp.findroot(lambda x: mp.diff(loss, x), mp.log(7e9)))
        best = data_constrained(REPEATED, 1e22, 25e9)
        assert abs(best.N / N - 1) < 1e-11 and best.bracket[0] < N < best.bracket[1]
        assert abs(best.loss / loss(mp.log(N)) - 1) < 1e-15


@given(compute=st.floats(19, 26).map(lambda exponent: 10.0**exponent), plenty=st.floats(1.0, 1e4))
def test_where_the_text_suffices_it_is_the_plain_optimum(compute, plenty):
    free = text_needed(REPEATED, compute)
    best = data_constrained(REPEATED, compute, free.D * plenty * (1 + 1e-9))
    assert (best.N, best.loss) == pytest.approx((free.N, free.loss), rel=1e-9)
    assert best.epochs == pytest.approx(1 / plenty, rel=1e-6)


@few
@given(
    compute=st.floats(19, 24).map(lambda exponent: 10.0**exponent),
    scarcity=st.floats(0.3, 3),
    R_D=st.floats(0.5, 40),
    R_N=st.floats(0.5, 40),
    factor=st.floats(1.001, 20),
)
def test_no_other_number_of_epochs_does_better(compute, scarcity, R_D, R_N, factor):
    law = DataConstrainedLaw(REPEATED.base, R_D=R_D, R_N=R_N)
    unique = text_needed(law, compute).D / 10.0**scarcity
    for cost in (None, with_embeddings):
        best = data_constrained(law, compute, unique, cost)
        train = cost or (lambda N: 6 * N)
        assert best.epochs > 0.9
        for size in (best.N * factor, best.N / factor):
            if compute > train(size):
                assert law.loss(size, compute / train(size), unique) >= best.loss * (1 - 1e-15)


def test_more_unique_text_never_hurts_and_epochs_fall():
    unique = np.geomspace(1e9, 1e12, 40)
    best = data_constrained(REPEATED, 1e22, unique)
    assert (np.diff(best.loss) <= 1e-15).all() and (np.diff(best.epochs) < 0).all()
    assert best.N.shape == (40,)


def test_the_kink_where_the_text_is_read_once_can_be_the_optimum():
    # A third of a token's cost grows with the size. Up to D = U a larger model pays; beyond, less of the text is read,
    # and that also shrinks what the excess parameters are worth.
    law = DataConstrainedLaw(REPEATED.base, R_D=15.0, R_N=1.0)
    unique = 1e10
    size = 2 * matching_size(REPEATED.base, unique)

    def cost(N):
        return 6 * N + 6 * size * 2.125

    budget = unique * cost(size)
    best = data_constrained(law, budget, unique, cost)
    assert best.certified == "kink"
    assert best.epochs == pytest.approx(1.0, rel=1e-11)

    # The two one-sided slopes, by differences wide enough to be exact in sign.
    def at(x):
        return law.loss(np.exp(x), budget / cost(np.exp(x)), unique)

    x, step = np.log(best.N), 1e-5
    left, right = (at(x) - at(x - step)) / step, (at(x + step) - at(x)) / step
    assert left < -1e-3 and right > 1e-3
    assert pytest.approx(size, rel=1e-11) == best.N
    x = np.linspace(np.log(best.N) - 3, np.log(best.N) + 1, 4001)
    assert at(x).min() >= best.loss


@few
@given(st.floats(20, 23), st.floats(9.5, 11))
def test_the_cheapest_training_to_the_best_loss_on_some_text_is_the_best_one(compute, unique):
    compute, unique = 10.0**compute, 10.0**unique
    best = data_constrained(REPEATED, compute, unique)
    back = data_constrained_for_loss(REPEATED, best.loss, unique)
    assert (back.compute, back.N) == pytest.approx((compute, best.N), rel=1e-8)


def test_compute_beyond_the_useful_one_gains_less_than_said():
    for within in (0.1, 0.01, 0.001):
        last = useful_compute(REPEATED, 25e9, within)
        floor = loss_floor(REPEATED, 25e9)
        assert last.loss - floor == pytest.approx(within, rel=1e-9)
        more = data_constrained(REPEATED, last.compute * 30, 25e9)
        assert floor < more.loss < last.loss
    assert useful_compute(REPEATED, np.array([1e9, 1e10])).N.shape == (2,)
    with pytest.raises(ValueError, match="within = 1e-14"):
        useful_compute(REPEATED, 25e9, 1e-14)


def test_with_compute_beyond_any_use_the_flat_loss_is_refused():
    with pytest.raises(ValueError, match=r"C = 1e\+38 FLOP on U = 1e\+08 unique tokens"):
        data_constrained(REPEATED, 1e38, 1e8)


def test_a_law_with_its_text_fixed_serves_everywhere():
    law = limited(REPEATED, 25e9)
    best = data_constrained(REPEATED, 1e22, 25e9)
    assert pytest.approx(best.N, rel=1e-12) == optimal(law, 1e22).N
    assert equivalent_compute(law, best.N, best.D) == pytest.approx(1e22, rel=1e-9)
    found = size_tolerance(law, 1e22, 0.1)
    assert found.low < best.N < found.high
    used = inference_aware(law, 2.3, 1e12)
    smaller = brentq(lambda x: law.loss(used.N * 0.98, np.exp(x)) - 2.3, 20, 40, xtol=1e-14)
    larger = brentq(lambda x: law.loss(used.N * 1.02, np.exp(x)) - 2.3, 20, 40, xtol=1e-14)
    for size, tokens in ((used.N * 0.98, np.exp(smaller)), (used.N * 1.02, np.exp(larger))):
        assert 6 * size * tokens + 2 * size * 1e12 > used.total


def test_what_hoffmanns_law_says_of_one_budget_is_the_same_by_every_door():
    by_law, by_function = HOFFMANN_2022.optimal(5.76e23), optimal(HOFFMANN_2022, 5.76e23)
    assert by_law == by_function == closed_form(HOFFMANN_2022, 5.76e23)


def test_the_counted_cost_of_a_transformer_goes_into_every_constraint():
    counted = FlopPerToken(vocab=32_000, context=2048, embeddings=True)
    best = optimal(LAW, 1e20, counted)
    assert counted(best.N) * best.D == pytest.approx(1e20, rel=1e-12) and best.N < optimal(LAW, 1e20).N
    assert compute_for_loss(LAW, best.loss, counted) == pytest.approx(1e20, rel=1e-10)
    assert waste(LAW, best.N, best.D, counted) == pytest.approx(0, abs=1e-10)
    assert size_tolerance(LAW, 1e20, 0.1, counted).low < best.N
    served = inference_aware(LAW, best.loss, 1e12, counted, lambda N: counted(N) / 3)
    assert served.N < best.N and suited_volume(LAW, served.N, served.D, counted, lambda N: counted(N) / 3) == pytest.approx(1e12)
    repeated = data_constrained(REPEATED, 1e20, 1e9, counted)
    assert counted(repeated.N) * repeated.D == pytest.approx(1e20, rel=1e-12) and repeated.epochs > 1
