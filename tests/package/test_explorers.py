"""Explorers as Python sees them: traits in natural units, readouts by the laws, honest errors."""

import json
import re

import numpy as np
import pytest
import traitlets
from ipywidgets import DOMWidget, FloatLogSlider, HBox, link
from scipy.stats import binom

from scaling_helpers import explorers, facts, optimum, trends
from scaling_helpers.explorers.controls import Choice, Integer, Linear, Log, Toggle
from scaling_helpers.explorers.data_constrained import chosen_law
from scaling_helpers.explorers.limits_2030 import START_FLOP
from scaling_helpers.explorers.loss_surface import contour
from scaling_helpers.explorers.overtraining import cheapest
from scaling_helpers.explorers.runtime import bundled, vega_runtime
from scaling_helpers.explorers.selection import ROWS, SAMPLES, VOTES
from scaling_helpers.inference import (
    BetaCoverage,
    beta_like,
    break_even_queries,
    contested_vote,
    over_problems,
    published_fits,
    query_flop,
    resample_until_accepted,
    s1_curves,
    wilson_interval,
)
from scaling_helpers.laws import (
    BESIROGLU_2024,
    HENIGHAN_2020,
    HOFFMANN_2022,
    KAPLAN_2020_ALLOCATION,
    KAPLAN_2020_COMPUTE,
    LAWS,
)
from scaling_helpers.optimum import inference_aware
from scaling_helpers.palette import plain
from scaling_helpers.trace import evaluate, variables

every_explorer = pytest.mark.parametrize("name", explorers.CATALOGUE)


def random_states(widget, count, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        state = {}
        for control in widget.declaration.controls:
            if isinstance(control, Choice):
                state[control.name] = str(rng.choice(list(control.options)))
            elif isinstance(control, Toggle):
                state[control.name] = bool(rng.integers(2))
            elif isinstance(control, Log):
                state[control.name] = float(10 ** rng.uniform(np.log10(control.min), np.log10(control.max)))
            else:
                state[control.name] = control.snap(rng.uniform(control.min, control.max))
        yield state


@every_explorer
def test_tracing_the_formulas_gives_the_readouts_of_the_laws(name):
    widget = explorers.CATALOGUE[name]()
    tracers = variables(control.name for control in widget.declaration.controls)
    traced = widget.declaration.formulas(**tracers)
    for state in random_states(widget, 200):
        expected = widget.readouts(**state)
        for readout, value in expected.items():
            got = evaluate(traced[readout], state)
            assert got == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-13)), (readout, state)


@every_explorer
def test_every_corner_of_the_controls_has_finite_readouts(name):
    widget = explorers.CATALOGUE[name]()
    for control in widget.declaration.controls:
        ends = control.payload()["options"] or [control.min, control.max]
        for end in ends:
            for other in random_states(widget, 20, seed=1):
                widget.readouts(**{**other, control.name: end})


@every_explorer
def test_the_payload_is_complete_plain_and_small(name):
    widget = explorers.CATALOGUE[name]()
    payload = widget.declaration.payload()
    text = json.dumps(payload, allow_nan=False)
    assert "https://" not in text and "http://" not in text
    signals = {signal["name"] for signal in payload["spec"]["signals"]}
    assert {control["name"] for control in payload["controls"]} <= signals
    assert {f"readout_{readout['name']}" for readout in payload["readouts"]} <= signals
    assert "reveal" in signals
    assert len(payload["alt"]) >= 40 and payload["question"].endswith("?")
    for preset in payload["presets"]:
        widget.declaration.state(preset["values"])
        assert preset["note"]
    names = set(widget.values) | set(widget.readouts())
    assert set(re.findall(r"\{(\w+)", payload["alternative"])) <= names
    assert set(re.findall(r"\{(\w+)", payload["python"])) <= names


@every_explorer
def test_the_static_html_stands_without_any_script(name):
    widget = explorers.CATALOGUE[name]()
    html = widget.to_html()
    assert f'data-explorer="{name}"' in html and "<svg" in html and 'role="img"' in html
    assert widget.declaration.words(widget.values)[:40] in html
    embedded = re.search(r'class="explorer-payload">(.*?)</script>', html, re.S)[1]
    assert "<" not in embedded and json.loads(embedded)["name"] == name
    assert "var(" not in plain(widget.declaration.picture())


