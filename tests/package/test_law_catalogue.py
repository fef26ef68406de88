"""Every published law: it traces to what it computes, says where it comes from, and falls as it should."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_helpers import facts, laws
from scaling_helpers.laws import (
    BESIROGLU_2024,
    GADRE_2024,
    GADRE_2024_ERROR,
    HENIGHAN_2020,
    HOFFMANN_2022,
    MUENNIGHOFF_2023,
    PF_DAY,
    SARDANA_2024,
    BrokenPowerLaw,
    ChinchillaLaw,
    DistillationLaw,
    ErrorLaw,
    GranularityLaw,
    OvertrainingLaw,
    PowerLaw,
    PrecisionLaw,
    ShiftedPowerLaw,
    SigmoidLaw,
    catalogue,
)
from scaling_helpers.optimum import minimise
from scaling_helpers.trace import evaluate, variable, vega_signals

#: Forms with constants of our own, so that they are looked at like the published ones.
FORMS = {
    "power": PowerLaw(1e9, 0.3, 1.5),
    "shifted": ShiftedPowerLaw(1e9, 0.3, 1e6, 1.5),
    "broken": BrokenPowerLaw(30.0, 0.1, ((0.2, 1e8, 0.3), (-0.1, 1e11, 0.1)), 1.0),
    "sigmoid": SigmoidLaw(0.6, 1e9, 0.7, 0.1),
    "precision": PrecisionLaw(BESIROGLU_2024, 2.0, 0.1, 0.5, 0.5, 3.0),
    "granularity": GranularityLaw(a=18.0, b=31.0, c=0.5, g=2.0, alpha=0.12, beta=0.15, gamma=0.6),
    "distillation": DistillationLaw(BESIROGLU_2024, A=50.0, B=200.0, a=0.3, b=0.3, g=1.1, c0=2.0, c1=0.5, d1=1.2, f1=0.1),
}
VALUES = {
    "N": 1.3e9, "D": 2.9e10, "U": 4e9, "C": 3e20, "M": 41.0, "loss": 4.0, "S": 1e5, "S_min": 4e4, "B": 5e5,
    "error": 0.6, "P": 5.0, "G": 8.0, "teacher": 2.1, "x": 7e9,
}  # fmt: skip
EVERYTHING = {**catalogue(), **FORMS}
every_law = pytest.mark.parametrize("law", EVERYTHING.values(), ids=EVERYTHING.keys())


@every_law
def test_a_traced_law_gives_the_number_that_the_law_gives(law):
    for name, needs in law.answers.items():
        method = getattr(law, name)
        number = method(*(VALUES[need] for need in needs))
        traced = method(*(variable(need) for need in needs))
        assert math.isfinite(number)
        assert evaluate(traced, VALUES) == pytest.approx(number, rel=1e-14), name
        assert vega_signals({"out": traced})["out"]


@every_law
def test_an_array_gives_the_numbers_of_its_entries(law):
    for name, needs in law.answers.items():
        method = getattr(law, name)
        one = method(*(VALUES[need] for need in needs))
        more = method(*(np.array([VALUES[need], VALUES[need] * 1.01]) for need in needs))
        assert more.shape == (2,) and more[0] == pytest.approx(one, rel=1e-14), name


@every_law
def test_nonsense_is_refused_by_name(law):
    for name, needs in law.answers.items():
        for bad, error in (
            (0.0, ValueError),
            (-1.0, ValueError),
            (math.nan, ValueError),
            (math.inf, ValueError),
            ("1", TypeError),
        ):
            for place, need in enumerate(needs):
                values = [VALUES[one] for one in needs]
                values[place] = bad
                with pytest.raises(error, match=need):
                    getattr(law, name)(*values)


@pytest.mark.parametrize("key", catalogue())
def test_every_published_law_has_an_id_a_form_and_an_origin(key):
    law = catalogue()[key]
    assert law.origin.id == key and law.form
    assert "arXiv:" in law.origin.citation and law.origin.estimator and law.origin.digits and law.origin.conventions


def test_the_catalogue_holds_every_published_name_of_the_module():
    named = [getattr(laws, name) for name in laws.__all__ if name[-5:-1] == "_202" or "_202" in name]
    found = [one for law in named for one in (law.values() if isinstance(law, dict) else [law])]
    assert len(found) > 20
    assert all(catalogue()[law.origin.id] is law for law in found)
    with pytest.raises(TypeError):
        catalogue()["mine"] = None


WITH_LOSS = {key: law for key, law in EVERYTHING.items() if law.answers.get("loss") == ("N", "D")}


@pytest.mark.parametrize("law", WITH_LOSS.values(), ids=WITH_LOSS.keys())
@settings(max_examples=25)
@given(st.floats(6, 13).map(lambda e: 10.0**e), st.floats(8, 15).map(lambda e: 10.0**e), st.floats(1.01, 100))
def test_more_of_either_resource_never_raises_the_loss(law, N, D, factor):
    assert law.loss(N * factor, D) < law.loss(N, D)
    assert law.loss(N, D * factor) < law.loss(N, D)


# ---- over-training ----

over = pytest.mark.parametrize("law", GADRE_2024.values(), ids=GADRE_2024.keys())


@over
@given(st.floats(7, 12).map(lambda e: 10.0**e), st.floats(1, 1e4))
def test_the_over_training_form_is_the_parametric_law_with_equal_exponents(law, N, M):
    plain = law.chinchilla()
    assert plain.alpha == plain.beta == 2 * law.eta
    assert plain.loss(N, M * N) == pytest.approx(law.loss(N, M * N), rel=1e-12)
    assert law.loss_of_compute(6 * N * M * N, M) == pytest.approx(law.loss(N, M * N), rel=1e-12)
    back = OvertrainingLaw.from_chinchilla(plain)
    assert (back.E, back.a, back.b, back.eta) == pytest.approx((law.E, law.a, law.b, law.eta), rel=1e-12)


@over
@given(st.floats(1, 1e4), st.floats(16, 24).map(lambda e: 10.0**e))
def test_over_training_moves_the_line_and_not_its_slope(law, M, C):
    drop = (law.loss_of_compute(100 * C, M) - law.E) / (law.loss_of_compute(C, M) - law.E)
    assert drop == pytest.approx(100**-law.eta, rel=1e-10)
    assert law.loss_of_compute(C, M) >= law.loss_of_compute(C, law.best_ratio)


@over
def test_the_optimum_of_the_over_training_form_keeps_one_ratio(law):
    for C in (1e19, 1e24):
        best = law.optimal(C)
        assert best.tokens_per_parameter == pytest.approx(law.best_ratio, rel=1e-10)
        assert pytest.approx(best.N, rel=1e-11) == minimise(law.loss, C).N
    assert law.loss(1e9, law.tokens_for_loss(1e9, 3.0)) == pytest.approx(3.0, rel=1e-12)
    assert law.compute_for_loss(law.optimal(1e21).loss) == pytest.approx(1e21, rel=1e-9)


def test_a_law_with_two_exponents_has_no_over_training_form():
    with pytest.raises(ValueError, match="needs them equal, both 2 eta"):
        OvertrainingLaw.from_chinchilla(HOFFMANN_2022)
    assert OvertrainingLaw.from_chinchilla(MUENNIGHOFF_2023).loss(1e9, 1e11) == pytest.approx(
        MUENNIGHOFF_2023.loss(1e9, 1e11), rel=1e-12
    )


@pytest.mark.parametrize(
    ("key", "printed", "error"),
    [
        ("c4", (1.51, 0.121, 141, 190), (0.850, 2.08, 0.756)),
        ("redpajama", (1.84, 0.136, 212, 367), (0.857, 2.21, 0.715)),
        ("refinedweb", (1.73, 0.127, 157, 246), (0.865, 2.21, 0.707)),
    ],
)
def test_our_refit_of_gadres_runs_rounds_to_three_digits_as_known(key, printed, error):
    law, to_error = GADRE_2024[key], GADRE_2024_ERROR[key]
    assert tuple(float(f"{value:.3g}") for value in (law.E, law.eta, law.a, law.b)) == printed
    assert (to_error.eps, to_error.k, to_error.gamma) == error


def recipe_fit(C, M, loss):
    """Least squares over E, a, b for each eta; eta by golden section. None of the package's own code."""

    def solve(eta):
        design = np.stack([np.ones_like(C), (M / C) ** eta, (M * C) ** -eta], axis=1)
        constants, *_ = np.linalg.lstsq(design, loss, rcond=1e-15)
        return constants, float(np.sum((design @ constants - loss) ** 2))

    low, high = 0.05, 0.3
    for _ in range(80):
        first, second = high - 0.618 * (high - low), low + 0.618 * (high - low)
        low, high = (low, second) if solve(first)[1] < solve(second)[1] else (first, high)
    eta = (low + high) / 2
    return (*solve(eta)[0], eta)


