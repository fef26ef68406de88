"""A model has a size, a stock of text and a budget of compute. Which of the three holds its loss up?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..counting import MODELS
from ..laws import FLOP_PER_PARAMETER_TOKEN, KAPLAN_2020, KAPLAN_2020_COMPUTE
from ..palette import color
from ..trace import field, variables, when
from .controls import Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

SIZES = (1e5, 1e13)
TOKENS = (1e7, 1e14)
BUDGETS = (1e15, 1e27)
#: The step whose gain decides what binds.
STEP_UP = 10.0

CONTROLS = (
    Log("size", "Model size N, without embeddings", "parameters", "count", *SIZES, value=1.5e9, color=3, help="Or drag."),
    Log("tokens", "Text to learn from D", "tokens", "count", *TOKENS, value=2.2e7, color=1, help="May be read again."),
    Log(
        "compute", "Compute C_min", "FLOP", "flop", *BUDGETS, value=5.9e20, color=2,
        help="About half of what a run at the critical batch spends.",
    ),
)  # fmt: skip
_ALONE, _TOGETHER, _TEN = "If it alone were short", "All three together", "Ten times of it would remove"
READOUTS = (
    Readout("size_floor", "size", "nats per token", "loss", _ALONE, 3),
    Readout("data_floor", "text", "nats per token", "loss", _ALONE, 1),
    Readout("compute_floor", "compute", "nats per token", "loss", _ALONE, 2),
    Readout("converged", "size and text, joint law", "nats per token", "loss", _TOGETHER, 1),
    Readout("overfitting", "above endless text, by overfitting", "", "percent", _TOGETHER, 1),
    Readout("loss", "the loss to expect", "nats per token", "loss", _TOGETHER, 3),
    Readout("ten_size", "parameters", "nats per token", "loss", _TEN, 3),
    Readout("ten_data", "text", "nats per token", "loss", _TEN, 1),
    Readout("ten_compute", "compute", "nats per token", "loss", _TEN, 2),
    Readout("enough_text", "text that keeps overfitting to 2%", "tokens", "count", _TOGETHER, 1),
    Readout("size_binds", "size binds, at", "nats per token", "loss", "What binds", 3),
    Readout("data_binds", "text binds, at", "nats per token", "loss", "What binds", 1),
    Readout("compute_binds", "compute binds, at", "nats per token", "loss", "What binds", 2),
)


def bottleneck(**values: Any) -> Explorer:
    """Which of three is short: traits ``size`` (parameters), ``tokens`` and ``compute`` (FLOP of C_min).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = bottleneck().readouts(size=1.5e9, tokens=2.2e7, compute=5.9e20)
    >>> read["data_binds"] is not None, read["size_binds"]
    (True, None)
    """
    return widget_class(declaration())(**values)


def worst(size: Any, tokens: Any, compute: Any) -> Any:
    """The larger of what the joint law and the law in compute allow; the paper has no law of all three."""
    return np.maximum(KAPLAN_2020.loss(size, tokens), KAPLAN_2020_COMPUTE.loss(compute))


def formulas(size: Any, tokens: Any, compute: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    converged = KAPLAN_2020.loss(size, tokens)
    loss = worst(size, tokens, compute)
    size_floor = KAPLAN_2020.size.loss(size)
    data_floor = KAPLAN_2020.data.loss(tokens)
    compute_floor = KAPLAN_2020_COMPUTE.loss(compute)
    by_compute = compute_floor > converged
    by_size = size_floor >= data_floor
    return {
        "size_floor": size_floor,
        "data_floor": data_floor,
        "compute_floor": compute_floor,
        "converged": converged,
        "overfitting": KAPLAN_2020.overfitting(size, tokens),
        "loss": loss,
        "ten_size": loss - worst(STEP_UP * size, tokens, compute),
        "ten_data": loss - worst(size, STEP_UP * tokens, compute),
        "ten_compute": loss - worst(size, tokens, STEP_UP * compute),
        "enough_text": KAPLAN_2020.tokens_to_avoid_overfitting(size),
        "size_binds": when(_both(_no(by_compute), by_size), size_floor),
        "data_binds": when(_both(_no(by_compute), _no(by_size)), data_floor),
        "compute_binds": when(by_compute, compute_floor),
    }


def _no(condition: Any) -> Any:
    return ~condition if not isinstance(condition, bool | np.bool_) else not condition


def _both(first: Any, second: Any) -> Any:
    return first & second


def chart() -> dict[str, Any]:
    """The joint law against size for this much text and for others, the floor of endless text and that of the compute."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "here": read["loss"],
            "joint_here": read["converged"],
            "floor_C": read["compute_floor"],
            "right_end": KAPLAN_2020.loss(SIZES[1], control["tokens"]),
            "free_end": KAPLAN_2020.size.loss(2e11),
            "by_compute": read["compute_floor"] > read["converged"],
            "by_size": read["size_floor"] >= read["data_floor"],
            "decades": np.log10(control["tokens"]),
        }
    )
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", domain=list(SIZES), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(5, 14)], labelExpr=short("datum.value"), labelOverlap="parity",
            title="Model size N (parameters)", grid=False,
        ),
    )  # fmt: skip
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(type="log", domain=[1.0, 6.0], nice=False),
        axis=alt.Axis(values=[1, 1.5, 2, 3, 4, 5, 6], format="~g", title="Loss (nats per token)", grid=False),
    )

    def line(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=y)

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=y, text="words:N")

    size = SIZES[0] * (SIZES[1] / SIZES[0]) ** STEP
    other_text = 10.0 ** field("decade")
    others = canvas.family(
        "decade",
        [float(k) for k in range(7, 15)],
        40,
        {"size": size, "loss": KAPLAN_2020.loss(size, other_text)},
        where="abs(datum.decade - decades) > 0.05",
    )
    yours = canvas.curve(80, {"size": size, "loss": KAPLAN_2020.loss(size, control["tokens"])})
    endless = canvas.curve(2, {"size": size, "loss": KAPLAN_2020.size.loss(size)})
    floor = canvas.curve(1, {"size": size, "loss": read["compute_floor"] + 0.0 * STEP})
    floor_name = canvas.point({"size": f"{SIZES[0]:g}", "loss": "floor_C"})
    curve_name = canvas.point({"size": f"{SIZES[1]:g}", "loss": "right_end"})
    endless_name = canvas.point({"size": "2e11", "loss": "free_end"})
    joint = canvas.point({"size": "size", "loss": "joint_here"}, where="by_compute")
    here = canvas.point({"size": "size", "loss": "here"})
    name = "by_compute ? 'compute binds' : by_size ? 'size binds' : 'text binds'"
    return canvas.compose(
        line(others, "axis", strokeWidth=1).encode(detail="decade:O", opacity=shown(0.5)),
        line(endless, "you", strokeWidth=1.8, strokeDash=[3, 3]).encode(opacity=shown()),
        line(floor, "other", strokeWidth=2.2, strokeDash=[8, 4]).encode(opacity=shown()),
        words(
            floor_name, "width < 430 ? 'compute' : 'compute allows no less'", "other", align="left", dx=6, dy=11, fontSize=12
        ).encode(opacity=shown()),
        line(yours, "law", strokeWidth=3).encode(opacity=shown()),
        words(curve_name, f"'with ' + {short('tokens')} + ' tokens'", "law", align="right", dx=-5, dy=-10).encode(
            opacity=shown()
        ),
        words(endless_name, "'endless text'", "you", align="right", dx=-4, dy=11, fontSize=12).encode(
            opacity=shown()
        ),
        here.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6).encode(x=x),
        joint.mark_point(size=80, filled=False, strokeWidth=2, color=color("law"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        here.mark_point(size=150, filled=True, color=color("you"), clip=True).encode(x=x, y=y, opacity=shown()),
        here.transform_calculate(words=f"({name}) + ', ' + format(here, '.2f')")
        .mark_text(
            fontSize=13, fontWeight=600, color=color("you"), baseline="top", dx=alt.ExprRef("size > 3e9 ? -7 : 7"),
            align=alt.ExprRef("size > 3e9 ? 'right' : 'left'"),
        )
        .encode(x=x, y=alt.value(4), text="words:N", opacity=shown()),
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    """States in which each of the three binds."""

    def kaplan(name: str) -> float:
        return facts.get(f"kaplan/range/{name}").value

    per_run = facts.get("results/kaplan-tokens-per-run").value
    largest = kaplan("size-high")
    full = FLOP_PER_PARAMETER_TOKEN * largest * per_run / 2.0
    note = "Kaplan et al. 2020: sizes and data sets of Section 3, compute of a full run of 131 billion tokens, halved to C_min"
    presets = [
        Preset("Kaplan's largest, least text", {"size": largest, "tokens": kaplan("tokens-low"), "compute": full}, note),
        Preset("Kaplan's largest, all text", {"size": largest, "tokens": kaplan("tokens-high"), "compute": full}, note),
    ]
    for model, label in {"gpt-3": "GPT-3", "chinchilla": "Chinchilla", "llama-3-8b": "Llama 3 8B"}.items():
        size = float(MODELS[model].parameters.non_embedding)
        params, tokens = (facts.get(f"models/{model}/{what}") for what in ("params", "tokens"))
        spent = FLOP_PER_PARAMETER_TOKEN * params.value * tokens.value
        presets.append(
            Preset(
                label,
                {"size": size, "tokens": tokens.value, "compute": spent / 2.0},
                f"{tokens.location}, {tokens.source}; size without embeddings, half of 6ND as C_min; far beyond Kaplan's runs",
            )
        )
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    names = [f"kaplan/joint/{symbol}" for symbol in ("N_c", "alpha_N", "D_c", "alpha_D")]
    found = [facts.get(name) for name in [*names, "kaplan/single/C_c", "kaplan/single/alpha_C"]]
    where = "; no interval is published"
    return tuple(Source(f.label, f"{f.value:.8g} {f.unit}", f"{f.location}; {f.source}{where}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`bottleneck` shows, declared once."""
    return Declaration(
        name="bottleneck",
        title="Which one holds the loss up?",
        question="A model has a size, a stock of text and a budget of compute. Which of the three should you have more of?",
        observe=(
            "Give the starting model ten times the text, again and again. When does text stop being what is short, and what "
            "takes its place? Then make the model ten times larger: why is that no remedy where you began?"
        ),
        caption=(
            "Kaplan's joint law against model size. The solid curve is for your text, thin curves for ten times more or less "
            "at each step, the dotted line for endless text. The dashed level line is what the compute allows, by a law of its "
            "own. Your dot lies on the higher of the two: the paper has no law of all three, so this last step is ours."
        ),
        alt=(
            "Loss against model size, both logarithmic. A solid curve for your text falls along the straight line of endless "
            "text and then levels off; a dashed level line marks what the compute allows; a dot shows your model on the "
            "higher of the two."
        ),
        alternative=(
            "A model of {size:count} parameters, {tokens:count} tokens of text and {compute:flop} FLOP. Size alone would allow "
            "{size_floor:loss} nats per token, text alone {data_floor:loss}, compute alone {compute_floor:loss}; size and text "
            "together {converged:loss}. The loss to expect is {loss:loss}.[[size_binds| Size binds.]][[data_binds| Text "
            "binds.]][[compute_binds| Compute binds.]] Ten times the parameters would remove {ten_size:loss}, ten times the text "
            "{ten_data:loss}, ten times the compute {ten_compute:loss}. To keep overfitting to 2%, this size needs "
            "{enough_text:count} tokens."
        ),
        python=(
            "from scaling_helpers.laws import KAPLAN_2020, KAPLAN_2020_COMPUTE, extrapolating\n\n"
            "N, D, C = {size}, {tokens}, {compute}  # parameters, tokens, FLOP of C_min\n"
            "with extrapolating():                  # on purpose, beyond the runs of the paper\n"
            "    joint = KAPLAN_2020.loss(N, D)     # nats per token\n"
            "    floor = KAPLAN_2020_COMPUTE.loss(C)\n"
            "    enough = KAPLAN_2020.tokens_to_avoid_overfitting(N)\n"
            "    print(joint, floor, max(joint, floor), KAPLAN_2020.overfitting(N, D), enough)"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "tokens",
            "enough_text",
            "How much text does this model need before more of it hardly matters? Set the text, then reveal.",
        ),
        drag={"control": "size", "axis": "x"},
    )
