"""When does the largest training set need more text than there is, and what do repetition and synthetic text buy?"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from .. import facts
from ..laws import MUENNIGHOFF_2023_REPEATED
from ..palette import color
from ..trace import variables, when
from ..trends import (
    LogNormal,
    compute_for_tokens,
    compute_points,
    doubling_time,
    exhaustion_quantile,
    exhaustion_year,
    fit_token_growth,
    used_up_chance,
    value_at,
)
from .controls import Integer, Linear, Log
from .declaration import Declaration, Guess, Preset, Readout, Source
from .widget import Explorer, widget_class

YEARS = (2018.0, 2045.0)
TOKENS = (1e11, 1e18)
#: The set from which the growth is counted.
START_MODEL = "llama-3.1-405b"
#: Normal quantiles of the ends of an 80% and a 90% interval.
Z80, Z90 = 1.2815515655446004, 1.6448536269514722


def _start() -> tuple[float, float]:
    """Release (year) and tokens of the set from which the growth is counted."""
    times, tokens, names = compute_points(column="tokens")
    at = names.index(START_MODEL)
    return float(times[at]), float(tokens[at])


def _growth() -> LogNormal:
    """Growth of the largest set a year: it goes with the square root of compute, as for a compute-optimal model."""
    compute = LogNormal.from_fact("trends/compute/frontier", 0.8)
    return LogNormal(math.sqrt(compute.low), math.sqrt(compute.high), 0.8)


START_TIME, START_TOKENS = _start()
STOCK = LogNormal.from_fact("trends/data/stock", 0.9)
GROWTH = _growth()
DOUBT = math.sqrt(GROWTH.high / GROWTH.low)

CONTROLS = (
    Linear("year", "Year", "", "year", 2024.0, 2045.0, value=2030.0, color=3, help="Or drag in the chart."),
    Log("growth", "Largest set grows a year", "", "times", 1.2, 6.0, value=GROWTH.median, color=1,
        help="The square root of compute's growth."),
    Log("doubt", "Growth known to within", "", "times", 1.01, 1.6, value=DOUBT, color=1, help="Up or down, with 80%."),
    Log("stock", "Text there is", "tokens", "count", 2e13, 1e17, value=STOCK.median, color=2,
        help="Middle; uncertain as published."),
    Integer("epochs", "Each text is read", "", "times", 1.0, 40.0, value=1.0, color=2, help="Epochs."),
    Linear("synthetic", "Synthetic share of the set", "", "percent", 0.0, 0.95, value=0.0, step=0.01, color=2,
           help="Text that no human wrote."),
)  # fmt: skip
_WALL, _YEAR, _BUYS = "The text is used up", "In your year", "What puts it off"
READOUTS = (
    Readout("wall", "in the year", "", "year", _WALL, 2),
    Readout("wall_low", "80% interval, from", "", "year", _WALL, 2),
    Readout("wall_high", "to", "", "year", _WALL, 2),
    Readout("run", "a run on all of it, 20 tokens per parameter", "FLOP", "flop", _WALL, 2),
    Readout("need", "the largest set", "tokens", "count", _YEAR, 1),
    Readout("share", "of the text that may be used", "", "percent", _YEAR, 1),
    Readout("gone", "chance that it is used up", "", "percent", _YEAR, 3),
    Readout("by_epochs", "repetition", "years", "ratio", _BUYS, 2),
    Readout("by_synthetic", "synthetic text", "years", "ratio", _BUYS, 2),
    Readout("by_double", "twice the text", "years", "ratio", _BUYS, 2),
    Readout("worth", "the repeated text is worth new text of", "tokens", "count", _BUYS, 2),
)


def data_wall(**values: Any) -> Explorer:
    """When text runs out: traits ``year``, ``growth`` (a year), ``doubt`` (a factor), ``stock`` (tokens), ``epochs`` and
    ``synthetic`` (a share).

    Keyword arguments set the starting state; ValueError or TypeError names one that is unknown or out of range.

    >>> read = data_wall().readouts()
    >>> int(read["wall_low"]), int(read["wall"]), int(read["wall_high"])
    (2027, 2028, 2029)
    """
    return widget_class(declaration())(**values)


def usable(stock: Any, epochs: Any, synthetic: Any) -> Any:
    """The largest set that may be trained on: each text so often, and so much beside it that no human wrote."""
    return stock * epochs / (1.0 - synthetic)


def uncertain(growth: Any, doubt: Any, stock: Any, epochs: Any, synthetic: Any) -> dict[str, Any]:
    """The quantities of the forecast, as :func:`scaling_helpers.trends.exhaustion_quantile` takes them."""
    return {
        "room": usable(stock, epochs, synthetic), "tokens": START_TOKENS, "growth": growth, "start": START_TIME,
        "room_sigma": STOCK.sigma, "growth_sigma": np.log(doubt) / Z80,
    }  # fmt: skip


def formulas(year: Any, growth: Any, doubt: Any, stock: Any, epochs: Any, synthetic: Any) -> dict[str, Any]:
    """Every readout of a state; given tracers, every readout's formula."""
    forecast = uncertain(growth, doubt, stock, epochs, synthetic)
    low, _ = exhaustion_quantile(-Z80, **forecast)
    high, ends = exhaustion_quantile(Z80, **forecast)
    need = value_at(year, START_TOKENS, growth, START_TIME)
    double = doubling_time(growth)
    return {
        "wall": exhaustion_year(stock, START_TOKENS, growth, START_TIME, epochs, synthetic),
        "wall_low": when(ends > 0.0, low),
        "wall_high": when(ends > 0.0, high),
        "run": compute_for_tokens(usable(stock, epochs, synthetic)),
        "need": need,
        "share": need / usable(stock, epochs, synthetic),
        "gone": used_up_chance(year, **forecast),
        "by_epochs": double * np.log2(epochs),
        "by_synthetic": double * -np.log2(1.0 - synthetic),
        "by_double": double,
        "worth": MUENNIGHOFF_2023_REPEATED.effective_tokens(stock * epochs, stock),
    }