RECIPE = {("d=96_l=8_h=4", 20), ("d=512_l=8_h=4", 20), ("d=576_l=24_h=8", 20), ("d=1024_l=24_h=8", 20), ("d=96_l=8_h=4", 320)}
TEXTS = {"c4": "c4_original", "redpajama": "rpj", "refinedweb": "rw_original"}


def gadre_runs(folder, text):
    with (folder / "gadre_overtrained_testbed.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["dataset_name"] == text]


@pytest.mark.parametrize("key", TEXTS)
def test_the_constants_are_the_fit_to_the_authors_five_runs(key, shared_data):
    chosen = [run for run in gadre_runs(shared_data, TEXTS[key]) if (run["model_name"], float(run["tok_mult"])) in RECIPE]
    assert len(chosen) == 5
    columns = (np.array([float(run[name]) for run in chosen]) for name in ("flops", "tok_mult", "loss_c4_val"))
    law = GADRE_2024[key]
    assert recipe_fit(*columns) == pytest.approx((law.E, law.a, law.b, law.eta), rel=1e-5)


@pytest.mark.parametrize("key", TEXTS)
def test_the_law_meets_the_losses_and_errors_of_all_104_runs(key, shared_data):
    runs = gadre_runs(shared_data, TEXTS[key])
    N, D, C, loss, error = (
        np.array([float(run[name]) for run in runs]) for name in ("N", "D", "flops", "loss_c4_val", "err_avg_subset")
    )
    np.testing.assert_allclose(6 * N * D, C, rtol=1e-12)  # so they count C as 6 N D, with all parameters
    off = np.abs(GADRE_2024[key].loss(N, D) / loss - 1)
    assert off.mean() < 0.02 and np.median(off) < 0.012
    worst = runs[off.argmax()]
    assert (worst["model_name"], worst["tok_mult"]) == ("d=512_l=8_h=4", "5.0") and 0.12 < off.max() < 0.15
    large = np.array(["open_lm" in run["model_name"] for run in runs])
    assert off[large].max() < 0.045
    assert np.abs(GADRE_2024_ERROR[key].error(loss) / error - 1).mean() < 0.017


def test_the_recipe_recovers_a_planted_law_of_the_same_form():
    law = OvertrainingLaw(E=1.6, a=150.0, b=220.0, eta=0.125)
    N = np.array([1.1e7, 7.9e7, 1.54e8, 4.12e8, 1.1e7])
    M = np.array([20.0, 20.0, 20.0, 20.0, 320.0])
    assert recipe_fit(6 * N * N * M, M, law.loss(N, N * M)) == pytest.approx((1.6, 150.0, 220.0, 0.125), rel=1e-6)


@given(st.floats(1.5, 6))
def test_error_grows_with_loss_and_is_inverted_where_it_can_be(loss):
    law = GADRE_2024_ERROR["c4"]
    error = law.error(loss)
    assert law.error(loss * 1.01) > error
    assert law.loss_for_error(error) == pytest.approx(loss, rel=1e-9)
    with pytest.raises(ValueError, match="is not between eps - k"):
        law.loss_for_error(0.86)


def test_an_error_law_of_ones_own_is_checked():
    with pytest.raises(ValueError, match="gamma"):
        ErrorLaw(0.8, 2.0, 0.0)


# ---- other kinds of data ----


@pytest.mark.parametrize("key", HENIGHAN_2020)
def test_each_kind_of_data_has_the_row_of_the_published_table(key):
    row, law = facts.table("henighan")[key], HENIGHAN_2020[key]
    assert law.size.loss(float(row["N0"])) == pytest.approx(float(row["Linf_N"] or 0) + 1, rel=1e-12)
    if row["C0"]:
        assert law.compute.loss(1e6 * PF_DAY) == pytest.approx(
            float(row["Linf_C"] or 0) + (float(row["C0"]) / 1e6) ** float(row["alpha_C"]), rel=1e-12
        )
        assert law.best_params(float(row["best_C0"]) * PF_DAY * 1e10) == pytest.approx(
            10 ** (10 * float(row["best_exponent"])), rel=1e-9
        )
    else:
        assert law.compute is None
        with pytest.raises(ValueError, match="gives no best size"):
            law.best_params(1e20)


def test_text_has_the_best_sizes_of_kaplan_and_other_kinds_grow_as_about_the_same_power():
    text = HENIGHAN_2020["language"]
    assert text.best_params(PF_DAY) == pytest.approx(laws.KAPLAN_2020_ALLOCATION.best_params(PF_DAY), rel=0.01)
    exponents = [law.best[1] for law in HENIGHAN_2020.values() if law.best]
    assert len(exponents) == 10 and (min(exponents), max(exponents)) == (0.64, 0.75)
    assert np.mean(exponents) == pytest.approx(0.7, abs=0.01)


def test_text_and_images_differ_in_exponent_by_a_factor_of_six():
    exponents = [law.size.exponent for law in HENIGHAN_2020.values()]
    assert (min(exponents), max(exponents)) == (0.037, 0.24)


# ---- Sardana's four ----


def test_the_more_over_trained_runs_are_fitted_the_larger_the_exponents():
    fits = list(SARDANA_2024.values())
    assert [fit.origin.ratio_range[1] for fit in fits] == [100, 250, 500, 10000]
    assert fits[0].beta < fits[-1].beta and fits[0].alpha < fits[-1].alpha
    losses = [fit.loss(1e9, 1e12) for fit in fits]
    assert 0.25 < max(losses) - min(losses) < 0.35
    assert all("two decimals" in fit.origin.digits for fit in fits)


# ---- forms without constants ----


@given(st.floats(0.5, 64))
def test_fewer_bits_are_fewer_parameters_and_many_bits_are_all_of_them(P):
    law = FORMS["precision"]
    assert 0 < law.effective_params(1e9, P) <= 1e9
    assert law.loss(1e9, 1e11, P) >= BESIROGLU_2024.loss(1e9, 1e11)
    assert law.loss(1e9, 1e11, 200.0) == pytest.approx(BESIROGLU_2024.loss(1e9, 1e11), rel=1e-12)
    assert law.harm(1e9, 2e11, P) > law.harm(1e9, 1e11, P) > law.harm(1e9, 1e11, P + 1)
    assert PrecisionLaw(BESIROGLU_2024, 2.0).harm(1e9, 1e11, P) == 0


@given(st.floats(1, 1e3))
def test_finer_experts_approach_a_law_without_their_term(G):
    law = FORMS["granularity"]
    limit = ChinchillaLaw(law.c, law.a, law.b, law.alpha, law.beta)
    assert limit.loss(1e9, 1e11) < law.loss(1e9, 1e11, 2 * G) < law.loss(1e9, 1e11, G)
    assert law.loss(1e9, 1e11, 1e29) == pytest.approx(limit.loss(1e9, 1e11), rel=1e-12)
    assert law.at(G).optimal(1e21).loss <= law.loss(1e9, 1e21 / 6e9, G)


def test_a_student_falls_towards_its_teacher_with_size_and_data():
    law = FORMS["distillation"]
    assert law.loss(1e9, 1e10, 2.1) > law.loss(1e10, 1e10, 2.1) > law.loss(1e10, 1e12, 2.1) > 2.1
    by_hand = (
        2.1
        + 2.1**-2.0
        * (1 + (2.1 / (BESIROGLU_2024.loss(1e9, 1e10) * 1.2)) ** 10.0) ** -0.05
        * (50 / 1e9**0.3 + 200 / 1e10**0.3) ** 1.1
    )
    assert law.loss(1e9, 1e10, 2.1) == pytest.approx(by_hand, rel=1e-12)
