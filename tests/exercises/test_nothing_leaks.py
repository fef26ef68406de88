"""What a built book says of an exercise: never a hidden test, and no solution where solutions are withheld.

A scratch book with the book's own extensions, built in this process's Python in a few seconds; then every file of the site
is searched, the notebooks that pages offer and the search index included.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from scaling_helpers.exercises import MARKERS, check, sync

from ..conftest import ROOT, build_book, start_with_what_is_made
from .test_format import SOURCE

#: In a hidden test, in what it prints when it passes, in a solution, in a solution in words, in an output made by a solution.
HIDDEN = ("hiddensentinel", "17.0", "double(17)")
ANSWERS = ("2 * x", "answersentinel", "doubled: 42", "readingsentinel")
PLANTED = (
    ("score.expect(1, double, 17.0, want=34.0)", 'score.holds(1, "hiddensentinel", lambda: double(17.0) == 34.0, hint="hiddensentinel")'),
    ("return 2 * x", "answersentinel = 2 * x\n    return answersentinel"),
    ("A reading.", "A reading with a readingsentinel."),
)


def configuration(solutions: str) -> str:
    """The book's own, with the setting changed; `jupyter-book` turns it into conf.py."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    settings.pop("bibtex_bibfiles")
    sphinx = settings["sphinx"]["config"]
    sphinx["scaling_exercises_solutions"] = solutions
    sphinx["extensions"].remove("sphinxcontrib.bibtex")  # the scratch book cites nothing
    settings["sphinx"]["config"] = {key: value for key, value in sphinx.items() if not key.startswith("bibtex_")}
    return yaml.safe_dump(settings)


def build(folder: Path, solutions: str) -> subprocess.CompletedProcess[str]:
    (folder / "_config.yml").write_text(configuration(solutions), encoding="utf-8")
    return build_book(folder, {"PYTHONPATH": str(ROOT)})


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    start_with_what_is_made(folder)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: exercises/small\n", encoding="utf-8")
    (folder / "index.md").write_text("# A book\n\nWith {doc}`exercises <exercises/small>`.\n", encoding="utf-8")
    shutil.copytree(ROOT / "scaling_helpers" / "book" / "static", folder / "scaling_helpers" / "book" / "static")
    source = folder / "exercises" / "small.md"
    source.parent.mkdir()
    text = SOURCE
    for old, new in PLANTED:
        assert text.count(old) == 1
        text = text.replace(old, new)
    source.write_text(text, encoding="utf-8")
    sync(source)
    assert check(source) == []
    return folder


def found(site: Path, words: tuple[str, ...]) -> list[str]:
    """Every `file: word` in a site, compared without markup and in lower case, since the search index stems words."""
    hits = []
    for path in sorted(site.rglob("*")):
        if path.is_file() and "_static" not in path.relative_to(site).parts:
            raw = path.read_text(encoding="utf-8", errors="ignore")
            texts = raw.lower(), re.sub(r"<[^>]*>", "", raw).lower()
            hits += [f"{path.relative_to(site)}: {word}" for word in words if any(word.lower() in text for text in texts)]
    return hits


@pytest.mark.parametrize("solutions", ["folded", "withheld"])
def test_no_built_file_has_a_hidden_test_and_none_an_answer_that_is_withheld(book: Path, solutions: str) -> None:
    done = build(book, solutions)
    assert done.returncode == 0, done.stdout[-3000:]
    site = book / "_build" / "html"
    assert (site / "exercises" / "small.html").exists() and (site / "exercises" / "small.ipynb").exists()
    assert found(site, (*HIDDEN, *MARKERS)) == []
    answers = found(site, ANSWERS)
    if solutions == "withheld":
        assert answers == []
    else:  # the search does find what is there: in the page, in its notebook and in the index
        for name in ("small.html", "small.ipynb"):
            assert [hit for hit in answers if name in hit] == [f"exercises/{name}: {word}" for word in ANSWERS]
        assert "searchindex.js: readingsentinel" in answers


def test_a_setting_that_does_not_exist_stops_the_build(book: Path) -> None:
    done = build(book, "shown")
    assert done.returncode != 0
    assert "scaling_exercises_solutions is folded or withheld, not 'shown'" in done.stdout
