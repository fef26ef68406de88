"""Which runs are in this file? From a CSV, a Parquet file or a DataFrame to columns that a law can be fitted to.

:func:`read_runs` reads training runs, :func:`read_attempts` attempts at problems. What cannot be right is refused with its
value, its row and a remedy; nothing is dropped, filled in or guessed in silence. What was guessed (which column is which)
stands in the notes of the result.

>>> sweep = read_runs({"params": [1e8, 2e8, 4e8], "tokens": [4e9, 2e9, 1e9], "val_loss": [3.1, 3.0, 3.2]})
>>> sweep.columns["loss"], len(sweep)
('val_loss', 3)
"""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .laws import FLOP_PER_PARAMETER_TOKEN
from .quantities import LIMITS

__all__ = ["Attempts", "ColumnError", "RunsError", "SourceError", "Sweep", "read_attempts", "read_runs"]

#: Names by which a column is recognised, best first, written in small letters with one underscore between words.
NAMES: Mapping[str, tuple[str, ...]] = {
    "N": ("n", "params", "parameters", "n_params", "num_params", "n_parameters", "num_parameters", "param_count",
          "model_size", "model_params", "model_parameters", "nparams", "size"),
    "D": ("d", "tokens", "n_tokens", "num_tokens", "training_tokens", "train_tokens", "tokens_trained", "tokens_seen",
          "total_tokens", "ntokens", "t"),
    "loss": ("loss", "val_loss", "valid_loss", "validation_loss", "eval_loss", "test_loss", "final_loss", "final_val_loss",
             "l", "train_loss", "training_loss"),
    "C": ("c", "flop", "flops", "compute", "training_flop", "training_flops", "train_flops", "training_compute"),
}  # fmt: skip
#: The same for attempts at problems: counts for each problem, or one row for each attempt.
ATTEMPT_NAMES: Mapping[str, tuple[str, ...]] = {
    "problem": ("problem", "problem_id", "task", "task_id", "question", "question_id", "prompt_id", "id", "name"),
    "n": ("n", "n_samples", "num_samples", "samples", "attempts", "n_attempts", "total"),
    "c": ("c", "n_correct", "num_correct", "n_passed", "num_passed", "successes"),
    "correct": ("correct", "is_correct", "passed", "pass", "success", "solved", "result"),
}
_TRUTHS = {"1": 1, "0": 0, "true": 1, "false": 0, "yes": 1, "no": 0, "pass": 1, "fail": 0, "passed": 1, "failed": 0}
#: How a column is asked for on the command line.
OPTIONS = {"N": "--n", "D": "--d", "loss": "--loss", "C": "--c", "weights": "--weights", "cluster": "--cluster",
           "budget": "--budget", "run": "--run"}  # fmt: skip
_WORDS = {"N": "parameters", "D": "tokens", "loss": "loss", "C": "FLOP", "weights": "weight", "budget": "FLOP"}

#: Columns that hold names and no numbers.
_LABELS = ("cluster", "run")

#: A larger file is refused: runs are hundreds of lines, or thousands, and rarely a megabyte.
LARGEST = 64 * 2**20
#: If the largest size or amount of text is below this, it was probably given in millions or billions.
LEAST = {"N": 1e3, "D": 1e5}
#: Guessing among every token of a vocabulary of a million costs 13.8 nats; what is above that is no loss in nats.
MOST_NATS = 14.0
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)|n/?a|none|null|-+", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,'  ]\d{3})+(\.\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
_SUFFIXED = re.compile(r"([+-]?\d+\.?\d*)\s*([kKmMbBgGtT])", re.ASCII)
_SUFFIXES = {"k": "e3", "m": "e6", "b": "e9", "g": "e9", "t": "e12"}
_PACKED = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed with gzip",
}

Array = NDArray[np.float64]


class RunsError(ValueError):
    """The runs cannot be used: the message names the value, its row and what to do."""