@every_explorer
def test_the_python_that_an_explorer_shows_reproduces_its_readouts(name, capsys):
    widget = explorers.CATALOGUE[name]()
    for state in random_states(widget, 3):
        code = re.sub(r"\{(\w+)\}", lambda match, state=state: repr(state[match[1]]), widget.declaration.python)
        exec(code, {})
        printed = [float(word) for word in capsys.readouterr().out.split()]
        values = [value for value in widget.readouts(**state).values() if value is not None]
        for number in printed:
            assert min(abs(number - value) / max(abs(value), 1e-12) for value in values) < 1e-9


def test_isoflop_reads_what_the_laws_say():
    read = explorers.isoflop().readouts(compute=5.76e23, model=2.8e11, law="hoffmann-2022", compare="besiroglu-2024")
    best = HOFFMANN_2022.optimal(5.76e23)
    assert (read["optimal_N"], read["optimal_D"], read["optimal_loss"]) == (best.N, best.D, best.loss)
    assert read["model_loss"] == HOFFMANN_2022.loss(2.8e11, 5.76e23 / 6 / 2.8e11)
    assert read["compare_N"] == BESIROGLU_2024.optimal(5.76e23).N
    assert HOFFMANN_2022.optimal(read["equivalent_compute"]).loss == pytest.approx(read["model_loss"], rel=1e-12)


def test_without_a_second_law_there_is_no_answer_for_it():
    assert explorers.isoflop().readouts(compare="none")["compare_N"] is None


def test_presets_carry_the_real_sizes_and_tokens():
    widget = explorers.isoflop()
    presets = {preset.label: preset.values for preset in widget.declaration.presets}
    assert list(presets) == ["GPT-3", "Gopher", "Chinchilla", "Llama 3 8B", "Llama 3 70B", "Llama 3.1 405B"]
    tokens = [widget.readouts(**values)["model_D"] for values in presets.values()]
    assert tokens == pytest.approx([3e11, 3e11, 1.4e12, 1.5e13, 1.5e13, 1.56e13], rel=1e-12)


def test_the_map_puts_the_optimum_where_budget_and_contour_have_one_slope():
    read = explorers.loss_surface().readouts(compute=5.76e23, model=2.8e11, law="hoffmann-2022")
    a = HOFFMANN_2022.beta / (HOFFMANN_2022.alpha + HOFFMANN_2022.beta)
    assert read["optimal_share"] == pytest.approx(a, rel=1e-12)
    assert HOFFMANN_2022.loss(read["equivalent_N"], read["equivalent_D"]) == pytest.approx(read["model_loss"], rel=1e-12)


