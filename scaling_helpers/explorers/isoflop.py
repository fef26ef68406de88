"""With a fixed compute budget, how large should the model be, and what does missing that size cost?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import FLOP_PER_PARAMETER_TOKEN, LAWS, ChinchillaLaw
from ..palette import color
from ..trace import Expr, choose, field, variables, when
from .controls import Choice, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

BUDGETS = (1e18, 1e27)
SIZES = (1e7, 1e13)
NO_LAW = "none"

CONTROLS = (
    Log("compute", "Training compute C", "FLOP", "flop", *BUDGETS, value=5.76e23, color=1, help="The budget: C = 6 N D."),
    Log("model", "Your model's size N", "parameters", "count", *SIZES, value=2.8e11, color=3, help="Or drag in the chart."),
    Choice(
        "law",
        "Law",
        {name: law.origin.title for name, law in LAWS.items() if law.origin},
        "besiroglu-2024",
        color=1,
        help="Whose fit of L = E + A/N^α + B/D^β.",
    ),
    Choice(
        "compare",
        "Compare with",
        {NO_LAW: "no second law", **{name: law.origin.title for name, law in LAWS.items() if law.origin}},
        NO_LAW,
        color=2,
        help="A second fit, dashed.",
    ),
)
_OPTIMUM, _YOURS, _COST, _OTHER = "The law's optimum", "Your model", "What missing it costs", "The second law's optimum"
READOUTS = (
    Readout("optimal_N", "size", "parameters", "count", _OPTIMUM, 1),
    Readout("optimal_D", "data", "tokens", "count", _OPTIMUM, 1),
    Readout("optimal_ratio", "data per size", "tokens per parameter", "ratio", _OPTIMUM, 1),
    Readout("optimal_loss", "loss", "nats per token", "loss", _OPTIMUM, 1),
    Readout("model_D", "data it gets", "tokens", "count", _YOURS, 3),
    Readout("model_ratio", "data per size", "tokens per parameter", "ratio", _YOURS, 3),
    Readout("model_loss", "loss", "nats per token", "loss", _YOURS, 3),
    Readout("size_ratio", "size against the optimum", "", "times", _COST, 3),
    Readout("loss_gap", "loss above the optimum", "nats per token", "loss", _COST, 3),
    Readout("equivalent_compute", "the optimum needs only", "FLOP", "flop", _COST, 3),
    Readout("wasted_share", "of the budget wasted", "", "percent", _COST, 3),
    Readout("compare_N", "size", "parameters", "count", _OTHER, 2),
    Readout("compare_D", "data", "tokens", "count", _OTHER, 2),
    Readout("compare_ratio", "data per size", "tokens per parameter", "ratio", _OTHER, 2),
)


def isoflop(**values: Any) -> Explorer:
    """The IsoFLOP explorer: traits ``compute`` (FLOP), ``model`` (parameters), ``law`` and ``compare`` (law ids).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(isoflop().readouts(compute=5.76e23, law="hoffmann-2022")["optimal_N"] / 1e9, 1)
    40.4
    """
    return widget_class(declaration())(**values)


def chosen_law(selector: Any) -> ChinchillaLaw:
    """The published law named ``selector``, or, for a traced selector, a law whose constants are looked up.

    :data:`NO_LAW` gives a stand-in; its results are hidden by :func:`scaling_helpers.trace.when`.
    """
    stand_in = next(iter(LAWS.values()))
    if not isinstance(selector, Expr):
        return LAWS.get(selector, stand_in)
    known = {**LAWS, NO_LAW: stand_in}
    symbols = ("E", "A", "B", "alpha", "beta")
    return ChinchillaLaw(*(choose(selector, {name: getattr(law, symbol) for name, law in known.items()}) for symbol in symbols))


def tokens_left(compute: Any, size: Any) -> Any:
    """Training tokens that a budget leaves for a model of ``size`` parameters, from C = 6 N D."""
    return compute / (FLOP_PER_PARAMETER_TOKEN * size)


def formulas(compute: Any, model: Any, law: Any, compare: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    published = chosen_law(law)
    best = published.optimal(compute)
    tokens = tokens_left(compute, model)
    loss = published.loss(model, tokens)
    equivalent = published.compute_for_loss(loss)
    two_laws = compare != NO_LAW
    second = chosen_law(compare).optimal(compute)
    return {
        "optimal_N": best.N,
        "optimal_D": best.D,
        "optimal_ratio": best.tokens_per_parameter,
        "optimal_loss": best.loss,
        "model_D": tokens,
        "model_ratio": tokens / model,
        "model_loss": loss,
        "size_ratio": model / best.N,
        "loss_gap": loss - best.loss,
        "equivalent_compute": equivalent,
        "wasted_share": 1.0 - equivalent / compute,
        "compare_N": when(two_laws, second.N),
        "compare_D": when(two_laws, second.D),
        "compare_ratio": when(two_laws, second.tokens_per_parameter),
    }


def chart() -> dict[str, Any]:
    """IsoFLOP curves, the line of optima, the reader's model, and the budget at which the optimum does as well."""
    import altair as alt

    from .charts import STEP, Canvas, flop_words, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    law, other = chosen_law(control["law"]), chosen_law(control["compare"])
    second = other.optimal(control["compute"])
    # The bowl's height scales with the reducible loss, so this window shows the same part of it at every budget.
    reducible = read["optimal_loss"] - law.E
    ceiling = read["optimal_loss"] + 0.75 * reducible
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "y_floor": read["optimal_loss"] - 0.2 * reducible,
            "y_ceiling": ceiling,
            "best_N": read["optimal_N"],
            "best_loss": read["optimal_loss"],
            "second_N": second.N,
            "second_loss": second.loss,
            "model_loss": np.minimum(read["model_loss"], ceiling),
            "off_top": read["model_loss"] > ceiling,
            "equal_C": read["equivalent_compute"],
            "equal_N": law.optimal(read["equivalent_compute"]).N,
            "two_laws": control["compare"] != NO_LAW,
            "decades": np.log10(control["compute"]),
        }
    )

    size = SIZES[0] * (SIZES[1] / SIZES[0]) ** STEP
    frontier = law.optimal(1e15 * 1e15**STEP)
    budget = 10.0 ** field("decade")
    x_scale = alt.Scale(type="log", domain=list(SIZES), nice=False)
    # A domain in full: Vega would else look for the extent of data that a filter may have emptied, and warn.
    y_scale = alt.Scale(domain=[alt.ExprRef("y_floor"), alt.ExprRef("y_ceiling")], zero=False, nice=False)
    ticks = [10.0**k for k in range(7, 14)]
    sizes_axis = alt.Axis(values=ticks, labelExpr=short("datum.value"), title="Model size N (parameters)", grid=False)
    tokens_axis = alt.Axis(
        values=ticks,
        labelExpr=short(canvas.expression(tokens_left(control["compute"], field("value")))),
        title="Training tokens D that the budget leaves",
        orient="top",
        grid=False,
        domain=False,
        titleColor=color("muted"),
        titleFontSize=12,
    )
    x = alt.X("size:Q", scale=x_scale, axis=None)  # two layers carry the axes, see x_with
    y = alt.Y("loss:Q", scale=y_scale, axis=alt.Axis(title="Loss (nats per token)", tickCount=5, format=".2f"))

    def x_with(axis: alt.Axis) -> alt.X:
        return alt.X("size:Q", scale=x_scale, axis=axis)

    def line(chart: alt.Chart, meaning: str, opacity: float = 1.0, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=y, opacity=shown(opacity))

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(fontSize=13, fontWeight=600, color=color(meaning), **style)
        return mark.encode(x=x, y=y, text="words:N", opacity=shown())

    neighbours = canvas.family(
        "decade",
        [float(k) for k in range(16, 30)],
        60,
        {"size": size, "loss": law.loss(size, tokens_left(budget, size))},
        where="abs(datum.decade - decades) < 1.3 && abs(datum.decade - decades) > 0.05",
    )
    on_budget = {"size": size, "loss": law.loss(size, tokens_left(control["compute"], size))}
    on_budget_other = {"size": size, "loss": other.loss(size, tokens_left(control["compute"], size))}
    best = canvas.point({"size": "best_N", "loss": "best_loss"})
    second_best = canvas.point({"size": "second_N", "loss": "second_loss"}, where="two_laws")
    yours = canvas.point({"size": "model", "loss": "model_loss"})
    level = canvas.point({"size": "equal_N", "to": "model", "loss": "model_loss"}, where="!off_top")
    # On a phone there is no room beside the line; the readouts say the same.
    same_loss = f"width < 430 ? '' : 'same loss at ' + {flop_words('equal_C')}"
    your_words = f"'your model ' + {short('model')} + (off_top && reveal ? ', off the top' : '')"
    return canvas.compose(
        line(neighbours, "axis", 0.5, strokeWidth=1).encode(x=x_with(sizes_axis), detail="decade:O"),
        line(canvas.curve(60, {"size": frontier.N, "loss": frontier.loss}), "law", strokeWidth=1.5, strokeDash=[2, 4]),
        level.mark_rule(stroke=color("you"), strokeDash=[5, 4], strokeWidth=1.5, clip=True).encode(
            x=x, x2="to:Q", y=y, opacity=shown()
        ),
        line(canvas.curve(60, on_budget_other, where="two_laws"), "other", strokeWidth=2.5, strokeDash=[8, 4]),
        line(canvas.curve(120, on_budget), "law", strokeWidth=3),
        best.mark_point(size=130, filled=True, opacity=1, color=color("law")).encode(x=x, y=y, opacity=shown()),
        words(best, f"'optimum ' + {short('best_N')}", "law", dy=20, align=alt.ExprRef("best_N > 1e12 ? 'right' : 'center'")),
        second_best.mark_point(size=110, strokeWidth=2.5, color=color("other"), clip=True).encode(x=x, y=y, opacity=shown()),
        level.mark_point(size=80, shape="diamond", filled=True, color=color("you"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        words(level, same_loss, "you", align="right", dx=-10, dy=-2, clip=True),
        yours.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(x=x),
        yours.mark_point(size=150, filled=True, color=color("you")).encode(
            x=x, y=y, opacity=shown(), shape=alt.value(alt.ExprRef("off_top ? 'triangle-up' : 'circle'"))
        ),
        yours.transform_calculate(words=your_words)
        .mark_text(
            fontSize=13,
            fontWeight=600,
            color=color("you"),
            baseline="top",
            dx=alt.ExprRef("model > 1e11 ? -7 : 7"),
            align=alt.ExprRef("model > 1e11 ? 'right' : 'left'"),
        )
        .encode(x=x, y=alt.value(6), text="words:N"),
        # Carries the second axis; draws nothing itself.
        yours.mark_point(opacity=0).encode(x=x_with(tokens_axis)),
        x="independent",
    )


def real_models(names: Sequence[str]) -> tuple[Preset, ...]:
    """Real models at their real N and D; the budget is 6ND, so that the tokens come out as published."""
    presets = []
    for name in names:
        params, tokens = facts.get(f"models/{name}/params"), facts.get(f"models/{name}/tokens")
        compute = FLOP_PER_PARAMETER_TOKEN * params.value * tokens.value
        note = f"{params.location}, {params.source}" + (f"; {params.note}" if params.note else "")
        presets.append(Preset(facts.table("models")[name]["name"], {"compute": compute, "model": params.value}, note))
    return tuple(presets)


def law_sources() -> tuple[Source, ...]:
    """The constants of each law and the exponents of N*, with the intervals their authors give."""
    names = [*facts.paths("laws"), *facts.paths("allocation_exponents")]
    found = [facts.get(name) for name in names if name.split("/")[1] in LAWS]
    return tuple(Source(f.label, _with_bounds(f), _where(f), f.confidence) for f in found)


def _with_bounds(fact: facts.Fact) -> str:
    bounds = f" ({fact.low:g} to {fact.high:g})" if fact.low is not None and fact.high is not None else ""
    return f"{fact.value:.8g}{bounds}"


def _where(fact: facts.Fact) -> str:
    interval = f"; interval: {fact.interval}" if fact.interval else ""
    return f"{fact.location}; {fact.source}{interval}" + (f"; {fact.note}" if "too narrow" in fact.note else "")


@cache
def declaration() -> Declaration:
    """What :func:`isoflop` shows, declared once."""
    return Declaration(
        name="isoflop",
        title="Where should the compute go?",
        question="Your compute is fixed. How large should the model be, and what does a wrong size cost you?",
        observe=(
            "Gopher's size is several times the optimum. Make the model as many times smaller than the optimum: which of the "
            "two mistakes is the dearer? Then change the budget, and then the law: which of them changes the answer?"
        ),
        caption=(
            "One budget, every model size. Along the solid curve the compute is the same: a larger model sees fewer "
            "tokens. The dotted line joins the optima of all budgets; where your model's loss meets it, a smaller "
            "budget, well spent, does as well."
        ),
        alt=(
            "Loss against model size at a fixed compute budget: a bowl-shaped curve with its lowest point marked as the "
            "optimum, your model on one of its sides, and a level line from your model to the optimum of a smaller budget."
        ),
        alternative=(
            "With {compute:flop} FLOP, the law of {law} puts the lowest loss, {optimal_loss:loss} nats per token, at "
            "{optimal_N:count} parameters and {optimal_D:count} tokens, {optimal_ratio:ratio} tokens per parameter. A model "
            "of {model:count} parameters gets {model_D:count} tokens, {model_ratio:ratio} per parameter, and reaches "
            "{model_loss:loss}. The optimum reaches that with {equivalent_compute:flop} FLOP, so {wasted_share:percent} of "
            "the budget is wasted.[[compare_N| The law of {compare} would build {compare_N:count} parameters and read "
            "{compare_D:count} tokens.]]"
        ),
        python=(
            "from scaling_helpers.laws import LAWS\n\n"
            "law, C, N = LAWS[{law}], {compute}, {model}  # C in FLOP, N in parameters\n"
            "best = law.optimal(C)                        # N, D, loss of the optimum\n"
            "loss = law.loss(N, C / (6 * N))              # your model, nats per token\n"
            "wasted = 1 - law.compute_for_loss(loss) / C  # share of the budget\n"
            "print(best.N, best.D, best.loss, loss, wasted)"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=real_models(("gpt-3", "gopher", "chinchilla", "llama-3-8b", "llama-3-70b", "llama-3.1-405b")),
        sources=law_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "model",
            "optimal_N",
            "Where is the bottom of the curve? Move the model size to where you think this budget is best spent, then reveal.",
        ),
        drag={"control": "model", "axis": "x"},
    )
