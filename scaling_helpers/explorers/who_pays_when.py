"""Train a larger model once, or let a smaller one think longer at every query: who pays, and when?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..costs import device, training_cost, usd_per_million_tokens
from ..laws import FLOP_PER_PARAMETER_TOKEN
from ..palette import color
from ..trace import variables, when
from .controls import Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .which_scaling import START
from .widget import Explorer, widget_class

QUERIES = (1e6, 1e13)
#: The prices of the chart: DeepSeek-V3's chip, assumed rent and implied utilisation.
CHIP = device(START["chip"])
PRICES = {"utilisation": START["utilisation"], "usd_per_hour": START["price"]}

#: How long the small model thinks, and how much larger the other is: an example, not a measurement.
TRADE = {"think": 20.0, "larger": 4.0}

CONTROLS = (
    Log("model", "Size of the smaller model", "parameters", "count", 1e9, 1e12, value=START["model"], color=2, help="Active."),
    Log("tokens", "Its training", "tokens", "count", 1e11, 1e14, value=facts.get("deepseek_v3_cost/tokens").value, color=2),
    Log("think", "It thinks, tokens times", "", "times", 1.0, 1000.0, value=TRADE["think"],
        color=2, help="Against a plain answer."),
    Log("larger", "The larger model is larger by", "", "times", 1.5, 100.0, value=TRADE["larger"],
        color=1, help="And reads as much more."),
    Log("answer", "A plain answer", "tokens", "count", 10.0, 1e5, value=1000.0, color=3, help="Prompt and answer."),
    Log("serving", "A FLOP of serving costs", "", "times", 0.1, 100.0, value=1.0, color=3, help="Against one of training."),
    Log("queries", "Queries", "", "count", *QUERIES, value=1e9, color=3, help="In the models' life."),
)  # fmt: skip
_SMALL, _LARGE, _BOTH = "Small, and thinks", "Large, and answers", "Which is cheaper?"
READOUTS = (
    Readout("small_training", "training", "USD", "count", _SMALL, 2),
    Readout("small_million", "a million queries", "USD", "count", _SMALL, 2),
    Readout("small_bill", "bill", "USD", "count", _SMALL, 2),
    Readout("small_share", "of it for use", "", "percent", _SMALL, 2),
    Readout("large_training", "training", "USD", "count", _LARGE, 1),
    Readout("large_million", "a million queries", "USD", "count", _LARGE, 1),
    Readout("large_bill", "bill", "USD", "count", _LARGE, 1),
    Readout("large_share", "of it for use", "", "percent", _LARGE, 1),
    Readout("break_even", "equal bills at", "queries", "count", _BOTH, 3),
    Readout("bill_ratio", "thinking bill, against the other", "", "times", _BOTH, 3),
)


def who_pays_when(**values: Any) -> Explorer:
    """Fixed against recurring cost: traits ``model``, ``tokens``, ``think``, ``larger``, ``answer``, ``serving``, ``queries``.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> round(who_pays_when().readouts()["break_even"] / 1e9, 1)
    41.6
    """
    return widget_class(declaration())(**values)


def plain_query(model: Any, answer: Any, serving: Any) -> Any:
    """Dollars for one answer of ``answer`` tokens, prompt included, if a FLOP of serving costs ``serving`` of training."""
    return usd_per_million_tokens(model, CHIP, **PRICES) / 1e6 * answer * serving


def bill(training: Any, query: Any, queries: Any) -> Any:
    """What a model costs in all: its training once, and each query."""
    return training + query * queries


def formulas(model: Any, tokens: Any, think: Any, larger: Any, answer: Any, serving: Any, queries: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    small_training = training_cost(FLOP_PER_PARAMETER_TOKEN * model * tokens, CHIP, **PRICES).usd
    large_training = small_training * larger**2  # larger, and with as many tokens per parameter
    plain = plain_query(model, answer, serving)
    small_query, large_query = plain * think, plain * larger
    small, large = bill(small_training, small_query, queries), bill(large_training, large_query, queries)
    dearer_to_use = think > larger
    # Where thinking is not dearer to use it is never dearer at all, and the difference is no divisor.
    difference = np.where(dearer_to_use, small_query - large_query, plain)
    return {
        "small_training": small_training,
        "small_million": 1e6 * small_query,
        "small_bill": small,
        "small_share": small_query * queries / small,
        "large_training": large_training,
        "large_million": 1e6 * large_query,
        "large_bill": large,
        "large_share": large_query * queries / large,
        "break_even": when(dearer_to_use, (large_training - small_training) / difference),
        "bill_ratio": small / large,
    }


def chart() -> dict[str, Any]:
    """Both bills against the number of queries, and where they are equal."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    plain = plain_query(control["model"], control["answer"], control["serving"])
    small_query, large_query = plain * control["think"], plain * control["larger"]
    canvas.signals(
        {
            "y_floor": 0.4 * read["small_training"],
            "y_ceiling": 3.0 * np.maximum(
                np.maximum(bill(read["small_training"], small_query, QUERIES[1]), 30.0 * read["large_training"]),
                bill(read["large_training"], large_query, QUERIES[1]),
            ),
            "small_now": read["small_bill"],
            "large_now": read["large_bill"],
            "small_start": bill(read["small_training"], small_query, QUERIES[0]),
            "large_start": bill(read["large_training"], large_query, QUERIES[0]),
            "crosses": control["think"] > control["larger"],
        }
    )
    crosses = control["think"] > control["larger"]
    saved = np.where(crosses, small_query - large_query, 1.0)  # each query
    even_at = np.where(crosses, (read["large_training"] - read["small_training"]) / saved, QUERIES[0])
    canvas.signals({"even_queries": even_at, "even_bill": bill(read["large_training"], large_query, even_at)})
    dollars = "'$' + " + short("datum.value")
    x = alt.X(
        "queries:Q",
        scale=alt.Scale(type="log", domain=list(QUERIES), nice=False),
        axis=alt.Axis(
            values=[10.0**k for k in range(6, 14)], labelExpr=short("datum.value"), title="Queries answered", grid=False
        ),
    )
    y = alt.Y(
        "bill:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("y_floor"), alt.ExprRef("y_ceiling")], nice=False),
        axis=alt.Axis(values=[10.0**k for k in range(2, 22)], labelExpr=dollars, title="Bill, training and use (USD)"),
    )

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(fontSize=13, fontWeight=600, color=color(meaning), **style)
        return mark.encode(x=x, y=y, text="words:N")

    queries = QUERIES[0] * (QUERIES[1] / QUERIES[0]) ** STEP
    small = canvas.curve(80, {"queries": queries, "bill": bill(read["small_training"], small_query, queries)})
    large = canvas.curve(80, {"queries": queries, "bill": bill(read["large_training"], large_query, queries)})
    now = canvas.point({"queries": "queries", "bill": "small_now", "other": "large_now"})
    now_large = canvas.point({"queries": "queries", "bill": "large_now"})
    first, last = f"even_queries > {QUERIES[0]:g}", f"even_queries < {QUERIES[1]:g}"
    even = canvas.point({"queries": "even_queries", "bill": "even_bill"}, where=f"crosses && {first} && {last}")
    small_name = canvas.point({"queries": f"{QUERIES[0]:g}", "bill": "small_start"})
    large_name = canvas.point({"queries": f"{QUERIES[0]:g}", "bill": "large_start"})
    return canvas.compose(
        large.mark_line(stroke=color("law"), strokeWidth=3, clip=True).encode(x=x, y=y, opacity=shown()),
        small.mark_line(stroke=color("other"), strokeWidth=3, strokeDash=[8, 4], clip=True).encode(x=x, y=y, opacity=shown()),
        words(large_name, "'large, and answers'", "law", align="left", dx=5, dy=-12).encode(opacity=shown()),
        words(small_name, "'small, and thinks'", "other", align="left", dx=5, dy=14).encode(opacity=shown()),
        now.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(x=x),
        now_large.mark_point(size=120, filled=True, opacity=1, color=color("law"), clip=True).encode(x=x, y=y, opacity=shown()),
        now.mark_point(size=120, filled=True, opacity=1, color=color("other"), clip=True).encode(x=x, y=y, opacity=shown()),
        even.mark_point(size=120, shape="diamond", filled=True, opacity=1, color=color("you"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        words(even, "width < 430 ? '' : 'equal at ' + " + short("even_queries"), "you", dy=-14, clip=True,
              align=alt.ExprRef("even_queries > 1e10 ? 'right' : 'left'"), dx=alt.ExprRef("even_queries > 1e10 ? -8 : 8"))
        .encode(opacity=shown()),
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    """Real models at their active size and tokens, and one measured rate of exchange."""
    presets = []
    for name, paths in {
        "DeepSeek-V3": ("deepseek_v3_cost/active-params", "deepseek_v3_cost/tokens"),
        "Llama 3.1 405B": ("models/llama-3.1-405b/params", "models/llama-3.1-405b/tokens"),
        "Llama 3 8B": ("models/llama-3-8b/params", "models/llama-3-8b/tokens"),
    }.items():
        size, tokens = (facts.get(path) for path in paths)
        note = f"{size.location}, {size.source}" + (f"; {size.note}" if size.note else "")
        presets.append(Preset(name, {"model": size.value, "tokens": tokens.value, **TRADE}, note))
    # Ten times the training is sqrt(10) times the size here, and a plain answer of the larger model costs that much more.
    slope = facts.get("inference_trade/jones-2021/slope")
    larger = float(np.sqrt(10.0))
    note = f"{slope.location}, {slope.source}: {slope.note}"
    exchange = {"larger": larger, "think": larger * 10.0 ** -slope.value}
    presets.append(Preset("Exchange rate of Hex", {**presets[0].values, **exchange}, note))
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    ours = [f"deepseek_v3_cost/{name}" for name in ("active-params", "tokens", "hours/pre-training", "rent")]
    found = [facts.get(name) for name in (*ours, "inference_trade/jones-2021/slope")]
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`who_pays_when` shows, declared once."""
    return Declaration(
        name="who_pays_when",
        title="Who pays, and when?",
        question="Train a larger model once, or let a smaller one think each time: after how many queries are the bills equal?",
        observe=(
            "Make the smaller model ten times smaller: both bills fall. What happens to the break-even, and why? Then let it "
            "think less, until the two lines stop crossing. Which plan is cheaper then, and why at every volume?"
        ),
        caption=(
            "Two bills, supposing that both ways give equally good answers. On the left training rules, and the lines are "
            "flat. On the right use rules, and they rise in step. They cross where the dearer queries have eaten up the "
            "cheaper training."
        ),
        alt=(
            "Two bills in dollars against the number of queries, both logarithmic. The large model's line starts high and "
            "flat; the small, thinking model's starts lower, turns upward sooner and ends above it. A diamond marks where "
            "they cross, a vertical line the number of queries chosen."
        ),
        alternative=(
            "A model of {model:count} active parameters trained on {tokens:count} tokens costs {small_training:count} USD to "
            "train and, thinking {think:times} as long as a plain answer of {answer:count} tokens, {small_million:count} USD for "
            "a million queries. One {larger:times} as large, with as many tokens per parameter, costs {large_training:count} "
            "USD to train and {large_million:count} USD for a million plain answers. After {queries:count} queries the bills are "
            "{small_bill:count} and {large_bill:count} USD, of which use makes up {small_share:percent} and "
            "{large_share:percent}.[[break_even| They are equal at {break_even:count} queries.]][[!break_even| They are never "
            "equal: thinking costs no more each time, so that it is the cheaper plan at any volume.]]"
        ),
        python=(
            "from scaling_helpers.explorers.who_pays_when import formulas\n\n"
            "read = formulas({model}, {tokens}, {think}, {larger}, {answer}, {serving}, {queries})\n"
            "print(*[value for value in read.values() if value is not None])  # USD, shares, queries"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "queries",
            "break_even",
            "After how many queries has the larger model's training paid for itself? Set the number, then reveal.",
        ),
        drag={"control": "queries", "axis": "x"},
    )