def chart() -> dict[str, Any]:
    """The largest set against the text there is, year by year, both with their doubts."""
    import altair as alt

    from .charts import STEP, Canvas, short, shown

    control = variables(c.name for c in CONTROLS)
    read = formulas(**control)
    forecast = uncertain(**{c: control[c] for c in ("growth", "doubt", "stock", "epochs", "synthetic")})
    low, _ = exhaustion_quantile(-Z80, **forecast)
    high, ends = exhaustion_quantile(Z80, **forecast)
    published = facts.get("trends/data/full-use")
    canvas = Canvas({c.name: c.value for c in CONTROLS})
    canvas.signals(
        {
            "room": forecast["room"],
            "room_low": forecast["room"] * np.exp(-Z90 * STOCK.sigma),
            "room_high": forecast["room"] * np.exp(Z90 * STOCK.sigma),
            "wall": read["wall"],
            "from_year": np.where(ends > 0.0, low, read["wall"]),
            "to_year": np.where(ends > 0.0, np.minimum(high, 3e3), read["wall"]),
            "bounded": ends > 0.0,
            "need_now": read["need"],
            "gone_now": read["gone"],
            "more_than_once": (control["epochs"] > 1.0) | (control["synthetic"] > 0.0),
        }
    )
    x = alt.X(
        "year:Q",
        scale=alt.Scale(domain=list(YEARS), nice=False, zero=False),
        axis=alt.Axis(values=list(range(2018, 2046, 3)), format="d", labelOverlap="parity", title="Year", grid=False),
    )
    y = alt.Y(
        "tokens:Q",
        scale=alt.Scale(type="log", domain=list(TOKENS), nice=False),
        axis=alt.Axis(values=[10.0**k for k in range(11, 19)], labelExpr=short("datum.value"), title="Tokens", grid=False),
    )

    def words(chart: alt.Chart, text: str, meaning: str, **style: Any) -> alt.Chart:
        mark = chart.transform_calculate(words=text).mark_text(
            **{"fontSize": 13, "fontWeight": 600, "color": color(meaning), "clip": True, **style}
        )
        return mark.encode(x=x, y=y, text="words:N")

    time = START_TIME + (YEARS[1] - START_TIME) * STEP
    ahead = time - START_TIME
    grown = value_at(time, START_TOKENS, control["growth"], START_TIME)
    spread = np.exp(Z80 * forecast["growth_sigma"] * ahead)
    line = canvas.curve(60, {"year": time, "tokens": grown})
    fan = canvas.curve(30, {"year": time, "tokens": grown / spread, "upto": grown * spread})
    across = {"year": YEARS[0] + (YEARS[1] - YEARS[0]) * STEP}
    level = canvas.curve(1, {**across, "tokens": forecast["room"] + 0.0 * STEP})
    once = canvas.curve(1, {**across, "tokens": control["stock"] + 0.0 * STEP}, where="more_than_once")
    ends_of_band = {"tokens": f"max(room_low, {TOKENS[0]:g})", "upto": f"min(room_high, {TOKENS[1]:g})"}
    band = canvas.point({"year": f"{YEARS[0]:g}", "to": f"{YEARS[1]:g}", **ends_of_band})
    meet = canvas.point({"year": "wall", "tokens": "room", "from": "from_year", "to": "to_year", "bottom": f"{TOKENS[0]:g}"})
    mine = canvas.point({"year": "from_year", "to": "to_year", "tokens": "1.2e12"})
    mine_name = canvas.point({"year": "to_year > 2036 ? from_year : to_year", "tokens": "1.2e12"})
    theirs = canvas.point({"year": f"{published.low}", "to": f"{published.high}", "tokens": "2.5e11"})
    theirs_name = canvas.point({"year": f"{published.high}", "tokens": "2.5e11"})
    theirs_middle = canvas.point({"year": f"{published.value}", "tokens": "2.5e11"})
    now = canvas.point({"year": "year", "tokens": "need_now"})
    real = alt.Chart(alt.Data(values=_dots()))
    side = {"align": alt.ExprRef("to_year > 2036 ? 'right' : 'left'"), "dx": alt.ExprRef("to_year > 2036 ? -6 : 6")}
    used = "(gone_now > 0.995 ? '>99%' : gone_now < 0.005 ? '<1%' : format(gone_now, '.0%'))"
    return canvas.compose(
        band.mark_rect(fill=color("other"), fillOpacity=0.14, clip=True).encode(x=x, x2="to:Q", y=y, y2="upto:Q"),
        fan.mark_area(fill=color("law"), fillOpacity=0.2, clip=True).encode(x=x, y=y, y2="upto:Q", opacity=shown()),
        once.mark_line(stroke=color("other"), strokeWidth=1.4, strokeDash=[2, 4], clip=True).encode(x=x, y=y),
        level.mark_line(stroke=color("other"), strokeWidth=2.5, strokeDash=[8, 4], clip=True).encode(x=x, y=y, opacity=shown()),
        line.mark_line(stroke=color("law"), strokeWidth=3, clip=True).encode(x=x, y=y, opacity=shown()),
        words(
            canvas.point({"year": f"{YEARS[0]:g}", "tokens": "room"}),
            "more_than_once ? 'text that may be used' : 'text there is'", "other", align="left", dx=5, dy=-10,
        ).encode(opacity=shown()),
        real.mark_point(size=30, filled=True, opacity=1, color=color("muted"), shape="square", clip=True).encode(x=x, y=y),
        now.mark_rule(stroke=color("you"), strokeWidth=1.2, opacity=0.8).encode(x=x),
        now.mark_point(size=110, filled=True, opacity=1, color=color("you"), clip=True).encode(x=x, y=y, opacity=shown()),
        meet.mark_point(size=120, shape="diamond", filled=True, opacity=1, color=color("other"), clip=True).encode(
            x=x, y=y, opacity=shown()
        ),
        mine.mark_rule(stroke=color("other"), strokeWidth=4, clip=True).encode(x=x, x2="to:Q", y=y, opacity=shown()),
        words(mine_name, "!bounded ? 'no end' : width < 430 ? 'here' : 'used up, 80%'", "other", fontSize=12, **side)
        .encode(opacity=shown()),
        theirs.mark_rule(stroke=color("muted"), strokeWidth=4, clip=True).encode(x=x, x2="to:Q", y=y, opacity=shown()),
        theirs_middle.mark_point(size=60, filled=True, opacity=1, color=color("muted")).encode(x=x, y=y, opacity=shown()),
        words(theirs_name, "width < 430 ? 'published' : 'Villalobos et al., 80%'", "muted", fontSize=12, align="left", dx=6)
        .encode(opacity=shown()),
        words(
            now, f"(width < 430 ? 'gone: ' : 'gone by ' + format(year, '.0f') + ': ') + {used}", "you", dy=4, baseline="top",
            align=alt.ExprRef("year > (width < 430 ? 2026 : 2033) ? 'right' : 'left'"),
            dx=alt.ExprRef("year > (width < 430 ? 2026 : 2033) ? -7 : 7"),
        ).encode(x=x, y=alt.value(4), text="words:N", opacity=shown()),
    )  # fmt: skip