class SourceError(RunsError):
    """The file cannot be read at all: absent, a folder, not a table."""


class ColumnError(RunsError):
    """A column that is needed is not there; the message lists those that are."""


@dataclass(frozen=True)
class Sweep:
    """Training runs, a row each.

    ``N`` parameters, ``D`` tokens, ``loss`` nats per token, all (n,) and positive. ``weights`` (n,) non-negative, or
    None. ``cluster`` (n,) labels of runs that belong together (one model, one seed), or None. ``budget`` (n,) FLOP and
    ``run`` (n,) names, where such columns were asked for. ``columns``: role ->
    name of the column it came from. ``rows``: where each run stands in the source (the line of a CSV, or the row of a
    table, counted from 1). ``notes``: what a reader should be told before trusting the runs.

    >>> sweep = read_runs({"N": [1e8, 2e8], "D": [4e9, 4e9], "loss": [3.1, 3.0]})
    >>> [f"{budget:.2g}" for budget in sweep.compute]
    ['2.4e+18', '4.8e+18']
    """

    N: Array
    D: Array
    loss: Array
    weights: Array | None
    cluster: NDArray[Any] | None
    columns: Mapping[str, str]
    rows: tuple[int, ...]
    source: str
    notes: tuple[str, ...] = field(default=())
    budget: Array | None = None
    run: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.N)

    @property
    def compute(self) -> Array:
        """C = 6 N D of every run, in FLOP, (n,)."""
        return FLOP_PER_PARAMETER_TOKEN * self.N * self.D


@dataclass(frozen=True)
class _Table:
    """Columns as they were read: text from a CSV, anything from a DataFrame."""

    source: str
    unit: str  # what a row is called: "line" or "row"
    columns: Mapping[str, Sequence[Any]]
    rows: tuple[int, ...]


def read_runs(
    source: Any,
    *,
    n: str | None = None,
    d: str | None = None,
    loss: str | None = None,
    c: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    budget: str | None = None,
    run: str | None = None,
    n_unit: float | None = None,
    d_unit: float | None = None,
    where: Mapping[str, str] | None = None,
) -> Sweep:
    """Read training runs from ``source``, and check that each can be one.

    source: path of a CSV or Parquet file, ``"-"`` for a CSV on standard input, a mapping of columns, or a DataFrame
    (pandas, Polars, PyArrow: whatever narwhals knows).
    n, d, loss: names of the columns with parameters, tokens and loss in nats per token; without them they are
    recognised by the names in common use, and a note says so.
    c: column of training FLOP, from which D = C / 6 N where there is no column of tokens.
    weights, cluster: names of the columns with weights, and with labels of runs that belong together. For ``cluster`` several
    names with commas between them, "N,D", put together what is alike in all of them: the seeds of a configuration.
    budget: name of the column with the budget that a run was planned for, in FLOP. run: name of the column that says which
    training run a row is of, where a run has several rows.
    n_unit, d_unit: what the numbers are multiplied by, 1e9 for billions. Numbers that look like billions are refused
    unless the unit is given (1 if they are right).
    where: column -> value; only rows that have it count, the others are not looked at.

    Raises :class:`SourceError`, :class:`ColumnError`, or RunsError for a row that cannot be a run.

    >>> read_runs({"N": [1e8, 2e8], "D": [4, 8], "loss": [3.1, 3.0]}, d_unit=1e9).D
    array([4.e+09, 8.e+09])
    >>> read_runs({"N": [1e8, 2e8], "D": [4e9, 4e9], "loss": [3.1, -3.0]})
    Traceback (most recent call last):
    ...
    scaling_helpers.sweep.RunsError: the columns given, row 2: loss = -3.0: it must be positive; correct or remove the run
    """
    table = _table(source)
    notes: list[str] = []
    for column, value in (where or {}).items():
        table = _only(table, column, value, notes)
    if cluster is not None and cluster not in table.columns and "," in cluster:
        table = _joined(table, cluster)
    names = _choose(table, {"N": n, "D": d, "loss": loss, "C": c, "weights": weights, "cluster": cluster,
                            "budget": budget, "run": run}, notes)  # fmt: skip
    units = {"N": _unit("n_unit", n_unit), "D": _unit("d_unit", d_unit)}
    values = {role: _numbers(table, name, role, units.get(role) or 1.0) for role, name in names.items() if role not in _LABELS}
    if "D" not in values:
        values["D"] = values["C"] / (FLOP_PER_PARAMETER_TOKEN * values["N"])
        notes.append(f"no column of tokens: D = C / 6N, with C from {names['C']!r}")
    for role in ("N", "D"):
        _plausible(table, role, values[role], given=units[role] is not None or role not in names)
    labels = {role: _labels(table, names[role]) if role in names else None for role in _LABELS}
    made = Sweep(
        values["N"], values["D"], values["loss"], values.get("weights"), labels["cluster"], names, table.rows, table.source,
        tuple(notes), values.get("budget"), labels["run"],
    )  # fmt: skip
    return Sweep(**{**vars(made), "notes": (*notes, *_doubts(made, table.unit))})


