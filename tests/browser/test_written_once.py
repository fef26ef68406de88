"""A law's constants stand in facts/laws.csv and nowhere else: not in JavaScript, not in an expression typed as text.

What a traced law writes into a chart is no second typing: it comes from the same Python formula.
"""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pytest

import scaling_helpers
from scaling_helpers.laws import FLOP_PER_PARAMETER_TOKEN, LAWS

PACKAGE = Path(scaling_helpers.__file__).parent
EXPLORERS = PACKAGE / "explorers"
NUMBER = r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])"
# 6 next to an arithmetic sign, a bracket or a name, as in 6 * N, C / (6 * N), 6*compute.
SIX = re.compile(r"(?<![\w.])6(?:\.0*)?\s*[*/]|[*/(]\s*6(?:\.0*)?(?![\w.])\s*[*/)]")


def constants() -> dict[float, str]:
    """Every constant of every law, as published and as the law uses it (some are published as logarithms)."""
    with (PACKAGE / "facts" / "laws.csv").open(encoding="utf-8") as file:
        found = {float(row["value"]): row["id"] for row in csv.DictReader(file)}
    found |= {getattr(law, name): f"{law_id}/{name}" for law_id, law in LAWS.items() for name in ("E", "A", "B", "alpha", "beta")}
    return found


def without_comments(javascript: str) -> str:
    return re.sub(r"/\*.*?\*/|(?<![:\"'`\w])//[^\n]*", " ", javascript, flags=re.DOTALL)


def typed_again(text: str) -> list[str]:
    """Constants of laws, and the 6 of C = 6ND, that ``text`` types."""
    known = constants()
    hits = [f"{match[0]} is {known[float(match[0])]}" for match in re.finditer(NUMBER, text) if float(match[0]) in known]
    if SIX.search(text):
        hits.append(f"{SIX.search(text)[0]!r} types the {FLOP_PER_PARAMETER_TOKEN:g} FLOP per parameter and token")  # type: ignore[index]
    return hits


def strings(source: str) -> list[tuple[int, str]]:
    """The string literals of Python code, f-strings whole, without docstrings.

    The ``python`` argument is left out: it is code that the page shows to its reader, and test_explorers.py runs it and
    compares what it prints with the readouts.
    """
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            skipped.add(id(body[0].value))
        if isinstance(node, ast.keyword) and node.arg == "python":
            skipped |= {id(inner) for inner in ast.walk(node.value)}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(inner) for inner in node.values}
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append((node.lineno, node.value))
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "name" for part in node.values]
            found.append((node.lineno, "".join(str(part) for part in parts)))
    return found


@pytest.mark.parametrize("path", sorted((EXPLORERS / "static").glob("*.js")), ids=lambda path: path.name)
def test_no_constant_of_a_law_is_typed_in_javascript(path: Path) -> None:
    assert not typed_again(without_comments(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(EXPLORERS.glob("*.py")), ids=lambda path: path.name)
def test_no_constant_of_a_law_is_typed_in_an_expression_string(path: Path) -> None:
    hits = [f"line {line}: {hit}" for line, text in strings(path.read_text(encoding="utf-8")) for hit in typed_again(text)]
    assert not hits


@pytest.mark.parametrize(
    "planted",
    [
        "const alpha = 0.3478;",
        "loss = 1.8172 + 482.01 / Math.pow(n, a)",
        "return 2085.430 / x",
        "const e = 0.6254804;",
        "tokens = compute / (6 * n)",
        "const budget = 6*n*d;",
        "c / 6 / n",
        "c = n * 6 * d",
    ],
)
def test_a_constant_typed_again_is_reported(planted: str) -> None:
    assert typed_again(without_comments(planted))
    assert any(typed_again(text) for _, text in strings(f"chart(calculate={planted!r})"))
    assert any(typed_again(text) for _, text in strings(f"chart(calculate=f{planted.replace('{', '').replace('}', '')!r})"))


def test_innocent_numbers_are_not() -> None:
    for text in ("h6 { width: 16px }", "const decade = 500;", "The budget is C = 6 N D.", "format(x, '.2~e')", "x16 * 26"):
        assert not typed_again(text), text
    assert not typed_again(without_comments("// alpha is 0.3478\n/* 482.01 */ const a = b;"))
    assert not [hit for _, text in strings('"""Uses 0.3478."""\nx = 1') for hit in typed_again(text)]


def test_every_law_is_looked_for() -> None:
    assert len(constants()) >= 4 * 4