def _dots() -> list[dict[str, Any]]:
    """The training sets of the list of models."""
    times, tokens, _ = compute_points(since=YEARS[0], column="tokens")
    return [{"year": round(float(t), 3), "tokens": float(d)} for t, d in zip(times, tokens, strict=True) if d > TOKENS[0]]


def _presets() -> tuple[Preset, ...]:
    start = {control.name: control.value for control in CONTROLS if control.name != "year"}
    stock, epochs = facts.get("trends/data/stock"), facts.get("results/muennighoff-free-epochs")
    wide = facts.get("limits_2030_resources/data/resource-high")
    listed = fit_token_growth(since=2018.0)
    low, high = listed.growth_interval(0.8)
    ours = {"growth": listed.growth, "doubt": math.sqrt(high / low)}
    return (
        Preset("Public human text", start, f"{stock.location}, {stock.source}; growth: the square root of Epoch AI's 4 to 5"),
        Preset("Four epochs", {**start, "epochs": epochs.value}, f"{epochs.location}, {epochs.source}: {epochs.label}"),
        Preset("Text and pictures, at most", {**start, "stock": wide.value}, f"{wide.location}, {wide.source}"),
        Preset("As our models grew", {**start, **ours}, "The list of models since 2018, by least squares; few, famous"),
    )