@dataclass(frozen=True)
class Attempts:
    """Attempts at problems: ``n`` (P,) of them on each of P ``problems``, of which ``c`` (P,) succeeded.

    >>> tries = read_attempts({"problem": ["a", "a", "b", "b"], "correct": [1, 0, 0, 0]})
    >>> tries.problems, tries.n.tolist(), tries.c.tolist()
    (('a', 'b'), [2, 2], [1, 0])
    """

    problems: tuple[str, ...]
    n: NDArray[np.int64]
    c: NDArray[np.int64]
    columns: Mapping[str, str]
    source: str
    notes: tuple[str, ...] = field(default=())


def read_attempts(
    source: Any, *, problem: str | None = None, n: str | None = None, c: str | None = None, correct: str | None = None
) -> Attempts:
    """Read attempts at problems, in one of two shapes, from whatever :func:`read_runs` reads.

    One row for each problem, with columns of attempts (``n``) and successes (``c``); or one row for each attempt, with a
    column of problems (``problem``) and one of 1 or 0, true or false (``correct``). The arguments name the columns; without
    them they are recognised by the names in common use.

    Raises :class:`SourceError`, :class:`ColumnError`, or RunsError for a row that cannot be: c > n, half an attempt, a
    problem counted twice.

    >>> read_attempts({"task_id": ["a", "b"], "n": [100, 100], "c": [3, 101]})
    Traceback (most recent call last):
    ...
    scaling_helpers.sweep.RunsError: the columns given, row 2: c = 101 successes of n = 100 attempts; are the columns swapped?
    """
    table = _table(source)
    names = _attempt_columns(table, {"problem": problem, "n": n, "c": c, "correct": correct})
    note = "taking " + ", ".join(f"{role} from {name!r}" for role, name in names.items())
    if "correct" in names:
        problems, tries, successes = _grouped(table, names["problem"], names["correct"])
    else:
        tries, successes = (_whole(table, names[role]) for role in ("n", "c"))
        labels = table.columns[names["problem"]] if "problem" in names else table.rows
        problems = tuple(str(label) for label in labels)
        for number, label, total, count in zip(table.rows, problems, tries, successes, strict=True):
            where = f"{table.source}, {table.unit} {number}"
            if problems.count(label) > 1:
                raise RunsError(f"{where}: problem {_short(label)} stands in several rows; add up its attempts")
            if count > total:
                raise RunsError(f"{where}: c = {count} successes of n = {total} attempts; are the columns swapped?")
            if not total:
                raise RunsError(f"{where}: no attempts (n = 0); remove the row")
    return Attempts(problems, np.array(tries), np.array(successes), names, table.source, (note,))


