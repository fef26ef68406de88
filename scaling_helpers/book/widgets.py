"""What a widget leaves in a built page: its HTML, or an error.

By default the page of an ipywidget loads require.js and html-manager from content-delivery networks and shows nothing
without them. Our explorers also carry ``text/html``, which is a whole figure on its own; the configuration prefers it
(``nb_mime_priority_overrides``). Here the widget's own leftovers are dropped, and a widget with no HTML is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MOUNT = re.compile(r'<figure\b(?=[^>]*\bclass="explorer")(?=[^>]*\bdata-explorer="(?P<name>[a-z0-9_]+)")[^>]*>')


def drop_widget_state(app: Sphinx, env: BuildEnvironment) -> None:
    """The state JSON holds random ids and every widget's source, and no page uses it."""
    metadata: dict[str, dict[str, Any]] = getattr(env, "nb_metadata", {})
    for page in metadata.values():
        scripts = page.get("js_files", {})
        for key in [key for key in scripts if key.startswith("ipywidgets")]:
            del scripts[key]


class RefuseDeadWidgets(SphinxPostTransform):
    """A widget output without HTML would be an empty place in the page."""

    default_priority = 3  # before MyST-NB picks one of the output's forms (4) and drops the others
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for bundle in self.document.findall(_is_mime_bundle):
            kinds = {child.get("mime_type") for child in bundle.children if isinstance(child, nodes.Element)}
            if WIDGET_VIEW in kinds and "text/html" not in kinds:
                logger.warning(
                    "%s shows a widget that has no HTML form, so the page would show nothing: let an explorer of "
                    "scaling_helpers.explorers be the cell's last expression, not a container around it, or tag the "
                    "cell remove-output",
                    cell_name(bundle),
                    location=(self.env.docname, bundle.line),
                    type="widgets",
                )


class NameExplorers(SphinxPostTransform):
    """Give each explorer on a page its id: its name, then name-2, name-3 (the contract of window.explorers)."""

    default_priority = 10  # after MyST-NB has picked the HTML
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        seen: Counter[str] = Counter()
        taken = {identifier for node in self.document.findall(nodes.Element) for identifier in node.get("ids", [])}
        for raw in self.document.findall(nodes.raw):
            if "html" in raw.get("format", "").split():
                named = name_explorers(raw.astext(), seen)
                raw[:] = [nodes.Text(named)]
                raw.rawsource = named
        names = {explorer_id(name, i + 1) for name, count in seen.items() for i in range(count)}
        for clash in sorted(names & taken):
            logger.warning(
                "the explorer %r and another part of the page (a heading?) have the same id: rename that one, or give "
                "it a label of its own",
                clash,
                location=self.env.docname,
                type="widgets",
            )
        self.document["explorers"] = sorted(names)


def explorer_id(name: str, nth: int) -> str:
    return name if nth == 1 else f"{name}-{nth}"


def name_explorers(html: str, seen: Counter[str]) -> str:
    """Add the id to every explorer's mount point; `seen` counts those met so far on the page.

    The ids inside the static picture begin with the explorer's name and follow it, so that no two on a page are alike.
    """
    parts, end = [], 0
    name = identifier = ""
    for match in MOUNT.finditer(html):
        parts.append(_rename(html[end : match.start()], name, identifier))
        name = match["name"]
        seen[name] += 1
        identifier = explorer_id(name, seen[name])
        tag = re.sub(r'\s+id="[^"]*"', "", match[0])
        parts.append(f'{tag[:-1]} id="{identifier}">')
        end = match.end()
    return "".join(parts) + _rename(html[end:], name, identifier)


def _rename(html: str, name: str, identifier: str) -> str:
    if name == identifier:
        return html
    return re.sub(rf'(\bid="|\burl\(#|\bhref="#){name}-', rf"\g<1>{identifier}-", html)


def cell_name(node: nodes.Node) -> str:
    """``code cell 3``, counted as a reader does: text cells do not count."""
    document = node.document
    cells = [] if document is None else list(document.findall(_is_code_cell))
    for number, cell in enumerate(cells, 1):
        if any(inner is node for inner in cell.findall(nodes.container)):
            return f"code cell {number}"
    return "a code cell"


def _is_code_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _is_mime_bundle(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def setup(app: Sphinx) -> None:
    app.connect("env-updated", drop_widget_state)
    app.add_post_transform(RefuseDeadWidgets)
    app.add_post_transform(NameExplorers)
