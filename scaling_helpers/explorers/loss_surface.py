"""Seen from above, as a map of sizes and tokens, where does a budget touch the lowest loss it can reach?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import LAWS
from ..palette import color
from ..trace import field, variables
from .controls import Choice, Log
from .declaration import Declaration, Readout
from .isoflop import BUDGETS, SIZES, chosen_law, law_sources, real_models, tokens_left
from .widget import Explorer, widget_class

TOKENS = (1e8, 1e16)
#: Reducible losses at which a contour is drawn, as multiples of the optimum's.
LEVELS = (0.4, 0.5, 0.63, 0.8, 1.25, 1.6, 2.0, 2.5, 3.2)

CONTROLS = (
    Log("compute", "Training compute C", "FLOP", "flop", *BUDGETS, value=5.76e23, color=1, help="Moves the budget line."),
    Log("model", "Your model's size N", "parameters", "count", *SIZES, value=2.8e11, color=3, help="Or drag in the chart."),
    Choice(
        "law",
        "Law",
        {name: law.origin.title for name, law in LAWS.items() if law.origin},
        "hoffmann-2022",
        color=1,
        help="Whose fit of L = E + A/N^α + B/D^β.",
    ),
)
_OPTIMUM, _YOURS, _COST = "Where the budget touches", "Your model", "The same loss, at the optimum"
READOUTS = (
    Readout("optimal_N", "size", "parameters", "count", _OPTIMUM, 1),
    Readout("optimal_D", "data", "tokens", "count", _OPTIMUM, 1),
    Readout("optimal_loss", "loss", "nats per token", "loss", _OPTIMUM, 1),
    Readout("optimal_share", "of the reducible loss due to size", "", "percent", _OPTIMUM, 1),
    Readout("model_D", "data it gets", "tokens", "count", _YOURS, 3),
    Readout("model_loss", "loss", "nats per token", "loss", _YOURS, 3),
    Readout("model_share", "of the reducible loss due to size", "", "percent", _YOURS, 3),
    Readout("equivalent_N", "size", "parameters", "count", _COST, 3),
    Readout("equivalent_D", "data", "tokens", "count", _COST, 3),
    Readout("equivalent_compute", "compute", "FLOP", "flop", _COST, 3),
    Readout("wasted_share", "of the budget wasted", "", "percent", _COST, 3),
)


def loss_surface(**values: Any) -> Explorer:
    """The map of the loss: traits ``compute`` (FLOP), ``model`` (parameters) and ``law`` (a law's id).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(loss_surface().readouts(compute=5.76e23)["optimal_N"] / 1e9, 1)
    40.4
    """
    return widget_class(declaration())(**values)


def formulas(compute: Any, model: Any, law: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    published = chosen_law(law)
    best = published.optimal(compute)
    tokens = tokens_left(compute, model)
    loss = published.loss(model, tokens)
    equivalent = published.compute_for_loss(loss)
    smaller = published.optimal(equivalent)
    return {
        "optimal_N": best.N,
        "optimal_D": best.D,
        "optimal_loss": best.loss,
        "optimal_share": published.A / best.N**published.alpha / (best.loss - published.E),
        "model_D": tokens,
        "model_loss": loss,
        "model_share": published.A / model**published.alpha / (loss - published.E),
        "equivalent_N": smaller.N,
        "equivalent_D": smaller.D,
        "equivalent_compute": equivalent,
        "wasted_share": 1.0 - equivalent / compute,
    }


def contour(law: Any, reducible: Any, step: Any) -> dict[str, Any]:
    """Sizes and tokens whose loss is E + ``reducible``, as ``step`` runs from 0 to 1.

    The share of the reducible loss that is due to size runs through all its values, evenly in its log-odds, so that
    each term can be inverted alone and both ends of the curve, where one share vanishes, are drawn.
    """
    from_size = 1.0 / (1.0 + np.exp(18.0 * step - 9.0))
    return {
        "size": (law.A / (from_size * reducible)) ** (1.0 / law.alpha),
        "tokens": (law.B / ((1.0 - from_size) * reducible)) ** (1.0 / law.beta),
    }


def chart() -> dict[str, Any]:
    """Contours of equal loss, the budget line, the path of optima, the reader's model and real ones."""
    import altair as alt

    from .charts import STEP, Canvas, short

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    law = chosen_law(control["law"])
    reducible = read["optimal_loss"] - law.E
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "best_N": read["optimal_N"],
            "best_D": read["optimal_D"],
            "equal_N": read["equivalent_N"],
            "equal_D": read["equivalent_D"],
            "model_D": np.minimum(np.maximum(read["model_D"], TOKENS[0]), TOKENS[1]),
            "off_map": (read["model_D"] < TOKENS[0]) | (read["model_D"] > TOKENS[1]),
            "model_loss": read["model_loss"],
            "best_loss": read["optimal_loss"],
        }
    )
    x = alt.X(
        "size:Q",
        scale=alt.Scale(type="log", domain=list(SIZES), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(7, 14)], labelExpr=short("datum.value"), title="Model size N (parameters)", grid=False
        ),
    )
    y = alt.Y(
        "tokens:Q",
        scale=alt.Scale(type="log", domain=list(TOKENS), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(8, 17, 2)], labelExpr=short("datum.value"), title="Training tokens D", grid=False
        ),
    )

    def line(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=y)

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        style = {"fontSize": 13, "fontWeight": 600, **style}
        return chart.transform_calculate(words=text).mark_text(color=color(meaning), **style).encode(x=x, y=y, text="words:N")

    level = field("level") * reducible
    # Where a contour leaves the map on the right; beyond the top where it never gets there.
    edge = SIZES[1] * 0.9
    gap = np.maximum(level - law.A / edge**law.alpha, 1e-9)
    levels = [float(one) for one in LEVELS]
    contours = canvas.family("level", levels, 60, contour(law, level, STEP), where="true")
    at_edge = {"size": edge + 0.0 * level, "tokens": (law.B / gap) ** (1.0 / law.beta), "loss": law.E + level}
    edges = canvas.family("level", levels, 1, at_edge, where="true").transform_filter("datum.step < 0.5")
    # On a phone every other one; and none on the contour that the default model lies near.
    crowded = " && ".join(f"datum.level != {one:g}" for one in LEVELS[::2])
    label = f"datum.level == 1.25 || width < 430 && {crowded} ? '' : format(datum.loss, '.2f')"
    size = SIZES[0] * (SIZES[1] / SIZES[0]) ** STEP
    budget_line = canvas.curve(1, {"size": size, "tokens": tokens_left(control["compute"], size)})
    equal_line = canvas.curve(1, {"size": size, "tokens": tokens_left(read["equivalent_compute"], size)})
    path = law.optimal(1e13 * 1e20**STEP)
    best = canvas.point({"size": "best_N", "tokens": "best_D"})
    yours = canvas.point({"size": "model", "tokens": "model_D"})
    equal = canvas.point({"size": "equal_N", "tokens": "equal_D"})
    best_words = "'optimum' + (width < 430 ? '' : ', ' + format(best_loss, '.3f'))"
    real = alt.Chart(alt.Data(values=_dots()))
    named = real.mark_text(fontSize=11, color=color("muted"), dy=-9).encode(x=x, y=y, text="name:N")
    return canvas.compose(
        line(contours, "axis", strokeWidth=1, opacity=0.7).encode(detail="level:O"),
        words(edges, label, "muted", fontSize=11, fontWeight=400, dy=-6, align="right", clip=True),
        line(canvas.curve(2, {"size": path.N, "tokens": path.D}), "law", strokeWidth=1.5, strokeDash=[2, 4]),
        line(canvas.curve(80, contour(law, read["model_loss"] - law.E, STEP)), "you", strokeWidth=1.8, strokeDash=[5, 4]),
        line(canvas.curve(80, contour(law, reducible, STEP)), "law", strokeWidth=1.8),
        line(equal_line, "you", strokeWidth=1, opacity=0.7),
        line(budget_line, "law", strokeWidth=3),
        real.mark_point(size=36, filled=True, opacity=1, color=color("muted"), shape="square").encode(x=x, y=y),
        named.transform_filter("width >= 430"),
        equal.mark_point(size=80, shape="diamond", filled=True, opacity=1, color=color("you"), clip=True).encode(x=x, y=y),
        best.mark_point(size=130, filled=True, opacity=1, color=color("law")).encode(x=x, y=y),
        words(best, best_words, "law", align="left", dx=8, dy=-14, clip=True),
        yours.mark_point(size=150, filled=True, opacity=1, color=color("you")).encode(
            x=x, y=y, shape=alt.value(alt.ExprRef("off_map ? 'triangle-up' : 'circle'"))
        ),
        words(
            yours,
            "'your model, ' + (off_map ? 'off the map' : format(model_loss, '.3f'))",
            "you",
            clip=True,  # text outside would make the chart smaller
            align=alt.ExprRef("model > (width < 430 ? 3e9 : 3e11) ? 'right' : 'left'"),
            dx=alt.ExprRef("model > (width < 430 ? 3e9 : 3e11) ? -10 : 10"),
            dy=alt.ExprRef("model_D < 1e9 || model > 3e11 && model_D < 1e15 ? -13 : 14"),
        ),
    )


