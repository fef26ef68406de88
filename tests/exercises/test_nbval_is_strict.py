"""The strict comparison goes red when it should: nbval is run, as `make test` runs it, on copies that were tampered with."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from scaling_helpers.exercises import KERNEL, execute

from .harness import FOLDER, ROOT

NUMBERS = ("constant = 3.15e23\nprint(f'{constant / 6:.4e}')", "constant / 6.7")
FIGURE = (
    "from scaling_helpers.figures import isoflop_curves\n"
    "from scaling_helpers.laws import BESIROGLU_2024\n"
    "isoflop_curves(BESIROGLU_2024, [1e20], alt=f'One bowl, lowest at {BESIROGLU_2024.optimal(1e20).N:.4g} parameters')",
)

Change = Callable[[NotebookNode], None]


def run(cells: tuple[str, ...], folder: Path) -> NotebookNode:
    sources = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)]
    return execute(new_notebook(cells=sources, metadata={"kernelspec": KERNEL}), folder)


def nbval(folder: Path, notebooks: dict[str, NotebookNode], *more: str) -> subprocess.CompletedProcess[str]:
    """The command of the Makefile, on a folder of copies."""
    for name in ("conftest.py", "nbval_sanitize.cfg"):
        shutil.copy(FOLDER / name, folder)
    for name, notebook in notebooks.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    options = ["--nbval", "--nbval-cell-timeout", "60", "--nbval-sanitize-with", "nbval_sanitize.cfg", *more]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir", ".", *options, "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def a_changed_number(nb: NotebookNode) -> None:
    nb.cells[0].outputs[0].text = nb.cells[0].outputs[0].text.replace("5.2500e+22", "5.2501e+22")


def a_changed_constant(nb: NotebookNode) -> None:
    nb.cells[0].source = nb.cells[0].source.replace("3.15e23", "3.16e23")


def a_changed_long_number(nb: NotebookNode) -> None:
    data = nb.cells[1].outputs[0].data
    data["text/plain"] = data["text/plain"].replace("4.7014", "4.7015")


def a_deleted_output(nb: NotebookNode) -> None:
    nb.cells[0].outputs = []


def a_deleted_figure(nb: NotebookNode) -> None:
    nb.cells[0].outputs = []


def another_figure(nb: NotebookNode) -> None:
    nb.cells[0].source = nb.cells[0].source.replace("1e20).N", "2e20).N")


def a_new_warning(nb: NotebookNode) -> None:
    nb.cells[1].source = "import warnings; warnings.warn('new')\n" + nb.cells[1].source


def an_unknown_magic(nb: NotebookNode) -> None:
    nb.cells[0].source = "%nonesuch\n" + nb.cells[0].source


def an_unknown_magic_stored_as_it_ran(nb: NotebookNode) -> None:
    nb.cells[0].source = "%nonesuch\n" + nb.cells[0].source
    said = "UsageError: Line magic function `%nonesuch` not found.\n"
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", name="stderr", text=said)]


def a_cell_never_run(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.execution_count, cell.outputs = None, []


def a_stored_error(nb: NotebookNode) -> None:
    nb.cells[1].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])]


def noisy_number(nb: NotebookNode) -> None:
    """The last bits of a number that is printed in full."""
    data = nb.cells[1].outputs[0].data
    data["text/plain"] = data["text/plain"][:-5] + "9" + data["text/plain"][-4:]


def noisy_drawing(nb: NotebookNode) -> None:
    data = nb.cells[0].outputs[0].data
    data["text/html"] = re.sub(r"(\d\.\d+)", r"\g<1>1", data["text/html"], count=1)


def untouched(nb: NotebookNode) -> None:
    pass


GREEN: dict[Change, tuple[str, ...]] = {untouched: NUMBERS, noisy_number: NUMBERS, noisy_drawing: FIGURE}
RED: dict[Change, tuple[str, ...]] = {
    a_changed_number: NUMBERS,
    a_changed_constant: NUMBERS,
    a_changed_long_number: NUMBERS,
    a_deleted_output: NUMBERS,
    a_new_warning: NUMBERS,
    an_unknown_magic: NUMBERS,
    a_deleted_figure: FIGURE,
    another_figure: FIGURE,
}
REFUSED: dict[Change, str] = {
    an_unknown_magic_stored_as_it_ran: "has a warning stored as its output: UsageError",
    a_cell_never_run: "was never run",
    a_stored_error: "has an error stored as its output: ValueError: no",
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], NotebookNode]:
    folder = tmp_path_factory.mktemp("kernel")
    return {cells: run(cells, folder) for cells in (NUMBERS, FIGURE)}


@pytest.fixture(scope="module")
def report(executed: dict[tuple[str, ...], NotebookNode], tmp_path_factory: pytest.TempPathFactory) -> str:
    """One nbval run over all copies."""
    copies = {}
    for change, cells in (GREEN | RED).items():
        copies[change.__name__] = copy.deepcopy(executed[cells])
        change(copies[change.__name__])
        assert change is untouched or copies[change.__name__] != executed[cells]
    return nbval(tmp_path_factory.mktemp("copies"), copies).stdout


def failed(report: str, change: Change) -> bool:
    """Whether a cell of this copy failed; that all of them were compared is made sure of."""
    outcomes = re.findall(rf"^{change.__name__}::ipynb::Cell \d+ (PASSED|FAILED)", report, re.MULTILINE)
    assert len(outcomes) == len((GREEN | RED)[change]), report
    return "FAILED" in outcomes


@pytest.mark.parametrize("change", RED, ids=lambda change: change.__name__)
def test_the_comparison_goes_red_on(report: str, change: Change) -> None:
    assert failed(report, change), report


@pytest.mark.parametrize("change", GREEN, ids=lambda change: change.__name__)
def test_the_comparison_stays_green_on(report: str, change: Change) -> None:
    assert not failed(report, change), report


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_nothing_is_compared_with(executed: dict[tuple[str, ...], NotebookNode], tmp_path: Path, change: Change) -> None:
    spoilt = copy.deepcopy(executed[NUMBERS])
    change(spoilt)
    done = nbval(tmp_path, {"spoilt": spoilt}, "--collect-only")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert REFUSED[change] in done.stdout + done.stderr
