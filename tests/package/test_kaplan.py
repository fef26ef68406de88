"""What Kaplan et al. print follows from the constants they print, or the difference is known and named."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_helpers import facts
from scaling_helpers.laws import (
    HOFFMANN_2022,
    KAPLAN_2020,
    KAPLAN_2020_ALLOCATION,
    KAPLAN_2020_BATCH,
    KAPLAN_2020_COMPUTE,
    KAPLAN_2020_COMPUTE_NAIVE,
    KAPLAN_2020_DATA,
    KAPLAN_2020_FRONTIER,
    KAPLAN_2020_SIZE,
    KAPLAN_2020_STEPS,
    PF_DAY,
    CriticalBatch,
    KaplanAllocation,
    KaplanFrontier,
    KaplanLaw,
    PowerLaw,
    StepsLaw,
)
from scaling_helpers.optimum import minimise

sizes = st.floats(3, 13).map(lambda exponent: 10.0**exponent)
amounts = st.floats(6, 14).map(lambda exponent: 10.0**exponent)
budgets = st.floats(15, 28).map(lambda exponent: 10.0**exponent)


def printed(name):
    return facts.get(f"kaplan/{name}").value


def test_a_pf_day_is_a_day_at_ten_to_the_fifteen_flop_a_second():
    assert PF_DAY == 8.64e19


def test_the_three_laws_of_one_variable_have_the_constants_of_equations_1_1_to_1_3():
    assert KAPLAN_2020_SIZE.loss(1e9) == pytest.approx((8.8e13 / 1e9) ** 0.076, rel=1e-14)
    assert KAPLAN_2020_DATA.loss(1e9) == pytest.approx((5.4e13 / 1e9) ** 0.095, rel=1e-14)
    assert KAPLAN_2020_COMPUTE.loss(8.64e19) == pytest.approx(3.1e8**0.050, rel=1e-14)
    assert KAPLAN_2020_COMPUTE_NAIVE.loss(8.64e19) == pytest.approx(1.6e7**0.057, rel=1e-14)


def test_doubling_the_parameters_leaves_95_percent_of_the_loss():
    assert round(KAPLAN_2020_SIZE.loss(2e8) / KAPLAN_2020_SIZE.loss(1e8), 2) == 0.95


def test_data_against_overfitting_grows_as_the_0_74th_power_of_size_so_8x_size_needs_5x_data():
    assert round(KAPLAN_2020.data_exponent, 2) == printed("rule/exponent")
    needed = [KAPLAN_2020.tokens_to_avoid_overfitting(N) for N in (1e8, 8e8)]
    assert round(needed[1] / needed[0]) == printed("rule/data-for-8x")


def test_the_rule_of_5000_n_to_the_0_74_is_what_a_tolerance_of_the_seed_spread_gives_to_one_digit():
    # The two-digit constants give 5.5e3; any alpha_D between 0.1025 and 0.1035 gives between 5.3e3 and 5.8e3 at N = 1.
    coefficient = KAPLAN_2020.tokens_to_avoid_overfitting(1.0, printed("rule/seed-spread"))
    assert coefficient == pytest.approx(printed("rule/coefficient"), rel=0.12)
    by_hand = 1.8e13 * 6.4e13 ** (-0.076 / 0.103) / (1.02 ** (1 / 0.103) - 1)
    assert coefficient == pytest.approx(by_hand, rel=1e-12)


def test_models_under_a_billion_parameters_do_not_overfit_the_22_billion_tokens_of_webtext2():
    assert KAPLAN_2020.tokens_to_avoid_overfitting(1e9) == pytest.approx(22e9, rel=0.15)


@given(sizes, amounts)
def test_either_resource_without_end_leaves_the_other_term_alone(N, D):
    law = KAPLAN_2020
    assert law.loss(N, 1e30) == pytest.approx((law.N_c / N) ** law.alpha_N, rel=1e-6)
    assert law.loss(1e30, D) == pytest.approx((law.D_c / D) ** law.alpha_D, rel=1e-3)
    assert law.loss(N, D) > max(law.loss(2 * N, D), law.loss(N, 2 * D))
    assert law.overfitting(N, D) == pytest.approx(law.loss(N, D) / (law.N_c / N) ** law.alpha_N - 1, rel=1e-6, abs=1e-12)


@given(sizes, amounts, st.floats(0.01, 100))
def test_scaling_n_and_d_along_the_rule_scales_the_loss_by_a_power(N, D, factor):
    law = KAPLAN_2020
    scaled = law.loss(N * factor, D * factor**law.data_exponent)
    assert scaled == pytest.approx(law.loss(N, D) * factor**-law.alpha_N, rel=1e-12)


@given(sizes, amounts)
def test_the_tokens_for_a_loss_invert_the_joint_law(N, D):
    loss = KAPLAN_2020.loss(N, D)
    share = (KAPLAN_2020.D_c / D) / loss ** (1 / KAPLAN_2020.alpha_D)  # few digits are left where data is plentiful
    assert KAPLAN_2020.tokens_for_loss(N, loss) == pytest.approx(D, rel=1e-13 / share + 1e-11)


@given(budgets)
def test_the_closed_form_of_the_joint_law_is_the_certified_minimum(C):
    best, certified = KAPLAN_2020.optimal(C), minimise(KAPLAN_2020.loss, C)
    assert pytest.approx(best.N, rel=1e-11) == certified.N
    assert certified.loss == pytest.approx(best.loss, rel=1e-12)
    assert KAPLAN_2020.compute_for_loss(best.loss) == pytest.approx(C, rel=1e-9)


def test_the_optimum_of_the_joint_law_is_not_what_kaplan_recommends():
    joint = math.log(KAPLAN_2020.optimal(1e22).N / KAPLAN_2020.optimal(1e21).N, 10)
    assert joint == pytest.approx(1 / (1 + 0.076 / 0.103), rel=1e-12)
    advice = math.log(KAPLAN_2020_ALLOCATION.optimal(1e22).N / KAPLAN_2020_ALLOCATION.optimal(1e21).N, 10)
    assert advice == pytest.approx(0.73, rel=1e-12)


def test_hoffmann_et_al_quote_4_68_billion_for_kaplan_at_1e21_flop():
    best = KAPLAN_2020_ALLOCATION.optimal(1e21)
    assert float(f"{best.N:.3g}") == printed("hoffmann/size-at-1e21")
    assert KAPLAN_2020_ALLOCATION.best_params(1e21) == pytest.approx(7.77e9, rel=1e-3)  # if C_min were C


@pytest.mark.parametrize(
    ("C", "N", "D", "loss"),
    [
        (3.14e23, 3.114e11, 1.681e11, 1.8264),
        (5.76e23, 4.849e11, 1.980e11, 1.7718),
        (5.88e23, 4.922e11, 1.991e11, 1.7700),
        (2.1e25, 6.695e12, 5.228e11, 1.4802),
        (3.8e25, 1.032e13, 6.136e11, 1.4370),
    ],
)
def test_kaplans_allocation_at_five_budgets(C, N, D, loss):
    best = KAPLAN_2020_ALLOCATION.optimal(C)
    assert (best.N, best.D, best.loss) == pytest.approx((N, D, loss), rel=4e-4)


def test_table_6_agrees_with_itself_to_its_digits():
    # D = B S at the critical batch (2 S_min steps), and C = 6 N D, at any budget: exponents add up, coefficients nearly.
    a = KAPLAN_2020_ALLOCATION
    assert a.params[1] + a.tokens[1] == pytest.approx(1, abs=1e-12)
    assert a.batch[1] + a.steps[1] == pytest.approx(a.tokens[1], abs=1e-12)
    for C in (1e19, 1e23):
        # S_e counts the least steps; at the critical batch a run takes twice as many.
        assert 2 * a.best_batch(C) * a.best_steps(C) == pytest.approx(a.best_tokens(C), rel=0.1)
        assert 2 * C / (6 * a.best_params(C)) == pytest.approx(a.best_tokens(C), rel=0.12)


def test_training_is_efficient_when_it_stops_a_tenth_above_convergence():
    assert round(KAPLAN_2020_FRONTIER.excess, 1) == printed("efficient/excess")


def test_against_training_to_2_percent_of_convergence_the_efficient_run_is_larger_and_cheaper():
    size, steps, compute = KAPLAN_2020_FRONTIER.against_convergence(0.02)
    assert round(size, 1) == printed("efficient/size-against-2pct")
    assert round(1 - compute, 2) == pytest.approx(printed("efficient/compute-saved"), abs=0.011)
    # 7.7 is printed, 7.6 comes out: exponents of two digits leave 7.5 to 7.8 open.
    assert 1 / steps == pytest.approx(printed("efficient/steps-against-2pct"), rel=0.02)
    edges = [((1 + aS / aN) / 51) ** (-1 / aS) for aN in (0.0765, 0.0775) for aS in (0.755, 0.765)]
    assert min(edges) < printed("efficient/steps-against-2pct") < max(edges)


def test_six_tenths_to_twice_the_efficient_size_costs_a_fifth_more():
    extra = [KAPLAN_2020_FRONTIER.compute_of_size(printed(f"efficient/{which}-size")) - 1 for which in ("small", "large")]
    assert extra == pytest.approx([0.20, 0.20], abs=0.04)
    assert round(extra[1], 2) == printed("efficient/cost")
    fewer = 1 - KAPLAN_2020_FRONTIER.steps_of_size(printed("efficient/large-size"))
    assert round(fewer, 2) == printed("efficient/fewer-steps")


def test_the_derived_exponents_are_those_of_appendix_b_and_not_those_of_section_6():
    f = KAPLAN_2020_FRONTIER
    assert round(f.alpha_C, 3) == printed("theory/alpha_C")
    # Section 6.2 prints 0.054 and, with it, 0.71; the constants give 0.052 and 0.68.
    exponent = math.log(f.best_params(1e22) / f.best_params(1e21), 10)
    assert exponent == pytest.approx(f.alpha_C / 0.077, rel=1e-12)
    assert exponent == pytest.approx(0.681, abs=1e-3)
    assert pytest.approx(printed("theory/p_N"), abs=5e-3) == 0.054 / 0.076


@given(budgets)
def test_the_derived_frontier_is_the_lowest_loss_that_its_own_equations_allow(C):
    """Brute force, by the paper's equations: the loss of N is where L = L(N, C / (6 N B_crit(L))) holds."""
    f = KAPLAN_2020_FRONTIER
    best = f.best_params(C)

    def loss_of(N):
        low, high = (6.5e13 / N) ** 0.077, 1e6
        for _ in range(200):
            L = math.sqrt(low * high)
            residual = (6.5e13 / N) ** 0.077 + (2100 * 6 * N * 2.1e8 * L ** (-1 / 0.21) / C) ** 0.76 - L
            low, high = (L, high) if residual > 0 else (low, L)
        return L

    assert loss_of(best) == pytest.approx(f.loss(C), rel=1e-9)
    assert min(loss_of(best * 1.02), loss_of(best / 1.02)) > f.loss(C) * (1 - 1e-12)
    steps = f.best_steps(C)
    assert KAPLAN_2020_STEPS.loss(best, steps) == pytest.approx(f.loss(C), rel=1e-9)