def _dots() -> list[dict[str, Any]]:
    """Real models as points; a name where there is room for one."""
    unnamed = {"gopher", "chinchilla", "llama-3-70b"}
    return [
        {
            "name": "" if name in unnamed else facts.table("models")[name]["name"],
            "size": facts.get(f"models/{name}/params").value,
            "tokens": facts.get(f"models/{name}/tokens").value,
        }
        for name in ("gpt-3", "gopher", "chinchilla", "llama-3-8b", "llama-3-70b", "llama-3.1-405b")
    ]


@cache
def declaration() -> Declaration:
    """What :func:`loss_surface` shows, declared once."""
    return Declaration(
        name="loss_surface",
        title="A map of the loss",
        question="A budget is a straight line on this map. Which point of the line reaches furthest down?",
        observe=(
            "Drag your model along the budget line until its dashed contour and the solid one are the same. How do the "
            "two lines meet there? Now change the law: which way does the point of contact move?"
        ),
        caption=(
            "Each thin curve joins models of one loss, written at the right. The thick line holds all models that the "
            "budget can pay; at the optimum it touches a contour and does not cross it. The dotted path joins the optima "
            "of all budgets; the thin line is the smaller budget that would reach your contour. Squares are real models."
        ),
        alt=(
            "A map with model size across and training tokens upward, both logarithmic. Contours of equal loss run from "
            "the top left to the bottom right and bend like a hyperbola; the budget is a falling straight line that "
            "touches one of them at the optimum; your model lies elsewhere on that line, on a worse contour."
        ),
        alternative=(
            "Under the law of {law}, the line of {compute:flop} FLOP touches the contour of {optimal_loss:loss} nats per "
            "token at {optimal_N:count} parameters and {optimal_D:count} tokens. Your model of {model:count} parameters, "
            "with {model_D:count} tokens, lies on the contour of {model_loss:loss}. The path of optima crosses that contour "
            "at {equivalent_N:count} parameters and {equivalent_D:count} tokens, which cost {equivalent_compute:flop} FLOP, "
            "so {wasted_share:percent} of the budget is wasted. Size accounts for {model_share:percent} of your model's "
            "reducible loss and for {optimal_share:percent} of the optimum's."
        ),
        python=(
            "from scaling_helpers.laws import LAWS\n\n"
            "law, C, N = LAWS[{law}], {compute}, {model}  # C in FLOP, N in parameters\n"
            "best = law.optimal(C)                        # where the budget touches a contour\n"
            "loss = law.loss(N, C / (6 * N))              # your contour, nats per token\n"
            "smaller = law.optimal(law.compute_for_loss(loss))\n"
            "print(best.N, best.D, best.loss, loss, smaller.N, smaller.D, smaller.compute)"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=real_models(("gpt-3", "gopher", "chinchilla", "llama-3-8b", "llama-3.1-405b")),
        sources=law_sources(),
        formulas=formulas,
        chart=chart,
        drag={"control": "model", "axis": "x"},
    )
