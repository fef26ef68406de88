"""Every number in prose is computed on the page, comes from the facts with its source, or is allowed with a reason.

The walk covers the article of each built page: paragraphs, lists, tables, captions and folds. Left out is what is no prose
(code, mathematics, drawings, explorers, what cells print), what Sphinx numbers itself (headings, references), and citations;
and the reference of the package (class api), whose text is the code's docstrings: a number in it is a default, a tolerance,
or an example that a doctest runs.
Traced are ``{glue:text}`` (class pasted-text), ``{fact}`` and ``{live}``. A citation in the sentence traces nothing: a
quantity that the book uses belongs into ``facts/``. The exceptions are in numbers_allowed.toml.

A number is a run of digits, or a number word from eleven up; below, words count things ("two laws", "three methods").

    python -m tests.book.test_numbers_traced [site]     lists what is not traced, page by page
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Comment, Tag

from .test_build import parsed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

NOT_PROSE = "pre, code, script, style, svg, math, .math, .math-inline, .picture, [data-explorer], .cell_input, .cell_output, .api"
NUMBERED_BY_SPHINX = "h1, h2, h3, h4, h5, h6, .headerlink, .section-number, .caption-number, .eqno, a.reference, footer, nav"
CITED = ".bibtex-citation, .citation, .citation-list"
TRACED = ".pasted-text, .fact, .explorer-live"
SKIPPED = ", ".join((NOT_PROSE, NUMBERED_BY_SPHINX, CITED, TRACED))
#: Text runs on across these; any other element ends a sentence's text.
BLOCKS = {"p", "li", "td", "th", "dt", "dd", "figcaption", "summary", "div", "section", "blockquote", "caption"}
#: Stands for what was skipped, so that the words around it stay apart.
GAP = "\N{OBJECT REPLACEMENT CHARACTER}"

TEENS = "eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
SIZES = "hundred|thousand|(?:m|b|tr)illion"
NUMBER = re.compile(
    rf"\d+(?:[.,\u202f]\d+)*(?:[ \u00a0-](?:{SIZES})\b)?|\b(?:{TEENS}|(?:{TENS})(?:-\w+)?|{SIZES})\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Untraced:
    """A number in prose with no source; `words` are those around it."""

    page: str
    number: str
    words: str

    def __str__(self) -> str:
        return f"{self.page}: {self.number!r} in “{self.words}”"


@dataclass(frozen=True)
class Allowed:
    pattern: re.Pattern[str]
    pages: str
    reason: str


@cache
def allowed() -> tuple[Allowed, ...]:
    entries = tomllib.loads((HERE / "numbers_allowed.toml").read_text(encoding="utf-8"))["allowed"]
    return tuple(Allowed(re.compile(entry["pattern"]), entry.get("pages", "*"), entry["reason"]) for entry in entries)


def prose(article: Tag) -> Iterator[str]:
    """The text of each block, with a gap for everything that is skipped."""
    skipped = {id(node) for node in article.select(SKIPPED)}

    def strings(within: Tag, block: Tag) -> Iterator[tuple[str, Tag]]:
        for node in within.children:
            if isinstance(node, Tag):
                if id(node) in skipped:
                    yield GAP, block
                else:
                    yield from strings(node, node if node.name in BLOCKS else block)
            elif not isinstance(node, Comment):
                yield str(node), block

    text = ""
    previous: Tag | None = None
    for string, block in strings(article, article):
        if block is not previous and text:
            yield " ".join(text.split())
            text = ""
        previous = block
        text += string
    yield " ".join(text.split())


def texts(html: str | BeautifulSoup) -> list[str]:
    """The prose of a page, block by block."""
    soup = html if isinstance(html, BeautifulSoup) else BeautifulSoup(html, "html.parser")
    article = soup.select_one("article.bd-article")
    return [] if article is None else list(prose(article))


def untraced(page: str, found: list[str]) -> list[Untraced]:
    """The numbers of one page that nothing accounts for; `page` is its path without the suffix, `found` its `texts`."""
    faults = []
    for text in found:
        free = [
            match.span() for entry in allowed() if fnmatch(page, entry.pages) for match in entry.pattern.finditer(text)
        ]
        for number in NUMBER.finditer(text):
            start, end = number.span()
            if not any(low <= start and end <= high for low, high in free):
                words = text[max(0, start - 45) : end + 35].replace(GAP, "…")
                faults.append(Untraced(page, number[0], words))
    return faults


@cache
def site_texts(site: Path) -> dict[str, list[str]]:
    """The prose of every page of a site."""
    names = sorted(path for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts)
    return {path.relative_to(site).with_suffix("").as_posix(): texts(parsed(path)) for path in names}


def test_every_number_in_prose_is_computed_a_fact_or_allowed(book_html: Path) -> None:
    built = site_texts(book_html)
    assert "chapters/chinchilla" in built and len(built) > 5
    found = [str(number) for page, prose_of in built.items() for number in untraced(page, prose_of)]
    advice = f"{len(found)} numbers without a source; glue them, take them from facts/, or allow them with a reason:"
    assert not found, "\n".join([advice, *found])


def test_what_is_allowed_is_used(book_html: Path) -> None:
    """An exception that no page needs any more would hide the next number that looks like it."""
    built = site_texts(book_html)
    for entry in allowed():
        assert len(entry.reason) > 10, entry
        used = any(entry.pattern.search(text) for page, found in built.items() if fnmatch(page, entry.pages) for text in found)
        assert used, f"no page has {entry.pattern.pattern!r}"


def page(body: str) -> str:
    return f'<html><article class="bd-article">{body}</article><p>Outside 99.</p></html>'


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ("<p>The best size is 40.4 billion parameters.</p>", ["40.4 billion"]),
        ('<p>A citation <span class="bibtex-citation">[2022]</span> traces nothing: 1,875 tokens.</p>', ["1,875"]),
        ("<ul><li>About thirty tokens, or twenty-five.</li></ul>", ["thirty", "twenty-five"]),
        ("<table><tr><td>20</td><td><p>3e23 FLOP</p></td></tr></table>", ["20", "3", "23"]),
        ("<figure><figcaption><p>It wastes 14% there.</p></figcaption></figure>", ["14"]),
        ("<details><summary>More than 7 points</summary><p>and 12%</p></details>", ["7", "12"]),
        ("<p>10,000 tokens and <em>70</em>B</p>", ["10,000", "70"]),
        ("<p>A sweep of 2020 runs, and GPT-3 at 175B.</p>", ["2020", "175"]),
        ('<p>A gap <span class="pasted-text">3</span>0 between.</p>', ["0"]),
    ],
)
def test_a_planted_number_is_found(body: str, numbers: list[str]) -> None:
    assert [found.number for found in untraced("chapters/planted", texts(page(body)))] == numbers


@pytest.mark.parametrize(
    "body",
    [
        '<p>The best size is <span class="pasted-text">40.4 billion</span> parameters.</p>',
        '<p><span class="fact"><span class="fact-value">175B</span><span class="fact-tip">Table 1, 2203.15556</span></span></p>',
        '<p>It is <span class="explorer-live">47%</span> and <code>7e10</code> and <math><mn>6</mn></math>.</p>',
        '<h2><span class="section-number">1.2. </span>Section 7</h2><p>see <a class="reference internal">Fig. 4</a></p>',
        '<div class="cell_output"><pre>30.6B</pre></div><div class="picture"><svg><text>9</text></svg></div>',
        "<p>In 2022, GPT-3 and Llama 3 8B were compared (Table 3, Appendix D; Figure A4); two laws of four, a quarter.</p>",
    ],
)
def test_what_is_traced_or_no_quantity_is_left_alone(body: str) -> None:
    assert untraced("chapters/planted", texts(page(body))) == []


def test_a_number_planted_in_the_built_chapter_is_found(book_html: Path) -> None:
    html = (book_html / "chapters" / "chinchilla.html").read_text(encoding="utf-8")
    before = untraced("chapters/chinchilla", site_texts(book_html)["chapters/chinchilla"])
    at = html.index("</p>", html.index('class="bd-article"'))
    planted = f"{html[:at]} GPT-3 wasted 51.3 per cent.{html[at:]}"
    after = untraced("chapters/chinchilla", texts(planted))
    assert len(after) == len(before) + 1 and "51.3" in {found.number for found in after}


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "html"
    for name, text in site_texts(chosen).items():
        print(*untraced(name, text), sep="\n", end="\n" if untraced(name, text) else "")
