"""Five constants, some sixty runs: how near can a law be brought by hand, and what do the runs not settle?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .. import own_runs
from ..fitting import ChinchillaFit, Interval, Table, fit_chinchilla
from ..fitting.objectives import Huber, huber
from ..laws import FLOP_PER_PARAMETER_TOKEN, HOFFMANN_2022, ChinchillaLaw
from ..palette import color
from ..trace import choose, field, variable, variables
from .controls import Choice, Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

#: Budgets that are left out, by the name of the choice: from the least that is kept to the largest, as places in order.
KEPT: Mapping[str, slice] = {
    "all": slice(None),
    "no-largest": slice(None, -1),
    "no-smallest": slice(1, None),
    "three-largest": slice(-3, None),
    "one": slice(3, 4),
}
_NAMES = {
    "all": "all budgets",
    "no-largest": "without the largest budget",
    "no-smallest": "without the smallest budget",
    "three-largest": "the three largest budgets",
    "one": "one budget only, in the middle",
}
#: Width of the Huber objective, on log loss.
DELTA = Huber().delta
LEVEL, DRAWS = 0.9, 2000
#: A start whose end has a Huber sum of this many times the least has stayed behind, and one that does: (log A, log B, log E,
#: alpha, beta).
STUCK, START = 1.05, (15.0, 5.0, -0.5, 0.0, 0.0)
#: Largest residual that the chart shows, as a share of the loss.
REACH = 0.12
#: Control -> constant of the law. (E is a number of its own in Vega, the base of the natural logarithm.)
_CONSTANTS = {"floor": "E", "A": "A", "alpha": "alpha", "B": "B", "beta": "beta"}


@cache
def controls() -> tuple[Linear | Log | Choice, ...]:
    """The constants start where a law fits almost as well as the best one, and is another law."""
    start = certified("all").steep
    made: list[Linear | Log | Choice] = []
    for name, label, unit, shape, words in (
        ("floor", "E", "nats per byte", (Linear, "loss", 0.0, 2.0), "What would remain of the loss."),
        ("A", "A", "nats per byte", (Log, "ratio", 0.1, 1e5), "Level of the size shortfall, at N = 1."),
        ("alpha", "α", "", (Linear, "ratio", 0.05, 1.5), "How fast the size shortfall falls."),
        ("B", "B", "nats per byte", (Log, "ratio", 0.1, 1e5), "Level of the data shortfall, at D = 1."),
        ("beta", "β", "", (Linear, "ratio", 0.05, 1.5), "How fast the data shortfall falls."),
    ):
        kind, format, low, high = shape
        value = float(getattr(start, _CONSTANTS[name]))
        made.append(kind(name, label, unit, format, low, high, value=value, color=3, help=words))
    made.append(Choice("runs", "Runs that count", _NAMES, "all", color=1, help="The others are drawn hollow."))
    return tuple(made)


_YOURS, _FIT, _SURE = "Your law", "The certified fit to the same runs", "Its 90% intervals"
READOUTS = (
    Readout("objective", "Huber sum", "", "ratio", _YOURS, 3),
    Readout("worse", "that is the least possible", "", "times", _YOURS, 3),
    Readout("miss", "a typical run is missed by", "", "percent", _YOURS, 3),
    Readout("a", "best size grows as C to the", "", "ratio", _YOURS, 3),
    Readout("fit_floor", "E", "nats per byte", "loss", _FIT, 1),
    Readout("fit_A", "A", "nats per byte", "ratio", _FIT, 1),
    Readout("fit_alpha", "α", "", "ratio", _FIT, 1),
    Readout("fit_B", "B", "nats per byte", "ratio", _FIT, 1),
    Readout("fit_beta", "β", "", "ratio", _FIT, 1),
    Readout("fit_objective", "Huber sum", "", "ratio", _FIT, 1),
    Readout("fit_a", "best size grows as C to the", "", "ratio", _FIT, 1),
    Readout("alpha_low", "α from", "", "ratio", _SURE, 1),
    Readout("alpha_high", "to", "", "ratio", _SURE, 1),
    Readout("a_low", "the power of C from", "", "ratio", _SURE, 1),
    Readout("a_high", "to", "", "ratio", _SURE, 1),
)


def fit_by_hand(**values: Any) -> Explorer:
    """Fit our own runs by hand: traits ``floor`` (E of the law), ``A``, ``alpha``, ``B``, ``beta``, and ``runs``, which count.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> w = fit_by_hand()
    >>> best = w.readouts()
    >>> by_hand = {name: best[f"fit_{name}"] for name in ("floor", "A", "alpha", "B", "beta")}
    >>> round(w.readouts(**by_hand)["worse"], 6)
    1.0
    """
    return widget_class(declaration())(**values)


# ---- the runs and their fits ----------------------------------------------------------------------------------------


@cache
def _points() -> Table:
    return own_runs.means(own_runs.family())


def _counts(which: str) -> Any:
    """Which of the configurations count under a choice, (n,) bool."""
    budgets = np.unique(_points()["C"])
    return np.isin(_points()["C"], budgets[KEPT[which]])


def chosen_points(which: str = "all") -> Table:
    """The configurations of our IsoFLOP families that count under a choice of ``runs``, means over seeds: N, D, C, loss.

    >>> len(np.unique(chosen_points("one")["C"]))
    1
    """
    points, counts = _points(), _counts(which)
    return Table({name: column[counts] for name, column in points.columns.items()})


@dataclass(frozen=True)
class _Certified:
    """A fit, the intervals of alpha and of the allocation exponent, and the best resampled law at the upper end of the first."""

    fit: ChinchillaFit
    alpha: Interval
    a: Interval
    steep: ChinchillaLaw


def allocation_exponent(law: Any) -> Any:
    """The a of N* = G (C / 6)**a: beta over the sum of the exponents."""
    return law.beta / (law.alpha + law.beta)


@cache
def certified(which: str) -> _Certified:
    """The fit to the runs of a choice, with intervals over configurations."""
    points = chosen_points(which)
    fit = fit_chinchilla(points["N"], points["D"], points["loss"])
    boot = fit.bootstrap(DRAWS)
    alpha = boot.interval("alpha", LEVEL)
    near = [law for law in boot.laws if law is not None and abs(law.alpha / alpha.high - 1.0) < 0.02]
    steep = min(near, key=lambda law: _sum(law, points))
    return _Certified(fit, alpha, boot.interval(allocation_exponent, LEVEL), steep)


def _sum(law: ChinchillaLaw, points: Table) -> float:
    return float(np.sum(huber(np.log(points["loss"]) - np.log(law.loss(points["N"], points["D"])), DELTA)))


@cache
def stuck() -> ChinchillaLaw:
    """Where a general optimiser ends from :data:`START`, one of the published starts: above the least sum, with no error."""
    law, reached = own_runs.one_start(chosen_points(), START)
    if not (reached > STUCK * certified("all").fit.objective and _within(law)):
        raise ValueError(f"START = {START} leads to the certified fit, or out of reach: choose another of hoffmann_starts()")
    return law


def _within(law: ChinchillaLaw) -> bool:
    for control in controls():
        if not isinstance(control, Choice) and not control.min <= getattr(law, _CONSTANTS[control.name]) <= control.max:
            return False
    return True


def _constants(law: ChinchillaLaw) -> dict[str, float]:
    return {control: float(getattr(law, name)) for control, name in _CONSTANTS.items()}


def _law(constants: Mapping[str, Any], prefix: str = "") -> ChinchillaLaw:
    return ChinchillaLaw(**{name: constants[prefix + control] for control, name in _CONSTANTS.items()})


# ---- readouts -------------------------------------------------------------------------------------------------------


def formulas(floor: Any, A: Any, alpha: Any, B: Any, beta: Any, runs: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    law = ChinchillaLaw(E=floor, A=A, B=B, alpha=alpha, beta=beta)
    points = _points()
    objective: Any = 0.0
    missed: Any = 0.0
    for budget in np.unique(points["C"]):
        here = points["C"] == budget
        counts = choose(runs, {which: float(np.any(_counts(which) & here)) for which in KEPT})
        of_budget: Any = 0.0
        off: Any = 0.0
        for N, D, loss in zip(points["N"][here], points["D"][here], points["loss"][here], strict=True):
            residual = np.log(float(loss)) - np.log(law.loss(float(N), float(D)))
            of_budget = of_budget + huber(residual, DELTA)
            off = off + np.abs(residual)
        objective = objective + counts * of_budget
        missed = missed + counts * off
    known = {which: certified(which) for which in KEPT}

    def constant(of: Any) -> Any:
        return choose(runs, {which: float(of(one)) for which, one in known.items()})

    least = constant(lambda one: one.fit.objective)
    number = choose(runs, {which: float(np.sum(_counts(which))) for which in KEPT})
    return {
        "objective": objective,
        "worse": objective / least,
        "miss": missed / number,
        "a": allocation_exponent(law),
        **{f"fit_{control}": constant(lambda one, name=name: getattr(one.fit.law, name)) for control, name in _CONSTANTS.items()},
        "fit_objective": least,
        "fit_a": constant(lambda one: allocation_exponent(one.fit.law)),
        "alpha_low": constant(lambda one: one.alpha.low),
        "alpha_high": constant(lambda one: one.alpha.high),
        "a_low": constant(lambda one: one.a.low),
        "a_high": constant(lambda one: one.a.high),
    }


# ---- the chart ------------------------------------------------------------------------------------------------------


def chart() -> dict[str, Any]:
    """Loss against size at each budget, with the law by hand and the certified one; below or beside it, what is left over."""
    import altair as alt

    from .charts import STEP, Canvas, panel, short, shown, ten_to

    control = variables(c.name for c in controls())
    points = _points()
    law = _law(control)
    fitted = _law({f"fit_{name}": variable(f"readout_fit_{name}") for name in _CONSTANTS}, "fit_")
    canvas = Canvas({c.name: c.value for c in controls()})
    canvas.signals(
        {f"counts{place}": choose(control["runs"], {which: float(np.any(_counts(which) & (points["C"] == C))) for which in KEPT})
         for place, C in enumerate(np.unique(points["C"]))}
    )  # fmt: skip
    left_x, left_y, left_below, left_beside = panel(second=False)
    right_x, right_y, right_below, right_beside = panel(second=True)
    sizes = [0.8 * float(points["N"].min()), 1.25 * float(points["N"].max())]
    losses = [0.96 * float(points["loss"].min()), 1.03 * float(points["loss"].max())]

    def size_axis(scale_range: list[Any], **place: Any) -> alt.X:
        axis = alt.Axis(values=[1e4, 1e5, 1e6], labelExpr=short("datum.value"), title="Model size N (parameters)", grid=False,
                        **place)  # fmt: skip
        return alt.X("size:Q", scale=alt.Scale(type="log", domain=sizes, nice=False, range=scale_range), axis=axis)

    x, x_off = size_axis(left_x, **left_below), size_axis(right_x, orient="bottom", **right_below)
    y = alt.Y(
        "loss:Q",
        scale=alt.Scale(type="log", domain=losses, nice=False, range=left_y),
        axis=alt.Axis(values=[1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.4, 2.6], format=".1f", title="Loss (nats per byte)", grid=False,
                      **left_beside),
    )  # fmt: skip
    y_off = alt.Y(
        "off:Q",
        scale=alt.Scale(domain=[-REACH, REACH], nice=False, range=right_y),
        axis=alt.Axis(values=[-0.1, -0.05, 0, 0.05, 0.1], format="+.0%", title=None, grid=False, orient="left", **right_beside),
    )
    budgets = [float(C) for C in np.unique(points["C"])]
    members = []
    for place, C in enumerate(budgets):
        here = points["N"][points["C"] == C]
        members.append({"budget": C, "place": place, "least": float(here.min()), "most": float(here.max())})

    def valleys(of: ChinchillaLaw) -> alt.Chart:
        """A line for each budget, over the sizes that were trained."""
        size = field("least") * (field("most") / field("least")) ** STEP
        chart = alt.Chart(alt.Data(values=members)).transform_calculate(step=f"sequence(0, 1.02, {1 / 24})")
        chart = chart.transform_flatten(["step"])
        columns = {"size": size, "loss": of.loss(size, field("budget") / (FLOP_PER_PARAMETER_TOKEN * size))}
        for name, text in canvas._columns(columns).items():
            chart = chart.transform_calculate(**{name: text})
        return chart.transform_filter(f"datum.loss >= {losses[0]:g} && datum.loss <= {losses[1]:g}")

    rows = [
        {"size": float(N), "D": float(D), "loss": float(loss), "place": budgets.index(C)}
        for N, D, C, loss in zip(points["N"], points["D"], points["C"], points["loss"], strict=True)
    ]
    counts = " + ".join(f"(datum.place == {place}) * counts{place}" for place in range(len(budgets)))
    data = alt.Chart(alt.Data(values=rows)).transform_calculate(counts=counts)
    mine = canvas.expression(np.log(field("loss")) - np.log(law.loss(field("size"), field("D"))))
    theirs = canvas.expression(np.log(field("loss")) - np.log(fitted.loss(field("size"), field("D"))))
    counted, hollow = data.transform_filter("datum.counts > 0"), data.transform_filter("datum.counts == 0")
    off = data.transform_calculate(left=mine).transform_calculate(off=f"clamp(datum.left, -{REACH}, {REACH})")
    beyond = f"datum.left > {REACH} || datum.left < -{REACH}"
    best = counted.transform_calculate(left=theirs).transform_calculate(off=f"clamp(datum.left, -{REACH}, {REACH})")
    named = alt.Chart(alt.Data(values=[
        {"size": one["most"], "loss": float(points["loss"][(points["C"] == one["budget"]) & (points["N"] == one["most"])][0]),
         "budget": one["budget"]}
        for one in members[::2]
    ])).transform_calculate(words=ten_to("datum.budget"))  # fmt: skip
    zero = alt.Chart(alt.Data(values=[{"size": sizes[0], "end": sizes[1], "off": 0.0}]))
    corner = canvas.point({"size": str(sizes[0]), "off": str(REACH)})
    said = (
        "'Huber sum ' + format(readout_objective, '.3~r') + (reveal ? ', ' + format(readout_worse, '.3~r') + '× the least' : '')"
    )
    dots: dict[str, Any] = {"size": 34, "opacity": 1}
    words: dict[str, Any] = {"fontSize": 12, "fontWeight": 600}
    left = alt.layer(
        valleys(fitted)
        .mark_line(stroke=color("law"), strokeWidth=1.6, strokeDash=[6, 3])
        .encode(x=x, y=y, detail="budget:N", opacity=shown()),
        valleys(law).mark_line(stroke=color("you"), strokeWidth=2.2).encode(x=x, y=y, detail="budget:N", opacity=shown()),
        # While a reader guesses no line is drawn; the law that is being moved is dotted.
        valleys(law)
        .mark_point(filled=True, size=7, color=color("you"))
        .encode(x=x, y=y, opacity=alt.value(alt.ExprRef("reveal ? 0 : 1"))),
        counted.mark_point(filled=True, color=color("text"), **dots).encode(x=x, y=y),
        hollow.mark_point(filled=False, strokeWidth=1.5, color=color("muted"), **dots).encode(x=x, y=y),
        named.mark_text(color=color("muted"), align="left", dx=6, dy=-6, fontSize=11).encode(x=x, y=y, text="words:N"),
    )
    right = alt.layer(
        zero.mark_rule(stroke=color("axis"), strokeWidth=1).encode(x=x_off, x2="end:Q", y=y_off),
        best.mark_point(filled=False, strokeWidth=1.4, color=color("law"), **dots).encode(x=x_off, y=y_off, opacity=shown()),
        off.transform_filter(f"!({beyond}) && datum.counts > 0")
        .mark_point(filled=True, color=color("you"), **dots)
        .encode(x=x_off, y=y_off),
        off.transform_filter(f"({beyond}) && datum.counts > 0 && datum.left > 0")
        .mark_point(filled=True, shape="triangle-up", color=color("you"), **dots)
        .encode(x=x_off, y=y_off),
        off.transform_filter(f"({beyond}) && datum.counts > 0 && datum.left < 0")
        .mark_point(filled=True, shape="triangle-down", color=color("you"), **dots)
        .encode(x=x_off, y=y_off),
        corner.transform_calculate(words=said)
        .mark_text(color=color("you"), align="left", baseline="bottom", dx=4, dy=-4, **words)
        .encode(x=x_off, y=y_off, text="words:N"),
    )
    return canvas.compose(left, right, panels=True)


# ---- the declaration ------------------------------------------------------------------------------------------------


def _presets() -> tuple[Preset, ...]:
    found = certified("all")
    edge = "of the resampled fits whose α lies at the upper end of its interval, the one with the least sum on our runs"
    lucky = "L-BFGS-B from one start of the published grid: no error, another law; other starts reach the certified fit"
    laws = {
        "The certified fit": (found.fit.law, "fit_chinchilla on the means over seeds of all our budgets"),
        "The edge of the interval": (found.steep, edge),
        "One start only": (stuck(), lucky),
        "Chinchilla’s constants": (HOFFMANN_2022, "Hoffmann et al. 2022, unrounded: other text, tokens of other lengths"),
    }
    return tuple(Preset(label, {**_constants(law), "runs": "all"}, note) for label, (law, note) in laws.items())


def _sources() -> tuple[Source, ...]:
    points = _points()
    said = f"{len(points)} configurations, {int(np.sum(points['seeds']))} runs"
    return (Source("losses of our own IsoFLOP families", said, "runs.csv of the package, study isoflop", "measured by us"),)


@cache
def declaration() -> Declaration:
    """What :func:`fit_by_hand` shows, declared once."""
    return Declaration(
        name="fit_by_hand",
        title="Fit the law by hand",
        question="Five constants and our own runs: which of the constants do the runs settle, and which do they leave open?",
        observe=(
            "Move α by a tenth and bring the lines back through the dots with the other four: how much of the damage is left? "
            "Then let the three largest budgets count alone. What happens to the rings at the right, and to E?"
        ),
        caption=(
            "Left, our own runs: a dot is a configuration, the mean over its seeds; a line of dots is a budget in FLOP. Solid "
            "is the law that you set, dashed the certified fit to the runs that count. Right, what each leaves over, measured "
            "less predicted, as a share of the loss: filled yours, rings the fit's; a triangle lies beyond the frame. The Huber "
            "sum is what the fit makes as small as it can."
        ),
        alt=(
            "Two panels over model size. Left, seven bowls of dots, one above the other, from the smallest budget down to the "
            "largest, with solid lines of the law set by hand and dashed lines of the certified fit. Right, the residuals of "
            "both, scattered about nought."
        ),
        alternative=(
            "With E = {floor:loss}, A = {A:ratio}, α = {alpha:ratio}, B = {B:ratio} and β = {beta:ratio} the Huber sum over "
            "the runs that count ({runs}) is {objective:ratio}, {worse:times} the least possible, and a typical run is missed "
            "by {miss:percent}. This law lets the best size grow as the budget to the power {a:ratio}. The certified fit to "
            "these runs has E = {fit_floor:loss}, A = {fit_A:ratio}, α = {fit_alpha:ratio}, B = {fit_B:ratio}, β = "
            "{fit_beta:ratio}, and a power of {fit_a:ratio}. Nine of ten resampled fits have α between {alpha_low:ratio} and "
            "{alpha_high:ratio}, and the power between {a_low:ratio} and {a_high:ratio}."
        ),
        python=(
            "import numpy as np\n\n"
            "from scaling_helpers.explorers.fit_by_hand import chosen_points\n"
            "from scaling_helpers.fitting import Huber, fit_chinchilla\n"
            "from scaling_helpers.laws import ChinchillaLaw\n\n"
            "runs = chosen_points({runs})  # means over seeds of our IsoFLOP families\n"
            "law = ChinchillaLaw(E={floor}, A={A}, B={B}, alpha={alpha}, beta={beta})\n"
            "residuals = np.log(runs['loss']) - np.log(law.loss(runs['N'], runs['D']))\n"
            "fit = fit_chinchilla(runs['N'], runs['D'], runs['loss'])\n"
            "print(Huber().value(residuals).sum(), np.abs(residuals).mean(), fit.objective, fit.law.alpha, fit.law.beta)\n"
            "interval = fit.bootstrap(2000).interval('alpha')\n"
            "print(interval.low, interval.high)"
        ),
        controls=controls(),
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "alpha",
            "fit_alpha",
            "Bring the dotted lines through the dots with all five constants; the chart shows the Huber sum. Then reveal: how "
            "near is your α?",
            values={"floor": 1.0, "A": 30.0, "alpha": 0.5, "B": 30.0, "beta": 0.3, "runs": "all"},
        ),
    )