def _attempt_columns(table: _Table, asked: Mapping[str, str | None]) -> dict[str, str]:
    chosen = {role: name for role, name in asked.items() if name is not None}
    for name in chosen.values():
        if name not in table.columns:
            raise ColumnError(f"{table.source} has no column {_short(name)}; it has {_listed(table)}")
    plain = _plain_names(table)
    for role, known in ATTEMPT_NAMES.items():
        free = [plain[name] for name in known if name in plain and plain[name] not in chosen.values()]
        if role not in chosen and free:
            chosen[role] = free[0]
    if {"n", "c"} <= set(chosen) and asked["correct"] is None:
        return {role: name for role, name in chosen.items() if role != "correct"}
    if {"problem", "correct"} <= set(chosen):
        return {role: name for role, name in chosen.items() if role in ("problem", "correct")}
    raise ColumnError(
        f"{table.source} has {_listed(table)}: give columns n and c (attempts and successes of each problem), or problem and "
        "correct (1 or 0 for each attempt)"
    )


def _grouped(table: _Table, problem: str, correct: str) -> tuple[tuple[str, ...], list[int], list[int]]:
    """Attempts and successes of each problem, from one row for each attempt."""
    tries: Counter[str] = Counter()
    successes: Counter[str] = Counter()
    for number, label, cell in zip(table.rows, table.columns[problem], table.columns[correct], strict=True):
        word = str(cell).strip().lower().removesuffix(".0")
        if word not in _TRUTHS:
            raise RunsError(f"{table.source}, {table.unit} {number}: {correct} = {_short(cell)}; write 1 or 0, true or false")
        if label is None or str(label) == "":
            raise RunsError(f"{table.source}, {table.unit} {number}: {problem} is empty; every attempt is at a problem")
        tries[str(label)] += 1
        successes[str(label)] += _TRUTHS[word]
    return tuple(tries), list(tries.values()), [successes[label] for label in tries]


def _whole(table: _Table, name: str) -> list[int]:
    values = []
    for number, cell in zip(table.rows, table.columns[name], strict=True):
        value = _value(table, number, name, name, cell)
        if value < 0 or value != int(value) or value > 2**53:
            raise RunsError(f"{table.source}, {table.unit} {number}: {name} = {_short(cell)} is no count; write a whole number")
        values.append(int(value))
    return values


# ---- from a source to columns ---------------------------------------------------------------------------------------


