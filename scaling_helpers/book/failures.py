"""A failing cell, told so that one can mend it: chapter, cell number, first lines, traceback.

MyST-NB warns that a chapter failed (under ``-W`` the build does) but not which cell did. The notebook that it leaves in
``_build/jupyter_execute`` has the outputs up to the failure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
from sphinx.util import logging

from .folders import build_folder

if TYPE_CHECKING:
    from docutils import nodes
    from nbformat import NotebookNode
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

FIRST_LINES = 4
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """Where a chapter stopped. `number` counts code cells from 1; `index` counts all cells from 0."""

    number: int
    index: int
    source: str
    traceback: str

    def tell(self, error: str) -> str:
        """The whole message; `error` names what the runner saw, which for a cell out of time is not in the traceback."""
        lines = self.source.splitlines()
        shown = lines[:FIRST_LINES] + (["..."] if len(lines) > FIRST_LINES else [])
        return "\n".join([f"code cell {self.number} failed ({error}):", *(f"    {line}" for line in shown), self.traceback])


def find_failure(notebook: NotebookNode, reason: str) -> Failure | None:
    """The cell that stopped the run: the last one with an error, or else the first one that never finished.

    `reason` stands in for the traceback of a cell that has none because it ran out of time or its kernel died.
    """
    numbered = enumerate((i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    unfinished = failed = None
    for n, (index, cell) in numbered:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        allowed = "raises-exception" in cell.metadata.get("tags", [])
        if errors and not allowed:
            text = _COLOURS.sub("", "\n".join(errors[-1].traceback)) or f"{errors[-1].ename}: {errors[-1].evalue}"
            failed = Failure(n + 1, index, cell.source, text)
        if unfinished is None and cell.execution_count is None and cell.source.strip():
            unfinished = Failure(n + 1, index, cell.source, reason)
    return failed or unfinished


def report(app: Sphinx, doctree: nodes.document) -> None:
    """Warn with the details as soon as a failed chapter has been read."""
    metadata: dict[str, Any] = getattr(app.env, "nb_metadata", {}).get(app.env.docname, {}).get("exec_data") or {}
    if not metadata or metadata["succeeded"]:
        return
    executed = build_folder(app) / "jupyter_execute" / f"{app.env.docname}.ipynb"
    notebook = nbformat.read(executed, as_version=4)
    failure = find_failure(notebook, metadata["traceback"] or metadata["error"] or "no reason given")
    error = metadata["error"] or "unknown error"
    if error == "CellTimeoutError":
        error += f", longer than execute.timeout in _config.yml: {app.config.nb_execution_timeout} s"
    if failure is None:
        logger.warning("the chapter failed (%s) in no cell: did its kernel start?", error, location=app.env.docname)
        return
    lines = notebook.metadata.get("source_map") or []
    line = lines[failure.index] + 1 if failure.index < len(lines) else None
    logger.warning("%s", failure.tell(error), location=(app.env.docname, line), type="cells")


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", report)
