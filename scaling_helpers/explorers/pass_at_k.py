"""Many attempts at every problem: how does the share of problems solved grow, and why do the failures fall like a power law?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..inference import BetaCoverage, ExponentiatedPower, beta_like, published_fits, rate_interval
from ..palette import color
from ..trace import Expr, choose, variables, when
from .controls import Choice, Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

ATTEMPTS = (1.0, 1e6)
EXPONENTS = (0.03, 30.0)
#: The coverage that the guess is about.
TARGET = 0.9
NO_CURVE = "none"
START = "llama-3-8b-instruct/math"


@dataclass(frozen=True)
class Overlay:
    """A measured coverage curve to lay over: its ``law``, the number of ``problems`` behind it, and attempts up to ``most``.

    >>> overlays()["llama-3-8b-instruct/math"].problems
    128.0
    """

    label: str
    law: ExponentiatedPower
    problems: float
    most: float
    source: str


@cache
def overlays() -> Mapping[str, Overlay]:
    """Every curve that the explorers on sampling can lay over, by id; a further one is a further row of the facts.

    >>> list(overlays())[:2]
    ['llama-3-8b-instruct/math', 'llama-3-70b-instruct/math']
    """
    found = {}
    for row, law in published_fits().items():
        one = facts.table("monkeys_fits")[row]
        problems = facts.get(f"inference_trade/monkeys/problems/{row.partition('/')[2]}").value
        found[row] = Overlay(one["name"], law, problems, 1e4, f"{one['location']}, {one['source']}")
    return found


@cache
def _likeness(row: str) -> BetaCoverage:
    """The Beta mixture nearest to a published curve, to as many digits as a reader would set."""
    law = beta_like(overlays()[row].law)
    return BetaCoverage(law.a, law.b)


def _setting(row: str) -> dict[str, float]:
    law = _likeness(row)
    return {"mean": float(f"{law.mean:.4g}"), "exponent": float(f"{law.a:.3g}"), "hopeless": 0.0}


_AFTER, _ALIKE, _TAIL, _PUBLISHED = "After k attempts", "If all problems were alike", "How failures fall", "The published curve"
READOUTS = (
    Readout("coverage", "problems solved", "", "percent", _AFTER, 1),
    Readout("failure", "not solved", "", "percent", _AFTER, 1),
    Readout("needed", "attempts to solve 90%", "attempts", "count", _AFTER, 1),
    Readout("alike", "problems solved", "", "percent", _ALIKE),
    Readout("alike_needed", "attempts to solve 90%", "attempts", "count", _ALIKE),
    Readout("doubling", "a doubling of k leaves, of the failures", "", "percent", _TAIL, 1),
    Readout("doubling_limit", "in the end it leaves 2⁻ᵃ", "", "percent", _TAIL, 1),
    Readout("tail", "failures by the power law alone", "", "percent", _TAIL, 1),
    Readout("published_coverage", "problems solved", "", "percent", _PUBLISHED, 2),
    Readout("published_low", "as few as, with other problems", "", "percent", _PUBLISHED, 2),
    Readout("published_high", "as many as, with other problems", "", "percent", _PUBLISHED, 2),
)


def pass_at_k(**values: Any) -> Explorer:
    """Coverage by repeated sampling: traits ``mean`` (pass@1 of the problems that can be solved), ``exponent`` (a of the
    Beta mixture), ``hopeless`` (share that no attempt solves), ``samples`` (k) and ``published`` (a curve to lay over).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = pass_at_k().readouts(samples=100)
    >>> round(read["coverage"], 2), round(read["alike"], 4), round(read["published_coverage"], 2)
    (0.83, 1.0, 0.83)
    """
    return widget_class(declaration())(**values)


def mixture(mean: Any, exponent: Any, hopeless: Any) -> BetaCoverage:
    """The spread of difficulty with this mean and this exponent a: Beta(a, a (1 - mean) / mean) for all but the hopeless."""
    return BetaCoverage(exponent, exponent * (1.0 - mean) / mean, 1.0 - hopeless)


def chosen_curve(selector: Any) -> tuple[ExponentiatedPower, Any]:
    """The published curve named ``selector``, or one whose constants are looked up, and its number of problems.

    :data:`NO_CURVE` gives a stand-in; its results are hidden by :func:`scaling_helpers.trace.when`.
    """
    stand_in = overlays()[START]
    if not isinstance(selector, Expr):
        one = overlays().get(selector, stand_in)
        return one.law, one.problems
    known = {**overlays(), NO_CURVE: stand_in}
    a, b = (choose(selector, {row: getattr(one.law, symbol) for row, one in known.items()}) for symbol in ("a", "b"))
    return ExponentiatedPower(a, b), choose(selector, {row: one.problems for row, one in known.items()})


def formulas(mean: Any, exponent: Any, hopeless: Any, samples: Any, published: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    law = mixture(mean, exponent, hopeless)
    failure = law.failure(samples)
    solvable = 1.0 - hopeless
    left = 1.0 - TARGET / np.maximum(solvable, TARGET + 1e-3)  # of the solvable problems, at the target
    within_reach = solvable >= TARGET + 1e-3
    curve, problems = chosen_curve(published)
    shown = published != NO_CURVE
    reached = curve.coverage(samples)
    low, high = rate_interval(reached, problems)
    each = np.log1p(-mean)
    return {
        "coverage": law.coverage(samples),
        "failure": failure,
        "needed": when(within_reach, np.maximum(law.attempts_leaving(left), 1.0)),
        "alike": solvable * -np.expm1(samples * each),
        "alike_needed": when(within_reach, np.maximum(np.log(left) / each, 1.0)),
        "doubling": law.failure(2.0 * samples) / failure,
        "doubling_limit": when(hopeless == 0.0, 2.0**-exponent),
        "tail": when(law.tail(samples) + hopeless <= 1.0, law.tail(samples) + hopeless),
        "published_coverage": when(shown, reached),
        "published_low": when(shown, low),
        "published_high": when(shown, high),
    }


def controls() -> tuple[Any, ...]:
    """The controls; they start at the spread that describes one published curve."""
    start = _setting(START)
    return (
        Log("mean", "One attempt solves", "", "percent", 1e-4, 0.9, value=start["mean"], color=1, help="pass@1, on average."),
        Log("exponent", "Exponent a", "", "plain", *EXPONENTS, value=start["exponent"], color=1,
            help="Small: many hard problems. Large: all alike."),
        Linear("hopeless", "Never solved", "", "percent", 0.0, 0.9, value=0.0, color=1, help="Share that no attempt solves."),
        Log("samples", "Attempts k", "", "count", *ATTEMPTS, value=100.0, color=3, help="On every problem."),
        Choice("published", "Lay over", {NO_CURVE: "no curve", **{row: one.label for row, one in overlays().items()}}, START,
               color=2, help="Fitted to 10,000 attempts each."),
    )  # fmt: skip


def chart() -> dict[str, Any]:
    """Coverage, and beside it the failures on logarithmic axes: the mixture, one difficulty for all, a published curve."""
    import altair as alt

    from .charts import STEP, Canvas, panel, shown

    made = controls()
    control = variables(c.name for c in made)
    read = formulas(**control)
    law = mixture(control["mean"], control["exponent"], control["hopeless"])
    curve, problems = chosen_curve(control["published"])
    solvable = 1.0 - control["hopeless"]
    floor = 1e-4
    canvas = Canvas({c.name: c.value for c in made})
    canvas.signals({"now": read["coverage"], "now_failure": np.maximum(read["failure"], floor)})
    left_x, left_y, left_below, left_beside = panel(second=False)
    right_x, right_y, right_below, right_beside = panel(second=True)
    powers = [10.0**k for k in range(7)]
    plain = "datum.value >= 1e6 ? '1M' : datum.value >= 1e3 ? datum.value / 1e3 + 'K' : datum.value"
    x = alt.X(
        "k:Q",
        scale=alt.Scale(type="log", domain=list(ATTEMPTS), nice=False, range=left_x),
        axis=alt.Axis(values=powers, labelExpr=plain, title="Attempts k", grid=False, **left_below),
    )
    y = alt.Y(
        "share:Q",
        scale=alt.Scale(domain=[0, 1], nice=False, range=left_y),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", title="Problems solved", grid=False, **left_beside),
    )
    failing_x = alt.X(
        "k:Q",
        scale=alt.Scale(type="log", domain=list(ATTEMPTS), nice=False, range=right_x),
        axis=alt.Axis(values=powers, labelExpr=plain, title="Attempts k", grid=False, orient="bottom", **right_below),
    )
    failing = alt.Y(
        "share:Q",
        scale=alt.Scale(type="log", domain=[floor, 4.0], nice=False, range=right_y),
        axis=alt.Axis(
            values=[1, 0.1, 0.01, 1e-3, 1e-4], format="~%", title=None, grid=False, orient="left", **right_beside
        ),
    )  # fmt: skip
    k = ATTEMPTS[0] * (ATTEMPTS[1] / ATTEMPTS[0]) ** STEP
    measured = 1e4**STEP
    alike = -np.expm1(k * np.log1p(-control["mean"]))
    low, high = rate_interval(curve.coverage(measured), problems)
    there = f"published != '{NO_CURVE}'"
    solved = canvas.curve(90, {"k": k, "share": law.coverage(k)})
    solved_alike = canvas.curve(90, {"k": k, "share": solvable * alike})
    theirs = canvas.curve(60, {"k": measured, "share": curve.coverage(measured)}, where=there)
    band = canvas.curve(40, {"k": measured, "share": low, "to": high}, where=there)
    # Clipping goes by the whole chart; what leaves its panel is dropped.
    inside = f"datum.share >= {floor}"
    unsolved = canvas.curve(90, {"k": k, "share": law.failure(k)}).transform_filter(inside)
    unsolved_alike = canvas.curve(240, {"k": k, "share": 1.0 - solvable * alike}).transform_filter(inside)
    power = canvas.curve(60, {"k": k, "share": law.tail(k)}, where="hopeless < 0.001").transform_filter(
        f"{inside} && datum.share <= 1"
    )
    theirs_unsolved = canvas.curve(60, {"k": measured, "share": 1.0 - curve.coverage(measured)}, where=there)
    here = canvas.point({"k": "samples", "share": "now"})
    here_unsolved = canvas.point({"k": "samples", "share": "now_failure"})
    names = {"fontSize": 13, "fontWeight": 600}

    def line(chart: alt.Chart, meaning: str, across: alt.X, up: alt.Y, **style: Any) -> alt.Chart:
        return chart.mark_line(clip=True, stroke=color(meaning), **style).encode(x=across, y=up, opacity=shown())

    coverage = alt.layer(
        band.mark_area(clip=True, fill=color("other"), opacity=0.16).encode(
            x=x, y=y, y2="to:Q", opacity=shown(0.16)
        ),
        line(solved_alike, "muted", x, y, strokeWidth=1.6, strokeDash=[2, 3]),
        line(theirs, "other", x, y, strokeWidth=2.2, strokeDash=[8, 4]),
        line(solved, "law", x, y, strokeWidth=3),
        here.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.6).encode(x=x),
        here.mark_point(size=120, filled=True, opacity=1, color=color("you")).encode(x=x, y=y, opacity=shown()),
        here.transform_calculate(words="format(now, '.1%')")
        .mark_text(
            color=color("you"), dy=alt.ExprRef("now < 0.12 ? -14 : 16"), dx=alt.ExprRef("samples > 3e4 ? -8 : 8"),
            align=alt.ExprRef("samples > 3e4 ? 'right' : 'left'"), **names,
        )
        .encode(x=x, y=y, text="words:N", opacity=shown()),
    )  # fmt: skip
    failures = alt.layer(
        line(unsolved_alike, "muted", failing_x, failing, strokeWidth=1.6, strokeDash=[2, 3]),
        line(power, "law", failing_x, failing, strokeWidth=1.4, strokeDash=[3, 3]),
        line(theirs_unsolved, "other", failing_x, failing, strokeWidth=2.2, strokeDash=[8, 4]),
        line(unsolved, "law", failing_x, failing, strokeWidth=3),
        here_unsolved.mark_point(size=120, filled=True, opacity=1, color=color("you")).encode(
            x=failing_x,
            y=failing,
            opacity=shown(),
            shape=alt.value(alt.ExprRef(f"readout_failure < {floor} ? 'triangle-down' : 'circle'")),
        ),
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(text="Not solved", align="right", baseline="top", color=color("text"), fontSize=13)
        .encode(x=alt.value(alt.ExprRef("width - 4")), y=alt.value(alt.ExprRef("width >= 430 ? 2 : (height + 58) / 2 + 2"))),
    )
    return canvas.compose(coverage, failures, panels=True)


def _presets() -> tuple[Preset, ...]:
    """The spreads that describe published curves, each with its curve; and one curve that is no spread at all."""
    presets = []
    for row, label in {
        "llama-3-8b-instruct/math": "Llama 3 8B, MATH",
        "llama-3-70b-instruct/math": "Llama 3 70B, MATH",
        "pythia-70m/math": "Pythia 70M, MATH",
        "llama-3-8b-instruct/codecontests": "Llama 3 8B, CodeContests",
    }.items():
        note = f"Beta mixture nearest to the curve of {overlays()[row].source}, in least squares up to 10,000 attempts"
        presets.append(Preset(label, {**_setting(row), "published": row}, note))
    one = overlays()[START]
    alike = {**_setting(START), "exponent": EXPONENTS[1]}
    presets.append(Preset("All problems alike", alike, f"the mean of the first, and next to no spread; curve: {one.source}"))
    return tuple(presets)


def _sources() -> tuple[Source, ...]:
    found = [facts.get(f"monkeys_fits/{row}/{symbol}") for row in overlays() for symbol in ("a", "b")]
    found += [facts.get(f"inference_trade/monkeys/problems/{name}") for name in ("math", "codecontests", "minif2f-math")]
    return tuple(Source(f.label, f"{f.value:g}", f"{f.location}; {f.source}", f.confidence) for f in found)


@cache
def declaration() -> Declaration:
    """What :func:`pass_at_k` shows, declared once."""
    return Declaration(
        name="pass_at_k",
        title="What do more attempts solve?",
        question="One attempt solves a quarter of the problems. How many attempts until nine in ten are solved, and why so many?",
        observe=(
            "Raise the exponent: the mean stays, the problems become alike. What happens to the attempts needed? Then set it "
            "back and let a tenth of the problems be hopeless: up to how many attempts could you tell the two apart?"
        ),
        caption=(
            "Left, problems solved at least once in k attempts; right, those not solved, on logarithmic axes. Solid: chances "
            "spread over the problems as Beta(a, b). Fine dots: the same mean, all problems alike, an exponential. Thin dashes, "
            "right: the power law k⁻ᵃ that the failures approach. Long dashes: a published fit, with what other problems of "
            "its kind could have given (95%). That form and the Beta mixture are two descriptions of one measurement."
        ),
        alt=(
            "Two panels over the number of attempts. On the left coverage rises as a long S-shaped curve, far behind the steep "
            "curve of equally hard problems. On the right, logarithmic on both axes, the failures bend into a straight "
            "line, while those of equally hard problems fall off a cliff."
        ),
        alternative=(
            "One attempt solves {mean:percent} of the problems that can be solved; exponent {exponent:plain}; {hopeless:percent} "
            "are never solved. After {samples:count} attempts {coverage:percent} are solved and {failure:percent} are not. Were "
            "all alike, {alike:percent} would be solved.[[needed| Nine in ten take {needed:count} attempts.]][[alike_needed| If "
            "all were alike, {alike_needed:count}.]] A doubling of the attempts leaves {doubling:percent} of the "
            "failures.[[published_coverage| The published curve, {published}, has {published_coverage:percent}, and with other "
            "problems {published_low:percent} to {published_high:percent}.]]"
        ),
        python=(
            "from scaling_helpers.inference import BetaCoverage\n\n"
            "mean, a, never, k = {mean}, {exponent}, {hopeless}, {samples}\n"
            "law = BetaCoverage(a, a * (1 - mean) / mean, solvable=1 - never)\n"
            "print(law.coverage(k), law.failure(k), law.failure(2 * k) / law.failure(k))\n"
            "if 1 - never > 0.901:\n"
            "    print(max(law.attempts_leaving(1 - 0.9 / (1 - never)), 1.0))  # attempts until nine in ten are solved"
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
            "How many attempts until nine problems in ten are solved? Set their number, then reveal.",
        ),
    )
