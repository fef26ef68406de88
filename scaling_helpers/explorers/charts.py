"""How does a traced formula become a chart? The few shapes that every explorer draws, as Altair layers.

A :class:`Canvas` collects the signals that its shapes need. Parts of a formula that do not depend on the drawn data
are lifted into signals, so a move recomputes them once and not at each of some hundred points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from ..palette import color
from ..trace import field, vega_calculations, vega_signals

__all__ = ["CHART_SIZE", "NARROW", "STEP", "Canvas", "flop_words", "panel", "short", "ten_to"]

#: Width and height of a chart, in pixels.
CHART_SIZE = (680, 380)
#: Charts narrower than this, in pixels, are on a phone.
NARROW = 430
#: The running variable of a curve: 0 at its start, 1 at its end.
STEP = field("step")
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


class Canvas:
    """Collects a chart's parameters and makes its layers; ``controls`` maps each control to its starting value.

    >>> from scaling_helpers.trace import variable
    >>> Canvas({"compute": 5.76e23}).expression(variable("compute") * STEP)
    '(compute * datum.step)'
    """

    def __init__(self, controls: Mapping[str, Any]) -> None:
        self.params = [alt.param(name=name, value=value) for name, value in controls.items()]
        # The front end turns this off while a reader guesses.
        self.params.append(alt.param(name="reveal", value=True))
        self._made = 0

    def signals(self, formulas: Mapping[str, Any]) -> None:
        """Make traced formulas available to the chart's expressions under their names."""
        self._made += 1
        self._declare(vega_signals(formulas, f"part{self._made}_"))

    def expression(self, formula: Any) -> str:
        """The Vega expression of one traced formula over data columns."""
        return self._columns({"value": formula})["value"]

    def curve(self, points: int, columns: Mapping[str, Any], where: str = "true") -> alt.Chart:
        """A line of ``points`` intervals whose columns are traced formulas of :data:`STEP`; drawn where ``where`` holds."""
        # One filter before the sequence's columns are computed: a curve that is not shown costs nothing.
        chart = alt.Chart(alt.sequence(0, 1 + 0.5 / points, 1 / points, as_="step")).transform_filter(where)
        return _calculate(chart, self._columns(columns))

    def family(self, name: str, members: list[float], points: int, columns: Mapping[str, Any], where: str) -> alt.Chart:
        """Several lines at once, one for each value of column ``name`` that ``where`` keeps."""
        chart = alt.Chart(alt.Data(values=[{name: member} for member in members])).transform_filter(where)
        chart = chart.transform_calculate(step=f"sequence(0, {1 + 0.5 / points}, {1 / points})").transform_flatten(["step"])
        return _calculate(chart, self._columns(columns))

    def point(self, columns: Mapping[str, str], where: str = "true") -> alt.Chart:
        """A single datum whose columns are expressions over signals; drawn where ``where`` holds."""
        return alt.Chart(alt.Data(values=[{}])).transform_filter(where).transform_calculate(**columns)

    def compose(self, *layers: alt.Chart | alt.LayerChart, panels: bool = False, **resolve: str) -> dict[str, Any]:
        """The Vega-Lite specification of all layers in the book's style.

        With ``panels`` each layer keeps scales of its own, whose ranges (:func:`panel`) share out the chart.
        """
        width, height = CHART_SIZE
        chart: alt.LayerChart = alt.layer(*layers)
        if panels:
            chart = chart.resolve_scale(x="independent", y="independent")
        if resolve:
            chart = chart.resolve_axis(**resolve)
        chart = chart.properties(width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
        spec: dict[str, Any] = chart.add_params(*self.params).configure(**_config()).to_dict()
        return spec

    def _columns(self, columns: Mapping[str, Any]) -> dict[str, str]:
        self._made += 1
        lifted, calculations = vega_calculations(columns, f"part{self._made}")
        self._declare(lifted)
        return calculations

    def _declare(self, expressions: Mapping[str, str]) -> None:
        self.params += [alt.param(name=name, expr=text) for name, text in expressions.items()]


def _calculate(chart: alt.Chart, columns: Mapping[str, str]) -> alt.Chart:
    for name, text in columns.items():
        chart = chart.transform_calculate(**{name: text})
    return chart


def shown(opacity: float = 1.0) -> Any:
    """An opacity that is nought while a reader guesses."""
    return alt.value(alt.ExprRef(f"reveal ? {opacity} : 0"))


def short(expression: str) -> str:
    """A Vega expression that writes a count as 40.4B or 9.6e+15; Vega's own prefixes would be G and P.

    >>> short("size").startswith("(size >= 1e15")
    True
    """
    return f"({expression} >= 1e15 ? format({expression}, '.2~e') : replace(format({expression}, '.3~s'), 'G', 'B'))"


def ten_to(expression: str) -> str:
    """A Vega expression that writes 1e23 as 10²³; for whole powers of ten from 10¹⁰ to 10⁹⁹.

    >>> ten_to("datum.value").startswith("'10' + ")
    True
    """
    digits = "['⁰','¹','²','³','⁴','⁵','⁶','⁷','⁸','⁹']"
    power = f"round(log({expression}) / LN10)"
    return f"'10' + {digits}[floor({power} / 10)] + {digits}[{power} % 10]"


def panel(second: bool, gap: int = 62) -> tuple[list[Any], list[Any], dict[str, Any], dict[str, Any]]:
    """Where one of two panels lies, beside the other or, on a phone, below it: ranges of x and y, offsets of their axes.

    The second panel's x axis stays at the bottom of the chart and its y axis moves to the panel's left edge; the first
    one's x axis moves up on a phone.

    >>> across, _, _, beside = panel(second=True)
    >>> across[1], sorted(beside)
    ({'expr': 'width'}, ['offset'])
    """
    wide, left, right = f"(width >= {NARROW})", f"(width - {gap}) / 2", f"(width + {gap}) / 2"
    lower, upper = "(height + 58) / 2", "(height - 58) / 2"

    def expr(text: str) -> Any:
        return {"expr": text}

    if second:
        x = [expr(f"{wide} ? {right} : 0"), expr("width")]
        y = [expr("height"), expr(f"{wide} ? 0 : {lower}")]
        return x, y, {}, {"offset": expr(f"{wide} ? -({right}) : 0")}
    x = [expr("0"), expr(f"{wide} ? {left} : width")]
    y = [expr(f"{wide} ? height : {upper}"), expr("0")]
    return x, y, {"offset": expr(f"{wide} ? 0 : -(height + 58) / 2")}, {}


def flop_words(expression: str) -> str:
    """A Vega expression that writes a budget as 5.76 × 10²³ FLOP; its exponent has two digits.

    >>> flop_words("compute").endswith("' FLOP'")
    True
    """
    digits = "['⁰','¹','²','³','⁴','⁵','⁶','⁷','⁸','⁹']"
    parts = f"split(format({expression}, '.2~e'), 'e+')"
    first, second = (f"{digits}[toNumber(substring({parts}[1], {at}, {at + 1}))]" for at in (0, 1))
    return f"{parts}[0] + ' × 10' + {first} + {second} + ' FLOP'"


def _config() -> dict[str, Any]:
    text = {"labelColor": color("muted"), "titleColor": color("text"), "labelFontSize": 12, "titleFontSize": 13}
    lines = {"domainColor": color("axis"), "tickColor": color("axis"), "gridColor": color("grid")}
    return {
        "aria": False,  # the figure carries one label; Vega would add one for every mark
        "background": "transparent",
        "font": _FONT,
        "view": {"stroke": None},
        "axis": {**text, **lines, "titleFontWeight": 500, "titlePadding": 8, "gridOpacity": 1},
        "text": {"fill": color("text"), "font": _FONT},
    }