def test_the_laws_contradict_each_other_near_ten_thousand_pf_days():
    """Where the tokens of efficient training can no longer support its loss (Section 6.3); uncertain by a factor of ten."""
    a = KAPLAN_2020_ALLOCATION
    budgets = np.geomspace(1e2, 1e8, 60_001) * PF_DAY
    gap = KAPLAN_2020_DATA.loss(a.best_tokens(budgets)) - KAPLAN_2020_COMPUTE.loss(budgets)
    crossing = budgets[np.argmax(gap > 0)]
    assert crossing / PF_DAY == pytest.approx(printed("breakdown/C"), rel=0.2)
    assert a.best_params(crossing) == pytest.approx(printed("breakdown/N"), rel=0.3)
    assert round(float(KAPLAN_2020_COMPUTE.loss(crossing)), 1) == printed("breakdown/L")
    assert 0.1 < a.best_tokens(crossing) / printed("breakdown/D") < 10


def test_the_critical_batch_doubles_for_every_13_percent_less_loss():
    assert KAPLAN_2020_BATCH.tokens(0.87 * 3) / KAPLAN_2020_BATCH.tokens(3) == pytest.approx(2, rel=0.05)


@given(st.floats(1.5, 6), st.floats(4, 8).map(lambda e: 10.0**e), st.floats(1e3, 1e6))
def test_steps_and_examples_trade_off_as_their_definition_says(loss, B, S):
    """(S / S_min - 1)(E / E_min - 1) = 1 (Eq 5.1), with E = B S; at the critical batch both are twice their least."""
    batch = KAPLAN_2020_BATCH
    N = 1e8
    S_min = batch.least_steps(S, B, loss)
    E_min = batch.least_compute(6 * N * B * S, B, loss) / (6 * N)
    assert (S / S_min - 1) * (B * S / E_min - 1) == pytest.approx(1, rel=1e-6)
    critical = batch.tokens(loss)
    assert batch.least_steps(S, critical, loss) == pytest.approx(S / 2, rel=1e-12)


