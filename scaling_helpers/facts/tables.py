"""How are the published numbers shown? Each table as HTML that a screen reader can walk, with source and confidence."""

from __future__ import annotations

import html
from dataclasses import dataclass

from .. import numbers
from . import CONFIDENCES, TABLES, paths, table
from . import get as fact

__all__ = ["CAPTIONS", "FactTable", "confidences", "show"]

#: What each table holds, as its caption says.
CAPTIONS = {
    "laws": "Constants of the published laws",
    "kaplan": "Constants, rules and derived numbers of Kaplan et al.",
    "gadre": "Constants of the over-training law and of the law from loss to error (Gadre et al.)",
    "henighan": "Power laws plus constants for twelve kinds of data (Henighan et al.)",
    "allocation_exponents": "Exponents of the best model size, by study",
    "results": "Single results and definitions",
    "supply": "What techniques on the supply side were measured to do",
    "models": "Published models: parameters, tokens and training compute",
    "hoffmann_optima": "Optima of Hoffmann et al., Tables 3 and A3, as printed",
    "compute_optimal_predictions": "What each method would train with five budgets",
    "hardware": "Accelerators: peak speed, memory, power and price",
    "gpu_prices": "What accelerators rent and sell for",
    "deepseek_v3_cost": "What the training of DeepSeek-V3 cost",
    "configs": "Configurations of published models (1 for yes, 0 for no)",
    "hoffmann_configs": "The fifty models of Hoffmann et al., Table A9",
    "hoffmann_flop_ratio": "FLOP by the count of Hoffmann et al. over 6ND, Table A4",
    "porian_steps": "From Kaplan's exponent to Hoffmann's, step by step (Porian et al.)",
    "muennighoff_profile": "How much worse the data-constrained law fits with R_D held (runs of Muennighoff et al.)",
    "sardana_fits": "One law fitted to four ranges of tokens per parameter (Sardana et al.)",
    "trends": "Growth of compute, prices, algorithms and data, as published",
    "limits_2030": "What may limit a training run in 2030 (Sevilla et al.)",
    "limits_2030_resources": "The power, chips and data behind those limits (Sevilla et al.)",
    "compute_history": "Training compute of 64 models from 2012 to 2026 (Epoch AI)",
    "estimate_revisions": "How estimates of training compute moved (Epoch AI)",
    "sense_of_size": "What the comparisons with books and gold assume",
    "emergence": "Scale at which abilities were seen to emerge (Wei et al.)",
    "monkeys_fits": "Coverage as exp(a k^b), as fitted by Brown et al.",
    "monkeys_coverage": "Coverage after repeated sampling (Brown et al.)",
    "monkeys_cost": "Cost of solving SWE-bench Lite by sampling (Brown et al.)",
    "inference_trade": "Training compute against test compute, as published",
    "s1_points": "Accuracy against thinking tokens under budget forcing (Muennighoff et al.)",
    "s1_methods": "Ways to control the length of thought, on AIME24 (Muennighoff et al.)",
    "s1_scores": "Scores of s1 and of other reasoning models (Muennighoff et al.)",
    "reasoning_benchmarks": "Scores of reasoning models, with the setting they were measured in",
    "r1_training": "What training DeepSeek-R1 took",
    "medprompt": "MedPrompt, step by step",
    "recent": "Results and reports that the debates of 2024 to 2026 turn on",
}
_KINDS = {
    "parameters": "count", "tokens": "count", "FLOP": "flop", "tokens/parameter": "ratio", "runs": "count",
    "samples": "count", "items": "plain", "tokens/answer": "plain", "words": "count", "GPU-hours": "count", "H100": "count",
}  # fmt: skip


@dataclass(frozen=True)
class FactTable:
    """One table of facts, ready to be shown; ``rows`` are cells as text, the first of each row its heading.

    >>> FactTable("one", "A table", ("what", "value"), (("size", "7B"),))
    A table: 1 rows
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        caption = html.escape(self.caption)
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self.head)
        body = "".join(
            f'<tr><th scope="row">{html.escape(first)}</th>' + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest) + "</tr>"
            for first, *rest in self.rows
        )
        # Focusable, because a wide table scrolls in its own box.
        return (
            f'<div class="facts-table" role="region" tabindex="0" aria-label="{caption}">'
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        return f"{self.caption}: {len(self.rows)} rows"


def show(name: str) -> FactTable:
    """Table ``name`` with all its values, sources and confidences. Raises FactError for an unknown table.

    >>> show("laws").head
    ('quantity', 'value', 'unit', 'range', 'source', 'confidence', 'note')
    """
    rows = table(name)
    units = TABLES[name][1]
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    provenance = ("source", "confidence", "note")
    if not units:
        head = ("quantity", "value", "unit", "range", *provenance)
        cells = tuple(_long_row(path) for path in paths(name))
    else:
        head = (name.replace("_", " "), *(_heading(column, unit) for column, unit in units.items()), *provenance)
        cells = tuple(
            (
                row.get("name") or row_id,
                *(_number(row[column], unit) for column, unit in units.items()),
                f"{row['source']}, {row['location']}",
                row["confidence"],
                "; ".join(filter(None, (row.get("flop_note"), row["note"]))),
            )
            for row_id, row in rows.items()
        )
    return FactTable(name, CAPTIONS[name], tuple(head), cells)


def confidences() -> FactTable:
    """What each confidence label means.

    >>> confidences().rows[0]
    ('primary text', 'read in the full text of the paper or page')
    """
    return FactTable("confidences", "Confidence labels", ("label", "meaning"), tuple(CONFIDENCES.items()))


def _long_row(path: str) -> tuple[str, ...]:
    one = fact(path)
    bounds = ""
    if one.low is not None and one.high is not None:
        bounds = f"{_number(one.low, one.unit)} to {_number(one.high, one.unit)}: {one.interval}"
    unit = "" if one.unit == "1" else one.unit
    return (one.label, _number(one.value, one.unit), unit, bounds, f"{one.source}, {one.location}", one.confidence, one.note)


def _heading(column: str, unit: str) -> str:
    words = column.replace("_", " ")
    return words if unit in ("1", column) or column in ("params", "active_params") else f"{words} ({unit})"


def _number(value: str | float, unit: str) -> str:
    if value == "":
        return ""
    if unit == "fraction":  # 40.5% and 41.41% are two results, though both are 41% in running text
        return f"{100 * float(value):.10g}%"
    # A constant keeps the digits it was published with; a count is written as in the text.
    return numbers.format(float(value), _KINDS[unit]) if unit in _KINDS else f"{float(value):.10g}"
