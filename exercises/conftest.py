"""Everything in which our strict comparison differs from nbval 0.11's, with the reason for each. Hence `nbval==0.11.*`.

1. A cell that was never run has nothing to compare, and nbval passes it: refused before anything runs.
2. A stored error or warning would be compared and so kept for ever: refused. IPython reports an unknown magic as a warning
   and leaves the rest of the cell undone, so such a cell would pass for as long as its warning stays the same.
3. Drawings (HTML and SVG) are not compared byte by byte: another processor may round a coordinate differently. The text
   form of a figure is its alternative text, which is compared and holds the figure's numbers.
4. Numbers printed with more than six decimals are rounded to six significant digits before comparing, since the last bits
   of a sum depend on the processor. Numbers printed with fewer are compared as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from nbval.plugin import IPyNbCell  # type: ignore[import-untyped]

DRAWINGS = ("text/html", "image/svg+xml")
LONG_NUMBER = re.compile(r"\d+\.\d{7,}(?:[eE][-+]?\d+)?")

_as_configured = IPyNbCell.sanitize


def sanitize(cell: IPyNbCell, text: object) -> object:
    """nbval's own replacements (nbval_sanitize.cfg), then rounding, which a regular expression cannot do."""
    text = _as_configured(cell, text)
    return LONG_NUMBER.sub(lambda match: f"{float(match[0]):.6g}", text) if isinstance(text, str) else text


IPyNbCell.sanitize = sanitize


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if not isinstance(item, IPyNbCell):
            continue
        item.parent.skip_compare = (*item.parent.skip_compare, *DRAWINGS)
        if item.cell.execution_count is None:
            raise pytest.UsageError(f"{item.nodeid} was never run: execute the notebook and store its outputs")
        for output in item.cell.outputs:
            if output.output_type == "error":
                raise pytest.UsageError(f"{item.nodeid} has an error stored as its output: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                raise pytest.UsageError(f"{item.nodeid} has a warning stored as its output: {output.text.strip()}")
