"""More money, cheaper arithmetic, better algorithms: which of the three makes models grow, and how sure is each share?"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..palette import color
from ..trace import variables
from ..trends import EffectiveCompute, LogNormal, doubling_time, log_growth_interval, yearly_growth
from .controls import Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

YEARS = (0.0, 10.0)
#: How much the third readout group asks for.
THOUSAND = 1e3
#: Normal quantiles of the upper ends of an 80% and a 95% interval.
Z80 = 1.2815515655446004
START = EffectiveCompute.published()


def _spread(name: str, level: float) -> float:
    """Standard deviation of the logarithm of a doubling time, from a trend's published interval."""
    growth = yearly_growth(name)
    if growth.low is None or growth.high is None:
        raise ValueError(f"trends/{name} has no interval")
    return LogNormal(float(doubling_time(growth.high)), float(doubling_time(growth.low)), level).sigma


#: How uncertain each logarithm of growth is, by a factor (standard deviation of its logarithm).
SPREADS = {
    "spending": _spread("budgets", 0.8),
    "price": _spread("price/ml-gpus", 0.95),
    "algorithms": _spread("algorithms/language", 0.95),
}

CONTROLS = (
    Linear("years", "Years from now", "years", "ratio", 1.0, YEARS[1], value=5.0, color=3, help="Or drag in the chart."),
    Log("spending", "Spending grows a year", "", "times", 1.05, 6.0, value=START.spending, color=1, help="On one training run."),
    Log("price", "FLOP for a dollar grow a year", "", "times", 1.05, 3.0, value=START.price_performance, color=4,
        help="Hardware."),
    Log("algorithms", "Algorithms save a year", "", "times", 1.05, 10.0, value=START.algorithms, color=2,
        help="Less compute for the same loss."),
    Linear("counted", "Of that, counted", "", "percent", 0.0, 1.0, value=1.0, step=0.01, color=2,
           help="Share of its logarithm that you believe."),
)  # fmt: skip
_YEAR, _DOUBLINGS, _AHEAD = "A year", "Doublings by then", "Effective compute"
READOUTS = (
    Readout("physical", "physical compute", "", "times", _YEAR, 1),
    Readout("effective", "effective compute", "", "times", _YEAR),
    Readout("effective_low", "80% interval, from", "", "times", _YEAR),
    Readout("effective_high", "to", "", "times", _YEAR),
    Readout("months", "effective compute doubles in", "months", "ratio", _YEAR),
    Readout("by_spending", "spending", "", "ratio", _DOUBLINGS, 1),
    Readout("by_price", "hardware price", "", "ratio", _DOUBLINGS, 4),
    Readout("by_algorithms", "algorithms", "", "ratio", _DOUBLINGS, 2),
    Readout("share", "share of the algorithms", "", "percent", _DOUBLINGS, 2),
    Readout("factor", "grows by then", "", "times", _AHEAD),
    Readout("factor_low", "80% interval, from", "", "times", _AHEAD),
    Readout("factor_high", "to", "", "times", _AHEAD),
    Readout("thousand", "is a thousand times as much after", "years", "ratio", _AHEAD, 3),
    Readout("thousand_low", "80% interval, from", "years", "ratio", _AHEAD, 3),
    Readout("thousand_high", "to", "years", "ratio", _AHEAD, 3),
)


def effective_compute(**values: Any) -> Explorer:
    """Where growth comes from: traits ``years``, ``spending``, ``price``, ``algorithms`` (factors a year), ``counted`` (a share).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = effective_compute().readouts()
    >>> round(read["physical"], 2), round(read["effective"], 2), round(read["share"], 2)
    (3.57, 9.57, 0.44)
    """
    return widget_class(declaration())(**values)


def growth_of(spending: Any, price: Any, algorithms: Any, counted: Any) -> EffectiveCompute:
    """The three factors, of the algorithms only the part that is counted."""
    return EffectiveCompute(spending, price, algorithms**counted)


