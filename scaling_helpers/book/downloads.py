"""Each chapter as a notebook, beside its page: what the download button gives.

It is the executed notebook without what would differ between two builds or show nothing later: random cell ids, dates,
and the widget view, of which a front end without that kernel would only say "model not found". HTML and pictures stay,
and the text is plain Markdown (portable.py).
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

from .folders import build_folder, write_if_changed
from .portable import portable, references
from .widgets import WIDGET_VIEW

if TYPE_CHECKING:
    from docutils import nodes
    from nbformat import NotebookNode
    from sphinx.application import Sphinx


def clean(notebook: NotebookNode) -> NotebookNode:
    """The notebook with only what a reader can use; changes it in place."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def printed_numbers(kept: Path) -> dict[str, str]:
    """What MyST-NB keeps of a page's glue: name -> the text that the page prints."""
    if not kept.exists():
        return {}
    texts = {name: output["data"].get("text/plain", "") for name, output in json.loads(kept.read_text(encoding="utf-8")).items()}
    return {name: str(ast.literal_eval(text)) if text[:1] in "'\"" else text for name, text in texts.items()}


def offer(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Write the page's notebook and tell the template (article-header-buttons.html) about it."""
    executed = build_folder(app) / "jupyter_execute" / f"{pagename}.ipynb"
    if "kernelspec" not in app.env.metadata.get(pagename, {}) or not executed.exists():
        return
    notebook = clean(nbformat.read(executed, as_version=4))
    glued, cited = printed_numbers(executed.with_suffix(".glue.json")), references(Path(app.srcdir) / "references.bib")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = portable(cell.source, glued, cited)
    write_if_changed(Path(app.outdir) / f"{pagename}.ipynb", nbformat.writes(notebook).encode())
    context["notebook_file"] = f"{Path(pagename).name}.ipynb"


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", offer)
