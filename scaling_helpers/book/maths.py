r"""How an equation gets into the page: as MathML, which browsers and screen readers read with no script.

math-core turns LaTeX into MathML Core. Sphinx counts the equations and resolves ``{eq}`label``` itself, so numbered
environments (``align``, ``equation``, ``gather``) become their unnumbered inner forms: one block, one number.
LaTeX that math-core does not know is a Sphinx warning with page, line and command, hence an error under ``-W``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

RENDERER = "mathml"

_INNER = {"align": "aligned", "eqnarray": "aligned", "split": "aligned", "gather": "gathered"}
_NUMBERED = re.compile(r"\\(begin|end)\{(align|eqnarray|split|gather|equation)\*?\}")


@lru_cache(maxsize=1)
def _converter() -> LatexToMathML:
    # The annotation carries the LaTeX: copying an equation gives its source (static/book.js), other tools find it too.
    return LatexToMathML(annotation=True, fancy_error=False)


def unnumbered(latex: str) -> str:
    r"""Replace top-level environments by the form that carries no numbers: Sphinx numbers blocks, LaTeX numbers rows.

    >>> unnumbered(r"\begin{align*} a &= b \end{align*}")
    '\\begin{aligned} a &= b \\end{aligned}'
    """

    def inner(match: re.Match[str]) -> str:
        name = _INNER.get(match[2])
        return rf"\{match[1]}{{{name}}}" if name else ""

    latex = _NUMBERED.sub(inner, latex).strip()
    parts = [part.strip() for part in re.split(r"\n\s*\n", latex) if part.strip()]
    if len(parts) > 1:  # Sphinx's own rule: a blank line separates equations, aligned at &
        return r"\begin{aligned}" + r" \\ ".join(parts) + r"\end{aligned}"
    if r"\\" in latex and r"\begin{" not in latex:
        return rf"\begin{{aligned}}{latex}\end{{aligned}}"
    return latex


def to_mathml(latex: str, *, display: bool) -> str:
    """MathML for one formula.

    Raises:
        math_core.LatexError: naming the command or environment that is not understood.
    """
    return _converter().convert_with_local_state(unnumbered(latex) if display else latex, displaystyle=display)


def _render(self: HTML5Translator, node: nodes.Element, *, display: bool) -> str:
    latex = node.astext()
    try:
        return to_mathml(latex, display=display)
    except LatexError as error:
        message = re.sub(r"^\d+: ", "", str(error))
        logger.warning(
            "equation not understood: %s In: %s", message, " ".join(latex.split()), location=_place(self, node), type="maths"
        )
        return f'<code class="math-error">{self.encode(latex)}</code>'


def _place(self: HTML5Translator, node: nodes.Element) -> tuple[str, int | None]:
    """Page and line; an inline formula often knows its line only through its paragraph."""
    place: nodes.Node | None = node
    while place is not None and place.line is None:
        place = place.parent
    return self.builder.current_docname, place.line if place is not None else None


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    ids = "".join(f' id="{identifier}"' for identifier in node["ids"][:1])
    self.body.append(f'<span class="math-inline notranslate nohighlight"{ids}>{_render(self, node, display=False)}</span>')
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """The equation scrolls inside its own box when it is wider than the page; its number stays in view."""
    self.body.append(self.starttag(node, "div", "", CLASS="math-block notranslate nohighlight"))
    number = get_node_equation_number(self, node) if node.get("number") else None
    label = f"Equation {number}" if number else "Equation"
    self.body.append(f'<div class="math-scroll" data-label="{label}">{_render(self, node, display=True)}</div>')
    if number:
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def refuse_raw_environments(app: Sphinx, doctree: nodes.document) -> None:
    r"""``\begin{align}`` outside dollars would be printed as it stands, and nothing else would notice."""
    for text in doctree.findall(nodes.Text):
        if r"\begin{" in text and isinstance(text.parent, nodes.paragraph):
            logger.warning(r"an equation outside $$ ... $$: %s", text.split("\n")[0][:60], location=text.parent, type="maths")


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer(RENDERER, inline_renderers=(visit_math, None), block_renderers=(visit_math_block, None))
    app.connect("doctree-read", refuse_raw_environments)
