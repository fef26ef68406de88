"""Two laws, one budget: what does each tell you to train, and what would following the other have cost?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import FLOP_PER_PARAMETER_TOKEN, KAPLAN_2020_ALLOCATION, LAWS
from ..palette import color
from ..trace import variables
from .controls import Choice, Log
from .declaration import Declaration, Preset, Readout, Source
from .isoflop import BUDGETS, chosen_law, law_sources, real_models
from .widget import Explorer, widget_class

SIZES = (1e7, 1e14)
DOTS = ("gpt-3", "jurassic-1", "gopher", "mt-nlg", "chinchilla", "llama-3-8b", "llama-3-70b", "llama-3.1-405b")

CONTROLS = (
    Log("compute", "Training compute C", "FLOP", "flop", *BUDGETS, value=5.76e23, color=3, help="Or drag in the chart."),
    Choice(
        "law",
        "Chinchilla, as fitted by",
        {name: law.origin.title for name, law in LAWS.items() if law.origin},
        "besiroglu-2024",
        color=1,
        help="Whose fit of L = E + A/N^α + B/D^β.",
    ),
)
_KAPLAN, _CHINCHILLA, _BETWEEN = "Kaplan would train", "Chinchilla would train", "Between the two"
READOUTS = (
    Readout("kaplan_N", "size, without embeddings", "parameters", "count", _KAPLAN, 2),
    Readout("kaplan_D", "data", "tokens", "count", _KAPLAN, 2),
    Readout("kaplan_ratio", "data per size", "tokens per parameter", "ratio", _KAPLAN, 2),
    Readout("chinchilla_N", "size", "parameters", "count", _CHINCHILLA, 1),
    Readout("chinchilla_D", "data", "tokens", "count", _CHINCHILLA, 1),
    Readout("chinchilla_ratio", "data per size", "tokens per parameter", "ratio", _CHINCHILLA, 1),
    Readout("times", "Kaplan's size over Chinchilla's", "", "times", _BETWEEN, 3),
    Readout("wasted", "of the budget wasted by Kaplan's size, if Chinchilla is right", "", "percent", _BETWEEN, 3),
    Readout("agree", "the two agree at", "FLOP", "flop", _BETWEEN, 3),
)


def kaplan_vs_chinchilla(**values: Any) -> Explorer:
    """What each law would train: traits ``compute`` (FLOP) and ``law`` (whose fit stands for Chinchilla).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = kaplan_vs_chinchilla().readouts(compute=1e21)
    >>> round(read["kaplan_N"] / 1e9, 2)  # as Hoffmann et al. quote it
    4.68
    """
    return widget_class(declaration())(**values)


def formulas(compute: Any, law: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    fitted = chosen_law(law)
    best, advised = fitted.optimal(compute), KAPLAN_2020_ALLOCATION.optimal(compute)
    # Both sizes are powers of the compute: they meet where the ratio of two such lines is one.
    slope = KAPLAN_2020_ALLOCATION.params[1] - fitted.beta / (fitted.alpha + fitted.beta)
    times = advised.N / best.N
    return {
        "kaplan_N": advised.N,
        "kaplan_D": advised.D,
        "kaplan_ratio": advised.D / advised.N,
        "chinchilla_N": best.N,
        "chinchilla_D": best.D,
        "chinchilla_ratio": best.D / best.N,
        "times": times,
        "wasted": 1.0 - fitted.compute_for_loss(fitted.loss(advised.N, advised.D)) / compute,
        "agree": compute * times ** (-1.0 / slope),
    }


def chart() -> dict[str, Any]:
    """Best size against compute by both laws, the spread of the published fits, and real models."""
    import altair as alt

    from .charts import STEP, Canvas, short, ten_to

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    law = chosen_law(control["law"])
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "kaplan_here": read["kaplan_N"],
            "chinchilla_here": read["chinchilla_N"],
            "upper": np.maximum(read["kaplan_N"], read["chinchilla_N"]),
            "lower": np.minimum(read["kaplan_N"], read["chinchilla_N"]),
            "kaplan_on_top": read["kaplan_N"] > read["chinchilla_N"],
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
    y = alt.Y(
        "size:Q",
        scale=alt.Scale(type="log", domain=list(SIZES), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(7, 15)], labelExpr=short("datum.value"), title="Model size N (parameters)", grid=False
        ),
    )

    def line(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), strokeWidth=3, **style).encode(x=x, y=y)

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=y, text="words:N")

    budget = BUDGETS[0] * (BUDGETS[1] / BUDGETS[0]) ** STEP
    fits = [fit.optimal(budget).N for fit in LAWS.values()]
    low, high = fits[0], fits[0]
    for size in fits[1:]:
        low, high = np.minimum(low, size), np.maximum(high, size)
    spread = canvas.curve(30, {"compute": budget, "size": low, "to": high})
    kaplan = canvas.curve(2, {"compute": budget, "size": KAPLAN_2020_ALLOCATION.optimal(budget).N})
    chinchilla = canvas.curve(2, {"compute": budget, "size": law.optimal(budget).N})
    gap = canvas.point({"compute": "compute", "size": "lower", "to": "upper"})
    theirs = canvas.point({"compute": "compute", "size": "kaplan_here"})
    ours = canvas.point({"compute": "compute", "size": "chinchilla_here"})
    real = alt.Chart(alt.Data(values=_dots()))
    beside: dict[str, Any] = {
        "align": alt.ExprRef("compute > 3e22 ? 'right' : 'left'"), "dx": alt.ExprRef("compute > 3e22 ? -10 : 10")
    }  # fmt: skip
    return canvas.compose(
        spread.mark_area(clip=True, fill=color("law"), opacity=0.18).encode(x=x, y=y, y2="to:Q"),
        line(kaplan, "other", strokeDash=[8, 4]),
        line(chinchilla, "law"),
        gap.mark_rule(stroke=color("you"), strokeWidth=1.5).encode(x=x, y=y, y2="to:Q"),
        real.mark_point(size=36, filled=True, opacity=1, color=color("muted"), shape="square").encode(x=x, y=y),
        real.transform_filter("width >= 430 && datum.left")
        .mark_text(fontSize=11, color=color("muted"), align="right", dx=-4, dy=10)
        .encode(x=x, y=y, text="name:N"),
        real.transform_filter("width >= 430 && !datum.left")
        .mark_text(fontSize=11, color=color("muted"), align="left", dx=7)
        .encode(x=x, y=y, text="name:N"),
        theirs.mark_point(size=130, filled=True, opacity=1, color=color("other"), clip=True).encode(x=x, y=y),
        words(theirs, f"(width < 430 ? '' : 'Kaplan ') + {short('kaplan_here')}", "other",
              dy=alt.ExprRef("kaplan_on_top ? -12 : 14"), **beside),
        ours.mark_point(size=130, filled=True, opacity=1, color=color("law"), clip=True).encode(x=x, y=y),
        words(ours, f"(width < 430 ? '' : 'Chinchilla ') + {short('chinchilla_here')}", "law",
              dy=alt.ExprRef("kaplan_on_top ? 14 : -12"), align=alt.ExprRef("compute > 1e24 ? 'right' : 'left'"),
              dx=alt.ExprRef("compute > 1e24 ? -10 : 10")),
    )  # fmt: skip


def _dots() -> list[dict[str, Any]]:
    """Real models at 6ND and all their parameters; names to the side on which there is room."""
    dots = []
    for name in DOTS:
        params, tokens = (facts.get(f"models/{name}/{what}").value for what in ("params", "tokens"))
        compute = FLOP_PER_PARAMETER_TOKEN * params * tokens
        label = {"jurassic-1": "", "chinchilla": ""}.get(name, facts.table("models")[name]["name"])
        dots.append({"name": label, "compute": compute, "size": params, "left": name == "gpt-3"})
    return dots


@cache
def declaration() -> Declaration:
    """What :func:`kaplan_vs_chinchilla` shows, declared once."""
    presets = real_models(("gpt-3", "gopher", "chinchilla", "llama-3-8b", "llama-3.1-405b"))
    one = facts.get("kaplan/hoffmann/size-at-1e21")
    budgets = [Preset(p.label, {"compute": p.values["compute"]}, p.note) for p in presets]
    note = f"the budget at which {one.source}, {one.location}, compares the two"
    budgets.insert(0, Preset("10²¹ FLOP", {"compute": 1e21}, note))
    kaplan = [facts.get(f"kaplan/allocation/{symbol}") for symbol in ("N_e", "p_N")]
    sources = tuple(
        Source(f.label, f"{f.value:.8g} {f.unit}", f"{f.location}; {f.source}; no interval is published", f.confidence)
        for f in kaplan
    )
    return Declaration(
        name="kaplan_vs_chinchilla",
        title="Two laws, one budget",
        question="In 2020 and in 2022 the same budget was given different advice. How different, and where do the two agree?",
        observe=(
            "Go down in compute until the two sizes are the same, and on. Which of the two asks for the larger model there? "
            "Then look at the squares: which lie near the dashed line, which on or below the solid one, and when was each built?"
        ),
        caption=(
            "Best size against compute: dashed by Kaplan's advice, solid by the chosen fit of Chinchilla's law; the band is the "
            "spread of the four published fits, and no confidence interval. Squares are real models. Kaplan's sizes leave "
            "out the embeddings, which matters at the left end. The runs behind both lines cost less than 10²³ FLOP; the rest is "
            "extrapolation."
        ),
        alt=(
            "Model size against training compute, both logarithmic. Two rising lines cross at small compute; Kaplan's is the "
            "steeper and lies ten times higher at the budgets of 2021. GPT-3, Gopher and MT-NLG lie between the lines, "
            "Chinchilla on the lower one, Llama 3 8B far below both."
        ),
        alternative=(
            "With {compute:flop} FLOP Kaplan would train {kaplan_N:count} parameters on {kaplan_D:count} tokens, "
            "{kaplan_ratio:ratio} per parameter. Chinchilla, by {law}, would train {chinchilla_N:count} on "
            "{chinchilla_D:count}, {chinchilla_ratio:ratio} per parameter. Kaplan's size is {times:times} the other; if "
            "Chinchilla is right it wastes {wasted:percent} of the budget. The two agree at {agree:flop} FLOP."
        ),
        python=(
            "from scaling_helpers.laws import KAPLAN_2020_ALLOCATION, LAWS, extrapolating\n\n"
            "C, law = {compute}, LAWS[{law}]               # C in FLOP\n"
            "with extrapolating():                         # on purpose, beyond the runs of both papers\n"
            "    kaplan = KAPLAN_2020_ALLOCATION.optimal(C)\n"
            "    best = law.optimal(C)\n"
            "    wasted = 1 - law.compute_for_loss(law.loss(kaplan.N, kaplan.D)) / C\n"
            "print(kaplan.N, kaplan.D, best.N, best.D, kaplan.N / best.N, wasted)"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=tuple(budgets),
        sources=(*sources, *law_sources()),
        formulas=formulas,
        chart=chart,
        drag={"control": "compute", "axis": "x"},
    )
