"""A budget of tokens for one problem: one long chain of thought, or several short ones of which one is picked?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from .. import facts
from ..inference import BudgetCurve, parallel_coverage, s1_curves, selection_efficiency
from ..palette import color
from ..trace import Expr, variable, variables, when
from .controls import Choice, Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

BUDGETS = (400.0, 128_000.0)
EACH = (500.0, 7321.0)
START = "aime24"
#: What a picker brought home of what 100 samples held: the better of vote and reward model, Llama 3 8B on MATH.
_MEASURED = {name: f"monkeys_coverage/llama-3-8b-instruct{row}" for name, row in {
    "selected": "-best-selector/math-no-oracle/100/coverage", "coverage": "/math-oracle/100/coverage",
}.items()}  # fmt: skip
_SINGLE = "monkeys_fits/llama-3-8b-instruct/math/coverage_1"


@dataclass(frozen=True)
class Curve:
    """Points of budget forcing on one benchmark, with their 95% intervals: three curves over thinking tokens."""

    label: str
    accuracy: BudgetCurve
    low: BudgetCurve
    high: BudgetCurve


@cache
def curves() -> Mapping[str, Curve]:
    """Every measured curve of accuracy against thinking tokens, by benchmark; a further one is further rows of the facts."""
    names = {row.partition("/")[0]: one["name"] for row, one in facts.table("s1_points").items()}
    found = {}
    for name, curve in s1_curves().items():
        low, high = (BudgetCurve(curve.tokens, tuple(map(float, end)), curve.items) for end in curve.intervals())
        found[name] = Curve(f"{names[name]}, {curve.items} problems", curve, low, high)
    return dict(sorted(found.items(), key=lambda one: one[0] != START))


@dataclass(frozen=True)
class Chosen:
    """The curve of the chosen benchmark; for a tracer, all of them behind a choice."""

    benchmark: Any
    part: Callable[[Curve], BudgetCurve] = lambda curve: curve.accuracy

    def pick(self, value: Callable[[BudgetCurve], Any]) -> Any:
        """``value`` of the chosen curve."""
        if not isinstance(self.benchmark, Expr):
            return value(self.part(curves()[self.benchmark]))
        first, *others = curves().items()
        picked = value(self.part(first[1]))
        for name, curve in others:
            picked = np.where(self.benchmark == name, value(self.part(curve)), picked)
        return picked

    def at(self, tokens: Any) -> Any:
        """Accuracy at a budget, by straight lines between the points and flat outside them."""
        return self.pick(lambda curve: curve.at(tokens))

    @property
    def last(self) -> Any:
        """The largest budget that was measured."""
        return self.pick(lambda curve: curve.tokens[-1])


def parallel(curve: Chosen, budget: Any, each: Any, spread: Any, picker: Any) -> tuple[Any, Any, Any]:
    """One short answer alone, a perfect picker over as many as the budget holds, and the picker chosen: three accuracies.

    The chosen picker brings home the share ``picker`` of what a perfect one would add to a random one.
    """
    single = curve.at(each)
    oracle = np.maximum(parallel_coverage(cast(BudgetCurve, curve), budget, each, spread), single)
    return single, oracle, single + picker * (oracle - single)


_LONG, _SHORT, _MORE = "One long thought", "Several short ones", "What a doubling of the tokens adds"
READOUTS = (
    Readout("sequential", "accuracy", "", "percent", _LONG, 1),
    Readout("sequential_low", "95% interval, from", "", "percent", _LONG, 1),
    Readout("sequential_high", "to", "", "percent", _LONG, 1),
    Readout("beyond", "budget beyond the last measured point", "", "times", _LONG, 1),
    Readout("attempts", "attempts the budget holds", "", "count", _SHORT, 2),
    Readout("single", "accuracy of one", "", "percent", _SHORT, 2),
    Readout("parallel", "with your picker", "", "percent", _SHORT, 2),
    Readout("oracle", "with a perfect picker", "", "percent", _SHORT, 2),
    Readout("picker_needed", "picker that equals the long thought", "", "percent", _SHORT, 3),
    Readout("gain_sequential", "to the long thought, up to here", "points of 100", "percent", _MORE, 1),
    Readout("gain_parallel", "to the short ones, up to here", "points of 100", "percent", _MORE, 2),
    Readout("gain_o1", "to o1, by a vote of 64", "points of 100", "percent", _MORE),
)


def sequential_vs_parallel(**values: Any) -> Explorer:
    """Longer thought or more of it: traits ``benchmark``, ``budget`` (tokens a problem), ``each`` (tokens of a short attempt),
    ``spread`` (correlation of two attempts on one problem) and ``picker`` (share of the possible gain that it brings home).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = sequential_vs_parallel().readouts(budget=7321, each=2000, spread=0.5)
    >>> round(read["sequential"], 3), round(read["oracle"], 3), read["picker_needed"]
    (0.567, 0.492, None)
    """
    return widget_class(declaration())(**values)


def formulas(benchmark: Any, budget: Any, each: Any, spread: Any, picker: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    curve = Chosen(benchmark)
    long = curve.at(budget)
    single, oracle, picked = parallel(curve, budget, each, spread, picker)
    _, _, before = parallel(curve, budget / 2.0, each, spread, picker)
    fits = budget >= each
    missing = np.maximum(long - single, 0.0)
    room = np.maximum(oracle - single, 1e-9)
    vote, alone = (facts.get(f"reasoning_benchmarks/o1/aime-2024/{name}").value for name in ("vote-64", "single"))
    return {
        "sequential": long,
        "sequential_low": Chosen(benchmark, lambda one: one.low).at(budget),
        "sequential_high": Chosen(benchmark, lambda one: one.high).at(budget),
        "beyond": when(budget > curve.last, budget / curve.last),
        "attempts": when(fits, budget / each),
        "single": single,
        "parallel": when(fits, picked),
        "oracle": when(fits, oracle),
        "picker_needed": when(both(fits, missing <= room), missing / room),
        "gain_sequential": long - curve.at(budget / 2.0),
        "gain_parallel": when(budget >= 2.0 * each, picked - before),
        "gain_o1": when(benchmark == START, (vote - alone) / float(np.log2(64.0))),
    }


def both(first: Any, second: Any) -> Any:
    """Both conditions, of numbers or of tracers."""
    return first & second


def controls() -> tuple[Any, ...]:
    """The controls; the picker starts at what was measured elsewhere."""
    measured = selection_efficiency(single=facts.get(_SINGLE).value, **{k: facts.get(v).value for k, v in _MEASURED.items()})
    return (
        Choice("benchmark", "Benchmark", {name: one.label for name, one in curves().items()}, START, color=1,
               help="Measured with s1-32B."),
        Log("budget", "Tokens for a problem", "tokens", "count", *BUDGETS, value=20_000.0, color=3, help="Or drag in the chart."),
        Log("each", "Tokens of a short attempt", "tokens", "count", *EACH, value=2000.0, color=2, help="On the same curve."),
        Linear("spread", "Attempts agree", "", "percent", 0.05, 0.9, value=0.5, color=2,
               help="Correlation of two on one problem. Not published: assumed."),
        Linear("picker", "The picker finds", "", "percent", 0.0, 1.0, value=round(float(measured), 2), color=2,
               help="Of what a perfect one would add."),
    )  # fmt: skip


def chart() -> dict[str, Any]:
    """Accuracy against tokens for a problem: the measured points and their intervals, and attempts side by side."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    made = controls()
    control = variables(c.name for c in made)
    canvas = Canvas({c.name: c.value for c in made})
    curve, low, high = (Chosen(control["benchmark"], part) for part in _PARTS)
    each, spread = control["each"], control["spread"]
    canvas.signals({"last": curve.last, "measured_end": curve.at(BUDGETS[1])})
    x = alt.X(
        "tokens:Q",
        scale=alt.Scale(type="log", domain=list(BUDGETS), nice=False),
        axis=alt.Axis(
            values=[500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000], labelExpr=short("datum.value"),
            labelOverlap="parity", title="Tokens for a problem", grid=False,
        ),
    )  # fmt: skip
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[0, 1.12], nice=False),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", title="Problems solved"),
    )

    def line(chart: alt.Chart, meaning: str, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=x, y=y, opacity=shown())

    def name(text: str, meaning: str, column: int) -> alt.Chart:
        place = alt.Chart(alt.Data(values=[{}])).transform_calculate(words=text)
        mark = place.mark_text(align="left", baseline="top", color=color(meaning), fontSize=13, fontWeight=600)
        return mark.encode(x=alt.value(alt.ExprRef(f"6 + {column} * width / 2")), y=alt.value(2), text="words:N")

    last = variable("last")
    within = EACH[0] * (last / EACH[0]) ** STEP
    beyond = last * (BUDGETS[1] / last) ** STEP
    held = each * (BUDGETS[1] / each) ** STEP
    single, oracle, picked = parallel(curve, held, each, spread, control["picker"])
    sure = canvas.curve(60, {"tokens": within, "share": low.at(within), "to": high.at(within)})
    measured = canvas.curve(60, {"tokens": within, "share": curve.at(within)})
    flat = canvas.curve(1, {"tokens": beyond, "share": variable("measured_end") + 0.0 * STEP})
    possible = canvas.curve(40, {"tokens": held, "share": single + 0.0 * STEP, "to": oracle})
    chosen = canvas.curve(60, {"tokens": held, "share": picked})
    rows = _points()
    points = alt.Chart(alt.Data(values=rows)).transform_filter("datum.benchmark == benchmark")
    bars = alt.Chart(alt.Data(values=[{**row, "share": row["low"]} for row in rows]))
    here = canvas.point({"tokens": "budget", "share": "readout_sequential"})
    theirs = canvas.point({"tokens": "budget", "share": "readout_parallel"}, where="readout_parallel !== null")
    return canvas.compose(
        possible.mark_area(clip=True, fill=color("other")).encode(x=x, y=y, y2="to:Q", opacity=shown(0.13)),
        sure.mark_area(clip=True, fill=color("law")).encode(x=x, y=y, y2="to:Q", opacity=shown(0.13)),
        line(flat, "law", strokeWidth=2, strokeDash=[3, 4]),
        line(measured, "law", strokeWidth=3),
        line(chosen, "other", strokeWidth=2.6, strokeDash=[8, 4]),
        bars.transform_filter("datum.benchmark == benchmark")
        .mark_rule(strokeWidth=1.4, color=color("law"))
        .encode(x=x, y=y, y2="high:Q", opacity=shown()),
        points.mark_point(shape="square", size=50, filled=True, color=color("law")).encode(x=x, y=y, opacity=shown()),
        canvas.point({"tokens": "budget", "share": "1.05", "to": "0"})
        .mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6)
        .encode(x=x, y=y, y2="to:Q"),
        here.mark_point(size=120, filled=True, opacity=1, color=color("law"), clip=True).encode(x=x, y=y, opacity=shown()),
        theirs.mark_point(size=120, filled=True, opacity=1, color=color("other"), clip=True).encode(x=x, y=y, opacity=shown()),
        name("'one long thought'", "law", 0),
        name("width < 430 ? 'short ones' : 'several of ' + format(each, ',.0f') + ' tokens'", "other", 1),
    )


