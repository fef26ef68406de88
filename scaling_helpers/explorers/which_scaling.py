"""One sum of money: which levers change what it buys, and which change what is built with it?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..costs import Device, deepseek_v3_utilisation, device, training_cost, usd_per_flop, utilisation
from ..laws import BESIROGLU_2024, FLOP_PER_PARAMETER_TOKEN
from ..levers import all_parameters_count, better_recipe
from ..palette import color
from ..trace import choose, variables
from .controls import Choice, Linear, Log
from .declaration import Declaration, Preset, Readout, Source
from .isoflop import law_sources
from .widget import Explorer, widget_class

MONEY = (1e5, 1e11)
#: Loss above E (nats per token) that the chart has room for.
HEIGHT = (0.01, 1.0)
#: The law that all levers are set against.
LAW = BESIROGLU_2024
CHIPS = {"v100": "V100 (2018)", "a100-80gb": "A100 (2020)", "h800": "H100, H800 (2022)", "b200": "B200 (2024)"}


def _deepseek() -> dict[str, Any]:
    """The levers of DeepSeek-V3's pre-training, its utilisation implied by what was trained."""
    price = facts.get("deepseek_v3_cost/rent").value
    active = facts.get("deepseek_v3_cost/active-params").value
    return {
        "money": facts.get("deepseek_v3_cost/usd/pre-training").value, "price": price, "chip": "h800",
        "utilisation": deepseek_v3_utilisation().value, "recipe": 1.0,
        "active": active / facts.get("deepseek_v3_cost/params").value, "model": active,
    }  # fmt: skip


START = _deepseek()
CONTROLS = (
    Log("money", "Money", "USD", "count", *MONEY, value=START["money"], color=3, help="For one training run."),
    Log("price", "A chip-hour costs", "USD", "ratio", 0.1, 20.0, value=START["price"], color=1, help="Hardware price."),
    Choice("chip", "Chip", CHIPS, START["chip"], color=1, help="Its peak speed, dense 16-bit."),
    Linear("utilisation", "Peak put to use", "", "percent", 0.05, 0.8, value=START["utilisation"], color=1,
           help="Systems software."),
    Log("recipe", "Recipe needs less compute by", "", "times", 0.1, 100.0, value=START["recipe"], color=1,
        help="Algorithms, data."),
    Log("active", "Parameters active per token", "", "percent", 0.01, 1.0, value=START["active"], color=2, help="100% is dense."),
    Log("model", "Active parameters N", "parameters", "count", 1e8, 1e13, value=START["model"], color=3, help="The model lever."),
)  # fmt: skip
_BUYS, _YOURS, _DENSE = "What the money buys", "Your model", "With a dense model and the plain recipe"
READOUTS = (
    Readout("flop_per_dollar", "for a dollar", "FLOP", "flop", _BUYS, 1),
    Readout("chip_hours", "in all", "chip-hours", "count", _BUYS, 1),
    Readout("compute", "in all", "FLOP", "flop", _BUYS, 1),
    Readout("total_N", "size, idle parameters included", "parameters", "count", _YOURS, 3),
    Readout("model_D", "data", "tokens", "count", _YOURS, 3),
    Readout("loss_high", "loss if idle parameters are worth nothing", "nats per token", "loss", _YOURS, 3),
    Readout("loss_low", "loss if they are worth as much as active ones", "nats per token", "loss", _YOURS, 3),
    Readout("dense_loss", "least loss for the same money", "nats per token", "loss", _DENSE, 1),
    Readout("dense_N", "reached with", "parameters", "count", _DENSE, 1),
    Readout("money_low", "money for such a loss, from", "USD", "count", _DENSE, 1),
    Readout("money_high", "to", "USD", "count", _DENSE, 1),
)


def which_scaling(**values: Any) -> Explorer:
    """The levers of scaling: traits ``money`` (USD), ``price`` (USD per chip-hour), ``chip``, ``utilisation`` (share of the
    peak), ``recipe`` (factor), ``active`` (share of parameters) and ``model`` (active parameters).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(which_scaling().readouts()["model_D"] / 1e12, 1)
    14.8
    """
    return widget_class(declaration())(**values)


def laws_now(recipe: Any, active: Any) -> tuple[Any, Any]:
    """The law at the recipe set, in active parameters: if idle parameters are worth nothing, and if they count in full."""
    improved = better_recipe(LAW, recipe)
    return improved, all_parameters_count(improved, active)


