"""What folds: native ``<details>``, so that a solution opens without JavaScript, by keyboard and by find-in-page.

Takes the place of sphinx-togglebutton for every admonition and solution with the class ``dropdown``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator


class fold(nodes.General, nodes.Element):
    """A block that is closed until asked for; its first child is a `fold_title`."""


class fold_title(nodes.General, nodes.TextElement):
    """What one clicks."""


# sphinx-exercise wraps every body in a section with one of these ids: the same id again and again on a page.
REPEATED_IDS = {"exercise-content", "solution-content"}


class Fold(SphinxPostTransform):
    """Turn dropdown admonitions into folds, and drop sphinx-exercise's repeated ids."""

    default_priority = 950  # after sphinx-exercise has written its titles
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for section in list(self.document.findall(nodes.section)):
            if REPEATED_IDS & set(section["ids"]):
                section.replace_self(section.children)
        for box in list(self.document.findall(nodes.Admonition)):
            if isinstance(box, nodes.Element) and "dropdown" in box["classes"]:
                box.replace_self(folded(box))


def folded(box: nodes.Element) -> fold:
    title, body = box.children[0], box.children[1:]
    if not isinstance(title, nodes.title):
        title, body = nodes.title("", box.tagname.capitalize()), box.children
    for link in list(title.findall(nodes.reference)):
        link.replace_self(link.children)  # a click on the title folds, so it can be no link as well
    node = fold("", fold_title("", "", *title.children), *body)
    node["ids"], node["classes"] = box["ids"], [*box["classes"], "admonition"]
    return node


def visit_fold(self: HTML5Translator, node: fold) -> None:
    self.body.append(self.starttag(node, "details"))


def depart_fold(self: HTML5Translator, node: fold) -> None:
    self.body.append("</details>\n")


def visit_title(self: HTML5Translator, node: fold_title) -> None:
    self.body.append('<summary class="admonition-title">')


def depart_title(self: HTML5Translator, node: fold_title) -> None:
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> None:
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_node(fold_title, html=(visit_title, depart_title))
    app.add_post_transform(Fold)