def formulas(years: Any, spending: Any, price: Any, algorithms: Any, counted: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    growth = growth_of(spending, price, algorithms, counted)
    low, high = interval(growth)
    rate = np.log(growth.effective)
    return {
        "physical": growth.physical,
        "effective": growth.effective,
        "effective_low": np.exp(low),
        "effective_high": np.exp(high),
        "months": 12.0 * doubling_time(growth.effective),
        "by_spending": years * np.log2(growth.spending),
        "by_price": years * np.log2(growth.price_performance),
        "by_algorithms": years * np.log2(growth.algorithms),
        "share": growth.algorithmic_share,
        "factor": growth.factor(years),
        "factor_low": np.exp(years * low),
        "factor_high": np.exp(years * high),
        "thousand": math.log(THOUSAND) / rate,
        "thousand_low": math.log(THOUSAND) / high,
        "thousand_high": math.log(THOUSAND) / low,
    }


def interval(growth: EffectiveCompute) -> tuple[Any, Any]:
    """80% interval of the log growth of effective compute a year."""
    rates = [np.log(one) for one in (growth.spending, growth.price_performance, growth.algorithms)]
    return log_growth_interval(rates, list(SPREADS.values()), Z80)


def chart() -> dict[str, Any]:
    """Powers of ten gained against years: the three shares stacked, the total with its band, and what was observed."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    growth = growth_of(*(control[name] for name in ("spending", "price", "algorithms", "counted")))
    low, high = interval(growth)
    ten = math.log(10.0)
    steps = [np.log10(one) for one in (growth.spending, growth.price_performance, growth.algorithms)]
    observed = yearly_growth("compute/frontier")
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "top": 1.02 * YEARS[1] * high / ten,
            "total": np.log10(read["factor"]),
            "total_low": control["years"] * low / ten,
            "total_high": control["years"] * high / ten,
            "first": YEARS[1] * steps[0],
            "second": YEARS[1] * steps[1],
            "third": YEARS[1] * steps[2],
            "factor_now": read["factor"],
            "seen": YEARS[1] * math.log10(observed.median) + 0.0 * control["years"],
        }
    )
    x = alt.X(
        "year:Q",
        scale=alt.Scale(domain=list(YEARS), nice=False),
        axis=alt.Axis(values=list(range(11)), labelOverlap="parity", format="d", title="Years from now", grid=False),
    )
    y = alt.Y(
        "power:Q",
        scale=alt.Scale(domain=[0, alt.ExprRef("top")], nice=False),
        axis=alt.Axis(tickCount=6, format="~g", title="Gained, in powers of ten", grid=False),
    )

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=y, text="words:N", opacity=shown())

    year = YEARS[1] * STEP
    layers, under = [], 0.0 * STEP
    for meaning, step in zip(("law", "fourth", "other"), steps, strict=True):
        over = under + year * step
        layers.append(
            canvas.curve(1, {"year": year, "power": under, "upto": over})
            .mark_area(fill=color(meaning), fillOpacity=0.3, clip=True)
            .encode(x=x, y=y, y2="upto:Q", opacity=shown())
        )
        layers.append(
            canvas.curve(1, {"year": year, "power": over})
            .mark_line(stroke=color(meaning), strokeWidth=2.5, clip=True)
            .encode(x=x, y=y, opacity=shown())
        )
        under = over
    layers.append(
        canvas.curve(1, {"year": year, "power": year * low / ten, "upto": year * high / ten})
        .mark_area(fill=color("text"), fillOpacity=0.12, clip=True)
        .encode(x=x, y=y, y2="upto:Q", opacity=shown())
    )
    layers.append(
        canvas.curve(1, {"year": year, "power": year * math.log10(observed.median)})
        .mark_line(stroke=color("muted"), strokeWidth=1.8, strokeDash=[8, 4], clip=True)
        .encode(x=x, y=y, opacity=shown())
    )
    where = f"{YEARS[1]:g}"
    now = canvas.point({"year": "years", "power": "total", "low": "total_low", "high": "total_high"})
    middles = {
        "'spending'": ("first / 2", "first"),
        "width < 430 ? 'hardware' : 'hardware price'": ("first + second / 2", "second"),
        "'algorithms'": ("first + second + third / 2", "third"),
    }
    names = [
        words(
            canvas.point({"year": where, "power": f"({middle}) * 0.93"}, where=f"{thick} * 0.8 > 0.05 * top"),
            text, "text", align="right", dx=-8,
        )
        for text, (middle, thick) in middles.items()
    ]  # fmt: skip
    factor_words = short("factor_now") + " + ' times'"
    return canvas.compose(
        *layers,
        *names,
        now.mark_rule(stroke=color("you"), strokeWidth=1, opacity=0.7).encode(x=x),
        now.mark_rule(stroke=color("you"), strokeWidth=4, clip=True).encode(
            x=x, y=alt.Y("low:Q", scale=alt.Scale(domain=[0, alt.ExprRef("top")], nice=False)), y2="high:Q", opacity=shown()
        ),
        now.mark_point(size=130, filled=True, opacity=1, color=color("you"), clip=True).encode(x=x, y=y, opacity=shown()),
        now.transform_calculate(words=factor_words)
        .mark_text(
            fontSize=13, fontWeight=600, color=color("you"), baseline="top",
            align=alt.ExprRef("years > 6 ? 'right' : 'left'"), dx=alt.ExprRef("years > 6 ? -7 : 7"),
        )
        .encode(x=x, y=alt.value(4), text="words:N", opacity=shown()),
    )  # fmt: skip


def _presets() -> tuple[Preset, ...]:
    def factor(name: str) -> float:
        return yearly_growth(name).median

    start = {"spending": START.spending, "price": START.price_performance, "algorithms": START.algorithms, "counted": 1.0}
    left = facts.get("trends/algorithms/scale-dependent-share")
    eci, vision, net = (facts.get(f"trends/algorithms/{name}") for name in ("eci", "vision", "imagenet"))
    every = {**start, "counted": round(1.0 - left.value, 4)}
    seen, classified = ({**start, "algorithms": factor(f"algorithms/{name}")} for name in ("vision", "imagenet"))
    return (
        Preset("Language, 2012 to 2023", start, "Ho et al. 2024, Table 1; budgets and prices: Epoch AI (CC BY 4.0)"),
        Preset("Only gains at every scale", every, f"{left.label} left out; {left.source}"),
        Preset("Vision", seen, f"{vision.location}, {vision.source}; interval {vision.low:g} to {vision.high:g} months"),
        Preset("AlexNet's accuracy", classified, f"{net.location}, {net.source}; no interval"),
        Preset("By a capability index", {**start, "algorithms": factor("algorithms/eci")},
               f"{eci.location}, {eci.source}: its own range, {eci.low:g} to {eci.high:g} times, is far wider than the band"),
    )  # fmt: skip


def _sources() -> tuple[Source, ...]:
    algorithms = ("language", "scale-dependent-share", "overstatement", "eci", "vision", "imagenet")
    names = ("budgets", "hardware/price", "price/ml-gpus", *(f"algorithms/{name}" for name in algorithms), "compute/frontier")
    sources = []
    for fact in (facts.get(f"trends/{name}") for name in names):
        ends = f" ({fact.low:g} to {fact.high:g}, {fact.interval})" if fact.low is not None and fact.high is not None else ""
        value = f"{fact.value:g} {fact.unit}{ends}"
        sources.append(Source(fact.label, value, f"{fact.location}; {fact.source}", fact.confidence))
    return tuple(sources)


@cache
def declaration() -> Declaration:
    """What :func:`effective_compute` shows, declared once."""
    return Declaration(
        name="effective_compute",
        title="Where does the growth come from?",
        question="Money, cheaper hardware, better algorithms: how much of the growth is due to each, and how sure is that?",
        observe=(
            "Stop the growth of spending: how much is left? Then count only that part of the algorithms' gain which does not "
            "need scale. What happens to the share of the algorithms, and to the time until a thousandfold?"
        ),
        caption=(
            "On a logarithmic axis factors add up: spending below, cheaper hardware on it, algorithms on top. The grey band "
            "and the thick bar hold the total with 80%, from the published intervals of the three rates, taken as independent "
            "and their doubling times as log-normal; that spending's range of 2 to 3 holds with 80% is our reading. The dashed "
            "grey line is the growth of physical compute that was observed, 4 to 5 times a year (Epoch AI, CC BY 4.0): spending "
            "and prices alone come out below it. Whether algorithms gain as much at every scale is disputed."
        ),
        alt=(
            "Powers of ten gained against years, three stacked wedges: spending and algorithms are about equally thick, hardware "
            "price is the thinnest. A grey band marks an interval that widens with the years; a dashed line for the observed "
            "growth of physical compute runs a little above the first two wedges."
        ),
        alternative=(
            "Spending grows {spending:times} a year, the FLOP for a dollar {price:times}, and algorithms save "
            "{algorithms:times}, of which {counted:percent} is counted. Physical compute grows {physical:times} a year, "
            "effective compute {effective:times}, with 80% between {effective_low:times} and {effective_high:times}; it "
            "doubles in {months:ratio} months. After {years:ratio} years spending has brought {by_spending:ratio} doublings, "
            "hardware {by_price:ratio} and algorithms {by_algorithms:ratio}, {share:percent} of them all. Effective compute "
            "has grown {factor:times}, with 80% between {factor_low:times} and {factor_high:times}. A thousandfold takes "
            "{thousand:ratio} years, with 80% between {thousand_low:ratio} and {thousand_high:ratio}."
        ),
        python=(
            "from scaling_helpers.trends import EffectiveCompute, doubling_time\n\n"
            "growth = EffectiveCompute({spending}, {price}, {algorithms} ** {counted})  # times a year\n"
            "print(growth.physical, growth.effective, growth.algorithmic_share, growth.factor({years}))\n"
            "print(12 * doubling_time(growth.effective))  # months"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess(
            "years",
            "thousand",
            "After how many years is effective compute a thousand times as large? Set the years, or drag, then reveal.",
        ),
        drag={"control": "years", "axis": "x"},
    )