@pytest.mark.parametrize("step", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_every_point_of_a_contour_has_its_loss(step):
    for law in LAWS.values():
        point = contour(law, 0.2, step)
        assert law.loss(point["size"], point["tokens"]) == pytest.approx(law.E + 0.2, rel=1e-9)


def test_llama_3_8b_pays_back_after_eleven_trillion_tokens_and_gpt3_never():
    widget = explorers.overtraining()
    presets = {preset.label: preset.values for preset in widget.declaration.presets}
    llama = widget.readouts(**presets["Llama 3 8B"])
    assert llama["model_D"] == pytest.approx(1.5e13)
    assert (llama["training_ratio"], llama["break_even"]) == pytest.approx((5.51, 1.144e13), rel=1e-3)
    assert widget.readouts(**presets["Llama 3 8B"], volume=llama["break_even"])["total_ratio"] == pytest.approx(1, rel=1e-9)
    assert widget.readouts(**presets["GPT-3"])["break_even"] is None


def test_no_law_by_hand_beats_the_certified_fit_and_one_budget_settles_little():
    widget = explorers.fit_by_hand()
    presets = {preset.label: widget.readouts(**preset.values)["worse"] for preset in widget.declaration.presets}
    assert presets.pop("The certified fit") == pytest.approx(1, rel=1e-9)
    assert all(worse > 1.01 for worse in presets.values())
    assert all(widget.readouts(**state)["worse"] >= 1 - 1e-9 for state in random_states(widget, 100))
    every, one, largest = (widget.readouts(runs=runs) for runs in ("all", "one", "three-largest"))
    assert one["a_high"] - one["a_low"] > 2 * (every["a_high"] - every["a_low"]) > 2 * (largest["a_high"] - largest["a_low"])


@pytest.mark.parametrize("excess", [1e-3, 1.0, 30.0, 1e4])
def test_the_line_of_cheapest_models_is_the_inference_aware_optimum(excess):
    for law in LAWS.values():
        volume, size, tokens = cheapest(law, 2.1, excess)
        best = inference_aware(law, 2.1, volume)
        assert (size, tokens) == pytest.approx((best.N, best.D), rel=1e-7)


def test_deepseeks_money_reads_deepseeks_tokens_and_every_real_run_its_own():
    widget = explorers.which_scaling()
    presets = {preset.label: preset.values for preset in widget.declaration.presets}
    read = widget.readouts(**presets["DeepSeek-V3"])
    assert (read["model_D"], read["chip_hours"], read["total_N"]) == pytest.approx((1.48e13, 2.664e6, 6.71e11), rel=1e-9)
    assert widget.readouts(**presets["Llama 3.1 405B"])["model_D"] == pytest.approx(1.56e13, rel=1e-9)
    assert read["loss_low"] < widget.readouts(**presets["671B, dense"])["loss_high"] < read["loss_high"]


def test_half_the_price_and_twice_the_utilisation_are_one_lever():
    widget = explorers.which_scaling(utilisation=0.3, price=2.0)
    cheaper, fuller = widget.readouts(price=1.0), widget.readouts(utilisation=0.6)
    hours = cheaper.pop("chip_hours"), fuller.pop("chip_hours")
    assert cheaper == pytest.approx(fuller, rel=1e-9) and hours[0] == pytest.approx(2 * hours[1])


def test_a_recipe_twice_as_good_is_worth_twice_the_money():
    widget = explorers.which_scaling(active=1.0, recipe=2.0)
    dense = explorers.which_scaling(active=1.0)
    best = dense.readouts()["dense_N"]
    assert widget.readouts(model=best)["money_low"] == pytest.approx(2 * dense.values["money"], rel=1e-9)


def test_the_break_even_of_thinking_does_not_depend_on_the_size_of_the_models():
    widget = explorers.who_pays_when()
    even = [widget.readouts(model=size)["break_even"] for size in (1e9, 3.7e10, 1e12)]
    assert even == pytest.approx([3 * 1.48e13 * 15 / (1000 * 16)] * 3, rel=1e-9)
    assert widget.readouts(queries=even[0])["bill_ratio"] == pytest.approx(1.0, rel=1e-9)
    assert widget.readouts(serving=5.0)["break_even"] == pytest.approx(even[0] / 5, rel=1e-9)
    assert widget.readouts(think=3.0)["break_even"] is None


def test_ten_times_the_compute_removes_eleven_percent_of_kaplan_s_loss_and_a_constant_bends_the_line():
    widget = explorers.power_law()
    presets = {preset.label: preset.values for preset in widget.declaration.presets}
    text = widget.readouts(**presets["Kaplan, text"], compute=1e21)
    assert text["loss"] == pytest.approx(KAPLAN_2020_COMPUTE.loss(1e21), rel=1e-12)
    assert (text["ten_share"], text["slope"], text["error"]) == pytest.approx((1 - 10**-0.05, 0.05, 0), abs=1e-12)
    refit = widget.readouts(**presets["Chinchilla refit, text"], compute=1e21)
    assert refit["loss"] == pytest.approx(BESIROGLU_2024.optimal(1e21).loss, rel=1e-12)
    assert refit["there"] == pytest.approx(BESIROGLU_2024.optimal(1e24).loss, rel=1e-12)
    assert refit["error"] > 0.18
    assert refit["halve"] is None and text["halve"] == pytest.approx(2**20)
    images = widget.readouts(**presets["Images"], compute=1e20)
    assert images["loss"] == pytest.approx(HENIGHAN_2020["image-32x32"].compute.loss(1e20), rel=1e-12)


@pytest.mark.parametrize(
    ("preset", "binds"),
    [
        ("Kaplan's largest, least text", "data_binds"),
        ("Kaplan's largest, all text", "compute_binds"),
        ("GPT-3", "compute_binds"),
        ("Llama 3 8B", "size_binds"),
    ],
)
def test_exactly_one_of_size_text_and_compute_binds_and_ten_times_of_it_removes_most(preset, binds):
    widget = explorers.bottleneck()
    presets = {preset.label: preset.values for preset in widget.declaration.presets}
    for state in [presets[preset], *random_states(widget, 100)]:
        read = widget.readouts(**state)
        found = [name for name in ("size_binds", "data_binds", "compute_binds") if read[name] is not None]
        assert len(found) == 1
        assert read["loss"] == max(read["converged"], read["compute_floor"])
        gains = {name: read[f"ten_{name.removesuffix('_binds')}"] for name in ("size_binds", "data_binds", "compute_binds")}
        assert all(gain >= 0 for gain in gains.values())
        if found[0] == "compute_binds":
            assert gains["size_binds"] == gains["data_binds"] == 0
        else:
            assert gains["compute_binds"] == 0
    assert widget.readouts(**presets[preset])[binds] is not None


def test_kaplan_and_chinchilla_agree_where_their_lines_cross_and_gopher_s_budget_is_far_from_it():
    widget = explorers.kaplan_vs_chinchilla()
    for name, law in LAWS.items():
        crossing = widget.readouts(compute=5.76e23, law=name)["agree"]
        assert pytest.approx(law.optimal(crossing).N, rel=1e-9) == KAPLAN_2020_ALLOCATION.optimal(crossing).N
    read = widget.readouts(compute=1e21, law="hoffmann-2022")
    assert round(read["kaplan_N"], -7) == 4.68e9
    loss = HOFFMANN_2022.loss(read["kaplan_N"], 1e21 / (6 * read["kaplan_N"]))
    assert read["wasted"] == pytest.approx(1 - HOFFMANN_2022.compute_for_loss(loss) / 1e21, rel=1e-9)


def start_of(name, **values):
    return explorers.CATALOGUE[name]().readouts(**values)


@pytest.mark.parametrize(
    ("length", "forgiven", "compute"), [(1, 0, 1e20), (10, 0, 1e24), (10, 2, 1e22), (50, 8, 1e25), (3, 5, 1e21)]
)
def test_scores_of_one_loss_are_binomial(length, forgiven, compute):
    read = start_of("emergence", compute=compute, length=length, forgiven=forgiven, half=1e22, exponent=0.3)
    right = 0.5 ** ((1e22 / compute) ** 0.3)  # half at 1e22, and a loss that is a power of compute
    assert read["token"] == pytest.approx(right, rel=1e-12)
    assert read["exact"] == pytest.approx(right**length, rel=1e-12)
    assert read["passed"] == pytest.approx(binom.cdf(min(forgiven, length - 1), length, 1 - right), rel=1e-9)
    assert read["brier"] == pytest.approx((1 - right) ** 2, rel=1e-9)
    assert read["zero"] == pytest.approx((1 - right**length) ** 100, rel=1e-9)


def test_length_moves_the_leap_and_only_the_exponent_sets_its_width():
    widths = {start_of("emergence", length=length)["span"] for length in (1, 10, 50)}
    assert max(widths) == pytest.approx(min(widths), rel=1e-9)
    assert start_of("emergence", exponent=1.0)["span"] == pytest.approx(np.log(10) / np.log(2), rel=1e-9)
    take_offs = [start_of("emergence", length=length)["take_off"] for length in (5, 10, 20)]
    assert take_offs == sorted(take_offs)
    widget = explorers.emergence()
    for preset in widget.declaration.presets[:2]:  # sums, placed where Wei et al. first saw them done
        assert widget.readouts(**preset.values)["take_off"] == pytest.approx(preset.values["compute"], rel=1e-9)


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ({}, {}),
        ({"relax": "power", "factor": 10.0}, {"power-distributed": 10.0}),
        ({"relax": "data", "factor": 0.1}, {"data": 0.1}),
    ],
)
@pytest.mark.parametrize("level", ["0.5", "0.8", "0.95"])
def test_the_first_limit_is_that_of_the_text(state, change, level):
    limits = {name: one for name, one in trends.limits_2030(float(level)).items() if name != "power-campus"}
    forecast = trends.first_limit(limits, change=change)
    read = start_of("limits_2030", level=level, **state)
    for name in ("chips", "data", "latency"):
        assert read[f"{name}_first"] == pytest.approx(forecast.probability[name], abs=1e-6)
    assert read["power_first"] == pytest.approx(forecast.probability["power-distributed"], abs=1e-6)
    assert (read["lowest_low"], read["lowest"], read["lowest_high"]) == pytest.approx(
        (forecast.low, forecast.median, forecast.high), rel=1e-9
    )
    assert start_of("limits_2030", level=level, run=read["lowest"], **state)["allowed"] == pytest.approx(0.5, abs=1e-9)


