"""A chapter needs only the package and what the package depends on: nothing of the book's, the tests' or the course's side.

Each chapter, and each page with cells, is executed cell by cell in a fresh Python in which every other installed
distribution is out of reach, as if only ``pip install scaling-helpers`` had been run (with IPython, since it is a notebook).
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import jupytext  # type: ignore[import-untyped]
import pytest

from ..conftest import ROOT

#: Processor seconds for a whole chapter.
LIMIT = 60
PAGES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix()
    for folder in ("chapters", "appendix", ".")
    for path in (ROOT / folder).glob("*.md")
    if "{code-cell}" in path.read_text(encoding="utf-8")
)
#: Never at hand, whatever depends on them: a chapter that imports one does not run alone.
NEVER = {"sphinx", "jupyter_book", "myst_nb", "myst_parser", "sphinx_book_theme", "pytest", "hypothesis", "nbval", "playwright"}

RUNNER = """
import json, sys

class OutOfReach:
    '''Refuse to import what the environment of a reader does not have, and let nothing be downloaded.'''
    def __init__(self, names): self.names = names
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (it belongs to no dependency of the package)", name=name)

job = json.load(sys.stdin)
sys.meta_path.insert(0, OutOfReach(set(job["out_of_reach"])))

import socket
def refuse(*address): raise OSError(f"a chapter downloads nothing, but asked for {address}")
socket.socket.connect = refuse

from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for number, cell in enumerate(job["cells"], 1):
    done = shell.run_cell(cell, store_history=False)
    if not done.success:
        sys.exit(f"code cell {number} failed: {done.error_before_exec or done.error_in_exec!r}")
"""


def within_reach(root: str = "scaling-helpers", also: tuple[str, ...] = ("ipython",)) -> set[str]:
    """The distributions that the package and IPython bring with them, without extras."""
    found: set[str] = set()
    waiting = [root, *also]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            needs = distribution(name).requires or []
        except ModuleNotFoundError:  # for another platform
            continue
        found.add(name)
        waiting += [re.split(r"[ ;<>=!~\[(]", need)[0] for need in needs if "extra ==" not in need]
    return found


def out_of_reach() -> list[str]:
    """Every importable name that only other distributions provide."""
    near = within_reach()
    provided = packages_distributions()
    far = {
        module
        for module, names in provided.items()
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in names} & near and module.isidentifier()
    }
    return sorted((far | NEVER) - {"scaling_helpers", "_distutils_hack"})


def run(cells: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUNNER],
        cwd=ROOT / "chapters",
        input=json.dumps({"out_of_reach": out_of_reach(), "cells": cells}),
        capture_output=True,
        text=True,
        timeout=10 * LIMIT,  # a hang, not slowness
        check=False,
    )


def processor_seconds() -> float:
    """What the ended child processes have computed: the same whatever else the machine does, unlike the clock on the wall."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def code_cells(page: Path) -> list[str]:
    notebook = jupytext.read(page, fmt="md:myst")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_with_only_the_package_installed(page: str) -> None:
    before = processor_seconds()
    done = run(code_cells(ROOT / f"{page}.md"))
    assert done.returncode == 0, (done.stdout[-2000:] + done.stderr)[-4000:]
    assert processor_seconds() - before < LIMIT


@pytest.mark.parametrize("module", ["sphinx", "pytest", "jupytext", "bs4", "scaling_helpers.book.roles"])
def test_the_environment_has_nothing_else(module: str) -> None:
    done = run(["x = 1", f"import {module}"])
    assert done.returncode != 0
    assert "code cell 2 failed" in done.stderr and "belongs to no dependency of the package" in done.stderr


def test_a_download_is_refused() -> None:
    done = run(["import urllib.request", "urllib.request.urlopen('http://127.0.0.1:9/')"])
    assert done.returncode != 0 and "a chapter downloads nothing" in done.stderr + done.stdout