def test_constants_of_different_fits_do_not_mix():
    with pytest.raises(
        ValueError, match=r"0\.095.*Constants of a joint law trade off.*KAPLAN_2020, whose four were fitted together"
    ):
        KaplanLaw(KAPLAN_2020_SIZE, KAPLAN_2020_DATA)
    with pytest.raises(ValueError, match=r"joint L\(N, D\).*0\.076.*L\(D\) alone.*0\.095"):
        KaplanLaw(KAPLAN_2020.size, KAPLAN_2020_DATA)
    with pytest.raises(ValueError, match=r"joint L\(N, S\)"):
        KaplanLaw(KAPLAN_2020_STEPS.size, KAPLAN_2020.data)
    with pytest.raises(ValueError, match="fitted together \\(Table 3\\)"):
        StepsLaw(KAPLAN_2020.size, KAPLAN_2020_STEPS.steps)
    with pytest.raises(TypeError, match="data must be a PowerLaw, got float"):
        KaplanLaw(KAPLAN_2020.size, 0.095)
    with pytest.raises(ValueError, match="size has a constant of 1.7"):
        KaplanLaw(PowerLaw(1e13, 0.08, 1.7), PowerLaw(1e13, 0.1))


def test_mixing_would_have_changed_the_rule_for_data():
    assert KAPLAN_2020_SIZE.exponent / KAPLAN_2020_DATA.exponent == pytest.approx(0.80, abs=1e-12)