def _sources() -> tuple[Source, ...]:
    names = ("trends/data/stock", "trends/data/full-use", "trends/compute/frontier", f"compute_history/{START_MODEL}/tokens")
    sources = []
    for fact in map(facts.get, (*names, "results/muennighoff-repeated-tokens")):
        ends = f" ({fact.low:g} to {fact.high:g}, {fact.interval})" if fact.low is not None and fact.high is not None else ""
        sources.append(Source(fact.label, f"{fact.value:g}{ends}", f"{fact.location}; {fact.source}", fact.confidence))
    return tuple(sources)


@cache
def declaration() -> Declaration:
    """What :func:`data_wall` shows, declared once."""
    return Declaration(
        name="data_wall",
        title="When does the text run out?",
        question="When does the largest training set need more human text than there is, and what would put that off?",
        observe=(
            "Read each text four times, then forty: how many years does that buy? Then make the growth more doubtful until the "
            "interval is as wide as the published one. Which of the two matters more for the year?"
        ),
        caption=(
            "The solid line is the largest training set, growing from that of Llama 3.1 405B, with the band that holds it with "
            "80%. The dashed line is the text that may be used, with the band that holds it with 90% (Villalobos et al. 2024). "
            "They meet at the diamond; the two bars below are the 80% interval of that year, ours and the published one, which "
            "allows for more doubts. Squares are the sets of real models. Log-normal, independent uncertainties are our "
            "assumption, and repeated text is counted in full."
        ),
        alt=(
            "Tokens against years from 2018 to 2045, logarithmic. A rising line for the largest training set crosses a level "
            "band for the stock of text near 2028; below, two horizontal bars compare the interval of the crossing with the "
            "published 2026 to 2032."
        ),
        alternative=(
            "With {stock:count} tokens of text, each read {epochs:times}, a synthetic share of {synthetic:percent} and sets "
            "that grow {growth:times} a year, the text is used up in {wall:year}[[wall_low|, with 80% between {wall_low:year} "
            "and {wall_high:year}]][[!wall_low|; the growth is too doubtful for an interval of 80% with an end]]. In "
            "{year:year} the largest set takes {need:count} tokens, {share:percent} of what may be used, and the chance that "
            "it is used up is {gone:percent}. Repetition buys {by_epochs:ratio} years, synthetic text {by_synthetic:ratio}, "
            "twice the text {by_double:ratio}. The repeated text is worth {worth:count} new tokens. A run on all of it would "
            "cost {run:flop} FLOP."
        ),
        python=(
            "from scaling_helpers.explorers.data_wall import formulas\n\n"
            "read = formulas({year}, {growth}, {doubt}, {stock}, {epochs}, {synthetic})\n"
            "print(*[value for value in read.values() if value is not None])  # years, FLOP, tokens, shares"
        ),
        controls=CONTROLS,
        readouts=READOUTS,
        presets=_presets(),
        sources=_sources(),
        formulas=formulas,
        chart=chart,
        guess=Guess("year", "wall", "In which year is the text used up? Set the year, or drag, then reveal."),
        drag={"control": "year", "axis": "x"},
    )
