"""The bibliography as a book prints it.

The text cites by author and year, so the entries need no numbers. And docutils gives each the role doc-biblioentry,
which ARIA has withdrawn, in a list whose anchors are no list items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator


def visit_citation(self: HTML5Translator, node: nodes.citation) -> None:
    node[:] = [child for child in node.children if not isinstance(child, nodes.label)]
    self.body.append(self.starttag(node, "div", CLASS="citation"))


def depart_citation(self: HTML5Translator, node: nodes.citation) -> None:
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