def test_one_campus_is_tighter_and_the_trend_is_counted_from_the_largest_estimate():
    campus, spread_out = start_of("limits_2030", site="power-campus"), start_of("limits_2030")
    assert campus["lowest"] < spread_out["lowest"] and campus["power_first"] > spread_out["power_first"]
    largest = max(float(row["flop"]) for row in facts.table("compute_history").values() if row["flop"])
    assert largest == START_FLOP
    read = start_of("limits_2030", growth=4.0, run=spread_out["trend"])
    assert read["run_year"] == pytest.approx(2030.0) and read["run_growth"] == pytest.approx(4.0)
    assert read["allowed"] == pytest.approx(read["trend_allowed"])


@pytest.mark.parametrize("state", [{}, {"epochs": 4}, {"synthetic": 0.5, "growth": 1.6}, {"stock": 2e16, "doubt": 1.3}])
def test_the_closed_form_of_the_data_wall_is_what_random_draws_give(state):
    widget = explorers.data_wall()
    read, full = widget.readouts(**state), {**widget.values, **state}
    stock = trends.LogNormal.from_fact("trends/data/stock", 0.9).times(full["stock"] / np.sqrt(1e29))
    growth = trends.LogNormal(full["growth"] / full["doubt"], full["growth"] * full["doubt"], 0.8)
    drawn = trends.exhaustion(stock=stock, growth=growth, epochs=full["epochs"], synthetic=full["synthetic"])
    assert (read["wall_low"], read["wall"], read["wall_high"]) == pytest.approx((drawn.low, drawn.median, drawn.high), abs=0.15)
    assert widget.readouts(**state, year=read["wall"])["gone"] == pytest.approx(0.5, abs=1e-9)
    assert widget.readouts(**state, year=read["wall_high"])["gone"] == pytest.approx(0.9, abs=1e-9)