def _table(source: Any) -> _Table:
    if isinstance(source, (str, Path)):
        content, name = _content(source)
        if content.startswith(b"PAR1"):
            return _frame(_parquet(content, name), name)
        return _csv(content, name)
    if isinstance(source, Mapping):
        columns = {str(name): list(np.atleast_1d(np.asarray(column))) for name, column in source.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise SourceError(f"the columns given differ in length: {lengths}; a run needs a value in each")
        return _filled(_Table("the columns given", "row", columns, tuple(range(1, 1 + max(lengths.values(), default=0)))))
    return _frame(source, "the table given")


def _content(source: str | Path) -> tuple[bytes, str]:
    """The bytes of a file, or of standard input for "-", and what to call it."""
    name = "standard input" if source == "-" else str(source)
    try:
        if source == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        elif Path(source).is_dir():
            raise SourceError(f"{name} is a folder: name one CSV or Parquet file in it")
        else:
            with Path(source).open("rb") as handle:
                content = handle.read(LARGEST + 1)
    except FileNotFoundError:
        raise SourceError(f"there is no file {name}: check the path") from None
    except PermissionError:
        raise SourceError(f"{name} may not be read: no permission") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceError(f"{name} cannot be read: {error}") from None
    if len(content) > LARGEST:
        raise SourceError(f"{name} is larger than {LARGEST // 2**20} MB: keep one line per run, not one per step")
    return content, name


def _parquet(content: bytes, name: str) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        remedy = "pip install 'scaling-helpers[parquet]', or save it as CSV"
        raise SourceError(f"{name} is Parquet, which needs pyarrow: {remedy}") from None
    try:
        return pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise SourceError(f"{name} begins like Parquet but cannot be read: {str(error).splitlines()[0][:200]}") from None


def _frame(frame: Any, name: str) -> _Table:
    import narwhals

    try:
        frame = narwhals.from_native(frame, eager_only=True)
    except TypeError:
        raise SourceError(
            f"cannot read runs from {type(frame).__name__}: give a path, a mapping of columns, or a DataFrame that is not lazy"
        ) from None
    columns = {str(column): frame[column].to_list() for column in frame.columns}
    return _filled(_Table(name, "row", columns, tuple(range(1, 1 + len(frame)))))


def _csv(content: bytes, name: str) -> _Table:
    rows = [(number, cells) for number, cells in _lines(_text(content, name), name) if any(cell.strip() for cell in cells)]
    if not rows:
        raise SourceError(f"{name} is empty: give a CSV with a header and one line per run")
    header = [cell.strip() for cell in rows[0][1]]
    if len(header) < 2 and len({len(cells) for _, cells in rows}) == 1:
        raise SourceError(f"{name} has one column, {_short(header[0])}: separate columns by commas, semicolons or tabs")
    if all(_NUMBER.fullmatch(cell) for cell in header):
        raise SourceError(f"{name} begins with numbers ({_short(', '.join(header))}): add a first line with the columns' names")
    repeated = [column for column, count in Counter(header).items() if column and count > 1]
    if repeated:
        raise SourceError(f"{name} has two columns named {_short(repeated[0])}: rename one")
    for number, cells in rows[1:]:
        if len(cells) != len(header):
            commas = "; a number with a decimal comma or thousands separators?" if len(cells) > len(header) else ""
            raise RunsError(f"{name}, line {number}: {len(cells)} cells, but the header has {len(header)}{commas}")
    columns = {column: [cells[i].strip() for _, cells in rows[1:]] for i, column in enumerate(header) if column}
    return _filled(_Table(name, "line", columns, tuple(number for number, _ in rows[1:])))


def _text(content: bytes, name: str) -> str:
    for magic, what in _PACKED.items():
        if content.startswith(magic):
            raise SourceError(f"{name} is {what}: save the runs as a plain CSV")
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is no text in UTF-8 (byte {error.start}): save it as CSV in UTF-8") from None
    if "\0" in text:
        raise SourceError(f"{name} holds binary data: give a CSV or Parquet file")
    return text


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of every line with the number of the line, the separator taken from the header."""
    header = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    separator = max(",;\t|", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise SourceError(f"{name}, line {reader.line_num}: no CSV ({error})") from None


def _filled(table: _Table) -> _Table:
    if not table.rows:
        header = f", only the header {_listed(table)}" if table.columns else ""
        raise SourceError(f"{table.source} has no runs{header}: one row per run is needed")
    return table


def _only(table: _Table, column: str, value: str, notes: list[str]) -> _Table:
    """The rows that have ``value`` in ``column``; numbers are compared as numbers, so that 1e12 is 1000000000000.0."""
    if column not in table.columns:
        raise ColumnError(f"{table.source} has no column {_short(column)}; it has {_listed(table)}")
    wanted = _comparable(value)
    keep = [place for place, cell in enumerate(table.columns[column]) if _comparable(cell) == wanted]
    if not keep:
        there = ", ".join(_short(cell, quoted=False) for cell in dict.fromkeys(map(str, table.columns[column][:1000])))
        raise RunsError(f"{table.source}: no row has {column} = {_short(value, quoted=False)}; there are {there[:200]}")
    notes.append(f"{len(keep)} of {len(table.rows)} rows have {column} = {value}")
    columns = {name: [cells[place] for place in keep] for name, cells in table.columns.items()}
    return _Table(table.source, table.unit, columns, tuple(table.rows[place] for place in keep))


def _comparable(cell: Any) -> float | str:
    text = str(cell).strip()
    return float(text) if _NUMBER.fullmatch(text) else text


def _joined(table: _Table, names: str) -> _Table:
    """The table with one more column, called ``names``, of what several columns say together."""
    parts = [name.strip() for name in names.split(",")]
    for name in parts:
        if name not in table.columns:
            raise ColumnError(f"{table.source} has no column {_short(name)}; it has {_listed(table)}")
    together = [" ".join(map(str, cells)) for cells in zip(*(table.columns[name] for name in parts), strict=True)]
    return _Table(table.source, table.unit, {**table.columns, names: together}, table.rows)


# ---- from columns to numbers ----------------------------------------------------------------------------------------


def _choose(table: _Table, asked: Mapping[str, str | None], notes: list[str]) -> dict[str, str]:
    """Which column is which: as asked, else by its name."""
    chosen: dict[str, str] = {}
    for role, name in asked.items():
        if name is not None:
            if name not in table.columns:
                raise ColumnError(f"{table.source} has no column {_short(name)}; it has {_listed(table)}")
            chosen[role] = name
    plain = _plain_names(table)
    guessed = {}
    for role in ("N", "D", "loss", "C"):
        if role in chosen or (role == "C" and "D" in chosen) or (role == "D" and "C" in chosen):
            continue
        free = [plain[name] for name in NAMES[role] if name in plain and plain[name] not in chosen.values()]
        if free:
            chosen[role] = guessed[role] = free[0]
        elif role in ("N", "loss") or (role == "C" and "D" not in chosen):
            lacking = role if role != "C" else "D"
            raise ColumnError(
                f"{table.source}: no column looks like {_WORDS[lacking]}; it has {_listed(table)}. "
                f"Name one: {OPTIONS[lacking]} COLUMN"
            )
    if guessed:
        notes.append("taking " + ", ".join(f"{role} from {name!r}" for role, name in guessed.items()))
    return chosen


def _plain_names(table: _Table) -> dict[str, str]:
    """Column names as `NAMES` writes them -> as they are; of two alike the first counts."""
    return {re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_"): column for column in reversed(list(table.columns))}


def _numbers(table: _Table, name: str, role: str, unit: float) -> Array:
    cells = list(zip(table.rows, table.columns[name], strict=True))
    scaled = unit * np.array([_value(table, number, name, role, cell) for number, cell in cells])
    limit = LIMITS.get("C" if role == "budget" else role, (np.inf, ""))[0]
    for (number, cell), value in zip(cells, scaled, strict=True):
        where = f"{table.source}, {table.unit} {number}: {name} = {_short(cell, quoted=False)}"
        if not 0 < value < limit and not (role == "weights" and value == 0):
            must = "not be negative" if role == "weights" else "be positive"
            if value > 0:
                raise RunsError(f"{where}: that is beyond {limit:g} {_WORDS[role]}; check the unit and the exponent")
            raise RunsError(f"{where}: it must {must}; correct or remove the run")
    if role == "weights" and not np.any(scaled):
        raise RunsError(f"{table.source}: every weight in {name!r} is zero, so no run counts")
    return scaled


def _value(table: _Table, number: int, name: str, role: str, cell: Any) -> float:
    where = f"{table.source}, {table.unit} {number}: {name}"
    if isinstance(cell, str):
        if not _NUMBER.fullmatch(cell):
            raise RunsError(f"{where} {_trouble(cell)}")
        cell = float(cell)
    if cell is None:
        raise RunsError(f"{where} is empty; fill it in or remove the run")
    if isinstance(cell, (bool, np.bool_)) or not isinstance(cell, (int, float, np.integer, np.floating)):
        try:
            cell = _as_number(cell)
        except (TypeError, ValueError):
            raise RunsError(f"{where} = {_short(cell)} is no number but {type(cell).__name__}; is it the right column?") from None
    try:
        value = float(cell)
    except OverflowError:
        raise RunsError(f"{where} is an integer too large for any {_WORDS[role]}; check the exponent") from None
    if not math.isfinite(value):
        raise RunsError(f"{where} = {value}: it must be finite; correct or remove the run")
    return value


def _as_number(cell: Any) -> float:
    """A decimal or a fraction, as databases give them; no boolean and no text."""
    import numbers
    from decimal import Decimal

    if isinstance(cell, (bool, np.bool_)) or not isinstance(cell, (Decimal, numbers.Real)):
        raise TypeError
    return float(cell)


def _trouble(cell: str) -> str:
    """Why a cell is no number, and what to write."""
    if not cell:
        return "is empty; fill it in or remove the run"
    shown = _short(cell)
    if _NOT_FINITE.fullmatch(cell):
        return f"= {shown} is missing or not finite; fill it in or remove the run"
    if _THOUSANDS.fullmatch(cell):
        plain = re.sub(r"[,'  ]", "", cell)
        return f"= {shown} looks like thousands separators (or a decimal comma); write {plain}"
    if _DECIMAL_COMMA.fullmatch(cell):
        return f"= {shown} looks like a decimal comma; write {cell.replace(',', '.')}"
    if suffixed := _SUFFIXED.fullmatch(cell):
        return f"= {shown}: write {suffixed[1]}{_SUFFIXES[suffixed[2].lower()]}"
    return f"= {shown} is no number; is it the right column?"


def _labels(table: _Table, name: str) -> NDArray[Any]:
    column = table.columns[name]
    for number, cell in zip(table.rows, column, strict=True):
        if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
            raise RunsError(f"{table.source}, {table.unit} {number}: {name} is empty; every row needs one")
    return np.array([str(cell) for cell in column])


def _unit(name: str, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ColumnError(f"{name} = {value}: give what the numbers are multiplied by, such as 1e9")
    return value


def _plausible(table: _Table, role: str, values: Array, *, given: bool) -> None:
    """Refuse sizes and amounts of text that were meant as millions or billions."""
    largest = float(np.max(values))
    if given or largest >= LEAST[role]:
        return
    option = f"{OPTIONS[role]}-unit"
    others = " (or 1e6 for millions)" if role == "N" else ""
    raise RunsError(
        f"{table.source}: the largest {role} is {largest:g} {_WORDS[role]}; if these are billions add {option} 1e9{others}, "
        f"and if they are right {option} 1"
    )


def _doubts(sweep: Sweep, unit: str) -> list[str]:
    """What is possible but odd."""
    notes = []
    if np.median(sweep.loss) > MOST_NATS:
        typical = f"{np.median(sweep.loss):.3g}"
        notes.append(f"a typical loss of {typical} is beyond any in nats per token: if it is a perplexity, fit its logarithm")
    seen: dict[tuple[float, float, float], int] = {}
    again = []
    for number, run in zip(sweep.rows, zip(sweep.N.tolist(), sweep.D.tolist(), sweep.loss.tolist(), strict=True), strict=True):
        if run in seen:
            again.append((number, seen[run]))
        seen.setdefault(run, number)
    if again:
        more = f", and {len(again) - 1} more" if len(again) > 1 else ""
        notes.append(f"{unit} {again[0][0]} repeats {unit} {again[0][1]}{more}: each counts; remove what is a copy")
    ratio = float(np.median(sweep.D / sweep.N))
    if not 1e-2 < ratio < 1e6:
        notes.append(f"a typical run has {ratio:.2g} tokens per parameter: are N and D what they should be?")
    return notes


def _short(value: Any, *, quoted: bool = True) -> str:
    text = str(value) if not isinstance(value, str) or not quoted else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def _listed(table: _Table) -> str:
    names = [_short(name) for name in table.columns]
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
