"""Two ways to one quality: a large model asked once, or a small one asked several times. Which bill is smaller?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..costs import Device, device, rent, training_cost, usd_per_million_tokens
from ..inference import ExponentiatedPower, matched_tokens, published_fits, query_flop, search_compute_for
from ..laws import FLOP_PER_PARAMETER_TOKEN
from ..palette import color
from ..trace import Expr, choose, variables, when
from .controls import Choice, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .who_pays_when import PRICES, bill
from .widget import Explorer, widget_class

QUERIES = (1e6, 1e13)
TASKS: Mapping[str, str] = {"math": "MATH", "codecontests": "CodeContests"}
SMALL, LARGE = "llama-3-8b", "llama-3-70b"
#: The chip of the bill, at the utilisation of :mod:`.who_pays_when`; its rents span a factor of six.
CHIP: Device = device("h100")


def _model(name: str, what: str) -> float:
    return facts.get(f"models/{name}/{what}").value


_EQUAL, _SMALL, _LARGE, _BOTH = "Samples for equal quality", "Small, k samples", "Large, one sample", "Which is cheaper?"
READOUTS = (
    Readout("needed", "8B needs, to find what 70B solves at once", "samples", "count", _EQUAL, 2),
    Readout("needed_low", "with the errors of both fits, from", "samples", "count", _EQUAL, 2),
    Readout("needed_high", "to", "samples", "count", _EQUAL, 2),
    Readout("hex_samples", "at the exchange rate of Hex", "samples", "count", _EQUAL),
    Readout("small_query", "a million queries", "USD", "count", _SMALL, 2),
    Readout("small_bill", "bill", "USD", "count", _SMALL, 2),
    Readout("small_low", "bill at the lowest rent", "USD", "count", _SMALL, 2),
    Readout("small_high", "at the highest", "USD", "count", _SMALL, 2),
    Readout("large_query", "a million queries", "USD", "count", _LARGE, 1),
    Readout("large_bill", "bill", "USD", "count", _LARGE, 1),
    Readout("train_ratio", "training, large over small", "", "times", _BOTH, 3),
    Readout("query_ratio", "a query, small over large", "", "times", _BOTH, 3),
    Readout("break_even", "equal bills at", "queries", "count", _BOTH, 3),
    Readout("affordable", "samples for equal bills at these queries", "samples", "count", _BOTH, 3),
    Readout("token_ratio", "tokens of use over tokens of training", "", "times", _BOTH, 3),
    Readout("bill_ratio", "small bill over large", "", "times", _BOTH, 3),
)


def train_or_think(**values: Any) -> Explorer:
    """Train or think: traits ``task`` (whose published coverage), ``samples`` (k of the small model), ``small`` and ``large``
    (parameters), ``tokens`` (of training, for both), ``answer`` (tokens of one sample) and ``queries``.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> [round(train_or_think().readouts(task=task)["needed"], 1) for task in ("math", "codecontests")]
    [3.8, 50.6]
    """
    return widget_class(declaration())(**values)


def published(task: Any, model: str) -> ExponentiatedPower:
    """The published coverage of a Llama 3 model on the task, or one whose constants are looked up."""
    known = {name: published_fits()[f"{model}-instruct/{name}"] for name in TASKS}
    if not isinstance(task, Expr):
        return known[task]
    return ExponentiatedPower(*(choose(task, {name: getattr(fit, s) for name, fit in known.items()}) for s in ("a", "b")))


def fit_error(task: Any) -> Any:
    """The mean absolute errors of the two published fits, added up."""
    errors = {
        name: sum(facts.get(f"monkeys_fits/{model}-instruct/{name}/mean_abs_error").value for model in (SMALL, LARGE))
        for name in TASKS
    }
    return choose(task, errors)


def query_usd(size: Any, answer: Any, samples: Any, usd_per_hour: Any) -> Any:
    """Dollars for one query of ``samples`` answers of ``answer`` tokens."""
    million = usd_per_million_tokens(size, CHIP, utilisation=PRICES["utilisation"], usd_per_hour=usd_per_hour)
    return million / 1e6 * answer * samples


def training_usd(size: Any, tokens: Any, usd_per_hour: Any) -> Any:
    """Dollars for training ``size`` parameters on ``tokens``."""
    flop = FLOP_PER_PARAMETER_TOKEN * size * tokens
    return training_cost(flop, CHIP, utilisation=PRICES["utilisation"], usd_per_hour=usd_per_hour).usd


def hour_range() -> tuple[float, float]:
    """The lowest and the highest quoted rent of the chip, as factors on the middle one."""
    hour = rent("h100")
    return (hour.low or hour.value) / hour.value, (hour.high or hour.value) / hour.value


def formulas(task: Any, samples: Any, small: Any, large: Any, tokens: Any, answer: Any, queries: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    one, other = published(task, SMALL), published(task, LARGE)
    at_once, error = other.coverage(1.0), fit_error(task)
    hour = rent("h100")
    small_query, large_query = query_usd(small, answer, samples, hour.value), query_usd(large, answer, 1.0, hour.value)
    small_training, large_training = training_usd(small, tokens, hour.value), training_usd(large, tokens, hour.value)
    small_bill, large_bill = bill(small_training, small_query, queries), bill(large_training, large_query, queries)
    dearer = query_flop(small, answer, samples) > query_flop(large, answer)
    crosses = dearer & (large > small)
    extra = np.where(crosses, small_query - large_query, large_query)
    size_ratio = large / small
    use = queries * answer / tokens
    low, high = hour_range()
    return {
        "needed": one.samples_for(at_once),
        "needed_low": np.maximum(one.samples_for(at_once - error), 1.0),
        "needed_high": one.samples_for(at_once + error),
        # Hex trades training compute for compute of a query, and a sample of the small model costs less.
        "hex_samples": when(large > small, search_compute_for(np.maximum(size_ratio, 1.0)) * size_ratio),
        "small_query": 1e6 * small_query,
        "small_bill": small_bill,
        "small_low": small_bill * (low),
        "small_high": small_bill * (high),
        "large_query": 1e6 * large_query,
        "large_bill": large_bill,
        "train_ratio": size_ratio,
        "query_ratio": small_query / large_query,
        "break_even": when(crosses, np.maximum(large_training - small_training, 0.0) / extra),
        "affordable": when(large > small, matched_tokens(np.maximum(size_ratio, 1.0), use)),
        "token_ratio": use,
        "bill_ratio": small_bill / large_bill,
    }


def needed(task: str) -> float:
    """Samples at which the fits give the 8B model what they give 70B at once, as a reader would set them."""
    return float(f"{published(task, SMALL).samples_for(published(task, LARGE).coverage(1.0)):.3g}")


def controls() -> tuple[Any, ...]:
    """The controls; they start at the two Llama 3 models and the task on which the small one has to work."""
    return (
        Choice("task", "Equal quality on", TASKS, "codecontests",
               color=2, help="Coverage of Llama 3 8B and 70B: a perfect picker."),
        Log("samples", "Samples of the small one", "", "count", 1.0, 1e4, value=needed("codecontests"), color=2,
            help="k answers, of which one is picked."),
        Log("small", "Small model", "parameters", "count", 1e8, 1e12, value=_model(SMALL, "params"), color=2),
        Log("large", "Large model", "parameters", "count", 1e9, 1e13, value=_model(LARGE, "params"), color=1),
        Log("tokens", "Training, both", "tokens", "count", 1e11, 1e14, value=_model(SMALL, "tokens"), color=3),
        Log("answer", "One sample", "tokens", "count", 10.0, 1e5, value=1000.0, color=3, help="Prompt and answer."),
        Log("queries", "Queries", "", "count", *QUERIES, value=1e9, color=3, help="In the models' life."),
    )  # fmt: skip


def chart() -> dict[str, Any]:
    """Training against compute of a query: equal quality and equal bill; beside it both bills as the queries grow."""
    import altair as alt

    from .charts import STEP, Canvas, panel, short, shown, ten_to

    made = controls()
    control = variables(c.name for c in made)
    small, large, tokens, answer = (control[name] for name in ("small", "large", "tokens", "answer"))
    samples, queries = control["samples"], control["queries"]
    read = formulas(**control)
    canvas = Canvas({c.name: c.value for c in made})
    trained = FLOP_PER_PARAMETER_TOKEN * tokens
    one = query_flop(small, answer)
    hour = rent("h100").value
    low, high = hour_range()
    fixed = [training_usd(size, tokens, hour) for size in (small, large)]
    each = [query_usd(small, answer, samples, hour), query_usd(large, answer, 1.0, hour)]
    canvas.signals(
        {
            "small_C": trained * small,
            "large_C": trained * large,
            "one_c": one,
            "small_c": one * samples,
            "large_c": query_flop(large, answer),
            "need_low": one * read["needed_low"],
            "need_c": one * read["needed"],
            "need_high": one * read["needed_high"],
            "small_fixed": fixed[0],
            "large_fixed": fixed[1],
            "small_each": each[0],
            "large_each": each[1],
        }
    )
    s = variables(
        ["small_C", "large_C", "one_c", "small_c", "large_c", "need_low", "need_high", "small_fixed", "large_fixed", "small_each",
         "large_each"]
    )  # fmt: skip
    at_hex = s["large_c"] * search_compute_for(np.maximum(s["large_C"] / s["small_C"], 1.0))
    canvas.signals(
        {
            "x_low": np.minimum(s["small_C"], s["large_C"]) / 5.0,
            "x_high": np.maximum(s["small_C"], s["large_C"]) * 5.0,
            "y_low": np.minimum(np.minimum(s["small_c"], s["large_c"]), s["need_low"]) / 5.0,
            "y_high": np.maximum(np.maximum(np.maximum(s["small_c"], s["large_c"]), s["need_high"]), at_hex) * 5.0,
            "usd_low": 0.5 * low * np.minimum(bill(s["small_fixed"], s["small_each"], QUERIES[0]),
                                              bill(s["large_fixed"], s["large_each"], QUERIES[0])),
            "usd_high": 4.0 * high * np.maximum(bill(s["small_fixed"], s["small_each"], QUERIES[1]),
                                                bill(s["large_fixed"], s["large_each"], QUERIES[1])),
            "even_bill": bill(s["large_fixed"], s["large_each"], np.where(
                s["small_each"] > s["large_each"],
                np.maximum(s["large_fixed"] - s["small_fixed"], 0.0)
                / np.where(s["small_each"] > s["large_each"], s["small_each"] - s["large_each"], 1.0),
                1.0,
            )),
        }
    )  # fmt: skip
    left_x, left_y, left_below, left_beside = panel(second=False)
    right_x, right_y, right_below, right_beside = panel(second=True)
    powers = [10.0**k for k in range(10, 36)]
    x = alt.X(
        "C:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("x_low"), alt.ExprRef("x_high")], nice=False, range=left_x),
        axis=alt.Axis(values=powers, labelExpr=ten_to("datum.value"), title="Training (FLOP)", grid=False, **left_below),
    )
    y = alt.Y(
        "c:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("y_low"), alt.ExprRef("y_high")], nice=False, range=left_y),
        axis=alt.Axis(
            values=powers,
            labelExpr=ten_to("datum.value"),
            title="A query (FLOP)",
            labelOverlap="parity",
            grid=False,
            **left_beside,
        ),
    )
    volume = alt.X(
        "queries:Q",
        scale=alt.Scale(type="log", domain=list(QUERIES), nice=False, range=right_x),
        axis=alt.Axis(values=[1e6, 1e8, 1e10, 1e12], labelExpr=short("datum.value"), title="Queries answered", grid=False,
                      orient="bottom", **right_below),
    )  # fmt: skip
    usd = alt.Y(
        "usd:Q",
        scale=alt.Scale(type="log", domain=[alt.ExprRef("usd_low"), alt.ExprRef("usd_high")], nice=False, range=right_y),
        axis=alt.Axis(values=[10.0**k for k in range(0, 24, 2)], labelExpr="'$' + " + short("datum.value"), title=None,
                      grid=False, orient="left", labelOverlap="parity", **right_beside),
    )  # fmt: skip
    bold = {"fontSize": 13, "fontWeight": 600}
    inside = "datum.c >= y_low && datum.c <= y_high"
    ends = variables(["x_low", "x_high"])
    span = ends["x_low"] * (ends["x_high"] / ends["x_low"]) ** STEP
    hex_line = canvas.curve(40, {"C": span, "c": s["large_c"] * (s["large_C"] / span) ** -_slope()}).transform_filter(inside)
    # What is left of the large model's bill for queries, once another training is paid.
    spare = s["large_C"] + queries * s["large_c"] - span
    equal_bill = canvas.curve(160, {"C": span, "c": np.maximum(spare, 1.0) / queries}).transform_filter(inside)
    large_dot = canvas.point({"C": "large_C", "c": "large_c"})
    small_dot = canvas.point({"C": "small_C", "c": "small_c"})
    hex_name = canvas.point(
        {"C": "large_C * 2", "c": str(canvas.expression(s["large_c"] * 2.0 ** _slope()))}, where="x_high < 1e4 * x_low"
    )
    bill_name = canvas.point({"C": "x_low", "c": "(large_C + queries * large_c - x_low) / queries"}).transform_filter(inside)
    measured = canvas.point({"C": "small_C", "c": "need_low", "to": "need_high"})
    measured_dot = canvas.point({"C": "small_C", "c": "need_c"})
    volumes = QUERIES[0] * (QUERIES[1] / QUERIES[0]) ** STEP
    small_line = bill(s["small_fixed"], s["small_each"], volumes)
    large_line = bill(s["large_fixed"], s["large_each"], volumes)

    def band(usd_line: Any, meaning: str) -> alt.Chart:
        drawn = canvas.curve(40, {"queries": volumes, "usd": low * usd_line, "to": high * usd_line})
        return drawn.mark_area(clip=True, fill=color(meaning)).encode(x=volume, y=usd, y2="to:Q", opacity=shown(0.12))

    def money(usd_line: Any, meaning: str, **style: Any) -> alt.Chart:
        drawn = canvas.curve(60, {"queries": volumes, "usd": usd_line})
        return drawn.mark_line(clip=True, stroke=color(meaning), strokeWidth=3, **style).encode(x=volume, y=usd, opacity=shown())

    even = canvas.point(
        {"queries": "readout_break_even", "usd": "even_bill"},
        where=f"readout_break_even !== null && readout_break_even >= {QUERIES[0]:g} && readout_break_even <= {QUERIES[1]:g}",
    )
    now = canvas.point({"queries": "queries", "usd": "readout_small_bill"})
    now_large = canvas.point({"queries": "queries", "usd": "readout_large_bill"})
    trade = alt.layer(
        hex_line.mark_line(clip=True, stroke=color("muted"), strokeWidth=1.6, strokeDash=[2, 3]).encode(
            x=x, y=y, opacity=shown()
        ),
        equal_bill.mark_line(clip=True, stroke=color("you"), strokeWidth=2.2, strokeDash=[8, 4]).encode(
            x=x, y=y, opacity=shown()
        ),
        hex_name.transform_calculate(words="width < 430 ? 'Hex' : 'as in Hex'")
        .mark_text(color=color("muted"), align="left", dx=7, dy=-4, fontSize=12)
        .encode(x=x, y=y, text="words:N", opacity=shown()),
        bill_name.mark_text(text="equal bills", color=color("you"), align="left", dx=4, dy=-9, **bold).encode(
            x=x, y=y, opacity=shown()
        ),
        measured.mark_rule(stroke=color("other"), strokeWidth=5).encode(x=x, y=y, y2="to:Q", opacity=shown(0.5)),
        measured_dot.mark_point(shape="square", size=50, filled=True, color=color("other")).encode(x=x, y=y, opacity=shown()),
        large_dot.mark_point(size=130, filled=True, opacity=1, color=color("law")).encode(x=x, y=y),
        large_dot.mark_text(text="large", color=color("law"), align="left", dx=10, dy=-7, **bold).encode(x=x, y=y),
        small_dot.mark_point(size=130, filled=True, opacity=1, color=color("other")).encode(x=x, y=y),
        small_dot.transform_calculate(words="'small × ' + format(samples, '.3~r')")
        .mark_text(color=color("other"), align=alt.ExprRef("small < large ? 'left' : 'right'"),
                   dx=alt.ExprRef("small < large ? 10 : -10"), **bold)
        .encode(x=x, y=y, text="words:N"),
    )  # fmt: skip
    bills = alt.layer(
        band(large_line, "law"),
        band(small_line, "other"),
        money(large_line, "law"),
        money(small_line, "other", strokeDash=[8, 4]),
        now_large.mark_point(size=110, filled=True, opacity=1, color=color("law")).encode(x=volume, y=usd, opacity=shown()),
        now.mark_point(size=110, filled=True, opacity=1, color=color("other")).encode(x=volume, y=usd, opacity=shown()),
        even.mark_point(shape="diamond", size=120, filled=True, opacity=1, color=color("you")).encode(
            x=volume, y=usd, opacity=shown()
        ),
        even.transform_calculate(words="'equal at ' + " + short("readout_break_even"))
        .mark_text(
            color=color("you"), dy=alt.ExprRef("readout_break_even > 3e9 ? -14 : 16"),
            align=alt.ExprRef("readout_break_even > 3e9 ? 'right' : 'left'"),
            dx=alt.ExprRef("readout_break_even > 3e9 ? -6 : 6"), **bold,
        )
        .encode(x=volume, y=usd, text="words:N", opacity=shown()),
    )  # fmt: skip
    return canvas.compose(trade, bills, panels=True)


def _slope() -> float:
    return facts.get("inference_trade/jones-2021/slope").value


def _presets() -> tuple[Preset, ...]:
    """Both tasks at the samples that the published curves ask for, and the three volumes of Snell et al."""
    sizes = {"small": _model(SMALL, "params"), "large": _model(LARGE, "params"), "tokens": _model(SMALL, "tokens")}
    presets = []
    for task, label in TASKS.items():
        note = "Llama 3 8B and 70B; samples at which the fits of Brown et al. 2024, Fig 5, give the 8B model the 70B's pass@1"
        presets.append(Preset(f"Llama 3, {label}", {"task": task, "samples": needed(task), **sizes}, note))
    ratio = facts.get("inference_trade/snell-2024/model-ratio").value
    for level, label in (("low", "Snell, little use"), ("high", "Snell, much use")):
        use = facts.get(f"inference_trade/snell-2024/token-ratio-{level}")
        queries = use.value * sizes["tokens"] / 1000.0
        state = {**sizes, "large": ratio * sizes["small"], "answer": 1000.0, "queries": queries}
        state["samples"] = float(f"{matched_tokens(ratio, use.value):.3g}")
        note = (
            f"{use.location}, {use.source}: tokens of use over tokens of training {use.value:g}, a model {ratio:g} times larger"
        )
        presets.append(Preset(label, state, f"{note}; samples for equal bills; quality not compared here"))
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    paths = [f"monkeys_fits/{model}-instruct/{task}/{s}" for task in TASKS for model in (SMALL, LARGE) for s in ("a", "b")]
    paths += ["inference_trade/jones-2021/slope", "inference_trade/snell-2024/model-ratio"]
    paths += [f"inference_trade/snell-2024/token-ratio-{level}" for level in ("low", "high")]
    paths += [f"models/{model}/{what}" for model in (SMALL, LARGE) for what in ("params", "tokens")]
    found = [facts.get(path) for path in [*paths, "gpu_prices/rental/h100"]]
    return tuple(
        Source(
            f.label, f"{f.value:g}" + (f" ({f.low:g} to {f.high:g})" if f.low else ""), f"{f.location}; {f.source}", f.confidence
        )
        for f in found
    )


@cache
def declaration() -> Declaration:
    """What :func:`train_or_think` shows, declared once."""
    return Declaration(
        name="train_or_think",
        title="Train or think?",
        question="A large model asked once, or a small one asked several times: which way to the same quality is cheaper?",
        observe=(
            "Change the task to MATH and give the small model the samples that it needs there. Why is there no break-even any "
            "more? Go back, and find the number of queries up to which the small model is cheaper on CodeContests."
        ),
        caption=(
            "Left: what is paid once against what is paid for each query. Square and bar: the samples at which Llama 3 8B finds "
            "as much as 70B does at once, from published fits and their errors, with a perfect picker. Fine dots: equal "
            "strength at the exchange rate of the board game Hex, whose author warns of a bug. Dashes: ways whose bill equals "
            "the large model's at your queries; below them is cheaper. Right: both bills; the bands are the range of quoted "
            "rents, which shifts both alike."
        ),
        alt=(
            "Two panels, all axes logarithmic. Left, the large model lies to the right and the small one with its samples "
            "higher up on the left, between a dashed line of equal bills and a steeper dotted line of equal strength in Hex. "
            "Right, two bills rise with the queries and cross at a diamond."
        ),
        alternative=(
            "A small model of {small:count} parameters with {samples:count} samples, against one of {large:count} with one; "
            "both trained on {tokens:count} tokens. For coverage on {task} Llama 3 8B needs {needed:count} samples to find what "
            "70B solves at once, {needed_low:count} to {needed_high:count} with the errors of the fits. A query of the small "
            "way costs {query_ratio:times} one of the large, its training {train_ratio:times} less. After {queries:count} "
            "queries the bills are {small_bill:count} and {large_bill:count} USD.[[break_even| They are equal at "
            "{break_even:count} queries.]][[affordable| For equal bills now the small model may take {affordable:count} "
            "samples.]]"
        ),
        python=(
            "from scaling_helpers.inference import break_even_queries, matched_tokens, query_flop\n\n"
            "small, large, tokens = {small}, {large}, {tokens}      # parameters, parameters, tokens of training\n"
            "one, once = query_flop(small, {answer}, {samples}), query_flop(large, {answer})\n"
            "print(one / once, {queries} * {answer} / tokens)\n"
            "if large > small:\n"
            "    print(large / small, matched_tokens(large / small, {queries} * {answer} / tokens))\n"
            "    if one > once:\n"
            "        print(break_even_queries(6 * small * tokens, one, 6 * large * tokens, once))"
        ),
        controls=controls(),
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "samples",
            "needed",
            "How many samples does the 8B model need, so that one of them is right as often as the 70B model's first? Set k.",
            {"samples": 1.0},
        ),
    )
