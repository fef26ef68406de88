"""How do the results of sweeps and scores look: as columns to compute with, and as a table to read?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Columns of one length by name; ``table["column"]`` is an array, ``str(table)`` is aligned text.

    >>> table = Table({"budget": [1e18, 1e19], "error": [0.012, 0.034]})
    >>> table["error"].max()
    np.float64(0.034)
    >>> len(table), next(iter(table))["budget"]
    (2, 1e+18)
    """

    columns: Mapping[str, Any]

    def __post_init__(self) -> None:
        arrays = {name: np.asarray(column) for name, column in self.columns.items()}
        lengths = {name: len(column) for name, column in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        object.__setattr__(self, "columns", arrays)

    def __getitem__(self, name: str) -> Any:
        if name not in self.columns:
            raise ValueError(f"no column {name!r}; there are {', '.join(self.columns)}")
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, a dictionary each, of plain Python values."""
        for i in range(len(self)):
            yield {name: column[i].item() for name, column in self.columns.items()}

    def __str__(self) -> str:
        cells = [list(self.columns), *([_cell(value) for value in row.values()] for row in self)]
        widths = [max(len(row[j]) for row in cells) for j in range(len(self.columns))]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
