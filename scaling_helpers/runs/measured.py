"""What did our own models measure? The shipped tables, checked as they are read.

==============  ====================================================================================================
``runs.csv``    a row for each training run: settings, counts, the loss at the end, and what it ran on
``curves.csv``  a row for each point of a thinned loss curve, by ``id`` of the run
==============  ====================================================================================================

A row that cannot be right stops the loading with its line and column: a slip in a table must not become a slip in a law.

>>> SCHEMA["runs"]["loss"].unit
'nats/token'
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..fitting.table import Table
from ..laws import FLOP_PER_PARAMETER_TOKEN
from .model import VOCAB
from .records import Journal, replace_atomically

__all__ = ["SCHEMA", "Column", "MeasuredError", "export", "load_curves", "load_runs"]


class MeasuredError(ValueError):
    """A table of measurements breaks its schema; the message names line, column and value."""


@dataclass(frozen=True)
class Column:
    """What a column holds: ``kind`` "name", "count" or "number", its ``unit``, the range it must lie in, and what it says.

    blank: whether a cell may be empty, which is read as NaN.

    >>> Column("number", "nats/token", "validation loss", low=0.0, high=10.0).kind
    'number'
    """

    kind: str
    unit: str
    says: str
    low: float = -math.inf
    high: float = math.inf
    blank: bool = False

    def read(self, cell: str) -> Any:
        """The value of a cell. Raises ValueError with what is wrong with it."""
        if cell == "":
            if self.blank:
                return "" if self.kind == "name" else math.nan
            raise ValueError("is empty")
        if self.kind == "name":
            return cell
        try:
            value = int(cell) if self.kind == "count" else float(cell)
        except ValueError:
            raise ValueError(f"= {cell!r} is no {'whole ' * (self.kind == 'count')}number") from None
        if not self.low <= value <= self.high:
            raise ValueError(f"= {cell} lies outside {self.low:g} to {self.high:g}")
        return value


def _count(unit: str, says: str, low: float = 1, high: float = 1e12) -> Column:
    return Column("count", unit, says, low, high)


#: Table -> column -> what it holds. The data card prints this.
SCHEMA: Mapping[str, Mapping[str, Column]] = {
    "runs": {
        "id": Column("name", "1", "hash of the settings"),
        "study": Column("name", "1", "the study it was planned for"),
        "budget": Column("number", "FLOP", "planned 6 N D; 0 where the study has none", 0, 1e18),
        "status": Column("name", "1", "done, or diverged"),
        "width": _count("1", "d_model"),
        "layers": _count("1", "layers"),
        "heads": _count("1", "heads of attention"),
        "context": _count("tokens", "tokens in a window"),
        "N": _count("parameters", "all weights; the output layer is the embedding"),
        "N_embedding": _count("parameters", "embedding, which is the output layer too"),
        "N_non_embedding": _count("parameters", "all but the embedding"),
        "D": _count("tokens", "tokens trained on; a token is a byte"),
        "U": _count("tokens", "unique tokens that the run could see"),
        "epochs": Column("number", "1", "D / U", 0, 1e6),
        "steps": _count("1", "steps of the optimiser"),
        "batch": _count("1", "windows in a step"),
        "flop": Column("number", "FLOP", "6 N D", 1, 1e18),
        "flop_exact": Column("number", "FLOP", "every matrix product, attention over what a token sees", 1, 1e18),
        "loss": Column("number", "nats/token", "on the validation set, at the end; any or none if diverged", 0, 1e12, blank=True),
        "loss_se": Column("number", "nats/token", "standard error of it over files", 0, 1e12, blank=True),
        "bits_per_byte": Column("number", "bits", "the same loss in bits", 0, 2e12, blank=True),
        "lr": Column("number", "1", "largest learning rate", 1e-9, 10),
        "warmup": _count("tokens", "tokens over which it rises", 0),
        "schedule": _count("tokens", "tokens at which the cosine would reach zero; 0 for the run's own length", 0),
        "beta1": Column("number", "1", "of AdamW", 0, 1),
        "beta2": Column("number", "1", "of AdamW", 0, 1),
        "decay": Column("number", "1", "weight decay of the matrices", 0, 10),
        "clip": Column("number", "1", "largest norm of the gradient", 0, 1e6),
        "seed": _count("1", "of weights and order of text", 0),
        "corpus": Column("name", "1", "digest of the text"),
        "seconds": Column("number", "s", "in training, without validation", 0, 1e9),
        "flop_per_s": Column("number", "FLOP/s", "6 N D over that", 0, 1e18, blank=True),
        "threads": _count("1", "threads of the run"),
        "device": Column("name", "1", "cpu, or the name of the accelerator"),
        "machine": Column("name", "1", "architecture, cores and system"),
        "python": Column("name", "1", "version"),
        "torch": Column("name", "1", "version"),
        "package": Column("name", "1", "version of this package"),
    },
    "curves": {
        "id": Column("name", "1", "of the run"),
        "tokens": _count("tokens", "trained on so far"),
        "lr": Column("number", "1", "learning rate there", 0, 10),
        "train": Column("number", "nats/token", "mean training loss since the last point", 0, 1e6),
        "valid": Column("number", "nats/token", "validation loss, where it was measured", 0, 20, blank=True),
        "valid_se": Column("number", "nats/token", "its standard error over files", 0, 5, blank=True),
    },
}

STATUSES = ("done", "diverged")
#: A column, what must hold of a row, and what is said otherwise.
Rule = tuple[str, Callable[[dict[str, Any]], bool], str]


def load_runs(path: str | Path | None = None, **only: Any) -> Table:
    """Our own training runs, a row each, with the columns of ``SCHEMA["runs"]``.

    ``path``: another file of the same columns. ``only``: keep rows with these values, one or several: ``study="isoflop"``,
    ``status="done"``. Raises MeasuredError for a table that breaks its schema, for an id that stands twice, and for counts
    that contradict each other.

    >>> load_runs("absent/runs.csv")
    Traceback (most recent call last):
    ...
    scaling_helpers.runs.measured.MeasuredError: there is no runs.csv at absent: give the path of a table
    """
    table, lines = _load("runs", path)
    rules: list[Rule] = [
        ("status", lambda row: row["status"] in STATUSES, "must be done or diverged"),
        ("loss", lambda row: row["status"] != "done" or row["loss"] == row["loss"], "is empty, but the run is done"),
        ("loss", lambda row: row["status"] != "done" or row["loss"] < math.log(VOCAB), "is that of guessing: the run diverged"),
        ("N", lambda row: row["N"] == row["N_embedding"] + row["N_non_embedding"], "must be N_embedding + N_non_embedding"),
        ("D", lambda row: row["D"] == row["steps"] * row["batch"] * row["context"], "must be steps x batch x context"),
        ("flop", lambda row: math.isclose(row["flop"], FLOP_PER_PARAMETER_TOKEN * row["N"] * row["D"]), "must be 6 N D"),
        ("epochs", lambda row: math.isclose(row["epochs"], row["D"] / row["U"]), "must be D / U"),
        (
            "bits_per_byte",
            lambda row: row["loss"] != row["loss"] or math.isclose(row["bits_per_byte"], row["loss"] / math.log(2)),
            "must be loss / log 2",
        ),
    ]
    _hold("runs", table, lines, rules)
    _once("runs", lines, table["id"], "id")
    return _only(table, only)


def load_curves(path: str | Path | None = None, **only: Any) -> Table:
    """Thinned loss curves, a row for each point, with the columns of ``SCHEMA["curves"]``; ``only`` as in :func:`load_runs`.

    >>> load_curves("absent/curves.csv")
    Traceback (most recent call last):
    ...
    scaling_helpers.runs.measured.MeasuredError: there is no curves.csv at absent: give the path of a table
    """
    table, lines = _load("curves", path)
    _once("curves", lines, [f"{run} at {tokens}" for run, tokens in zip(table["id"], table["tokens"], strict=True)], "tokens")
    return _only(table, only)


# ---- checks ---------------------------------------------------------------------------------------------------------


def _load(name: str, path: str | Path | None) -> tuple[Table, list[int]]:
    path = Path(path) if path is not None else Path(__file__).with_name(f"{name}.csv")
    schema = SCHEMA[name]
    if not path.is_file():
        raise MeasuredError(f"there is no {path.name} at {path.parent}: give the path of a table")
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader, [])
        if header != list(schema):
            absent, strange = sorted(set(schema) - set(header)), sorted(set(header) - set(schema))
            raise MeasuredError(f"{path.name}: columns absent: {absent or 'none'}, unknown: {strange or 'none'}; see SCHEMA")
        columns: dict[str, list[Any]] = {column: [] for column in schema}
        lines = []
        for cells in reader:
            if len(cells) != len(schema):
                raise MeasuredError(f"{path.name}, line {reader.line_num}: {len(cells)} cells for {len(schema)} columns")
            for (column, kind), cell in zip(schema.items(), cells, strict=True):
                try:
                    columns[column].append(kind.read(cell))
                except ValueError as error:
                    raise MeasuredError(f"{path.name}, line {reader.line_num}: {column} {error}") from None
            lines.append(reader.line_num)
    if not lines:
        raise MeasuredError(f"{path.name} has no rows")
    kinds = {"name": str, "count": np.int64, "number": np.float64}
    return Table({column: np.array(values, kinds[schema[column].kind]) for column, values in columns.items()}), lines


def _hold(name: str, table: Table, lines: Sequence[int], rules: Iterable[Rule]) -> None:
    for line, row in zip(lines, table, strict=True):
        for column, holds, otherwise in rules:
            if not holds(row):
                raise MeasuredError(f"{name}, line {line}: {column} = {row[column]} {otherwise}")


def _once(name: str, lines: Sequence[int], keys: Iterable[str], column: str) -> None:
    seen: dict[str, int] = {}
    for line, key in zip(lines, keys, strict=True):
        if key in seen:
            raise MeasuredError(f"{name}, line {line}: {column}: {key} stands in line {seen[key]} too")
        seen[key] = line


def _only(table: Table, only: Mapping[str, Any]) -> Table:
    keep = np.ones(len(table), bool)
    for column, wanted in only.items():
        values = [wanted] if isinstance(wanted, str) or np.ndim(wanted) == 0 else list(wanted)
        keep &= np.isin(table[column], values)
    return Table({name: column[keep] for name, column in table.columns.items()})


# ---- from the journal to what is shipped ----------------------------------------------------------------------------


def export(folder: str | Path, into: str | Path) -> tuple[int, int]:
    """Write ``runs.csv`` and ``curves.csv`` in ``into`` from the journal in ``folder``; return how many rows each has.

    Rows are sorted, so that the files do not depend on which run ended first. Both are read back before this returns.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(folder, folder)
    Traceback (most recent call last):
    ...
    scaling_helpers.runs.measured.MeasuredError: runs.csv has no rows
    """
    order = ("study", "budget", "N", "D", "seed", "id")
    rows = sorted(Journal(folder).read(), key=lambda row: tuple(row[name] for name in order))
    into = Path(into)
    into.mkdir(parents=True, exist_ok=True)
    points = [{"id": row["id"], **point} for row in rows for point in row["curve"]]
    for name, records in (("runs", rows), ("curves", points)):
        with replace_atomically(into / f"{name}.csv") as part, part.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(SCHEMA[name])
            writer.writerows([_cell(record.get(column), column) for column in SCHEMA[name]] for record in records)
    return len(load_runs(into / "runs.csv")), len(load_curves(into / "curves.csv")) if points else 0


def _cell(value: Any, column: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and column in ("train", "valid", "valid_se", "lr"):
        return f"{value:.6g}"
    return re.sub(r"[\r\n]+", " ", str(value))
