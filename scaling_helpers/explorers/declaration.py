"""What is an explorer? A question, controls, formulas over them and a chart; nothing here knows Jupyter or Sphinx.

The formulas are one Python function of the controls. Called with numbers it gives the readouts; called with tracers
it gives the Vega signals that the browser computes. So each formula is written once.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .. import numbers
from ..palette import coarse
from ..trace import variable, vega_signals
from .controls import Choice, Control

__all__ = ["Declaration", "Guess", "Preset", "Readout", "Source"]


@dataclass(frozen=True)
class Readout:
    """One number the explorer shows; ``format`` is a kind of :mod:`scaling_helpers.numbers`, ``color`` a series' number.

    >>> Readout("optimal_N", "Best size", "parameters", "count", group="Optimum").name
    'optimal_N'
    """

    name: str
    label: str
    unit: str
    format: str
    group: str
    color: int | None = None


@dataclass(frozen=True)
class Preset:
    """A named state: some or all of the controls, with where the numbers come from.

    >>> Preset("Gopher", {"compute": 5.76e23}, "the budget of Hoffmann et al., Table 1").values
    {'compute': 5.76e+23}
    """

    label: str
    values: Mapping[str, Any]
    note: str


@dataclass(frozen=True)
class Guess:
    """Guess first: the reader sets ``control``, then ``answer`` (a readout) is revealed.

    ``values`` are set as the guessing begins, where the starting state would give the answer away.

    >>> Guess(control="size", answer="optimal_N", prompt="Set the size you would train.").control
    'size'
    """

    control: str
    answer: str
    prompt: str
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Source:
    """A published value or interval that the explorer rests on.

    >>> Source("alpha", "0.3478", "arXiv:2404.10102, Table 1", "primary text").value
    '0.3478'
    """

    label: str
    value: str
    source: str
    confidence: str


@dataclass(frozen=True, eq=False)  # hashed by identity: a declaration is made once
class Declaration:
    """Everything that makes one explorer; see ``isoflop.py`` for a worked example.

    ``formulas(**controls)`` maps control values (numbers, or tracers) to readouts; ``chart()`` gives a Vega-Lite
    specification whose expressions are traced; ``alternative`` and ``python`` are templates over controls and readouts.
    In ``alternative``, ``[[name|words]]`` stands only where the readout ``name`` has a value, ``[[!name|words]]`` only
    where it has none: an answer that does not exist is said in words too.

    >>> from scaling_helpers.explorers import isoflop
    >>> declared = isoflop().declaration
    >>> declared.name, [control.name for control in declared.controls][:2]
    ('isoflop', ['compute', 'model'])
    """

    name: str
    title: str
    question: str
    observe: str
    caption: str
    alt: str
    alternative: str
    python: str
    controls: Sequence[Control]
    readouts: Sequence[Readout]
    presets: Sequence[Preset]
    sources: Sequence[Source]
    formulas: Callable[..., Mapping[str, Any]]
    chart: Callable[[], dict[str, Any]]
    guess: Guess | None = None
    drag: Mapping[str, str] | None = None

    def control(self, name: str) -> Control:
        """The control called ``name``; ValueError naming it and the known ones otherwise."""
        for control in self.controls:
            if control.name == name:
                return control
        known = ", ".join(control.name for control in self.controls)
        raise ValueError(f"{self.name} has no control {name!r}; known: {known}")

    def defaults(self) -> dict[str, Any]:
        """The starting state."""
        return {control.name: control.value for control in self.controls}

    def state(self, values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """``values`` checked and laid over ``base`` (the defaults); TypeError or ValueError names what is wrong."""
        checked = {name: self.control(name).check(value) for name, value in values.items()}
        return {**(base or self.defaults()), **checked}

    def read(self, state: Mapping[str, Any]) -> dict[str, float | None]:
        """The readouts of a complete, checked state, by the Python laws; None where the state has no answer."""
        results = self.formulas(**state)
        read: dict[str, float | None] = {}
        for readout in self.readouts:
            value = results[readout.name]
            read[readout.name] = None if value is None else float(value)
            if value is not None and not math.isfinite(float(value)):
                raise ValueError(f"{self.name}: readout {readout.name} is {value} in state {dict(state)}")
        return read

    # -- words --------------------------------------------------------------------------------------
    def words(self, state: Mapping[str, Any]) -> str:
        """The text alternative of a state: what the chart shows, for whoever does not see it."""
        values: dict[str, Any] = {**state, **self.read(state)}

        def optional(match: re.Match[str]) -> str:
            missing = values[match[2]] is None
            return match[3] if missing == bool(match[1]) else ""

        def number(match: re.Match[str]) -> str:
            name, kind = match[1], match[2]
            if kind is None:
                control = self.control(name)
                return control.options[values[name]] if isinstance(control, Choice) else str(values[name])
            return numbers.format(values[name], kind)

        text = re.sub(r"\[\[(!?)(\w+)\|(.*?)\]\]", optional, self.alternative)
        return re.sub(r"\{(\w+)(?::(\w+))?\}", number, text)

    # -- for the front end --------------------------------------------------------------------------
    def spec(self) -> dict[str, Any]:
        """The compiled Vega specification: chart, one signal a control and one a readout."""
        return _compiled(self.name, self)

    def picture(self) -> str:
        """The starting state as an inline SVG that follows the page's theme."""
        return _picture(self.name, self)

    def payload(self, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All that explorer.js needs, as plain JSON."""
        state = state or self.defaults()
        return {
            "name": self.name,
            "title": self.title,
            "question": self.question,
            "observe": self.observe,
            "caption": self.caption,
            "alt": self.alt,
            "alternative": self.alternative,
            "controls": [{**control.payload(), "value": state[control.name]} for control in self.controls],
            "defaults": self.defaults(),
            "presets": [{"label": p.label, "values": dict(p.values), "note": p.note} for p in self.presets],
            "readouts": [dict(vars(readout)) for readout in self.readouts],
            "initial": self.read(state),  # shown until the view has run
            "guess": dict(vars(self.guess)) if self.guess else None,
            "drag": dict(self.drag) if self.drag else None,
            "python": self.python,
            "sources": [dict(vars(source)) for source in self.sources],
            "spec": self.spec(),
        }


# Compiling takes a tenth of a second, and an explorer's declaration never changes within a process.
@cache
def _compiled_json(name: str, declaration: Declaration) -> str:
    import vl_convert

    spec = vl_convert.vegalite_to_vega(declaration.chart())
    for key in ("$schema", "description", "usermeta"):
        spec.pop(key, None)
    tracers = {control.name: variable(control.name) for control in declaration.controls}
    traced = declaration.formulas(**tracers)
    outputs = {f"readout_{readout.name}": traced[readout.name] for readout in declaration.readouts}
    known = {signal["name"] for signal in spec["signals"]}
    readouts = [{"name": key, "update": text} for key, text in vega_signals(outputs, "r").items()]
    clash = known & {signal["name"] for signal in readouts}
    if clash:
        raise ValueError(f"{name}: the chart already has signals named {sorted(clash)}")
    missing = set(tracers) - known
    if missing:
        raise ValueError(f"{name}: the chart has no signal for control {sorted(missing)}; add it as a parameter")
    spec["signals"] += readouts
    return json.dumps(spec, separators=(",", ":"), ensure_ascii=False)


def _compiled(name: str, declaration: Declaration) -> dict[str, Any]:
    compiled: dict[str, Any] = json.loads(_compiled_json(name, declaration))
    return compiled


@cache
def _picture(name: str, declaration: Declaration) -> str:
    import vl_convert

    svg: str = vl_convert.vega_to_svg(_compiled(name, declaration))
    svg = coarse(svg)
    # Several pictures share a page: their ids must not meet, nor those of the live views.
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    return re.sub(r"<svg ", '<svg aria-hidden="true" focusable="false" ', svg, count=1)
