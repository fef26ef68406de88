"""A real JupyterLab, started as ``make lab`` starts it, on a copy of the chapters and a small notebook."""

from __future__ import annotations

import os
import runpy
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "token-of-the-tests"
PATIENCE = 120  # seconds until the server must answer, on two cores that may be busy


@dataclass(frozen=True)
class Lab:
    """``address`` without a slash at the end; ``books`` is the folder that is served, ``home`` an empty home folder."""

    address: str
    books: Path
    home: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook of code cells with fixed ids."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells)]
    return nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=made)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server, for all tests of this folder."""
    place = tmp_path_factory.mktemp("lab")
    books, home, log = place / "books", place / "home", place / "server.log"
    home.mkdir()
    shutil.copytree(ROOT / "chapters", books / "chapters", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(ROOT / "index.md", books)
    for name in ("explorer.ipynb", "saved.ipynb"):
        nbformat.write(notebook("from scaling_helpers import explorers\nw = explorers.isoflop()\nw"), books / name)

    start = runpy.run_path(str(ROOT / "lab" / "__main__.py"))
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyter", "lab"),
        f"--ServerApp.root_dir={books}",
        "--no-browser",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--expose-app-in-browser",  # as window.jupyterapp, so that tests can wait for its events
    ]
    # Everything else is as in the reader's shell; a home of its own shows what JupyterLab leaves behind there.
    environment = {**os.environ, **start["environment"](place / "state"), "HOME": str(home)}
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, cwd=place, stdout=output, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        await_answer(address, server, log)
        yield Lab(address, books, home)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def await_answer(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()[-4000:]}", pytrace=False)
