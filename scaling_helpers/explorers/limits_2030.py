"""Power, chips, data or latency: which stops the growth of training runs first, how far up, and how sure is that?"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .. import facts, trends
from ..palette import color
from ..trace import Expr, choose, field, variable, variables
from ..trends import (
    compute_points,
    growth_needed,
    lowest_above,
    lowest_chances,
    lowest_quantile,
    value_at,
    year_reached,
    yearly_growth,
)
from .controls import Choice, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

RUNS = (1e26, 1e33)
YEAR = 2030.0
#: With what chance the source's ranges are taken to hold; its Figure 1 says 80%.
LEVELS = {"0.5": "50%", "0.8": "80%", "0.95": "95%"}
SITES = {"power-distributed": "distributed over the United States", "power-campus": "one campus"}
#: The four limits in the order of the chart, with their colours.
LIMITS = {"power": "law", "chips": "fourth", "data": "other", "latency": "fifth"}
#: The interval of every readout.
LEVEL = 0.8
#: Steps of the sum for the chances and of Newton's method: enough for six and twelve digits.
_NODES, _STEPS = 28, 6


def _largest() -> tuple[float, float, str]:
    """Time, FLOP and id of the largest training run of the list of models."""
    times, flop, names = compute_points(since=2020.0)
    at = int(np.argmax(flop))
    return float(times[at]), float(flop[at]), names[at]


START_TIME, START_FLOP, START_MODEL = _largest()

CONTROLS = (
    Log("run", "A training run in 2030", "FLOP", "flop", *RUNS, value=facts.get("limits_2030_resources/headline").value,
        color=3, help="Or drag in the chart."),
    Log("growth", "Largest run grows a year", "", "times", 1.5, 10.0, value=facts.get("trends/compute/frontier-since-2018").value,
        color=3, help="From the largest estimate to date."),
    Choice("site", "Power", SITES, "power-distributed", color=1, help="Where the run stands."),
    Choice("level", "The ranges hold with", LEVELS, "0.8", help="The source says 80%."),
    Choice("relax", "Move one limit", {"none": "none", "power": "power", "chips": "chips", "data": "data", "latency": "latency"},
           "none", help="By the factor below."),
    Log("factor", "by a factor of", "", "times", 0.1, 100.0, value=10.0, help="More than the source expects."),
)  # fmt: skip
_FIRST, _LOWEST, _RUN, _TREND = "Which binds first", "The lowest of the four", "Your run", "The trend, from the start"
READOUTS = (
    Readout("power_first", "power", "", "percent", _FIRST, 1),
    Readout("chips_first", "chips", "", "percent", _FIRST, 4),
    Readout("data_first", "data", "", "percent", _FIRST, 2),
    Readout("latency_first", "latency", "", "percent", _FIRST, 5),
    Readout("lowest", "middle", "FLOP", "flop", _LOWEST),
    Readout("lowest_low", "80% interval, from", "FLOP", "flop", _LOWEST),
    Readout("lowest_high", "to", "FLOP", "flop", _LOWEST),
    Readout("allowed", "chance that all four allow it", "", "percent", _RUN, 3),
    Readout("run_year", "on the trend in the year", "", "year", _RUN, 3),
    Readout("run_growth", "growth a year that it takes by 2030", "", "times", _RUN, 3),
    Readout("trend", "in 2030", "FLOP", "flop", _TREND, 3),
    Readout("trend_allowed", "chance that all four allow that", "", "percent", _TREND, 3),
    Readout("stop", "meets the middle of the lowest in", "", "year", _TREND, 3),
    Readout("stop_low", "80% interval, from", "", "year", _TREND, 3),
    Readout("stop_high", "to", "", "year", _TREND, 3),
)


def limits_2030(**values: Any) -> Explorer:
    """Four limits of 2030: traits ``run`` (FLOP), ``growth`` (a year), ``site``, ``level``, ``relax`` and ``factor``.

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = limits_2030().readouts()
    >>> max("power", "chips", "data", "latency", key=lambda name: read[f"{name}_first"]), f"{read['lowest']:.1e}"
    ('power', '1.0e+29')
    """
    return widget_class(declaration())(**values)


def logarithms(site: Any, level: Any, relax: Any, factor: Any) -> tuple[list[Any], list[Any]]:
    """Mean and standard deviation of the logarithm of each limit, in the order of :data:`LIMITS`."""
    spreads = {name: trends.limits_2030(float(name)) for name in LEVELS}

    def pick(selector: Any, options: dict[str, float]) -> Any:
        return choose(selector, options)

    centre, spread = [], []
    for name in LIMITS:
        one = "power-distributed" if name == "power" else name
        middle: Any = math.log(spreads["0.8"][one].median)
        # One limit's width, by the reading; the power's by the site too.
        width: Any = pick(level, {key: ranges[one].sigma for key, ranges in spreads.items()})
        if name == "power":
            middle = pick(site, {key: math.log(spreads["0.8"][key].median) for key in SITES})
            narrower = {key: spreads["0.8"][key].sigma / spreads["0.8"][one].sigma for key in SITES}
            width = width * pick(site, narrower)
        moved = relax == name
        log_factor = np.log(factor)
        if isinstance(moved, Expr) or isinstance(log_factor, Expr):
            centre.append(middle + np.where(moved, log_factor, 0.0))
        else:
            centre.append(middle + (float(log_factor) if moved else 0.0))
        spread.append(width)
    return centre, spread


def formulas(run: Any, growth: Any, site: Any, level: Any, relax: Any, factor: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    centre, spread = logarithms(site, level, relax, factor)
    chances = lowest_chances(centre, spread, _NODES)
    lowest, low, high = (np.exp(lowest_quantile(centre, spread, *_share(side), steps=_STEPS)) for side in (0, -1, 1))
    trend = value_at(YEAR, START_FLOP, growth, START_TIME)

    def reached(flop: Any) -> Any:
        return year_reached(flop, START_FLOP, growth, START_TIME)

    return {
        **{f"{name}_first": chance for name, chance in zip(LIMITS, chances, strict=True)},
        "lowest": lowest,
        "lowest_low": low,
        "lowest_high": high,
        "allowed": lowest_above(centre, spread, np.log(run)),
        "run_year": reached(run),
        "run_growth": growth_needed(run, START_FLOP, YEAR - START_TIME),
        "trend": trend,
        "trend_allowed": lowest_above(centre, spread, np.log(trend)),
        "stop": reached(lowest),
        "stop_low": reached(low),
        "stop_high": reached(high),
    }


@cache
def _share(side: int) -> tuple[float, float]:
    """The chance to exceed the middle (0) or an end (-1, 1) of the interval, and its Normal quantile."""
    from scipy.special import ndtri

    above = 0.5 - side * LEVEL / 2.0
    return above, float(ndtri(above))


def chart() -> dict[str, Any]:
    """Above, the four ranges; below, the chance that a run of a given size gets through all of them."""
    import altair as alt

    from .charts import STEP, Canvas, shown, ten_to

    control = variables(c.name for c in CONTROLS)
    # What the readouts compute already; these signals stand in every compiled chart.
    read = {readout.name: variable(f"readout_{readout.name}") for readout in READOUTS}
    centre, spread = logarithms(*(control[name] for name in ("site", "level", "relax", "factor")))
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    published = yearly_growth("compute/frontier")
    slower, faster = (float(end) / published.median for end in (published.low or 1.0, published.high or 1.0))
    table = facts.table("limits_2030")

    def ends(name: str, column: str) -> Any:
        if name != "power":
            return float(table[name][column])
        return choose(control["site"], {key: float(table[key][column]) for key in SITES})

    canvas.signals(
        {
            "run_allowed": read["allowed"],
            "trend_low": value_at(YEAR, START_FLOP, control["growth"] * slower, START_TIME),
            "trend_high": value_at(YEAR, START_FLOP, control["growth"] * faster, START_TIME),
            "lowest_low": read["lowest_low"],
            "lowest_high": read["lowest_high"],
            "lowest_middle": read["lowest"],
            **{f"first_{name}": read[f"{name}_first"] for name in LIMITS},
            **{f"middle_{name}": np.exp(middle) for name, middle in zip(LIMITS, centre, strict=True)},
            **{f"low_{name}": np.exp(m - s * _WIDE) for name, m, s in zip(LIMITS, centre, spread, strict=True)},
            **{f"high_{name}": np.exp(m + s * _WIDE) for name, m, s in zip(LIMITS, centre, spread, strict=True)},
            **{f"from_{name}": ends(name, "flop_low") * _moved(control, name) for name in LIMITS},
            **{f"to_{name}": ends(name, "flop_high") * _moved(control, name) for name in LIMITS},
        }
    )
    x_scale = alt.Scale(type="log", domain=list(RUNS), nice=False)
    ticks = [10.0**k for k in range(26, 34)]
    x = alt.X(
        "flop:Q",
        scale=x_scale,
        axis=alt.Axis(values=ticks, labelExpr=ten_to("datum.value"), title="Training run in 2030 (FLOP)", grid=False),
    )
    years = canvas.expression(year_reached(field("value"), START_FLOP, control["growth"], START_TIME))
    x_years = alt.X(
        "flop:Q",
        scale=x_scale,
        axis=alt.Axis(
            values=ticks, labelExpr=f"format({years}, '.1f')", labelOverlap="parity", title="Year in which the trend gets there",
            orient="top", grid=False, domain=False, titleColor=color("muted"), titleFontSize=12,
        ),
    )  # fmt: skip
    bare = alt.X("flop:Q", scale=x_scale, axis=None)
    split = 0.56
    lane = alt.Y(
        "lane:Q", scale=alt.Scale(domain=[0, 4], nice=False, range=[{"expr": f"height * {split}"}, {"expr": "0"}]), axis=None
    )
    chance = alt.Y(
        "chance:Q",
        scale=alt.Scale(domain=[0, 1.04], nice=False, range=[{"expr": "height"}, {"expr": f"height * {split} + 12"}]),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", title="All four allow it", grid=False, orient="left"),
    )
    layers = []
    for row, (name, meaning) in enumerate(LIMITS.items()):
        at = 3.3 - row
        whisker = canvas.point({"flop": f"low_{name}", "to": f"high_{name}", "lane": f"{at}"})
        bar = canvas.point({"flop": f"from_{name}", "to": f"to_{name}", "lane": f"{at}"})
        dot = canvas.point({"flop": f"middle_{name}", "lane": f"{at}"})
        label = canvas.point({"flop": f"{RUNS[0]:g}", "lane": f"{at}"}).transform_calculate(
            words=f"'{name}' + (reveal ? (width < 430 ? ' ' : ' first: ') + {_share_words(f'first_{name}')} : '')"
        )
        layers += [
            whisker.mark_rule(stroke=color(meaning), strokeWidth=2, clip=True).encode(x=bare, x2="to:Q", y=lane),
            bar.mark_rule(stroke=color(meaning), strokeWidth=9, strokeOpacity=0.45, clip=True).encode(x=bare, x2="to:Q", y=lane),
            dot.mark_point(size=70, filled=True, opacity=1, color=color(meaning), clip=True).encode(x=bare, y=lane),
            label.mark_text(fontSize=13, fontWeight=600, align="left", dx=4, dy=-13, color=color(meaning)).encode(
                x=bare, y=lane, text="words:N"
            ),
        ]
    strip = canvas.point({"flop": "trend_low", "to": "trend_high", "lane": "0", "top": "4"})
    run = canvas.point({"flop": "run", "chance": "run_allowed", "lane": "0"})
    trend_label = canvas.point({"flop": "trend_high", "lane": "0"})
    # Under the curve while it is high, above it where it is low.
    beside = canvas.point({"flop": "run", "chance": "run_allowed > 0.6 ? 0.12 : 0.86"})
    leftward = "(run_allowed > 0.6 ? run > (width < 430 ? 1e27 : 2.5e27) : run > 1e31)"
    layers += [
        run.mark_point(opacity=0).encode(x=x_years, y=lane),  # carries the second axis
    ]
    lanes = alt.layer(
        strip.mark_rect(fill=color("axis"), fillOpacity=0.22, clip=True).encode(
            x=bare, x2="to:Q", y=alt.value(0), y2=alt.value(alt.ExprRef("height"))
        ),
        *layers,
    ).resolve_axis(x="independent")
    flop = RUNS[0] * (RUNS[1] / RUNS[0]) ** STEP
    through = canvas.curve(100, {"flop": flop, "chance": lowest_above(centre, spread, np.log(flop))})
    interval = canvas.point({"flop": "lowest_low", "to": "lowest_high", "chance": "0.5"})
    middle = canvas.point({"flop": "lowest_middle", "chance": "0.5"})
    below = alt.layer(
        interval.mark_rule(stroke=color("text"), strokeWidth=2, clip=True).encode(x=x, x2="to:Q", y=chance, opacity=shown()),
        through.mark_line(stroke=color("text"), strokeWidth=3, clip=True).encode(x=x, y=chance, opacity=shown()),
        middle.mark_point(size=80, shape="diamond", filled=True, opacity=1, color=color("text"), clip=True).encode(
            x=x, y=chance, opacity=shown()
        ),
        trend_label.transform_calculate(words="'trend'")
        .mark_text(fontSize=12, color=color("muted"), clip=True, baseline="top", align="left", dx=4)
        .encode(x=x, y=alt.value(1), text="words:N"),
        run.mark_rule(stroke=color("you"), strokeWidth=1.2, opacity=0.8).encode(
            x=x, y=alt.value(0), y2=alt.value(alt.ExprRef("height"))
        ),
        run.mark_point(size=130, filled=True, opacity=1, color=color("you")).encode(x=x, y=chance, opacity=shown()),
        beside.transform_calculate(words="(width < 430 ? '' : 'your run: ') + " + _share_words("run_allowed"))
        .mark_text(
            fontSize=13, fontWeight=600, color=color("you"), clip=True,
            align=alt.ExprRef(leftward + " ? 'right' : 'left'"), dx=alt.ExprRef(leftward + " ? -8 : 8"),
        )
        .encode(x=x, y=chance, text="words:N", opacity=shown()),
    )  # fmt: skip
    both: alt.LayerChart = alt.layer(lanes, below).resolve_scale(y="independent")
    return canvas.compose(both, x="independent")


def _share_words(expression: str) -> str:
    return f"({expression} < 0.005 ? '<1%' : format({expression}, '.0%'))"


#: Normal quantile of the whiskers' ends: 95% lies between them.
_WIDE = 1.959963984540054


def _moved(control: dict[str, Any], name: str) -> Any:
    return np.where(control["relax"] == name, control["factor"], 1.0)


def _presets() -> tuple[Preset, ...]:
    headline = facts.get("limits_2030_resources/headline")
    where = f"{headline.location}, {headline.source}"
    start: dict[str, Any] = {"site": "power-distributed", "level": "0.8", "relax": "none", "factor": 10.0}
    slow = facts.get("trends/compute/frontier-since-2018")
    return (
        Preset("2 × 10²⁹ FLOP", {**start, "run": headline.value, "growth": slow.value}, f"{headline.label}: {where}"),
        Preset("One campus", {**start, "site": "power-campus"}, "1 to 5 GW in one place: power section, " + headline.source),
        Preset("Ten times the power", {**start, "relax": "power"}, "No source: what if power were no obstacle?"),
        Preset("Ten times the chips", {**start, "relax": "chips"}, "No source: what if chips were no obstacle?"),
    )


def _sources() -> tuple[Source, ...]:
    sources = []
    for row in facts.table("limits_2030").values():
        spread = f"{float(row['flop_low']):g} to {float(row['flop_high']):g} FLOP"
        sources.append(Source(row["name"], spread, f"{row['location']}; {row['source']}, CC BY 4.0", row["confidence"]))
    for path in ("trends/compute/frontier-since-2018", "trends/compute/frontier", f"compute_history/{START_MODEL}/flop"):
        fact = facts.get(path)
        sources.append(Source(fact.label, f"{fact.value:g} {fact.unit}", f"{fact.location}; {fact.source}", fact.confidence))
    return tuple(sources)


@cache
def declaration() -> Declaration:
    """What :func:`limits_2030` shows, declared once."""
    name = facts.table("compute_history")[START_MODEL]["name"]
    return Declaration(
        name="limits_2030",
        title="What stops the growth by 2030?",
        question="Power, chips, data or latency: which stops the growth of training runs first, and how sure is that?",
        observe=(
            "Give power ten times what the source expects: which limit comes first then, and how much larger a run does that "
            "buy? Read the ranges as holding with 50% and with 95%. Which of the statements survive, and which do not?"
        ),
        caption=(
            "Above, the largest run that each limit allows in 2030: the pale bar is the range of Sevilla et al. (Epoch AI 2024, "
            "CC BY 4.0), read as holding with the chance you choose, the thin line holds the limit with 95% under that reading, "
            "the dot is its middle. Below, the chance that all four allow a run, with the middle and the 80% interval of the "
            "lowest. Independent, log-normal limits are our assumption. The grey strip is the trend in 2030, growing as chosen "
            f"and by the published spread around it, from {name}, the largest estimate to date; a year in which it meets a limit "
            "takes the limits of 2030 as if they stood still."
        ),
        alt=(
            "Four overlapping ranges on a logarithmic axis of training compute from 10²⁶ to 10³³ FLOP: power lowest, then chips, "
            "data very wide, latency highest. Below, a falling curve of the chance that all four allow a run; a vertical line "
            "marks your run, a grey strip the trend in 2030."
        ),
        alternative=(
            "If the ranges hold with {level}, power ({site}) is the first limit with {power_first:percent}, chips with "
            "{chips_first:percent}, data with {data_first:percent}, latency with {latency_first:percent}. The lowest of the four "
            "allows {lowest:flop} FLOP in the middle, from {lowest_low:flop} to {lowest_high:flop} with 80%. All four allow your "
            "run of {run:flop} FLOP with {allowed:percent}. Growing {growth:times} a year, the largest run is {trend:flop} FLOP "
            "in 2030, which all four allow with {trend_allowed:percent}; it meets the lowest limit in {stop:year}, with 80% "
            "between {stop_low:year} and {stop_high:year}. Limit moved: {relax}, by {factor:times}."
        ),
        python=(
            "from scaling_helpers.explorers.limits_2030 import formulas\n\n"
            "read = formulas({run}, {growth}, {site}, {level}, {relax}, {factor})\n"
            "print(*read.values())  # chances to be the first; FLOP; chances; years"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "run",
            "lowest",
            "How large a run do all four still allow with even odds? Look at the ranges, set the run, then reveal.",
        ),
        drag={"control": "run", "axis": "x"},
    )
