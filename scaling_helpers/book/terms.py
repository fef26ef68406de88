"""A term of the glossary shows its definition where it is used: on hover, from the one place where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GLOSSARY = "appendix/glossary"


def depend(app: Sphinx, doctree: nodes.document) -> None:
    """A page that uses a term is written anew when the glossary changes."""
    if any(node.get("reftype") == "term" for node in doctree.findall(addnodes.pending_xref)):
        app.env.note_dependency(str(app.env.doc2path(GLOSSARY)))


def definitions(app: Sphinx) -> dict[str, str]:
    """The first paragraph under each term, by the id of the term."""
    found: dict[str, str] = {}
    if GLOSSARY not in app.env.all_docs:
        return found
    for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        paragraph = next(iter(item.findall(nodes.paragraph)), None)
        for term in item.findall(nodes.term):
            if paragraph is not None:
                found.update(dict.fromkeys(term["ids"], " ".join(paragraph.astext().split())))
    return found


def explain(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each link to a term its definition as a title."""
    links = [
        link
        for link in doctree.findall(nodes.reference)
        if any("std-term" in child.get("classes", ()) for child in link.findall(nodes.inline))
    ]
    if links:
        known = definitions(app)
        for link in links:
            target = link.get("refid") or link.get("refuri", "").rpartition("#")[2]
            if target in known:
                link["reftitle"] = known[target]


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", depend)
    app.connect("doctree-resolved", explain)
