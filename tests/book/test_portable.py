"""A chapter that a reader takes away reads well where nobody knows MyST."""

import re
from pathlib import Path

import nbformat
import pytest

from scaling_helpers.book.portable import portable, references

from ..conftest import ROOT

CITED = {"kaplan2020": ("Kaplan et al.", "2020"), "gao2020": ("Gao", "2020")}


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("{glue:text}`size` parameters", "40.4B parameters"),
        ("{glue:text}`unknown`", "unknown"),
        ("{fact}`models/gpt-3/params`", "175B"),
        ("{fact}`results/chinchilla-mmlu|ratio`", "0.675"),
        (r"| {fact}`results/chinchilla-mmlu\|ratio` |", "| 0.675 |"),
        ("{live}`isoflop.optimal_N`", "72.2B"),
        ("{explore}`at Gopher's budget <isoflop?compute=5.76e23>`", "at Gopher's budget"),
        ("{term}`epochs <epoch>` and {term}`token`", "epochs and token"),
        ("{cite:t}`kaplan2020` say", "Kaplan et al. (2020) say"),
        ("known {cite:p}`kaplan2020,gao2020`.", "known (Kaplan et al. 2020; Gao 2020)."),
        ("see {eq}`eq-law`", "see (eq-law)"),
        ("(sec-law)=\n## A law", "## A law"),
        ("```{math}\n:label: eq-law\nL = E\n```", "$$\nL = E \\qquad \\text{(eq-law)}\n$$"),
        ("```{math}\nL = E\n```", "$$\nL = E\n$$"),
        ("```{admonition} Core question\n:class: important\nHow {glue:text}`size`?\n```", "> **Core question**\n>\n> How 40.4B?"),
        ("````{dropdown} More\nA\n```{note}\nB\n```\n````", "> **More**\n>\n> A\n> > B"),
        ("```python\nx = 1\n```", "```python\nx = 1\n```"),
    ],
)
def test_markup_becomes_what_it_prints(myst: str, plain: str) -> None:
    assert portable(myst, {"size": "40.4B"}, CITED) == plain


def test_references_read_as_in_a_sentence() -> None:
    assert references(ROOT / "references.bib")["kaplan2020"] == ("Kaplan et al.", "2020")


def test_a_book_may_have_no_bibliography(tmp_path: Path) -> None:
    assert references(tmp_path / "references.bib") == {}


def test_no_page_offers_a_notebook_with_markup_left_in_its_text(book_html: Path) -> None:
    offered = sorted(book_html.rglob("*.ipynb"))
    assert offered
    for path in offered:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                left = re.findall(r"\{[\w:]+\}`[^`]*`|^`{3,}\{[\w-]+\}.*|^\([\w-]+\)=$", cell.source, re.MULTILINE)
                assert not left, f"{path.relative_to(book_html)}: {left[:3]}"