def test_doublings_put_the_wall_off_by_less_than_a_year_and_great_doubt_has_no_end():
    once, read = start_of("data_wall"), start_of("data_wall", epochs=4)
    assert (read["wall"] - once["wall"], read["by_epochs"]) == pytest.approx((2 * read["by_double"], 2 * read["by_double"]))
    assert read["by_double"] < 1.0
    assert start_of("data_wall", growth=1.2, doubt=1.6)["wall_high"] is None


def test_effective_compute_is_the_product_of_its_parts_and_its_band_what_random_draws_give():
    read = start_of("effective_compute", years=5)
    growth = trends.EffectiveCompute.published()
    assert (read["physical"], read["effective"]) == pytest.approx((growth.physical, growth.effective))
    assert read["factor"] == pytest.approx(growth.factor(5))
    parts = read["by_spending"] + read["by_price"] + read["by_algorithms"]
    assert 2.0**parts == pytest.approx(read["factor"]) and read["share"] == pytest.approx(read["by_algorithms"] / parts)
    assert start_of("effective_compute", years=read["thousand"])["factor"] == pytest.approx(1000.0)
    normal = np.random.default_rng(0).standard_normal((200_000, 3))
    widths = [np.log(1.5849625) / 2 / 1.28155, np.log(3.13 / 1.54) / 2 / 1.95996, np.log(14.27 / 4.52) / 2 / 1.95996]
    rates = np.log([growth.spending, growth.price_performance, growth.algorithms]) * np.exp(normal * widths)
    low, high = np.quantile(rates.sum(axis=1), [0.1, 0.9])
    assert (np.log(read["effective_low"]), np.log(read["effective_high"])) == pytest.approx((low, high), rel=0.02)
    none = start_of("effective_compute", counted=0.0)
    assert none["by_algorithms"] == 0.0 and none["effective"] == pytest.approx(none["physical"])


@pytest.mark.parametrize(("compute", "unique"), [(1e22, 25e9), (1e24, 1e11), (3e25, 2e12), (1e21, 1e13), (7e23, 3e11)])
@pytest.mark.parametrize("constants", ["published", "high", "low"])
def test_the_best_epochs_are_the_certified_optimum(compute, unique, constants):
    read = start_of("data_constrained", compute=compute, unique=unique, constants=constants)
    best = optimum.data_constrained(chosen_law(constants), compute, unique)
    assert best.certified
    assert (read["best_epochs"], read["best_N"]) == pytest.approx((best.epochs, best.N), rel=1e-9)
    assert read["best_loss"] == pytest.approx(best.loss, rel=1e-12)
    assert read["best_low"] <= read["best_epochs"] <= read["best_high"]
    assert read["floor"] < read["best_loss"] and read["free_loss"] <= read["best_loss"] + 1e-12


