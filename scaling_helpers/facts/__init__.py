"""Which published numbers does the book stand on, where do they come from, and how sure are they?

Each table is a CSV beside this file. Every row has a source and a confidence; the loader refuses a table
whose columns, units or ranges are not as declared here, so a slip in a CSV stops the build.

>>> get("models/gpt-3/params").value
175000000000.0
>>> get("laws/besiroglu-2024/alpha").low
0.317
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["CONFIDENCES", "TABLES", "Fact", "FactError", "get", "paths", "table"]

_FOLDER = Path(__file__).parent

#: What each confidence label means, as the data page prints it.
CONFIDENCES: Mapping[str, str] = {
    "primary text": "read in the full text of the paper or page",
    "primary data/code (authors repo)": "read in the authors' own repository",
    "primary dataset": "read in Epoch AI's database, which takes it from data sheets and price lists",
    "primary dataset (estimate)": "an estimate in Epoch AI's database, not a disclosure",
    "digitized": "read off a figure",
    "secondary": "read in a third party's notes or several independent copies",
    "computed here": "arithmetic from the other facts",
}

_HEDGED = frozenset({"primary dataset (estimate)", "digitized", "secondary"})

#: Plausible range of a quantity, by unit; a value outside it is taken for a slip.
_RANGES: Mapping[str, tuple[float, float]] = {
    "parameters": (1e2, 1e15),
    "tokens": (1e6, 1e17),
    "FLOP": (1e12, 1e33),
    "nats/token": (0.1, 20.0),
    "tokens/parameter": (1e-3, 1e6),
    "fraction": (0.0, 1.0),
    "runs": (1.0, 1e9),
    "PF-days": (1e-16, 1e12),
    "parameters (scale)": (1.0, 1e16),  # where a power law is 1, which need not be a size that anybody trained
    "steps": (1.0, 1e9),
    "samples": (1.0, 1e9),
    "items": (1.0, 1e6),
    "tokens/answer": (1.0, 1e7),
    "points": (0.0, 1e4),
    "words": (1e6, 1e17),
    "USD": (1e-6, 1e12),
    "GPU-hours": (1.0, 1e10),
    "times/year": (1.0, 100.0),
    "fraction/year": (0.0, 1.0),
    "year": (1950.0, 2200.0),
    "years": (0.1, 200.0),
    "months": (0.1, 600.0),
    "days": (1.0, 1e4),
    "GW": (1e-3, 1e4),
    "MW": (1e-3, 1e6),
    "W": (1.0, 1e5),
    "H100": (1e3, 1e12),
    "FLOP/s": (1e10, 1e18),
    "bytes": (1e8, 1e13),
    "bytes/s": (1e10, 1e15),
    "USD/hour": (0.01, 1e3),
    "1/mol": (6e23, 6.1e23),
    "g/mol": (1.0, 300.0),
    "chips": (1.0, 1e9),
    "1": (-1e6, 1e6),
}


class FactError(ValueError):
    """Raised for an unknown path and for a table that breaks its declaration."""


@dataclass(frozen=True)
class Fact:
    """One published number.

    ``value``, ``low`` and ``high`` are in ``unit`` ("1" is dimensionless); ``interval`` says what low and high are.

    >>> gpt3 = get("models/gpt-3/params")
    >>> gpt3.value, gpt3.unit, gpt3.confidence, gpt3.is_estimate
    (175000000000.0, 'parameters', 'primary text', False)
    """

    path: str
    label: str
    value: float
    unit: str
    low: float | None
    high: float | None
    interval: str
    location: str
    source: str
    confidence: str
    note: str

    @property
    def is_estimate(self) -> bool:
        """Whether a reader should be told that this is not a number read in the primary text or data."""
        return self.confidence in _HEDGED


_PROVENANCE = ("location", "source", "confidence", "note")
_LONG = ("id", "label", "value", "low", "high", "interval", "unit", *_PROVENANCE)

#: Table name -> (columns in order, unit of each numeric column). A long table has its unit in each row.
TABLES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "laws": (_LONG, {}),
    "kaplan": (_LONG, {}),
    "gadre": (_LONG, {}),
    "henighan": (
        ("id", "name", "Linf_N", "N0", "alpha_N", "Linf_C", "C0", "alpha_C", "best_C0", "best_exponent", *_PROVENANCE),
        {
            "Linf_N": "nats/token",
            "N0": "parameters (scale)",
            "alpha_N": "1",
            "Linf_C": "nats/token",
            "C0": "PF-days",
            "alpha_C": "1",
            "best_C0": "PF-days",
            "best_exponent": "1",
        },
    ),
    "allocation_exponents": (_LONG, {}),
    "results": (_LONG, {}),
    "supply": (_LONG, {}),
    "models": (
        ("id", "name", "organization", "released", "params", "active_params", "tokens", "flop", "flop_note", *_PROVENANCE),
        {"params": "parameters", "active_params": "parameters", "tokens": "tokens", "flop": "FLOP"},
    ),
    "hoffmann_optima": (
        ("id", "approach", "params", "flop", "tokens", *_PROVENANCE),
        {"params": "parameters", "flop": "FLOP", "tokens": "tokens"},
    ),
    "compute_optimal_predictions": (
        ("id", "name", "flop", "params", "tokens", "ratio", "loss", *_PROVENANCE),
        {"flop": "FLOP", "params": "parameters", "tokens": "tokens", "ratio": "tokens/parameter", "loss": "nats/token"},
    ),
    "hardware": (
        ("id", "name", "released", "price_usd", "fp32", "bf16", "fp8", "memory", "bandwidth", "power", *_PROVENANCE),
        {"price_usd": "USD", "fp32": "FLOP/s", "bf16": "FLOP/s", "fp8": "FLOP/s"}
        | {"memory": "bytes", "bandwidth": "bytes/s", "power": "W"},
    ),
    "gpu_prices": (_LONG, {}),
    "deepseek_v3_cost": (_LONG, {}),
    "configs": (
        (
            *("id", "name", "layers", "width", "heads", "kv_heads", "head_dim", "ffn_width", "gated", "vocab", "tied"),
            *("positions", "relative", "experts", "active_experts", "biases", "norm_vectors", "context", "params"),
            *_PROVENANCE,
        ),
        {
            **dict.fromkeys(("layers", "width", "heads", "kv_heads", "head_dim", "ffn_width", "gated", "vocab", "tied"), "1"),
            **dict.fromkeys(("positions", "relative", "experts", "active_experts", "biases", "norm_vectors", "context"), "1"),
            "params": "parameters",
        },
    ),
    "hoffmann_configs": (
        ("id", "params", "width", "ffn_width", "head_dim", "heads", "layers", *_PROVENANCE),
        {"params": "parameters", **dict.fromkeys(("width", "ffn_width", "head_dim", "heads", "layers"), "1")},
    ),
    "hoffmann_flop_ratio": (
        ("id", "params", "layers", "width", "ratio", *_PROVENANCE),
        {"params": "parameters", "layers": "1", "width": "1", "ratio": "1"},
    ),
    "porian_steps": (
        ("id", "name", "exponent", "exponent_low", "exponent_high", "size_at_gopher", *_PROVENANCE),
        {"exponent": "1", "exponent_low": "1", "exponent_high": "1", "size_at_gopher": "parameters"},
    ),
    "muennighoff_profile": (("id", "R_D", "R_N", "rise", *_PROVENANCE), {"R_D": "1", "R_N": "1", "rise": "1"}),
    "sardana_fits": (
        ("id", "name", "max_ratio", "alpha", "beta", "A", "B", "E", *_PROVENANCE),
        {"max_ratio": "tokens/parameter", "alpha": "1", "beta": "1", "A": "1", "B": "1", "E": "nats/token"},
    ),
    "trends": (_LONG, {}),
    "limits_2030": (
        ("id", "name", "flop_low", "flop_mid", "flop_high", *_PROVENANCE),
        {"flop_low": "FLOP", "flop_mid": "FLOP", "flop_high": "FLOP"},
    ),
    "limits_2030_resources": (_LONG, {}),
    "compute_history": (
        ("id", "name", "organization", "released", "params", "active_params", "tokens", "flop", "cost_usd", *_PROVENANCE),
        {"params": "parameters", "active_params": "parameters", "tokens": "tokens", "flop": "FLOP", "cost_usd": "USD"},
    ),
    "estimate_revisions": (
        ("id", "name", "flop", "flop_low", "flop_high", *_PROVENANCE),
        {"flop": "FLOP", "flop_low": "FLOP", "flop_high": "FLOP"},
    ),
    "sense_of_size": (_LONG, {}),
    "emergence": (
        ("id", "name", "group", "model", "flop", "params", *_PROVENANCE),
        {"flop": "FLOP", "params": "parameters"},
    ),
    "monkeys_fits": (
        ("id", "name", "a", "b", "mean_abs_error", "coverage_1", "coverage_100", "coverage_10000", *_PROVENANCE),
        {"a": "1", "b": "1", "mean_abs_error": "1"}
        | {"coverage_1": "fraction", "coverage_100": "fraction", "coverage_10000": "fraction"},
    ),
    "monkeys_coverage": (("id", "name", "samples", "coverage", *_PROVENANCE), {"samples": "samples", "coverage": "fraction"}),
    "monkeys_cost": (
        ("id", "name", "usd_per_attempt", "attempts", "solved", "total_usd", "relative_cost", *_PROVENANCE),
        {"usd_per_attempt": "USD", "attempts": "samples", "solved": "fraction", "total_usd": "USD", "relative_cost": "1"},
    ),
    "inference_trade": (_LONG, {}),
    "s1_points": (
        ("id", "name", "thinking_tokens", "accuracy", "items", *_PROVENANCE),
        {"thinking_tokens": "tokens/answer", "accuracy": "fraction", "items": "items"},
    ),
    "s1_methods": (
        ("id", "name", "control", "scaling", "performance", *_PROVENANCE),
        {"control": "fraction", "scaling": "1", "performance": "fraction"},
    ),
    "s1_scores": (
        ("id", "name", "aime24", "math500", "gpqa_diamond", *_PROVENANCE),
        {"aime24": "fraction", "math500": "fraction", "gpqa_diamond": "fraction"},
    ),
    "reasoning_benchmarks": (_LONG, {}),
    "r1_training": (_LONG, {}),
    "medprompt": (_LONG, {}),
    "recent": (_LONG, {}),
}


#: What a numeric column holds, in words.
_COLUMNS = {
    "price_usd": "price", "fp32": "32-bit peak", "bf16": "16-bit peak, dense", "fp8": "8-bit peak, dense", "power": "power",
    "params": "parameters", "active_params": "active parameters", "tokens": "training tokens", "flop": "training compute",
    "cost_usd": "training cost", "thinking_tokens": "thinking tokens", "usd_per_attempt": "price of an attempt",
    "coverage_1": "coverage at 1 attempt", "coverage_100": "coverage at 100 attempts",
    "coverage_10000": "coverage at 10,000 attempts", "mean_abs_error": "mean absolute error", "items": "problems",
}  # fmt: skip


@cache
def table(name: str) -> Mapping[str, Mapping[str, str]]:
    """All rows of one table: row id -> column -> text, checked.

    Raises FactError for an unknown table, and for a table with a wrong header, a repeated or empty id, a missing
    source, an unknown confidence or unit, a number that does not parse, or one outside its plausible range.

    >>> table("models")["gpt-3"]["name"]
    'GPT-3'
    """
    if name not in TABLES:
        raise FactError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return check(name, list(csv.reader(handle)))


def check(name: str, lines: list[list[str]]) -> Mapping[str, Mapping[str, str]]:
    """Check raw CSV ``lines`` against the declaration of table ``name``; return its rows (see :func:`table`)."""
    columns, units = TABLES[name]
    if not lines or tuple(lines[0]) != columns:
        raise FactError(f"{name}.csv: columns are {lines[0] if lines else []}, expected {list(columns)}")
    rows: dict[str, Mapping[str, str]] = {}
    for number, cells in enumerate(lines[1:], start=2):
        where = f"{name}.csv line {number}"
        if len(cells) != len(columns):
            raise FactError(f"{where}: {len(cells)} cells, expected {len(columns)}")
        row = dict(zip(columns, cells, strict=True))
        if not row["id"] or row["id"] in rows:
            raise FactError(f"{where}: id {row['id']!r} is empty or repeated")
        if not row["source"] or not row["location"]:
            raise FactError(f"{where}: {row['id']!r} has no source or no location in it")
        if row["confidence"] not in CONFIDENCES:
            raise FactError(f"{where}: confidence {row['confidence']!r} is none of {list(CONFIDENCES)}")
        if units:
            for column, unit in units.items():
                if row[column]:
                    _number(row[column], unit, f"{where}: {column}")
        else:
            value = _number(row["value"], row["unit"], f"{where}: value")
            low = _number(row["low"], row["unit"], f"{where}: low") if row["low"] else value
            high = _number(row["high"], row["unit"], f"{where}: high") if row["high"] else value
            if (row["low"] or row["high"]) and not row["interval"]:
                raise FactError(f"{where}: {row['id']!r} has bounds but does not say what they are (interval)")
            if low > high:
                raise FactError(f"{where}: low {low:g} is above high {high:g}")
        rows[row["id"]] = row
    return rows


def _number(text: str, unit: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise FactError(f"{where} {text!r} is not a number") from None
    if unit not in _RANGES:
        raise FactError(f"{where}: unit {unit!r} is none of {list(_RANGES)}")
    low, high = _RANGES[unit]
    if not (math.isfinite(value) and low <= value <= high):
        raise FactError(f"{where} {text} {unit} is outside {low:g} to {high:g}: wrong unit or exponent?")
    return value


def get(path: str) -> Fact:
    """One fact by path: ``table/row`` for a long table, ``table/row/column`` for a wide one.

    Raises FactError naming the part of the path that is unknown, or a cell that is empty.

    >>> get("results/gopher-compute/nominal").value
    5.76e+23
    >>> get("models/gpt-3/colour")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    scaling_helpers.facts.FactError: 'models/gpt-3/colour': 'colour' is no numeric column of models; ...
    """
    name, _, rest = path.partition("/")
    rows = table(name)
    units = TABLES[name][1]
    row_id, column = (rest.rpartition("/")[0], rest.rpartition("/")[2]) if units else (rest, "value")
    if units and column not in units:
        raise FactError(f"{path!r}: {column!r} is no numeric column of {name}; those are {', '.join(units)}")
    if row_id not in rows:
        raise FactError(f"{path!r}: no row {row_id!r} in {name}; rows are {', '.join(rows)}")
    row = rows[row_id]
    if not row[column]:
        raise FactError(f"{path!r}: {name} gives no {column} for {row_id!r}")
    return Fact(
        path=path,
        label=row.get("label") or f"{_COLUMNS.get(column, column)} of {row.get('name') or row_id}",
        value=float(row[column]),
        unit=units[column] if units else row["unit"],
        low=float(row["low"]) if row.get("low") else None,
        high=float(row["high"]) if row.get("high") else None,
        interval=row.get("interval", ""),
        location=row["location"],
        source=row["source"],
        confidence=row["confidence"],
        note=(row.get("flop_note") if column == "flop" else "") or row["note"],
    )


def paths(name: str) -> list[str]:
    """Every path that :func:`get` answers in table ``name``.

    >>> paths("laws")[:2]
    ['laws/hoffmann-2022/E', 'laws/hoffmann-2022/A']
    """
    units = TABLES[name][1]
    rows = table(name)
    if not units:
        return [f"{name}/{row_id}" for row_id in rows]
    return [f"{name}/{row_id}/{column}" for row_id, row in rows.items() for column in units if row[column]]
