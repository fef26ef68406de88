"""Fixtures for whatever looks at the built book: the book itself, a server for it, a browser.

Each is made once a session and only when a test asks. Nothing here skips.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

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


@pytest.fixture(scope="session")
def book_html() -> Path:
    """The folder of the built book. An unchanged tree takes seconds: the book's own freshness keys see to that.

    Each worker of a parallel run asks for it, so one builds while the others wait.
    """
    (ROOT / "_build").mkdir(exist_ok=True)
    with FileLock(ROOT / "_build" / "tests.lock"):
        done = build_book(ROOT)
    if done.returncode:
        pytest.fail(f"the book does not build (exit {done.returncode}):\n{done.stdout[-8000:]}", pytrace=False)
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
