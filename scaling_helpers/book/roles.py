"""Prose that is tied to numbers and to figures.

==========================================================  ====================================================
``{explore}`at Gopher's budget <isoflop?compute=5.76e23>```  a link that sets the explorer on this page
``{live}`isoflop.optimal_N```                                a number that follows the explorer's state
``{fact}`models/gpt-3/params```                              a published number; hover or focus shows its source
==========================================================  ====================================================

``{live}`` and ``{fact}`` take a format after a bar: ``{fact}`models/gpt-3/params|count```; without one it follows from
the readout or the unit. What does not exist, or is out of range, is a warning and so an error under ``-W``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from scaling_helpers import facts, numbers

if TYPE_CHECKING:
    from docutils.nodes import Node, system_message
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

#: How a published number is written when the author does not say, by unit.
FORMAT_OF_UNIT = {
    "parameters": "count",
    "tokens": "count",
    "FLOP": "flop",
    "tokens/parameter": "ratio",
    "fraction": "share",
    "runs": "count",
    "USD": "count",
    "GPU-hours": "count",
    "chips": "exact",
    "samples": "exact",
}
#: The mark beside a number that is not read in the primary text or data.
MARKS = {"digitized": "fig.", "secondary": "2nd"}
MARK = "est."


class explore_link(nodes.Inline, nodes.TextElement):
    """A phrase that sets an explorer: attributes ``explorer`` (its id on the page) and ``state`` (a query string)."""


class live_value(nodes.Inline, nodes.TextElement):
    """A number that follows an explorer: attributes ``explorer``, ``readout``, ``kind``."""


class fact_value(nodes.Inline, nodes.TextElement):
    """A published number: attributes ``tip`` (what the tooltip says) and ``mark``."""


class RoleError(ValueError):
    """What an author got wrong; the message says what is known."""


class _Role(SphinxRole):
    """A role whose mistakes become Sphinx warnings and leave the text readable."""

    def node(self) -> nodes.Node:
        raise NotImplementedError

    def run(self) -> tuple[list[Node], list[system_message]]:
        try:
            node = self.node()
        except (RoleError, facts.FactError) as error:
            logger.warning("{%s}`%s`: %s", self.name, self.text, error, location=self.get_location(), type="roles")
            node = nodes.literal(self.text, self.text)
        self.set_source_info(node)
        return [node], []


@cache
def payload(name: str) -> dict[str, Any]:
    """What an explorer of the catalogue declares: its controls, and its readouts with their default values."""
    from scaling_helpers.explorers import CATALOGUE

    if name not in CATALOGUE:
        raise RoleError(f"no explorer {name!r}; the catalogue has {', '.join(sorted(CATALOGUE))}")
    explorer = CATALOGUE[name]()
    return {**explorer._payload, "values": explorer.readouts()}


def explorer_name(identifier: str) -> str:
    """``isoflop-2`` is the second ``isoflop`` of a page."""
    return re.sub(r"-\d+$", "", identifier)


def check_setting(control: dict[str, Any], text: str) -> None:
    """Refuse a value that the control cannot take, instead of the silent clamping a reader would get."""
    name, kind = control["name"], control["kind"]
    if kind == "choice":
        if text not in control["options"]:
            raise RoleError(f"{name} has no option {text!r}; it has {', '.join(map(str, control['options']))}")
        return
    if kind == "toggle":
        if text not in ("true", "false"):
            raise RoleError(f"{name} is true or false, not {text!r}")
        return
    try:
        value = float(text)
    except ValueError:
        raise RoleError(f"{name} needs a number, not {text!r}") from None
    if not control["min"] <= value <= control["max"]:  # also refuses nan
        raise RoleError(f"{name}={text} is outside {control['min']:g} to {control['max']:g} {control['unit']}".rstrip())


class Explore(_Role):
    """``phrase <id?control=value&control=value>``"""

    def node(self) -> nodes.Node:
        match = re.fullmatch(r"(?P<phrase>.+?)\s*<(?P<id>[\w-]+)\?(?P<query>[^<>]+)>", self.text, flags=re.DOTALL)
        if match is None:
            raise RoleError("write it as: phrase <explorer?control=value&control=value>")
        controls = {control["name"]: control for control in payload(explorer_name(match["id"]))["controls"]}
        settings = parse_qsl(match["query"], keep_blank_values=True)
        for name, value in settings:
            if name not in controls:
                raise RoleError(f"{match['id']} has no control {name!r}; it has {', '.join(controls)}")
            check_setting(controls[name], value)
        state = urlencode(settings)
        return explore_link(self.text, match["phrase"], explorer=match["id"], state=state)


class Live(_Role):
    """``id.readout`` or ``id.readout|kind``"""

    def node(self) -> nodes.Node:
        target, _, kind = (part.strip() for part in self.text.partition("|"))
        identifier, _, readout = target.partition(".")
        declared = payload(explorer_name(identifier))
        formats = {entry["name"]: entry["format"] for entry in declared["readouts"]}
        if readout not in formats:
            raise RoleError(f"{identifier} has no readout {readout!r}; it has {', '.join(formats)}")
        kind = check_kind(kind or formats[readout])
        text = numbers.format(declared["values"][readout], kind)
        return live_value(self.text, text, explorer=identifier, readout=readout, kind=kind)


class Fact(_Role):
    """``table/row/column`` or ``table/row/column|kind``"""

    def node(self) -> nodes.Node:
        path, _, kind = (part.strip() for part in self.text.partition("|"))
        fact = facts.get(path)
        kind = check_kind(kind or FORMAT_OF_UNIT.get(fact.unit, "plain"))
        mark = MARKS.get(fact.confidence, MARK) if fact.is_estimate else ""
        return fact_value(self.text, numbers.format(fact.value, kind), tip=describe(fact, kind), mark=mark)


def check_kind(kind: str) -> str:
    if kind not in numbers.KINDS:
        raise RoleError(f"no format {kind!r}; there are {', '.join(numbers.KINDS)}")
    return kind


def describe(fact: facts.Fact, kind: str) -> list[tuple[str, str]]:
    """What the tooltip says, as (term, text)."""
    unit = "" if fact.unit == "1" else f" {fact.unit}"
    lines = [(_capital(fact.label), f"{numbers.format(fact.value, kind)}{unit}")]
    if fact.low is not None and fact.high is not None:
        bounds = f"{numbers.format(fact.low, kind)} to {numbers.format(fact.high, kind)}"
        lines.append((_capital(fact.interval), bounds))
    lines.append(("Source", f"{fact.source}, {fact.location}"))
    lines.append(("Confidence", fact.confidence))
    if fact.note:
        lines.append(("Note", fact.note))
    return lines


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def visit_explore(self: HTML5Translator, node: explore_link) -> None:
    state = self.attval(node["state"])
    self.body.append(f'<a class="explorer-link" href="#{node["explorer"]}" data-explorer-set="{state}">')


def depart_explore(self: HTML5Translator, node: explore_link) -> None:
    self.body.append("</a>")


def visit_live(self: HTML5Translator, node: live_value) -> None:
    target = f"{node['explorer']}.{node['readout']}"
    self.body.append(f'<span class="explorer-live" data-live="{target}" data-format="{node["kind"]}" aria-live="off">')


def depart_live(self: HTML5Translator, node: live_value) -> None:
    self.body.append("</span>")


def visit_fact(self: HTML5Translator, node: fact_value) -> None:
    """Value and tooltip side by side, so that the pointer can rest on both; static/book.js lets Esc dismiss it."""
    self.body.append(f'<span class="fact"><span class="fact-value" tabindex="0" aria-describedby="{node["ids"][0]}">')


def depart_fact(self: HTML5Translator, node: fact_value) -> None:
    mark = f'<sup class="fact-mark">{node["mark"]}</sup>' if node["mark"] else ""
    lines = "".join(
        f'<span class="fact-line"><b>{self.encode(term)}:</b> {self.encode(text)}.</span> ' for term, text in node["tip"]
    )
    self.body.append(f'</span>{mark}<span class="fact-tip" role="tooltip" id="{node["ids"][0]}">{lines.strip()}</span></span>')


def check_page(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Number the facts of a page, and refuse prose that talks to an explorer which is not on it."""
    for number, fact in enumerate(doctree.findall(fact_value), 1):
        fact["ids"] = [f"fact-{number}"]
    present = doctree.get("explorers", [])
    for kind in (explore_link, live_value):
        for node in doctree.findall(kind):
            if node["explorer"] not in present:
                logger.warning(
                    "%s refers to the explorer %r, which is not on this page (here: %s)",
                    node.rawsource,
                    node["explorer"],
                    ", ".join(present) or "none",
                    location=(docname, node.line or (node.parent.line if node.parent else None)),
                    type="roles",
                )


def setup(app: Sphinx) -> None:
    app.add_node(explore_link, html=(visit_explore, depart_explore))
    app.add_node(live_value, html=(visit_live, depart_live))
    app.add_node(fact_value, html=(visit_fact, depart_fact))
    app.add_role("explore", Explore())
    app.add_role("live", Live())
    app.add_role("fact", Fact())
    app.connect("doctree-resolved", check_page)