def test_the_authors_optimum_and_the_worth_of_another_epoch():
    read = start_of("data_constrained", epochs=1)
    assert (read["best_N"], read["best_epochs"]) == pytest.approx((7.02e9, 2.37e11 / 25e9), rel=2e-3)
    assert read["next_epoch"] == pytest.approx(15.387756 * (1 - np.exp(-1 / 15.387756)), rel=1e-9)
    assert start_of("data_constrained", epochs=read["best_epochs"])["above"] == pytest.approx(0.0, abs=1e-12)


def test_four_hundred_attempts_where_eight_would_do_if_all_problems_were_alike():
    widget = explorers.pass_at_k()
    read = widget.readouts()
    law = BetaCoverage(widget.exponent, widget.exponent * (1 - widget.mean) / widget.mean)
    assert read["needed"] == pytest.approx(law.samples_for(0.9), rel=1e-7)
    assert pytest.approx((1 - widget.mean) ** read["alike_needed"], rel=1e-12) == 0.1
    assert read["needed"] > 50 * read["alike_needed"]
    assert widget.readouts(samples=1e6)["doubling"] == pytest.approx(read["doubling_limit"], rel=1e-5)
    alike = widget.readouts(exponent=30.0)
    assert alike["needed"] < 1.2 * alike["alike_needed"]


def test_published_curves_carry_the_interval_of_their_problems():
    widget = explorers.pass_at_k()
    read = widget.readouts(samples=1e4)
    fit = published_fits()["llama-3-8b-instruct/math"]
    assert read["published_coverage"] == pytest.approx(fit.coverage(1e4), rel=1e-12)
    problems = facts.get("inference_trade/monkeys/problems/math").value
    low, high = wilson_interval(round(read["published_coverage"] * problems), problems)
    assert (read["published_low"], read["published_high"]) == pytest.approx((low, high), abs=0.01)
    assert widget.readouts(published="none")["published_low"] is None
    assert set(widget.declaration.control("published").options) == {"none", *published_fits()}


def test_problems_that_are_never_solved_put_a_target_out_of_reach():
    read = explorers.pass_at_k().readouts(hopeless=0.2, samples=1e6)
    assert read["needed"] is None and read["alike_needed"] is None and read["coverage"] < 0.8


@pytest.mark.parametrize("row", ROWS)
def test_selection_reads_what_the_library_works_out_without_its_tables(row):
    widget = explorers.selection(problems=row)
    law = beta_like(published_fits()[row])
    for state in random_states(widget, 6, seed=8):
        state["problems"] = row
        read = widget.readouts(**state)
        rates = (state["samples"], 1 - state["miss"], state["false_positive"])
        assert read["coverage"] == pytest.approx(float(law.coverage(state["samples"])), abs=1e-4)
        for name, cost in (("verified", 0.0), ("score", state["cost"])):

            def points(p, rates=rates, cost=cost):
                return resample_until_accepted(p, *rates).score(cost)

            assert read[name] == pytest.approx(over_problems(points, law, 1500), abs=1e-3)
        assert read["verified"] + read["wrong"] + read["nothing"] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("agree", "share"), [("all", 1.0), ("quarter", 0.25), ("tenth", 0.1)])
def test_the_vote_of_selection_is_the_mean_vote_over_the_problems(agree, share):
    widget = explorers.selection(agree=agree)
    law = beta_like(published_fits()["llama-3-8b-instruct/math"])
    for votes in VOTES[:6]:
        mean = over_problems(lambda p, votes=votes: contested_vote(p, votes, share), law, 1500)
        assert widget.readouts(samples=float(votes))["vote"] == pytest.approx(mean, abs=2e-4)
    plateau = widget.readouts()["vote_plateau"]
    assert widget.readouts(samples=SAMPLES[1])["vote"] == pytest.approx(plateau, abs=1e-3)


def test_the_score_turns_where_it_says_and_never_where_wrong_answers_cost_nothing():
    widget = explorers.selection()
    read = widget.readouts()
    around = [widget.readouts(samples=read["best_samples"] * times)["score"] for times in (0.8, 1.0, 1.25)]
    assert around[1] == pytest.approx(read["best_score"], rel=1e-9) and around[1] > max(around[0], around[2])
    assert read["score"] < 0.7 * read["best_score"] and read["coverage"] > read["verified"] + 0.2
    assert widget.readouts(cost=0.0)["best_samples"] is None
    p = read["turning_p"]
    assert resample_until_accepted(p, 50, 0.9, 0.05).score(1.0) == pytest.approx(0.0, abs=1e-12)


