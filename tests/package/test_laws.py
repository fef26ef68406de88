"""What the laws say, and that they refuse what would make them say nonsense."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers.laws import (
    BESIROGLU_2024,
    HOFFMANN_2022,
    HOFFMANN_2022_ROUNDED,
    LAWS,
    MUENNIGHOFF_2023,
    MUENNIGHOFF_2023_REPEATED,
    ChinchillaLaw,
    DataConstrainedLaw,
    matching_size,
)
from scaling_helpers.optimum import break_even, closed_form, inference_aware, minimise, suited_volume

every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
budgets = st.floats(17, 29).map(lambda exponent: 10.0**exponent)


def test_the_unrounded_constants_give_the_40_billion_of_figure_4_and_the_printed_ones_do_not():
    assert pytest.approx(40.36e9, rel=1e-3) == HOFFMANN_2022.optimal(5.76e23).N
    assert pytest.approx(32.19e9, rel=1e-3) == HOFFMANN_2022_ROUNDED.optimal(5.76e23).N


def test_the_refit_puts_gophers_budget_at_72_billion_parameters_and_18_tokens_each():
    best = BESIROGLU_2024.optimal(5.76e23)
    assert pytest.approx(72.25e9, rel=1e-3) == best.N
    assert best.tokens_per_parameter == pytest.approx(18.4, rel=1e-2)


@pytest.mark.parametrize(
    ("law", "size", "tokens", "loss"),
    [
        (HOFFMANN_2022_ROUNDED, 2.447e10, 2.138e12, 1.9543),
        (HOFFMANN_2022, 3.060e10, 1.710e12, 1.9406),
        (BESIROGLU_2024, 5.294e10, 9.886e11, 1.9924),
        (MUENNIGHOFF_2023, 5.166e10, 1.013e12, 2.0428),
    ],
)
def test_gpt3s_budget_gives_the_published_arithmetic(law, size, tokens, loss):
    best = law.optimal(3.14e23)
    assert (best.N, best.D, best.loss) == pytest.approx((size, tokens, loss), rel=5e-4)


def test_the_c4_fit_is_built_from_its_published_logarithms():
    assert pytest.approx((521, 1488, 1.87), rel=2e-3) == (MUENNIGHOFF_2023.A, MUENNIGHOFF_2023.B, MUENNIGHOFF_2023.E)
    assert MUENNIGHOFF_2023.alpha == MUENNIGHOFF_2023.beta


@every_law
@given(compute=budgets)
def test_the_closed_form_and_the_root_of_the_derivative_agree_to_1e12(law, compute):
    exact, certified = closed_form(law, compute), minimise(law.loss, compute)
    assert pytest.approx(exact.N, rel=1e-12) == certified.N
    assert pytest.approx(exact.D, rel=1e-12) == certified.D
    assert certified.loss == pytest.approx(exact.loss, rel=1e-12)
    low, high = certified.bracket
    assert low < certified.N < high and high / low - 1 < 1e-12


@every_law
@given(compute=budgets, factor=st.floats(1.001, 100))
def test_no_other_size_does_better_on_the_same_budget(law, compute, factor):
    best = law.optimal(compute)
    assert pytest.approx(compute, rel=1e-12) == best.N * best.D * 6
    for size in (best.N * factor, best.N / factor):
        assert law.loss(size, compute / (6 * size)) >= best.loss


@every_law
@given(compute=budgets)
def test_the_compute_for_a_loss_inverts_the_frontier(law, compute):
    assert law.compute_for_loss(law.optimal(compute).loss) == pytest.approx(compute, rel=1e-9)


@every_law
@given(compute=budgets, factor=st.floats(0.05, 20))
def test_a_size_that_is_wrong_by_a_factor_wastes_the_same_share_of_every_budget(law, compute, factor):
    def wasted(budget):
        size = factor * law.optimal(budget).N
        return 1 - law.compute_for_loss(law.loss(size, budget / (6 * size))) / budget

    assert wasted(compute) == pytest.approx(wasted(1e22), abs=1e-9)


@given(st.floats(1e6, 1e12), st.floats(1e8, 1e14), st.floats(1.01, 1e3))
def test_more_parameters_or_more_data_never_raise_the_loss(size, tokens, factor):
    for law in LAWS.values():
        assert law.loss(size * factor, tokens) < law.loss(size, tokens)
        assert law.loss(size, tokens * factor) < law.loss(size, tokens)
        assert law.loss(size, tokens) > law.E


def test_arrays_broadcast_and_scalars_stay_scalars():
    losses = HOFFMANN_2022.loss(np.array([[1e9], [1e10]]), np.array([1e10, 1e11, 1e12]))
    assert losses.shape == (2, 3)
    assert losses[1, 2] == HOFFMANN_2022.loss(1e10, 1e12)
    assert isinstance(HOFFMANN_2022.loss(1e9, 1e10), float)
    assert HOFFMANN_2022.optimal(np.array([1e20, 1e21])).N.shape == (2,)


def test_integers_of_32_bits_do_not_overflow():
    assert HOFFMANN_2022.loss(np.int32(2_000_000_000), np.int32(2_000_000_000)) == HOFFMANN_2022.loss(2e9, 2e9)


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (-1.0, ValueError, "N = -1 parameters: it must be positive"),
        (0, ValueError, "N = 0 parameters: it must be positive"),
        (float("nan"), ValueError, "N = nan parameters: it must be finite"),
        (float("inf"), ValueError, "N = inf parameters: it must be finite"),
        (1e60, ValueError, "beyond 1e\\+30: check its unit"),
        (1 + 2j, TypeError, "N must be a real number.*complex"),
        ("70B", TypeError, "N must be a real number.*'70B'"),
        (None, TypeError, "N must be a real number.*None"),
        (True, TypeError, "N must be a real number.*True"),
        ([1e9, -5.0], ValueError, r"N = -5 parameters \(1 of 2 values\)"),
        ({"N": 1e9}, TypeError, "N must be a real number.*dict"),
    ],
)
def test_bad_sizes_are_refused_with_argument_value_and_remedy(value, error, says):
    with pytest.raises(error, match=says):
        HOFFMANN_2022.loss(value, 1e12)


def test_bad_tokens_are_named_as_tokens():
    with pytest.raises(ValueError, match="D = -3 tokens"):
        HOFFMANN_2022.loss(1e9, -3)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"N \(2,\), D \(3,\)"):
        HOFFMANN_2022.loss([1e9, 2e9], [1e10, 2e10, 3e10])


@pytest.mark.parametrize(
    ("compute", "says"),
    [(23.76, "not a logarithm"), (1e50, "beyond 1e\\+40"), (-1, "must be positive"), (math.nan, "must be finite")],
)
def test_absurd_budgets_are_refused(compute, says):
    for find in (HOFFMANN_2022.optimal, lambda c: minimise(HOFFMANN_2022.loss, c)):
        with pytest.raises(ValueError, match=says):
            find(compute)


def test_a_loss_that_no_compute_reaches_is_refused():
    with pytest.raises(ValueError, match=r"loss = 1.5 nats/token is not above E = 1.8172"):
        BESIROGLU_2024.compute_for_loss(1.5)


@pytest.mark.parametrize("name", ["E", "A", "B", "alpha", "beta"])
@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf, "0.3", 1j, [0.3, 0.4], None])
def test_a_law_with_a_bad_constant_cannot_be_made(name, bad):
    constants = {"E": 1.7, "A": 400.0, "B": 400.0, "alpha": 0.34, "beta": 0.28, name: bad}
    with pytest.raises((TypeError, ValueError), match=name):
        ChinchillaLaw(**constants)


def test_a_law_may_have_no_irreducible_loss_but_is_frozen():
    law = ChinchillaLaw(E=0, A=1.0, B=1.0, alpha=0.5, beta=0.5)
    assert pytest.approx(1e3) == law.optimal(6e6).N
    with pytest.raises(AttributeError):
        law.E = 2.0


def test_the_certified_optimum_takes_any_loss_and_any_cost_per_token():
    law = BESIROGLU_2024
    twice = minimise(law.loss, 1e22, flop_per_token=lambda N: 12.0 * N)
    assert pytest.approx(law.optimal(0.5e22).N, rel=1e-12) == twice.N
    embedding = minimise(law.loss, 1e22, flop_per_token=lambda N: 6.0 * N + 1e9)
    assert embedding.N > law.optimal(1e22).N
    assert pytest.approx(1e22, rel=1e-12) == embedding.D * (6 * embedding.N + 1e9)


def test_of_several_minima_the_certified_optimum_is_the_lowest():
    def rippled(N, D):
        u = np.log(N) / 10 - 1.5
        return 3.0 + u**4.0 - u**2.0 + 0.05 * u + D * 0.0

    best = minimise(rippled, 1e21)
    grid = np.linspace(0, 40, 200_001)
    u = grid / 10 - 1.5
    assert best.loss == pytest.approx(np.min(3 + u**4 - u**2 + 0.05 * u), abs=1e-9)


def test_a_loss_without_an_optimum_inside_is_refused():
    with pytest.raises(ValueError, match="only falls with N"):
        minimise(lambda N, D: 2.0 + 1.0 / N**0.3, 1e20)
    with pytest.raises(ValueError, match="does not depend on N or D"):
        minimise(lambda N, D: 2.0, 1e20)


def test_every_published_law_says_where_it_comes_from():
    for name, law in LAWS.items():
        assert law.origin.id == name
        assert "arXiv:" in law.origin.citation and law.origin.estimator and law.origin.digits


@every_law
@given(size=st.floats(1e7, 1e13), tokens=st.floats(1e9, 1e15))
def test_the_tokens_for_a_loss_invert_the_law(law, size, tokens):
    loss = law.loss(size, tokens)
    # What is left of the loss after the floor carries few digits where text is plentiful.
    digits = np.finfo(float).eps * loss / (law.B / tokens**law.beta)
    assert law.tokens_for_loss(size, loss) == pytest.approx(tokens, rel=1e-12 + 20 * digits / law.beta)


def test_a_loss_below_what_the_size_leaves_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"not above the 1\.99\d+ that this size leaves.*make the model larger"):
        BESIROGLU_2024.tokens_for_loss(8e9, 1.95)
    assert BESIROGLU_2024.tokens_for_loss(np.array([4e10, 8e10]), 1.98).shape == (2,)


def test_repeated_text_gives_the_losses_that_its_authors_publish():
    law = MUENNIGHOFF_2023_REPEATED
    assert law.loss(6.34e9, 242e9, 25e9) == pytest.approx(2.22564, abs=5e-6)
    assert law.loss(8.67e9, 178e9, 25e9) == pytest.approx(2.22696, abs=5e-6)
    assert law.loss(np.array([1e9, 2e9]), 1e11, 1e10).shape == (2,)


def test_for_25_billion_unique_tokens_the_best_model_is_smaller_and_reads_more_than_without_a_limit():
    compute = 6 * 7.02e9 * 2.37e11
    best = minimise(lambda N, D: MUENNIGHOFF_2023_REPEATED.loss(N, D, 25e9), compute)
    assert pytest.approx((7.02e9, 2.37e11, 9.48), rel=1e-3) == (best.N, best.D, best.D / 25e9)
    free = MUENNIGHOFF_2023.optimal(compute)
    assert best.N < free.N and best.D > free.D


@given(st.floats(1e8, 1e12), st.floats(1.0, 1e3))
def test_repeats_are_worth_less_than_new_text_and_never_more_than_their_limit(unique, epochs):
    law = MUENNIGHOFF_2023_REPEATED
    worth = law.effective_tokens(epochs * unique, unique)
    assert unique <= worth <= epochs * unique * (1 + 1e-12)
    assert worth <= unique * (1 + law.R_D) * (1 + 1e-12)


@given(st.floats(1e8, 1e11), st.floats(1e9, 1e12))
def test_without_repeats_or_excess_the_data_constrained_law_is_the_plain_one(size, tokens):
    if size <= matching_size(MUENNIGHOFF_2023, tokens):
        plain = MUENNIGHOFF_2023.loss(size, tokens)
        assert MUENNIGHOFF_2023_REPEATED.loss(size, tokens, tokens * 2) == pytest.approx(plain, rel=1e-12)


@every_law
@given(tokens=st.floats(1e9, 1e15))
def test_the_matching_size_makes_its_tokens_compute_optimal(law, tokens):
    size = matching_size(law, tokens)
    assert pytest.approx(size, rel=1e-9) == law.optimal(6 * size * tokens).N


def test_a_data_constrained_law_with_a_bad_constant_cannot_be_made():
    for bad in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match="R_D"):
            DataConstrainedLaw(MUENNIGHOFF_2023, R_D=bad, R_N=5.0)


def test_half_of_chinchillas_best_size_pays_back_after_two_trillion_tokens():
    law = BESIROGLU_2024
    goal = law.loss(7e10, 1.4e12)
    best = law.optimal(law.compute_for_loss(goal))
    tokens = law.tokens_for_loss(best.N / 2, goal)
    volume = break_even(law, best.N / 2, tokens)
    assert volume == pytest.approx(2.09e12, rel=2e-3)
    bills = [6 * N * D + 2 * N * volume for N, D in ((best.N, best.D), (best.N / 2, tokens))]
    assert bills[0] == pytest.approx(bills[1], rel=1e-12)


@every_law
@given(compute=st.floats(19, 27).map(lambda exponent: 10.0**exponent), use=st.floats(-3, 3), factor=st.floats(1.01, 3.0))
def test_no_other_model_of_the_same_loss_has_a_smaller_bill(law, compute, use, factor):
    plain = law.optimal(compute)
    volume = plain.D * 10.0**use
    best = inference_aware(law, plain.loss, volume)
    assert law.loss(best.N, best.D) == pytest.approx(plain.loss, rel=1e-9)
    assert suited_volume(law, best.N, best.D) == pytest.approx(volume, rel=1e-6)
    assert best.N < plain.N and best.D > plain.D
    bill = best.compute + 2 * best.N * volume
    smallest = (law.A / (plain.loss - law.E)) ** (1 / law.alpha)
    for size in (best.N * factor, best.N / factor):
        if size > smallest * 1.001:
            assert 6 * size * law.tokens_for_loss(size, plain.loss) + 2 * size * volume >= bill * (1 - 1e-12)


def test_without_use_the_cheapest_model_is_the_compute_optimal_one():
    best = inference_aware(BESIROGLU_2024, 2.0, 0.0)
    assert best.compute == pytest.approx(BESIROGLU_2024.compute_for_loss(2.0), rel=1e-12)
    assert suited_volume(BESIROGLU_2024, best.N, best.D) == pytest.approx(0, abs=1e-9 * best.D)
    with pytest.raises(ValueError, match="volume = -1 tokens: it must not be negative"):
        inference_aware(BESIROGLU_2024, 2.0, -1)
    with pytest.raises(ValueError, match="is not above E"):
        inference_aware(BESIROGLU_2024, 1.8, 1e12)


def test_integers_of_any_length_count_as_numbers():
    law = BESIROGLU_2024
    assert law.loss(10**10, 10**25) == law.loss(1e10, 1e25)
    for huge in (10**40, 10**400):
        with pytest.raises(ValueError, match="D = "):
            law.loss(1e9, huge)
    with pytest.raises(ValueError, match="D = -inf tokens: it must be finite"):
        law.loss(1e9, -(10**400))
