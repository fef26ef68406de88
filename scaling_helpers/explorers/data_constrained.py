"""There is only so much text. How often should it be read, how large should the model be, and how sure is that?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import FLOP_PER_PARAMETER_TOKEN, MUENNIGHOFF_2023, MUENNIGHOFF_2023_REPEATED, DataConstrainedLaw
from ..optimum import best_epochs, loss_floor
from ..palette import color
from ..trace import Expr, choose, field, variable, variables
from .controls import Choice, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

BUDGETS = (1e21, 1e26)
TEXTS = (1e10, 1e13)
EPOCHS = (0.01, 1e4)


def _valley(name: str) -> float:
    return facts.get(f"results/muennighoff-valley/{name}").value


#: R_D and R_N: as published, and at two other places of the valley that fit the same runs as well.
PAIRS = {
    "published": (MUENNIGHOFF_2023_REPEATED.R_D, MUENNIGHOFF_2023_REPEATED.R_N),
    "high": (_valley("tokens"), _valley("params")),
    "low": (_valley("low-tokens"), _valley("low-params")),
}
_NAMES = {"published": "as published", "high": "refit, high", "low": "refit, low"}

#: The case of the authors' own optimum.
CASE = {what: facts.get(f"results/muennighoff-optimum/{what}").value for what in ("params", "tokens", "unique")}
START_COMPUTE = FLOP_PER_PARAMETER_TOKEN * CASE["params"] * CASE["tokens"]

CONTROLS = (
    Log("compute", "Training compute C", "FLOP", "flop", *BUDGETS, value=START_COMPUTE, color=1, help="The budget: C = 6 N D."),
    Log("unique", "Unique tokens U", "tokens", "count", *TEXTS, value=CASE["unique"], color=1, help="All the text there is."),
    Log("epochs", "You read them", "", "times", *EPOCHS, value=facts.get("results/muennighoff-free-epochs").value,
        color=3, help="Epochs; or drag in the chart."),
    Choice("constants", "Decay constants", {name: f"{_NAMES[name]}: R_D {a:.3g}, R_N {b:.3g}" for name, (a, b) in PAIRS.items()},
           "published", color=1, help="All three fit the same runs."),
)  # fmt: skip
_BEST, _YOURS, _TEXT = "The best that this text allows", "With your epochs", "If there were text enough"
READOUTS = (
    Readout("best_epochs", "read it", "", "times", _BEST, 1),
    Readout("best_low", "the three pairs, from", "", "times", _BEST, 1),
    Readout("best_high", "to", "", "times", _BEST, 1),
    Readout("best_N", "size", "parameters", "count", _BEST, 1),
    Readout("best_loss", "loss", "nats per token", "loss", _BEST, 1),
    Readout("floor", "with endless compute, at least", "nats per token", "loss", _BEST, 1),
    Readout("size", "size that the budget leaves", "parameters", "count", _YOURS, 3),
    Readout("loss", "loss", "nats per token", "loss", _YOURS, 3),
    Readout("above", "above the best", "nats per token", "loss", _YOURS, 3),
    Readout("worth", "read tokens are worth new ones", "tokens", "count", _YOURS, 3),
    Readout("next_epoch", "one more epoch, against new text", "", "percent", _YOURS, 3),
    Readout("text_needed", "it would take", "tokens", "count", _TEXT, 2),
    Readout("free_N", "size", "parameters", "count", _TEXT, 2),
    Readout("free_loss", "loss", "nats per token", "loss", _TEXT, 2),
)


def data_constrained(**values: Any) -> Explorer:
    """Epochs against parameters: traits ``compute`` (FLOP), ``unique`` (tokens), ``epochs`` and ``constants`` (of the decay).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = data_constrained().readouts(compute=1e22, unique=25e9)
    >>> round(read["best_epochs"], 2), round(read["best_N"] / 1e9, 2)
    (9.49, 7.03)
    """
    return widget_class(declaration())(**values)


def chosen_law(selector: Any) -> DataConstrainedLaw:
    """The law with one of the pairs of decay constants; for a tracer, constants that are looked up."""
    if not isinstance(selector, Expr):
        return DataConstrainedLaw(MUENNIGHOFF_2023, *PAIRS[selector])
    return DataConstrainedLaw(
        MUENNIGHOFF_2023, *(choose(selector, {name: pair[i] for name, pair in PAIRS.items()}) for i in (0, 1))
    )


def size_left(compute: Any, unique: Any, epochs: Any) -> Any:
    """The parameters that a budget leaves if ``unique`` tokens are read ``epochs`` times."""
    return compute / (FLOP_PER_PARAMETER_TOKEN * unique * epochs)


def formulas(compute: Any, unique: Any, epochs: Any, constants: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    law = chosen_law(constants)
    all_best = [best_epochs(chosen_law(name), compute, unique) for name in PAIRS]
    best: Any = all_best[0]
    for name, one in list(zip(PAIRS, all_best, strict=True))[1:]:
        best = np.where(constants == name, one, best)
    best_size = size_left(compute, unique, best)
    best_loss = law.loss(best_size, best * unique, unique)
    size = size_left(compute, unique, epochs)
    loss = law.loss(size, epochs * unique, unique)
    more = law.effective_tokens((epochs + 1.0) * unique, unique) - law.effective_tokens(epochs * unique, unique)
    free = law.base.optimal(compute)
    return {
        "best_epochs": best,
        "best_low": np.minimum(np.minimum(all_best[0], all_best[1]), all_best[2]),
        "best_high": np.maximum(np.maximum(all_best[0], all_best[1]), all_best[2]),
        "best_N": best_size,
        "best_loss": best_loss,
        "floor": loss_floor(law, unique),
        "size": size,
        "loss": loss,
        "above": loss - best_loss,
        "worth": law.effective_tokens(epochs * unique, unique),
        "next_epoch": more / unique,
        "text_needed": free.D,
        "free_N": free.N,
        "free_loss": free.loss,
    }


def chart() -> dict[str, Any]:
    """Loss against epochs on one budget: with this text, with endless text, and how far the constants leave it open."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    compute, unique = control["compute"], control["unique"]
    # What the readouts compute already; these signals stand in every compiled chart.
    read = {readout.name: variable(f"readout_{readout.name}") for readout in READOUTS}
    law = chosen_law(control["constants"])
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    reducible = read["best_loss"] - law.base.E
    ceiling = read["best_loss"] + 0.45 * reducible
    canvas.signals(
        {
            "y_floor": read["best_loss"] - 0.22 * reducible,
            "y_ceiling": ceiling,
            "x_low": np.minimum(np.minimum(0.4, read["best_low"] / 8.0), control["epochs"]),
            "x_high": np.maximum(np.maximum(100.0, read["best_high"] * 5.0), control["epochs"]),
            # Where the two lowest points are close, only one of them is named.
            "apart": (read["best_loss"] - read["free_loss"]) > 0.08 * reducible,
            "best_at": read["best_epochs"],
            "best_here": read["best_loss"],
            "from_epochs": read["best_low"],
            "to_epochs": read["best_high"],
            "my_loss": np.minimum(read["loss"], ceiling),
            "off_top": read["loss"] > ceiling,
            "above_best": read["above"],
            "free_at": read["text_needed"] / unique,
            "free_here": read["free_loss"],
        }
    )
    x_scale = alt.Scale(type="log", domain=[alt.ExprRef("x_low"), alt.ExprRef("x_high")], nice=False)
    ticks = [m * 10.0**k for k in range(-4, 6) for m in (1, 2, 4)]
    sizes = short(canvas.expression(size_left(compute, unique, field("value"))))
    epochs_axis = alt.Axis(
        values=ticks, labelExpr="format(datum.value, datum.value < 1 ? '~g' : ',~f')", labelOverlap="greedy",
        title="Epochs, how often the text is read", grid=False,
    )  # fmt: skip
    sizes_axis = alt.Axis(
        values=ticks, labelExpr=sizes, labelOverlap="greedy", labelSeparation=14,
        title="Model size N that the budget leaves", orient="top", grid=False, domain=False,
        titleColor=color("muted"), titleFontSize=12,
    )  # fmt: skip
    x = alt.X("epochs:Q", scale=x_scale, axis=None)
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(domain=[alt.ExprRef("y_floor"), alt.ExprRef("y_ceiling")], zero=False, nice=False),
        axis=alt.Axis(title="Loss (nats per token)", tickCount=5, format=".2f"),
    )

    def x_with(axis: alt.Axis) -> alt.X:
        return alt.X("epochs:Q", scale=x_scale, axis=axis)

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=y, text="words:N", opacity=shown())

    span = variable("x_low") * (variable("x_high") / variable("x_low")) ** STEP

    def along(one: DataConstrainedLaw) -> Any:
        return one.loss(size_left(compute, unique, span), span * unique, unique)

    losses = [along(chosen_law(name)) for name in PAIRS]
    lowest = np.minimum(np.minimum(losses[0], losses[1]), losses[2])
    highest = np.maximum(np.maximum(losses[0], losses[1]), losses[2])
    band = canvas.curve(80, {"epochs": span, "loss": lowest, "upto": highest})
    yours = canvas.curve(120, {"epochs": span, "loss": along(law)})
    endless = canvas.curve(80, {"epochs": span, "loss": law.base.loss(size_left(compute, unique, span), span * unique)})
    best = canvas.point({"epochs": "best_at", "loss": "best_here", "from": "from_epochs", "to": "to_epochs"})
    free = canvas.point({"epochs": "free_at", "loss": "free_here"}, where="free_at > x_low && free_at < x_high && free_at > 1")
    mine = canvas.point({"epochs": "epochs", "loss": "my_loss"})
    your_words = (
        "(width < 430 ? '' : 'you: ' + format(epochs, '.2~r') + ' ×, ') + (off_top ? 'off the top' : "
        "above_best < 0.00005 ? 'the best' : '+' + format(above_best, '.3~r'))"
    )
    return canvas.compose(
        band.mark_area(fill=color("law"), fillOpacity=0.2, clip=True).encode(
            x=x_with(epochs_axis), y=y, y2="upto:Q", opacity=shown()
        ),
        endless.mark_line(stroke=color("other"), strokeWidth=2, strokeDash=[8, 4], clip=True).encode(x=x, y=y, opacity=shown()),
        yours.mark_line(stroke=color("law"), strokeWidth=3, clip=True).encode(x=x, y=y, opacity=shown()),
        best.mark_rule(stroke=color("law"), strokeWidth=5, strokeOpacity=0.5, clip=True).encode(
            x=x, x2="to:Q", y=y, opacity=shown()
        ),
        best.transform_calculate(epochs="datum.from")
        .mark_rule(stroke=color("law"), strokeWidth=5, strokeOpacity=0.5, clip=True)
        .encode(x=x, x2="to:Q", y=y, opacity=shown()),
        best.mark_point(size=120, filled=True, opacity=1, color=color("law"), clip=True).encode(x=x, y=y, opacity=shown()),
        words(best, "(width < 430 ? '' : 'best: ') + format(best_at, '.2~r') + ' ×'", "law",
              dy=alt.ExprRef("width < 430 ? -14 : 16")),
        free.mark_point(size=90, filled=False, strokeWidth=2.5, opacity=1, color=color("other"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        words(free, "!apart ? '' : width < 430 ? 'new text' : 'text that is all new'", "other", dy=16),
        mine.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(x=x),
        mine.mark_point(size=140, filled=True, opacity=1, color=color("you"), clip=True).encode(
            x=x, y=y, opacity=shown(), shape=alt.value(alt.ExprRef("off_top ? 'triangle-up' : 'circle'"))
        ),
        mine.transform_calculate(words=your_words)
        .mark_text(
            fontSize=13, fontWeight=600, color=color("you"), baseline="top", clip=True,
            align=alt.ExprRef("epochs > sqrt(x_low * x_high) ? 'right' : 'left'"),
            dx=alt.ExprRef("epochs > sqrt(x_low * x_high) ? -7 : 7"),
        )
        .encode(x=x, y=alt.value(4), text="words:N", opacity=shown()),
        # Carries the second axis; draws nothing itself.
        best.mark_point(opacity=0).encode(x=x_with(sizes_axis)),
        x="independent",
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    case = facts.get("results/muennighoff-optimum/params")
    start = {"compute": START_COMPUTE, "unique": CASE["unique"], "constants": "published"}
    presets = [Preset("25 billion tokens", start, f"{case.location}, {case.source}: the budget of their optimum")]
    for model in ("chinchilla", "llama-3.1-405b"):
        params, tokens = (facts.get(f"models/{model}/{what}") for what in ("params", "tokens"))
        tenth = tokens.value / 10.0
        compute = FLOP_PER_PARAMETER_TOKEN * params.value * tokens.value
        note = f"{tokens.location}, {tokens.source}; never so: a tenth of its text, read ten times"
        presets.append(
            Preset(
                f"{facts.table('models')[model]['name']}, a tenth of its text",
                {"compute": compute, "unique": tenth, "epochs": 10.0, "constants": "published"},
                note,
            )
        )
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    names = ["laws/muennighoff-2023/" + symbol for symbol in ("lnE", "lnA", "lnB", "alpha", "beta")]
    names += ["results/muennighoff-repeated-tokens", "results/muennighoff-excess-params", "results/muennighoff-runs"]
    valley = ("tokens", "params", "objective", "low-tokens", "low-params", "low-objective")
    names += [f"results/muennighoff-valley/{name}" for name in valley]
    found = [facts.get(name) for name in names]
    return tuple(Source(f.label, f"{f.value:.8g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`data_constrained` shows, declared once."""
    return Declaration(
        name="data_constrained",
        title="How often may text be read?",
        question="The compute is there, the text is not. Read it again, or build a larger model, and when does neither help?",
        observe=(
            "Go from four epochs to the best: how little is gained? Then give the budget a hundred times the compute, and "
            "choose the other two pairs of constants. Where do they agree, and where does the law know nothing?"
        ),
        caption=(
            "One budget, one stock of text: to the right the text is read more often, and the model is smaller. The solid curve "
            "is the law of Muennighoff et al. (2023); the dashed one is what the same tokens would give if all were new, with a "
            "ring at its lowest point. The band spans three pairs of decay constants that fit the authors' 182 runs about "
            "equally well, and the thick bar the epochs that they call best: a spread of fits, not a confidence interval."
        ),
        alt=(
            "Loss against the number of epochs at a fixed budget: a flat-bottomed curve, with a band around it that opens "
            "towards many epochs; below it a dashed curve for text that is all new, which parts from it after a few epochs. "
            "Dots mark the best number of epochs and yours."
        ),
        alternative=(
            "With {compute:flop} FLOP and {unique:count} unique tokens the law ({constants}) reads them {best_epochs:times} with "
            "{best_N:count} parameters and reaches {best_loss:loss} nats per token; the three pairs of constants ask for "
            "{best_low:times} to {best_high:times}. Read {epochs:times}, the budget leaves {size:count} parameters and a loss of "
            "{loss:loss}, {above:loss} above the best; the tokens read are worth {worth:count} new ones, and one more epoch "
            "{next_epoch:percent} of as much new text. If there were text enough, {text_needed:count} tokens and {free_N:count} "
            "parameters would reach {free_loss:loss}. On this text nothing goes below {floor:loss}."
        ),
        python=(
            "from scaling_helpers.explorers.data_constrained import chosen_law\n"
            "from scaling_helpers.laws import extrapolating\n"
            "from scaling_helpers.optimum import best_epochs, loss_floor\n\n"
            "law, C, U, epochs = chosen_law({constants}), {compute}, {unique}, {epochs}\n"
            "best = best_epochs(law, C, U)   # how often to read U tokens\n"
            "with extrapolating():           # on purpose, beyond the runs of the paper\n"
            "    print(best, C / (6 * U * best), law.loss(C / (6 * U * best), best * U, U))\n"
            "    print(law.loss(C / (6 * U * epochs), epochs * U, U), loss_floor(law, U))"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "epochs",
            "best_epochs",
            "How often should this text be read? Set the epochs, or drag, then reveal.",
        ),
        drag={"control": "epochs", "axis": "x"},
    )