def test_the_vote_and_coverage_of_the_first_preset_stand_beside_the_measured_ones():
    read = explorers.selection().readouts(samples=100)
    for name, row in (
        ("coverage", "llama-3-8b-instruct/math-oracle"),
        ("vote", "llama-3-8b-instruct-best-selector/math-no-oracle"),
    ):
        measured = facts.get(f"monkeys_coverage/{row}/100/coverage").value
        low, high = wilson_interval(round(128 * measured), 128)
        assert low < read[name] < high


def test_at_s1s_last_point_not_even_a_perfect_picker_makes_up_for_the_shorter_thought():
    widget = explorers.sequential_vs_parallel()
    read = widget.readouts(budget=7321)
    assert (read["sequential"], read["beyond"], read["picker_needed"]) == (0.567, None, None)
    assert (read["sequential_low"], read["sequential_high"]) == pytest.approx(wilson_interval(17, 30), abs=1e-3)
    assert read["oracle"] < read["sequential"]
    later = widget.readouts()
    assert later["beyond"] > 1 and later["gain_sequential"] == 0.0
    met = widget.readouts(picker=later["picker_needed"])
    assert met["parallel"] == pytest.approx(met["sequential"], rel=1e-12)
    for name, curve in s1_curves().items():
        for tokens, share in zip(curve.tokens, curve.accuracy, strict=True):
            if tokens >= 500:
                assert widget.readouts(benchmark=name, budget=tokens)["sequential"] == pytest.approx(share, abs=1e-12)
    assert widget.readouts(budget=1000)["attempts"] is None


def test_fifty_samples_of_the_small_model_find_what_the_large_one_solves_at_once_on_codecontests_and_four_on_math():
    widget = explorers.train_or_think()
    for task, about in (("codecontests", 51), ("math", 4)):
        read = widget.readouts(task=task)
        one, other = (published_fits()[f"llama-3-{size}-instruct/{task}"] for size in ("8b", "70b"))
        assert one.coverage(read["needed"]) == pytest.approx(other.coverage(1.0), rel=1e-12)
        assert read["needed_low"] < read["needed"] < read["needed_high"] and round(read["needed"]) == about
    assert widget.readouts(task="math", samples=4)["break_even"] is None


def test_the_bills_of_both_ways_meet_at_the_break_even_and_at_the_samples_that_can_be_afforded():
    widget = explorers.train_or_think()
    read = widget.readouts()
    assert widget.readouts(queries=read["break_even"])["bill_ratio"] == pytest.approx(1.0, rel=1e-9)
    assert widget.readouts(samples=read["affordable"])["bill_ratio"] == pytest.approx(1.0, rel=1e-9)
    small, large = query_flop(8e9, 1000, widget.samples), query_flop(7e10, 1000)
    in_flop = break_even_queries(6 * 8e9 * 1.5e13, small, 6 * 7e10 * 1.5e13, large)
    assert read["break_even"] == pytest.approx(in_flop, rel=1e-12)
    rent = facts.get("gpu_prices/rental/h100")
    assert read["small_high"] / read["small_low"] == pytest.approx(rent.high / rent.low, rel=1e-12)
    assert read["hex_samples"] == pytest.approx(8.75**2.2, rel=1e-12)


def test_an_explorer_is_a_widget_that_composes():
    widget = explorers.isoflop(compute=1e21)
    assert isinstance(widget, DOMWidget)
    assert HBox([widget]).children == (widget,)
    slider = FloatLogSlider(value=1e22, min=18, max=27)
    link((slider, "value"), (widget, "compute"))
    assert widget.compute == pytest.approx(1e22)
    slider.value = 1e24
    assert widget.compute == pytest.approx(1e24)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "model")
    widget.model = 7e10
    assert seen == [7e10]