def test_own_constants_make_a_law_of_kaplans_form():
    law = KaplanLaw(PowerLaw(5e13, 0.08), PowerLaw(2e13, 0.1))
    assert law.loss(1e9, 1e10) == pytest.approx(((5e13 / 1e9) ** 0.8 + 2e13 / 1e10) ** 0.1, rel=1e-12)
    assert law.origin is None and law != KAPLAN_2020


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="not above the 2.*make the model larger"):
        KAPLAN_2020.tokens_for_loss(1e9, 2.0)
    with pytest.raises(ValueError, match="PF-days"):
        KAPLAN_2020_COMPUTE.loss(10.0)
    with pytest.raises(ValueError, match="tolerance = -0.1"):
        KAPLAN_2020.tokens_to_avoid_overfitting(1e9, -0.1)
    with pytest.raises(ValueError, match="never reaches"):
        KAPLAN_2020_FRONTIER.compute_of_size(0.1)
    with pytest.raises(ValueError, match="params must be"):
        KaplanAllocation((1.0,), (1, 1), (1, 1), (1, 1), KAPLAN_2020_COMPUTE)
    with pytest.raises(ValueError, match="B_star"):
        CriticalBatch(-1.0, 0.2)
    with pytest.raises(ValueError, match="do not fit together"):
        KAPLAN_2020.loss(np.ones(2) * 1e8, np.ones(3) * 1e9)


def test_arrays_go_through_every_law():
    N, D, C = np.array([1e8, 1e9]), np.array([1e9, 1e10]), np.array([1e20, 1e21])
    assert KAPLAN_2020.loss(N, D).shape == KAPLAN_2020_STEPS.loss(N, 1e4).shape == (2,)
    assert KAPLAN_2020.optimal(C).N.shape == KAPLAN_2020_ALLOCATION.optimal(C).loss.shape == (2,)
    assert KAPLAN_2020.tokens_for_loss(N, 3.0).shape == KAPLAN_2020_FRONTIER.best_steps(C).shape == (2,)


def test_kaplan_asks_for_a_larger_model_than_hoffmann_from_1e20_flop_on():
    for C in (1e20, 5.76e23):
        assert KAPLAN_2020_ALLOCATION.optimal(C).N > HOFFMANN_2022.optimal(C).N


def test_the_frontier_is_made_of_any_curve_and_batch():
    frontier = KaplanFrontier(StepsLaw(PowerLaw(1e13, 0.1), PowerLaw(1e3, 0.8)), CriticalBatch(1e8, 0.25))
    assert frontier.alpha_C == pytest.approx(1 / (1 / 0.8 + 1 / 0.25 + 1 / 0.1), rel=1e-14)
