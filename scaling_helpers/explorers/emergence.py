"""One smooth loss, many scores: which of them leaps, and what makes it leap?"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..emergence import (
    MOST_FORGIVEN,
    brier,
    chance_of_zero,
    exact_match,
    passes,
    score_interval,
    take_off_loss,
    task_law,
    token_accuracy,
)
from ..palette import color
from ..trace import variables
from .controls import Integer, Linear, Log, Toggle
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

BUDGETS = (1e18, 1e27)
#: Lowest score on the logarithmic axis, as a power of ten.
DECADES = 5.0

#: An example and no measurement, but for the exponent: that of Henighan et al. for mathematical problems.
START = {"half": 1e22, "exponent": facts.get("henighan/math/alpha_C").value, "length": 10.0, "items": 100.0}

#: Tasks of Wei et al., Table 1, whose answers have a known length.
TASKS = {
    "addition-subtraction-3-digit": ("3-digit sums", 4.0, "a sum of up to four digits"),
    "addition-subtraction-4-5-digit": ("4-5-digit sums", 6.0, "a sum of up to six digits"),
    "mmlu-57-topic-avg": ("MMLU", 1.0, "one letter"),
}

CONTROLS = (
    Log("compute", "Training compute C", "FLOP", "flop", *BUDGETS, value=1e24, color=3, help="Or drag in the chart."),
    Integer("length", "Tokens in the answer m", "", "plain", 1.0, 50.0, value=START["length"], color=2,
            help="All must be right."),
    Integer("forgiven", "Wrong tokens forgiven", "", "plain", 0.0, MOST_FORGIVEN, value=2.0, color=4, help="The threshold."),
    Log("items", "Questions Q", "", "count", 10.0, 1e5, value=START["items"], color=2, help="A score below 1/Q reads nought."),
    Linear("exponent", "Exponent of the loss α", "", "plain", 0.1, 1.0, value=START["exponent"], color=1,
           help="How fast the task's loss falls."),
    Log("half", "A token is right half the time at", "FLOP", "flop", 1e19, 1e26, value=START["half"], color=1,
        help="Moves all curves together."),
    Toggle("logarithmic", "Logarithmic score", False, help="The same scores, by powers of ten."),
)  # fmt: skip
_HERE, _EXACT = "At this compute", "The exact-match score"
READOUTS = (
    Readout("loss", "loss", "nats per token", "loss", _HERE, 1),
    Readout("token", "one token right", "", "percent", _HERE, 1),
    Readout("brier", "Brier penalty of a token", "", "loss", _HERE, 1),
    Readout("wrong", "wrong tokens in an answer, on average", "tokens", "ratio", _HERE, 1),
    Readout("passed", "answers with few enough wrong tokens", "", "percent", _HERE, 4),
    Readout("exact", "answers right in full", "", "percent", _HERE, 2),
    Readout("zero", "chance that the test shows not one", "", "percent", _HERE, 2),
    Readout("take_off", "one item of the test right at", "FLOP", "flop", _EXACT, 2),
    Readout("take_off_token", "when one token is right with", "", "percent", _EXACT, 1),
    Readout("half_exact", "half of the items right at", "FLOP", "flop", _EXACT, 2),
    Readout("span", "from a tenth right to half, compute grows", "", "times", _EXACT, 2),
)


def emergence(**values: Any) -> Explorer:
    """Scores of one smooth loss: traits ``compute`` (FLOP), ``length``, ``forgiven``, ``items``, ``exponent``, ``half`` (FLOP)
    and ``logarithmic``.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = emergence().readouts(compute=1e22, length=10)
    >>> round(read["token"], 9), round(read["exact"] * 2**10, 9)
    (0.5, 1.0)
    """
    return widget_class(declaration())(**values)


def formulas(compute: Any, length: Any, forgiven: Any, items: Any, exponent: Any, half: Any, logarithmic: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    task = task_law(half, exponent)
    loss = task.loss(compute)
    exact = exact_match(loss, length)
    first = take_off_loss(length, items)
    return {
        "loss": loss,
        "token": token_accuracy(loss),
        "brier": brier(loss),
        "wrong": length * (1.0 - token_accuracy(loss)),
        "passed": passes(loss, length, forgiven),
        "exact": exact,
        "zero": chance_of_zero(exact, items),
        "take_off": task.needed(first),
        "take_off_token": token_accuracy(first),
        "half_exact": task.needed(take_off_loss(length, 2.0)),
        "span": task.needed(take_off_loss(length, 2.0)) / task.needed(take_off_loss(length, 10.0)),
    }


def chart() -> dict[str, Any]:
    """Above, the loss; below, on the same axis of compute, the scores that are made of it."""
    import altair as alt

    from .charts import STEP, Canvas, shown, ten_to

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    task = task_law(control["half"], control["exponent"])
    canvas = Canvas({c.name: c.value for c in CONTROLS})

    def at(score: Any, budget: float) -> Any:
        return _height(score(task.loss(budget)), control["logarithmic"])

    def in_full(loss: Any) -> Any:
        return exact_match(loss, control["length"])

    canvas.signals(
        {
            "loss_top": 1.6 * task.loss(BUDGETS[0]),
            "loss_bottom": task.loss(BUDGETS[1]) / 1.6,
            "now_loss": read["loss"],
            "one_of_n": 1.0 / control["items"],
            "leaps": read["take_off"],
            # The key stands where no curve runs: above on the left, below on the right, or on the left in the middle.
            "key_above": at(token_accuracy, 1e21) < 0.82,
            "key_right": (at(token_accuracy, 1e21) >= 0.82) & (at(in_full, 4e23) > 0.32),
            **{f"now_{name}": _height(read[name], control["logarithmic"]) for name in ("token", "passed", "exact")},
            "first_height": _height(1.0 / control["items"], control["logarithmic"]),
        }
    )
    x = alt.X(
        "compute:Q",
        scale=alt.Scale(type="log", domain=list(BUDGETS), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(18, 28)], labelExpr=ten_to("datum.value"), labelOverlap="parity",
            title="Training compute C (FLOP)", grid=False,
        ),
    )  # fmt: skip
    split, gap = 0.3, 22
    loss_y = alt.Y(
        "loss:Q",
        scale=alt.Scale(
            type="log", domain=[alt.ExprRef("loss_bottom"), alt.ExprRef("loss_top")], nice=False,
            range=[{"expr": f"height * {split} - {gap}"}, 0],
        ),
        axis=alt.Axis(
            values=[10.0**k for k in range(-5, 7)], format="~g", title="Loss (nats)", grid=False, labelOverlap="greedy",
            orient="left",
        ),
    )  # fmt: skip
    score_y = alt.Y(
        "score:Q",
        scale=alt.Scale(domain=[0, 1.03], nice=False, range=[{"expr": "height"}, {"expr": f"height * {split}"}]),
        axis=alt.Axis(
            values=[0, 0.2, 0.4, 0.6, 0.8, 1],
            labelExpr=f"logarithmic ? format(pow(10, {DECADES:g} * (datum.value - 1)), '~%') : format(datum.value, '~%')",
            title="Score", grid=False, orient="left",
        ),
    )  # fmt: skip

    def curve(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=score_y, opacity=shown())

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=score_y, text="words:N", opacity=shown())

    budget = BUDGETS[0] * (BUDGETS[1] / BUDGETS[0]) ** STEP
    loss = task.loss(budget)
    exact = exact_match(loss, control["length"])
    low, high = score_interval(exact, control["items"])

    def scored(value: Any) -> dict[str, Any]:
        return {"compute": budget, "score": _height(value, control["logarithmic"])}

    band = {**scored(low), "upto": _height(high, control["logarithmic"])}
    now = canvas.point({"compute": "compute", "loss": "now_loss", "top": "loss_top", "score": "0"})
    dots = [
        canvas.point({"compute": "compute", "score": f"now_{name}"})
        .mark_point(size=90, filled=True, opacity=1, color=color(meaning), clip=True)
        .encode(x=x, y=score_y, opacity=shown())
        for name, meaning in (("token", "law"), ("passed", "fourth"), ("exact", "other"))
    ]
    on_axis = f"leaps > {BUDGETS[0]:g} && leaps < {BUDGETS[1]:g}"
    first = canvas.point({"compute": "leaps", "score": "first_height"}, where=on_axis)
    side = {"align": alt.ExprRef("key_right ? 'right' : 'left'"), "dx": alt.ExprRef("key_right ? -8 : 8")}
    some = "min(forgiven, length - 1)"
    key = (
        ("law", "'one token'"),
        ("fourth", f"width < 430 ? {some} + ' forgiven' : 'at most ' + {some} + ' of ' + length + ' wrong'"),
        ("other", "'all ' + length + ' right'"),
    )
    edge = f"key_right ? {BUDGETS[1]:g} : {BUDGETS[0]:g}"
    top = "(key_above ? 0.95 : key_right ? 0.26 : 0.6)"
    names = [
        words(canvas.point({"compute": edge, "score": f"{top} - {row} * 0.085"}), text, meaning, **side)
        for row, (meaning, text) in enumerate(key)
    ]  # fmt: skip
    losses = alt.layer(
        canvas.curve(2, {"compute": budget, "loss": loss})
        .mark_line(clip=True, stroke=color("law"), strokeWidth=3)
        .encode(x=x, y=loss_y, opacity=shown()),
        now.mark_point(size=110, filled=True, opacity=1, color=color("you")).encode(x=x, y=loss_y, opacity=shown()),
    )
    scores = alt.layer(
        canvas.curve(120, band).mark_area(clip=True, fill=color("other"), fillOpacity=0.16).encode(
            x=x, y=score_y, y2="upto:Q", opacity=shown()
        ),
        now.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(
            x=x, y=alt.value(0), y2=alt.value(alt.ExprRef("height"))
        ),
        curve(canvas.curve(120, scored(token_accuracy(loss))), "law", strokeWidth=2.5),
        curve(canvas.curve(120, scored(passes(loss, control["length"], control["forgiven"]))), "fourth", strokeWidth=2.5,
              strokeDash=[3, 3]),
        curve(canvas.curve(120, scored(exact)), "other", strokeWidth=3, strokeDash=[8, 4]),
        *dots,
        first.mark_point(size=110, shape="diamond", filled=False, strokeWidth=2.5, color=color("other"), clip=True).encode(
            x=x, y=score_y, opacity=shown()
        ),
        *names,
    )  # fmt: skip
    both: alt.LayerChart = alt.layer(losses, scores).resolve_scale(y="independent")
    return canvas.compose(both)


def _height(score: Any, logarithmic: Any) -> Any:
    """Where a score stands on the axis: as it is, or by its logarithm, from :data:`DECADES` below 1 upwards."""
    small = 10.0 ** (-2.0 * DECADES)
    by_decade = 1.0 + np.log10(np.maximum(score, small)) / DECADES
    return np.where(logarithmic, by_decade, score)


def _presets() -> tuple[Preset, ...]:
    """Tasks of Wei et al., Table 1, whose answers have a known length; the curve placed so as to show first at their scale."""
    presets = []
    for name, (label, length, what) in TASKS.items():
        flop = facts.get(f"emergence/{name}/flop")
        shows = take_off_loss(length, START["items"]) if length > 1 else math.log(2.0)
        # Where the loss is log 2 if it is `shows` at that compute.
        half = flop.value * float(shows / math.log(2.0)) ** (1.0 / START["exponent"])
        where = f"{flop.location}, {flop.source}; {what}. Our placing: "
        where += "one of 100 items is right there" if length > 1 else "the letter is right half the time there, chance left out"
        values = {"compute": flop.value, "length": length, "half": half, "forgiven": 0.0, "exponent": START["exponent"]}
        presets.append(Preset(label, {**values, "items": START["items"], "logarithmic": False}, where))
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    names = ["henighan/math/alpha_C"]
    names += [f"emergence/{name}/flop" for name in TASKS]
    found = [facts.get(name) for name in names]
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`emergence` shows, declared once."""
    return Declaration(
        name="emergence",
        title="A smooth loss and a sudden score",
        question="The loss of a task falls on a straight line. Which of its scores leaps all the same, and when?",
        observe=(
            "Make the answer one token long, then fifty: what becomes of the leap, and where does it move? Give the test a "
            "thousand times as many items. Then turn the score logarithmic. Which of the scores still looks sudden?"
        ),
        caption=(
            "Above, the loss per token of a task; below, scores made of it on the same axis of compute. One token is right with "
            "chance exp(-loss), tokens fail independently, and the exact match wants all of them. The shaded band holds the true "
            "scores that a measurement on Q questions, coming out on the dashed curve, would leave open with 90% (Wilson). The "
            "diamond marks where one item of the test is right on average; left of it the test most likely reads nought. The "
            "starting numbers are an example, not a measurement."
        ),
        alt=(
            "Two panels above one axis of compute. Above, a loss that falls as a straight line on logarithmic axes. Below, the "
            "share of right tokens rises early and gradually, while the share of answers right in full stays at nought for "
            "several powers of ten and then climbs; a score that forgives a few wrong tokens lies between the two."
        ),
        alternative=(
            "At {compute:flop} FLOP the loss is {loss:loss} nats per token: one token is right with {token:percent}, an "
            "answer of {length:plain} tokens has {wrong:ratio} wrong ones on average, {passed:percent} of the answers have at "
            "most {forgiven:plain} wrong but not all, and {exact:percent} are right in full. On {items:count} items the test "
            "shows not one right answer with chance {zero:percent}. One item is right on average at {take_off:flop} FLOP, "
            "where a token is right with {take_off_token:percent}; half of them are at {half_exact:flop}. From a tenth right "
            "to half, compute grows {span:times}."
        ),
        python=(
            "from scaling_helpers.emergence import *\n\n"
            "task = task_law({half}, {exponent})  # the task's loss against FLOP\n"
            "loss, m, Q = task.loss({compute}), {length}, {items}\n"
            "exact = exact_match(loss, m)\n"
            "print(loss, token_accuracy(loss), brier(loss), passes(loss, m, {forgiven}), exact)\n"
            "print(chance_of_zero(exact, Q), task.needed(take_off_loss(m, Q)), task.needed(take_off_loss(m, 2)))"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "compute",
            "take_off",
            "From which compute on will this test show a right answer at all? Set the compute, or drag, then reveal.",
        ),
        drag={"control": "compute", "axis": "x"},
    )
