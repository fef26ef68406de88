"""A small model that has read too much costs more to train. When has its cheaper use paid for that?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import FLOP_PER_PARAMETER_TOKEN, LAWS
from ..optimum import INFERENCE_FLOP, break_even, suited_volume
from ..palette import color
from ..trace import variables, when
from .controls import Choice, Log
from .declaration import Declaration, Guess, Preset, Readout
from .isoflop import chosen_law, law_sources
from .widget import Explorer, widget_class

VOLUMES = (1e9, 1e17)

CONTROLS = (
    Log("model", "Your model's size N", "parameters", "count", 1e8, 1e13, value=8e9, color=3, help="How large the model is."),
    Log("ratio", "Its reading D/N", "tokens per parameter", "ratio", 1.0, 1e4, value=1875.0, color=3, help="For its size."),
    Log("volume", "Tokens of use V", "tokens", "count", *VOLUMES, value=1e12, color=3, help="Read and written in its life."),
    Choice(
        "law",
        "Law",
        {name: law.origin.title for name, law in LAWS.items() if law.origin},
        "besiroglu-2024",
        color=1,
        help="Whose fit of L = E + A/N^α + B/D^β.",
    ),
)
_YOURS, _PLAIN, _BILL = "Your model", "Cheapest training to the same loss", "Training and use together"
READOUTS = (
    Readout("model_D", "data", "tokens", "count", _YOURS, 3),
    Readout("model_loss", "loss", "nats per token", "loss", _YOURS, 3),
    Readout("training", "training", "FLOP", "flop", _YOURS, 3),
    Readout("plain_N", "size", "parameters", "count", _PLAIN, 1),
    Readout("plain_D", "data", "tokens", "count", _PLAIN, 1),
    Readout("plain_training", "training", "FLOP", "flop", _PLAIN, 1),
    Readout("training_ratio", "your training, against it", "", "times", _BILL, 3),
    Readout("use_ratio", "your cost of a token of use, against it", "", "times", _BILL, 3),
    Readout("total", "your bill", "FLOP", "flop", _BILL, 3),
    Readout("total_ratio", "your bill, against its bill", "", "times", _BILL, 3),
    Readout("break_even", "paid back after", "tokens of use", "count", _BILL, 3),
    Readout("suited", "the cheapest of this loss at", "tokens of use", "count", _BILL, 3),
)


def overtraining(**values: Any) -> Explorer:
    """Over-training: traits ``model`` (parameters), ``ratio`` (tokens per parameter), ``volume`` (tokens of use), ``law``.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(overtraining().readouts(model=8e9, ratio=1875)["training_ratio"], 1)
    5.5
    """
    return widget_class(declaration())(**values)


def formulas(model: Any, ratio: Any, volume: Any, law: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    published = chosen_law(law)
    tokens = ratio * model
    loss = published.loss(model, tokens)
    training = FLOP_PER_PARAMETER_TOKEN * model * tokens
    enough = published.compute_for_loss(loss)
    plain = published.optimal(enough)
    total = training + INFERENCE_FLOP * model * volume
    smaller = model < plain.N
    return {
        "model_D": tokens,
        "model_loss": loss,
        "training": training,
        "plain_N": plain.N,
        "plain_D": plain.D,
        "plain_training": enough,
        "training_ratio": training / enough,
        "use_ratio": model / plain.N,
        "total": total,
        "total_ratio": total / (enough + INFERENCE_FLOP * plain.N * volume),
        "break_even": when(smaller, break_even(published, model, tokens)),
        "suited": when(smaller, suited_volume(published, model, tokens)),
    }


def cheapest(law: Any, loss: Any, excess: Any) -> tuple[Any, Any, Any]:
    """Volume, size and tokens of the model that is cheapest at that volume, all of one ``loss``.

    Parametrised by ``excess`` = s/d - 1 (see :func:`scaling_helpers.optimum.suited_volume`), which is nought for the
    compute-optimal model and grows with the volume; then everything has a closed form.
    """
    odds = (1.0 + excess) * law.beta / law.alpha  # size shortfall over data shortfall
    reducible = loss - law.E
    N = (law.A * (1.0 + odds) / (odds * reducible)) ** (1.0 / law.alpha)
    D = (law.B * (1.0 + odds) / reducible) ** (1.0 / law.beta)
    return FLOP_PER_PARAMETER_TOKEN / INFERENCE_FLOP * D * excess, N, D


def chart() -> dict[str, Any]:
    """The bill of your model and of the cheapest model at each volume, both over the bill of the compute-optimal one."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    law = chosen_law(control["law"])
    plain_N, plain_training = read["plain_N"], read["plain_training"]

    def bill(N: Any, D: Any, volume: Any) -> Any:
        own = FLOP_PER_PARAMETER_TOKEN * N * D + INFERENCE_FLOP * N * volume
        return own / (plain_training + INFERENCE_FLOP * plain_N * volume)

    # However much it is used, no model of this loss is smaller than the one that endless text would allow.
    a = law.beta / (law.alpha + law.beta)
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    named_volume, named_N, named_D = cheapest(law, read["model_loss"], 3.0)
    canvas.signals(
        {
            "y_floor": 0.7 * a ** (1.0 / law.alpha),
            "y_ceiling": 1.5 * np.maximum(1.5, np.maximum(read["training_ratio"], read["use_ratio"])),
            "now_bill": read["total_ratio"],
            "start_bill": bill(control["model"], read["model_D"], VOLUMES[0]),
            "pays": control["model"] < plain_N,
            "even_volume": break_even(law, control["model"], read["model_D"]),
            "suited_now": suited_volume(law, control["model"], read["model_D"]),
            "suited_bill": bill(control["model"], read["model_D"], suited_volume(law, control["model"], read["model_D"])),
            "named_volume": named_volume,
            "named_bill": bill(named_N, named_D, named_volume),
            "plain_size": plain_N,
        }
    )
    x = alt.X(
        "volume:Q",
        scale=alt.Scale(type="log", domain=list(VOLUMES), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(9, 18)], labelExpr=short("datum.value"), title="Tokens of use V, read and written",
            grid=False,
        ),
    )  # fmt: skip
    y = alt.Y(
        "bill:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("y_floor"), alt.ExprRef("y_ceiling")], nice=False),
        axis=alt.Axis(
            values=[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
            labelExpr="format(datum.value, '~g') + '×'",
            title="Bill, training and use, as a multiple",
        ),
    )

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(fontSize=13, fontWeight=600, color=color(meaning), **style)
        return mark.encode(x=x, y=y, text="words:N")

    volume = VOLUMES[0] * (VOLUMES[1] / VOLUMES[0]) ** STEP
    yours = canvas.curve(120, {"volume": volume, "bill": bill(control["model"], read["model_D"], volume)})
    along, best_N, best_D = cheapest(law, read["model_loss"], np.exp(32.0 * STEP - 16.0))
    frontier = canvas.curve(120, {"volume": along, "bill": bill(best_N, best_D, along)})
    now = canvas.point({"volume": "volume", "bill": "now_bill"})
    even = canvas.point({"volume": "even_volume", "bill": "1"}, where=f"pays && even_volume >= {VOLUMES[0]:g}")
    suited = canvas.point({"volume": "suited_now", "bill": "suited_bill"}, where=f"pays && suited_now >= {VOLUMES[0]:g}")
    frontier_name = canvas.point(
        {"volume": "named_volume", "bill": "named_bill"}, where=f"named_volume > 2e12 && named_volume < {VOLUMES[1] / 30:g}"
    )
    start = canvas.point({"volume": f"{VOLUMES[0]:g}", "bill": "start_bill"})
    origin = canvas.point({"volume": f"{VOLUMES[0]:g}", "bill": "1"})
    return canvas.compose(
        origin.mark_rule(stroke=color("law"), strokeWidth=3).encode(y=y),
        words(origin, f"'compute-optimal, ' + {short('plain_size')} + ' = 1×'", "law", align="left", dx=4, dy=13),
        frontier.mark_line(stroke=color("other"), strokeWidth=2.2, strokeDash=[8, 4], clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        words(
            frontier_name, "width < 430 ? 'cheapest' : 'cheapest model for each volume'", "other",
            align="right", dx=-10, dy=14, clip=True,
        ).encode(opacity=shown()),
        yours.mark_line(stroke=color("you"), strokeWidth=3, clip=True).encode(x=x, y=y, opacity=shown()),
        words(start, f"'your model, ' + {short('model')}", "you", align="left", dx=4, dy=-10).encode(opacity=shown()),
        now.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(x=x),
        now.mark_point(size=130, filled=True, color=color("you"), clip=True).encode(x=x, y=y, opacity=shown()),
        even.mark_point(size=110, shape="diamond", filled=True, color=color("law"), clip=True).encode(x=x, y=y, opacity=shown()),
        words(even, f"'paid back at ' + {short('even_volume')}", "law", dy=-12, clip=True,
              align=alt.ExprRef("width < 430 && even_volume > 1e12 ? 'right' : 'left'"),
              dx=alt.ExprRef("width < 430 && even_volume > 1e12 ? 4 : 9"))
        .encode(opacity=shown()),
        suited.mark_point(size=80, strokeWidth=2.5, filled=False, color=color("other"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    """Real models at their real size and tokens per parameter."""
    presets = []
    for name in ("llama-3-8b", "llama-3-70b", "llama-3.1-405b", "llama-2-7b", "chinchilla", "gpt-3"):
        params, tokens = facts.get(f"models/{name}/params"), facts.get(f"models/{name}/tokens")
        note = f"{params.location}, {params.source}" + (f"; {params.note}" if params.note else "")
        values = {"model": params.value, "ratio": tokens.value / params.value}
        presets.append(Preset(facts.table("models")[name]["name"], values, note))
    return tuple(presets)


@cache
def declaration() -> Declaration:
    """What :func:`overtraining` shows, declared once."""
    return Declaration(
        name="overtraining",
        title="When does over-training pay?",
        question="A small model that reads far too much costs more to train and less to use. When has it paid for itself?",
        observe=(
            "Take Llama 3 8B and let it read less and less for its size. Does it pay back sooner or later? Then "
            "take GPT-3: why is there no answer?"
        ),
        caption=(
            "Bills for one loss, as multiples of the bill of the model that is cheapest to train. The solid curve is "
            "your model's: too high while training rules, low once use does. The dashed curve is the cheapest model for "
            "each volume of use; yours is that model where the two touch."
        ),
        alt=(
            "The bill for training and use against the tokens of use, both logarithmic, as a multiple of the "
            "compute-optimal model's bill. Your model's curve starts above one, falls through one at the break-even and "
            "levels off below it; a dashed curve below marks the cheapest model for each volume and touches yours once."
        ),
        alternative=(
            "A model of {model:count} parameters that reads {ratio:ratio} tokens for each reaches {model_loss:loss} nats "
            "per token under the law of {law}, with {training:flop} FLOP. The cheapest training to that loss takes "
            "{plain_N:count} parameters and {plain_training:flop} FLOP: your training costs {training_ratio:times} as much, "
            "and each token of use {use_ratio:times}. At {volume:count} tokens of use your bill is {total_ratio:times} the "
            "other.[[break_even| The extra training is paid back after {break_even:count} tokens; at {suited:count} "
            "no other model of this loss has a smaller bill.]][[!break_even| It is at least as large as the cheapest model of "
            "this loss, so that its use is no cheaper either: it never pays back.]]"
        ),
        python=(
            "from scaling_helpers.laws import LAWS\n"
            "from scaling_helpers.optimum import break_even, suited_volume\n\n"
            "law, N, V = LAWS[{law}], {model}, {volume}  # N in parameters, V in tokens of use\n"
            "D = {ratio} * N                             # training tokens\n"
            "loss = law.loss(N, D)                       # nats per token\n"
            "plain = law.optimal(law.compute_for_loss(loss))\n"
            "bill = 6 * N * D + 2 * N * V                # FLOP\n"
            "print(loss, plain.N, plain.compute, bill, bill / (plain.compute + 2 * plain.N * V))\n"
            "if N < plain.N:\n"
            "    print(break_even(law, N, D), suited_volume(law, N, D))"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=law_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "volume",
            "break_even",
            "After how many tokens of use has the longer training paid for itself? Set the volume, then reveal.",
        ),
        drag={"control": "volume", "axis": "x"},
    )
