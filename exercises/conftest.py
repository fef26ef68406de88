"""What nbval lets pass and should not: a notebook that was never run, and outputs that nobody wants stored."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from nbval.plugin import IPyNbCell  # type: ignore[import-untyped]


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Stop before comparing anything if a stored cell has nothing to compare with, or has an error or warning in it."""
    for item in items:
        if not isinstance(item, IPyNbCell):
            continue
        if item.cell.execution_count is None:
            raise pytest.UsageError(f"{item.nodeid} was never run: execute the notebook and store its outputs")
        for output in item.cell.outputs:
            if output.output_type == "error":
                raise pytest.UsageError(f"{item.nodeid} has an error stored as its output: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                raise pytest.UsageError(f"{item.nodeid} has a warning stored as its output: {output.text.strip()}")
