"""The Sphinx side of the book: what Jupyter Book v1 needs so that a page lives with no kernel and no network.

=============  =====================================================================================
module         job
=============  =====================================================================================
freshness      a change in the package, a fact or the lock reaches the page, in spite of every cache
failures       a failing cell names its chapter, its number and its first lines
maths          equations as MathML in the page, no script
mathfont       the font that draws them, subset at build time
widgets        an explorer's HTML goes into the page, a widget without HTML is an error
assets         the explorers' JavaScript and style, only on pages that have one
roles          ``{explore}``, ``{live}`` and ``{fact}``
terms          a glossary term shows its definition on hover
api            the reference of the package, made from the package
exercises      exercise notebooks without hidden tests, solutions folded or withheld
folds          solutions and dropdowns as native ``<details>``
citations      the bibliography: no numbers, no withdrawn roles
downloads      each chapter's notebook, for its download button
theme          the theme, mended: offline, accessible, light
=============  =====================================================================================

Nothing imports this package but Sphinx (see ``_config.yml``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import (
    api,
    assets,
    citations,
    downloads,
    exercises,
    failures,
    folds,
    freshness,
    mathfont,
    maths,
    roles,
    terms,
    theme,
    widgets,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = (freshness, failures, exercises, mathfont, maths, widgets, assets, roles, terms, api, folds, citations, downloads, theme)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this when it loads the extension."""
    for part in PARTS:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