def test_values_are_set_together_or_not_at_all():
    widget = explorers.isoflop()
    widget.values = {"compute": 3.15e23, "model": 1.75e11}
    assert (widget.compute, widget.model) == (3.15e23, 1.75e11)
    with pytest.raises(ValueError, match="model = -1"):
        widget.values = {"compute": 1e20, "model": -1}
    assert widget.compute == 3.15e23
    widget.values["compute"] = 0  # a copy
    assert widget.compute == 3.15e23


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"compute": 23.76}, ValueError, r"compute = 23.76 is out of range; compute takes 1e\+18 to 1e\+27 FLOP"),
        ({"compute": float("nan")}, ValueError, "compute = nan is out of range"),
        ({"compute": "5.76e23"}, TypeError, "compute = '5.76e23' is not a real number"),
        ({"compute": 1e23 + 0j}, TypeError, "is not a real number"),
        ({"compute": [1e20, 1e21]}, TypeError, "is not a real number"),
        ({"law": "kaplan"}, ValueError, "law = 'kaplan' is no option; known: 'hoffmann-2022'"),
        ({"law": 3}, ValueError, "law = 3 is no option"),
        ({"budget": 1e20}, ValueError, "isoflop has no control 'budget'; known: compute, model, law, compare"),
    ],
)
def test_bad_states_are_refused_wherever_they_enter(values, error, says):
    for enter in (explorers.isoflop, lambda **v: explorers.isoflop().readouts(**v)):
        with pytest.raises(error, match=says):
            enter(**values)


def test_a_bad_trait_is_refused_and_the_state_stays():
    widget = explorers.isoflop()
    with pytest.raises(traitlets.TraitError, match=r"isoflop: compute = 1e\+40 is out of range"):
        widget.compute = 1e40
    assert widget.compute == 5.76e23


def test_a_stored_notebook_compares_equal_and_keeps_the_picture():
    bundle, _ = explorers.isoflop()._repr_mimebundle_()
    assert bundle["text/plain"] == "isoflop(compute=5.76e+23, model=280000000000.0, law='besiroglu-2024', compare='none')"
    assert "<svg" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_runtime_is_sent_only_to_a_front_end_that_asks(monkeypatch):
    widget, sent = explorers.isoflop(), []
    monkeypatch.setattr(widget, "send", lambda content, buffers: sent.append((content, buffers)))
    widget._answer(widget, {"type": "something else"}, [])
    widget._answer(widget, {"type": "runtime"}, [])
    assert [content for content, _ in sent] == [{"type": "runtime"}]
    assert sent[0][1][0].decode() == vega_runtime()
    assert "vegaEmbed" not in json.dumps(widget.get_state()["_payload"])


@pytest.mark.parametrize(
    ("name", "state", "there", "gone"),
    [
        ("overtraining", {"model": 1.75e11, "ratio": 1.714}, "paid back after", "never pays back"),
        ("who_pays_when", {"think": 3.0}, "equal at", "never equal"),
        ("power_law", {"constant": 2.21, "reducible": 0.1432, "exponent": 0.1}, "would take", "No amount of compute"),
        ("data_wall", {"growth": 1.2, "doubt": 1.6}, "with 80% between", "too doubtful for an interval"),
    ],
)
def test_where_there_is_no_answer_the_words_say_so(name, state, there, gone):
    declared = explorers.CATALOGUE[name]().declaration
    start = declared.words(declared.defaults())
    assert there in start and gone not in start
    without = declared.words({**declared.defaults(), **state})
    assert gone in without and there not in without


def test_a_control_takes_the_long_integers_that_javascript_writes():
    message = json.loads('{"compute": 562000000000000000000}')  # JSON.stringify(5.62e20); above 1e21 it would write 5.62e+20
    w = explorers.isoflop(**message)
    assert w.compute == 5.62e20 and isinstance(w.compute, float)
    with pytest.raises(traitlets.TraitError, match="out of range"):
        w.compute = 10**200
    with pytest.raises(traitlets.TraitError, match="not a real number"):
        w.compute = 10**400


def test_controls_snap_to_their_steps_and_keep_to_their_range():
    epochs = Integer("epochs", "Epochs", "", "count", 1, 40, value=4)
    assert [epochs.check(v) for v in (1, 3.4, 3.5, 40)] == [1, 3, 4, 40]
    share = Linear("share", "Share", "", "percent", 0.0, 1.0, value=0.5, step=0.3)
    assert [share.check(v) for v in (0.0, 0.2, 1.0)] == pytest.approx([0.0, 0.3, 0.9])
    switch = Toggle("on", "On", True)
    assert switch.check(np.bool_(False)) is False and switch.payload()["options"] == [False, True]
    with pytest.raises(TypeError, match="on = 1 is neither"):
        switch.check(1)
    with pytest.raises(ValueError, match="needs min > 0"):
        Log("x", "X", "", "count", 0.0, 1.0, value=0.5)


def test_the_runtime_leaves_out_what_compiles_and_decorates():
    lean, full = vega_runtime(), bundled("another Vega")
    assert len(lean) < 0.7 * len(full)
    assert all("globalThis.scalingVegaEmbed=" in text.replace(" ", "") for text in (lean, full))
