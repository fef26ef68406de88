"""How does a chapter read where nobody knows MyST? Its markup as plain Markdown, for the notebooks that readers take away.

The page's notebook is opened in VS Code, on a course server, in plain Jupyter. There {glue:text}`size` would stand in the
sentence instead of a number, and an equation or a note would look like code. So roles become what they print, equations
become ``$$``, notes and folds become quotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scaling_helpers import facts, numbers

from .roles import FORMAT_OF_UNIT

ROLE = re.compile(r"\{(?P<role>[\w:]+)\}`(?P<text>[^`]+)`")
TITLED = re.compile(r"^(?P<title>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
MATH = re.compile(r"^```\{math\}\n(?::label: (?P<label>\S+)\n)?(?P<tex>.*?)^```$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w-]+)\} ?(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE
)
LABEL = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)


def references(bibliography: Path) -> dict[str, tuple[str, str]]:
    """Authors as they stand in a sentence, and year, by citation key; nothing for a book without a bibliography."""
    if not bibliography.exists():
        return {}
    from pybtex.database import parse_file

    found = {}
    for key, entry in parse_file(str(bibliography), "bibtex").entries.items():
        names = [" ".join(person.last_names) or str(person) for person in entry.persons["author"]]
        authors = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        found[key] = (authors.replace("{", "").replace("}", ""), entry.fields["year"])
    return found


def portable(text: str, glued: Mapping[str, str], cited: Mapping[str, tuple[str, str]]) -> str:
    """One Markdown cell without MyST: ``glued`` maps names to printed numbers, ``cited`` is :func:`references`."""

    def printed(match: re.Match[str]) -> str:
        role, inner = match["role"], match["text"].replace(r"\|", "|")  # a table wants its bars escaped
        titled = TITLED.match(inner)
        if role in WRITERS:
            return WRITERS[role](inner, glued, cited)
        return titled["title"] if titled else inner

    def equation(match: re.Match[str]) -> str:
        number = f" \\qquad \\text{{({match['label']})}}" if match["label"] else ""
        return f"$$\n{match['tex'].strip()}{number}\n$$"

    def quotation(match: re.Match[str]) -> str:
        lines = [line for line in FENCE.sub(quotation, match["body"]).splitlines() if not re.match(r":[\w-]+:", line)]
        heading = [f"**{match['title']}**", ""] if match["title"] else []
        return "\n".join(f"> {line}".rstrip() for line in [*heading, *"\n".join(lines).strip().splitlines()])

    text = MATH.sub(equation, LABEL.sub("", text))
    return ROLE.sub(printed, FENCE.sub(quotation, text))


def _fact(inner: str, _glued: Any, _cited: Any) -> str:
    path, _, kind = (part.strip() for part in inner.partition("|"))
    fact = facts.get(path)
    return numbers.format(fact.value, kind or FORMAT_OF_UNIT.get(fact.unit, "plain"))


def _live(inner: str, _glued: Any, _cited: Any) -> str:
    from scaling_helpers.explorers import CATALOGUE

    place, _, kind = (part.strip() for part in inner.partition("|"))
    name, _, readout = place.partition(".")
    widget = CATALOGUE[name]()
    kinds = {r.name: r.format for r in widget.declaration.readouts} | {
        c.name: c.payload()["format"] for c in widget.declaration.controls
    }
    return numbers.format({**widget.values, **widget.readouts()}[readout], kind or kinds[readout])


def _cite(inner: str, _glued: Any, cited: Mapping[str, tuple[str, str]], *, bracketed: bool) -> str:
    works = [cited.get(key.strip(), (key.strip(), "")) for key in inner.split(",")]  # bibtex warns of an unknown key
    if bracketed:
        return "(" + "; ".join(f"{authors} {year}" for authors, year in works) + ")"
    return ", ".join(f"{authors} ({year})" for authors, year in works)


WRITERS: Mapping[str, Callable[[str, Mapping[str, str], Mapping[str, tuple[str, str]]], str]] = {
    "glue:text": lambda inner, glued, _cited: glued.get(inner, inner),  # MyST-NB warns of an unknown name
    "fact": _fact,
    "live": _live,
    "cite:t": lambda inner, glued, cited: _cite(inner, glued, cited, bracketed=False),
    "cite:p": lambda inner, glued, cited: _cite(inner, glued, cited, bracketed=True),
    "eq": lambda inner, _glued, _cited: f"({inner})",
}