def chosen_chip(selector: Any) -> Device:
    """The chip named ``selector``; for a tracer, one whose peak is looked up."""
    peaks = {name: device(name).peak() for name in CHIPS}
    return Device("chosen chip", (("bf16", choose(selector, peaks)),))


def formulas(money: Any, price: Any, chip: Any, utilisation: Any, recipe: Any, active: Any, model: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    on = chosen_chip(chip)
    per_dollar = 1.0 / usd_per_flop(on, utilisation=utilisation, usd_per_hour=price)
    compute = money * per_dollar
    tokens = compute / (FLOP_PER_PARAMETER_TOKEN * model)
    none, full = laws_now(recipe, active)
    high, low = none.loss(model, tokens), full.loss(model, tokens)
    best = LAW.optimal(compute)
    return {
        "flop_per_dollar": per_dollar,
        "chip_hours": training_cost(compute, on, utilisation=utilisation, usd_per_hour=price).device_hours,
        "compute": compute,
        "total_N": model / active,
        "model_D": tokens,
        "loss_high": high,
        "loss_low": low,
        "dense_loss": best.loss,
        "dense_N": best.N,
        "money_low": LAW.compute_for_loss(high) / per_dollar,
        "money_high": LAW.compute_for_loss(low) / per_dollar,
    }


def chart() -> dict[str, Any]:
    """The least loss for each sum of money: at the starting prices, at yours, and with your idle parameters counted."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    none, full = laws_now(control["recipe"], control["active"])
    started = formulas(**START)["flop_per_dollar"]
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    above_high, above_low = read["loss_high"] - LAW.E, read["loss_low"] - LAW.E
    canvas.signals(
        {
            "now_high": np.minimum(np.maximum(above_high, HEIGHT[0]), HEIGHT[1]),
            "now_low": np.minimum(np.maximum(above_low, HEIGHT[0]), HEIGHT[1]),
            "off_top": above_high > HEIGHT[1],
            "sparse": control["active"] < 0.999,
            "line_there": none.optimal(3e9 * read["flop_per_dollar"]).loss - none.E,
            "edge_there": full.optimal(3e9 * read["flop_per_dollar"]).loss - full.E,
        }
    )
    ticks = [10.0**k for k in range(5, 12)]
    x_scale = alt.Scale(type="log", domain=list(MONEY), nice=False)
    dollars = "'$' + " + short("datum.value")
    axis = alt.Axis(values=ticks, labelExpr=dollars, title="Money for one training run (USD)", grid=False)
    x = alt.X("money:Q", scale=x_scale, axis=axis)
    y = alt.Y(
        "above:Q",
        scale=alt.Scale(type="log", domain=list(HEIGHT), nice=False),
        axis=alt.Axis(values=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], format="~g", title="Loss above E (nats per token)"),
    )

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(fontSize=13, fontWeight=600, color=color(meaning), **style)
        return mark.encode(x=x, y=y, text="words:N", opacity=shown())

    money = MONEY[0] * (MONEY[1] / MONEY[0]) ** STEP
    starting = canvas.curve(20, {"money": money, "above": LAW.optimal(money * started).loss - LAW.E})
    now = {"money": money, "above": none.optimal(money * read["flop_per_dollar"]).loss - none.E}
    counted = {"upto": full.optimal(money * read["flop_per_dollar"]).loss - full.E}
    yours = canvas.point({"money": "money", "above": "now_high", "low": "now_low"})
    low = canvas.point({"money": "money", "above": "now_low"}, where="sparse")
    on_line = canvas.point({"money": "3e9", "above": "line_there"})
    on_edge = canvas.point({"money": "3e9", "above": "edge_there"}, where="sparse && edge_there < 0.8 * line_there")
    return canvas.compose(
        canvas.curve(20, {**now, **counted}, where="sparse")
        .mark_area(clip=True, fill=color("other"), fillOpacity=0.18)
        .encode(x=x, y=y, y2="upto:Q", opacity=shown()),
        starting.mark_line(clip=True, stroke=color("axis"), strokeWidth=2, strokeDash=[2, 4]).encode(x=x, y=y),
        canvas.curve(20, now).mark_line(clip=True, stroke=color("law"), strokeWidth=3).encode(x=x, y=y, opacity=shown()),
        words(on_line, "width < 430 ? 'dense' : 'dense, at your prices'", "law", align="left", dx=-20, dy=-16, clip=True),
        words(on_edge, "width < 430 ? '' : 'idle parameters count'", "other", align="right", dx=-8, dy=14, clip=True),
        yours.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6).encode(x=x),
        yours.mark_rule(stroke=color("you"), strokeWidth=4, clip=True).encode(x=x, y=y, y2="low:Q", opacity=shown()),
        low.mark_point(size=90, filled=False, strokeWidth=2.5, color=color("you")).encode(x=x, y=y, opacity=shown()),
        yours.mark_point(size=140, filled=True, opacity=1, color=color("you")).encode(
            x=x, y=y, opacity=shown(), shape=alt.value(alt.ExprRef("off_top ? 'triangle-up' : 'circle'"))
        ),
        words(yours, "'your model, ' + " + short("model") + " + (sparse ? ' active' : '')", "you",
              align=alt.ExprRef("money > 1e8 ? 'right' : 'left'"), dx=alt.ExprRef("money > 1e8 ? -10 : 10"), dy=-10, clip=True),
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    """Runs whose chip-hours are published, with the utilisation that they imply, and one that was never run."""
    size, tokens = facts.get("models/llama-3.1-405b/params").value, facts.get("models/llama-3.1-405b/tokens").value
    hours = facts.get("supply/llama-405b/gpu-hours")
    used = utilisation(FLOP_PER_PARAMETER_TOKEN * size * tokens, device("h800"), hours.value).value
    llama = {**START, "money": hours.value * START["price"], "utilisation": used, "active": 1.0, "model": size}
    dense = {**START, "active": 1.0, "model": facts.get("deepseek_v3_cost/params").value}
    return (
        Preset("DeepSeek-V3", START, "Pre-training: hours and rent of its report, Table 1; utilisation implied"),
        Preset("Llama 3.1 405B", llama, f"Hours: {hours.location}, {hours.source}; DeepSeek's rent; utilisation implied"),
        Preset("671B, dense", dense, "Never run: DeepSeek-V3's money spent on a dense model of its total size"),
    )


def _sources() -> tuple[Source, ...]:
    """What was published of DeepSeek-V3's run, and the peaks of the chips."""
    names = [f"deepseek_v3_cost/{name}" for name in ("hours/pre-training", "rent", "params", "active-params", "tokens")]
    found = [facts.get(name) for name in (*names, *(f"hardware/{chip}/bf16" for chip in CHIPS))]
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`which_scaling` shows, declared once."""
    return Declaration(
        name="which_scaling",
        title="Which scaling is it?",
        question="One sum of money, seven levers. Which of them make it buy more, and which decide what is built with it?",
        observe=(
            "Halve the price of a chip-hour, then set it back and double the share of the peak put to use. Can you tell the "
            "two apart in the chart? Now move the recipe, and then the model: which of them moves the line, which the point?"
        ),
        caption=(
            "The solid line is the least loss that each sum of money buys with a dense model at your prices; the dotted line "
            "is where it lay at the start. Levers that make arithmetic cheaper, or less of it necessary, move the line. The "
            "model moves the point along the budget it has. The band says what is not known: from no worth of the idle "
            "parameters (line) to full worth (lower edge)."
        ),
        alt=(
            "Loss above its irreducible part against money, both logarithmic. The least loss for the money is a falling "
            "straight line, with a band below it for the idle parameters of a sparse model; a dotted line parallel to it "
            "marks the starting prices. Your model is a point above the line, with a bar down to where it would be if its "
            "idle parameters counted in full."
        ),
        alternative=(
            "{money:count} USD at {price:ratio} USD per chip-hour ({chip}, {utilisation:percent} of its peak put to use) buy "
            "{chip_hours:count} chip-hours and {compute:flop} FLOP, {flop_per_dollar:flop} for a dollar. A model with "
            "{model:count} active parameters of {total_N:count} then reads {model_D:count} tokens and reaches {loss_high:loss} "
            "nats per token if its idle parameters are worth nothing, {loss_low:loss} if they are worth as much as active "
            "ones, with a recipe gain of {recipe:times}. A dense model with the fitted "
            "recipe would reach {dense_loss:loss} for the same money; for your loss it would need {money_low:count} to "
            "{money_high:count} USD."
        ),
        python=(
            "from scaling_helpers.explorers.which_scaling import formulas\n\n"
            "read = formulas({money}, {price}, {chip}, {utilisation}, {recipe}, {active}, {model})\n"
            "print(*read.values())"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=(*law_sources(), *_sources()),
        formulas=formulas,
        chart=chart,
        drag={"control": "money", "axis": "x"},
    )