_PARTS: tuple[Callable[[Curve], BudgetCurve], ...] = (
    lambda one: one.accuracy,
    lambda one: one.low,
    lambda one: one.high,
)


def _points() -> list[dict[str, Any]]:
    """The published points with their intervals."""
    return [
        {"benchmark": name, "tokens": tokens, "share": share, "low": low, "high": high}
        for name, one in curves().items()
        for tokens, share, low, high in zip(
            one.accuracy.tokens, one.accuracy.accuracy, one.low.accuracy, one.high.accuracy, strict=True
        )
    ]


def _presets() -> tuple[Preset, ...]:
    """Each benchmark at its last point, and a perfect picker with sixteen times the tokens of a short attempt."""
    presets = []
    for name, one in curves().items():
        note = "the largest budget of Muennighoff et al. 2025, Fig 1; attempts of a quarter of it"
        last = one.accuracy.tokens[-1]
        presets.append(
            Preset(one.label.partition(",")[0], {"benchmark": name, "budget": last, "each": max(last / 4.0, 500.0)}, note)
        )
    note = "sixteen attempts of 2,000 tokens; a perfect picker is a verifier that never errs"
    presets.append(Preset("Perfect picker", {"benchmark": START, "budget": 32_000.0, "each": 2000.0, "picker": 1.0}, note))
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    paths = [path for path in facts.paths("s1_points") if path.endswith("/accuracy")]
    paths += [*_MEASURED.values(), _SINGLE]
    paths += [f"reasoning_benchmarks/o1/aime-2024/{name}" for name in ("single", "vote-64")]
    found = [facts.get(path) for path in paths]
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`sequential_vs_parallel` shows, declared once."""
    return Declaration(
        name="sequential_vs_parallel",
        title="Longer, or more often?",
        question="You have a budget of tokens for a problem. Do you spend it on one long thought or on several short ones?",
        observe=(
            "Go back to the last measured point. Can even a perfect picker make up there for the shorter thought? Then look at "
            "the intervals: by how much would two such curves have to differ before 30 problems could tell them apart?"
        ),
        caption=(
            "Solid, with squares: s1-32B under budget forcing, as published, with 95% intervals from the number of problems; "
            "dotted: held level, since nothing was measured there. Dashed: the same tokens on attempts of the chosen length, by "
            "an assumed spread of difficulty, with your picker; the band runs from a picker that draws lots to a perfect one. "
            "Only the squares are measurements."
        ),
        alt=(
            "Accuracy against tokens for a problem, logarithmic. Squares with long vertical intervals rise from left to right "
            "and level off. A band opens where the first short attempt is paid for and widens; a dashed line runs low in it."
        ),
        alternative=(
            "{benchmark}. With {budget:count} tokens one long thought solves {sequential:percent}, 95% interval "
            "{sequential_low:percent} to {sequential_high:percent}.[[beyond| That budget is {beyond:times} the largest that was "
            "measured.]][[attempts| The same tokens hold {attempts:count} attempts of {each:count}, each right in "
            "{single:percent} of the problems: {parallel:percent} with a picker that finds {picker:percent} of what can be "
            "found, {oracle:percent} with a perfect one.]][[picker_needed| To equal the long thought a picker must find "
            "{picker_needed:percent}.]]"
        ),
        python=(
            "from scaling_helpers.inference import parallel_coverage, s1_curves\n\n"
            "curve = s1_curves()[{benchmark}]          # accuracy at thinking tokens, as published\n"
            "budget, each, picker = {budget}, {each}, {picker}\n"
            "single = float(curve.at(each))\n"
            "oracle = max(float(parallel_coverage(curve, budget, each, {spread})), single)\n"
            "print(float(curve.at(budget)), single)\n"
            "if budget >= each:\n"
            "    print(budget / each, oracle, single + picker * (oracle - single))"
        ),
        controls=controls(),
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "picker",
            "picker_needed",
            "Which share of the gain must a picker find, for the short attempts to equal the long thought? Set it, then reveal.",
        ),
        drag={"control": "budget", "axis": "x"},
    )
