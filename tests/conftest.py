"""Fixtures for whatever looks at the built book: the book itself, a server for it, a browser.

Each is made once a session and only when a test asks. Nothing here skips. And how a parallel run is dealt out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

from .browser.server import POLICY, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent


def build_book(source: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Build the book in ``source`` as ``make book`` does; output and errors come back as one text."""
    # The command installed beside this Python; `python -m jupyter_book` does not exist.
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "-n", "--keep-going"]
    return subprocess.run(
        command,
        cwd=source,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


#: Held while the book of this folder is built.
LOCK = ROOT / "_build" / "tests.lock"


def start_with_what_is_made(book: Path) -> None:
    """Give the book in the folder ``book`` the font and the Vega that ours has made, if it has.

    Both are kept under a key of what made them, and take seconds.
    """
    LOCK.parent.mkdir(exist_ok=True)
    with FileLock(LOCK):
        if (LOCK.parent / "made").exists():
            shutil.copytree(LOCK.parent / "made", book / "_build" / "made")


@pytest.fixture(scope="session")
def book_html() -> Path:
    """The folder of the built book. An unchanged tree takes seconds: the book's own freshness keys see to that.

    Each worker of a parallel run asks for it: the first builds, the others wait and take its word, good or bad.
    """
    LOCK.parent.mkdir(exist_ok=True)
    note = LOCK.with_suffix(".json")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    with FileLock(LOCK):
        told = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
        if run is None or told.get("run") != run:
            done = build_book(ROOT)
            told = {"run": run, "status": done.returncode, "output": done.stdout[-8000:]}
            note.write_text(json.dumps(told), encoding="utf-8")
    if told["status"]:
        pytest.fail(f"the book does not build (exit {told['status']}):\n{told['output']}", pytrace=False)
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def site(book_html: Path) -> Iterator[str]:
    """The address of the book on a plain static host."""
    with serve(book_html) as address:
        yield address


@pytest.fixture(scope="session")
def strict_site(book_html: Path) -> Iterator[str]:
    """The same under a content policy that forbids ``eval`` and every foreign host."""
    with serve(book_html, {"Content-Security-Policy": POLICY}) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the session."""
    from playwright.sync_api import sync_playwright

    from .browser.chromium import NoBrowserError, launch

    with sync_playwright() as playwright:
        try:
            chromium = launch(playwright)
        except NoBrowserError as error:
            pytest.fail(str(error), pytrace=False)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page on the plain host. The test fails if anything leaves the site or reaches the console."""
    from .browser.watch import watched

    with watched(browser, site, base_url=site) as (opened, watch):
        yield opened
        faults = watch.faults()
    assert not faults, "\n".join(faults)


# ---- a parallel run -------------------------------------------------------------------------------------------------

#: In this order, all else after them. The first builds the book; the next few keep the other worker from waiting for it;
#: then what takes long, so that only short files are left for the end.
EARLY = (
    "tests/book/test_build.py",
    "tests/package/test_fit_chinchilla.py",
    "tests/package/test_optimum.py",
    "tests/package/test_cli.py",
    "tests/package/test_explorers.py",
    "tests/browser/test_pages.py",
    "tests/browser/test_explorers.py",
    "tests/book/",
    "tests/browser/",
    "tests/lab/",
    "tests/exercises/",
)
#: Files that look at the same parsed pages share a worker.
TOGETHER = {"tests/book/test_numbers_traced.py": "tests/book/test_build.py"}
#: What runs no line of the package that others do not: a browser, or the text of pages. Coverage triples the time of
#: Python code, the parser of the pages included, so it is left out here (and counts what is left against its bound).
UNCOVERED = ("tests/browser/", "tests/lab/", "tests/book/test_build.py", "tests/book/test_numbers_traced.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        file = TOGETHER.get(item.nodeid.split("::")[0], item.nodeid)
        return next((place for place, start in enumerate(EARLY) if file.startswith(start)), len(EARLY))

    items.sort(key=turn)
    for item in items:
        if item.nodeid.startswith(UNCOVERED):
            item.add_marker("no_cover")


class Shifts(LoadScopeScheduling):
    """A worker takes a whole file, so what a file opens is opened once.

    Two are too long for that: the explorers' goes chapter by chapter, and of the pages' the visits beyond the desk go apart.
    """

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # by the number of tests, the few long ones would come last
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        part = re.search(r"browser/test_explorers\.py::\w+\[([\w-]+):|browser/test_pages\.py::.*(phone|folder)", nodeid)
        if part:
            return f"{file} {part[1] or 'elsewhere'}"
        return TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Shifts | None:
    return Shifts(config, log) if config.getoption("dist") == "loadfile" else None
