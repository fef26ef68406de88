"""Which browser do the tests drive? Playwright's own if installed, else the system's Chromium, else one it installs:
Playwright's own where it can be downloaded, or else Debian's package when root.

A machine without any is an error and never a skip: a gate that can be passed by having no browser is no gate.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

#: No sandbox and no GPU, as in a container; and nothing that Chromium asks the network for by itself.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A second lock beside the request filter of watch.py: no name but the test server's resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD = [sys.executable, "-m", "playwright", "install", "chromium"]
INSTALL = (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])


class NoBrowserError(RuntimeError):
    """No browser, and none could be installed; the message says what to do."""


def executable(playwright: Playwright) -> str:
    """The path of a Chromium. Raises NoBrowserError."""
    return find(playwright.chromium.executable_path)


def find(
    own: str,
    which: Callable[[str], str | None] = shutil.which,
    install: Callable[[], str] | None = None,
) -> str:
    """``own`` if it is installed, else the first of NAMES on the PATH, else what ``install`` brings."""
    if own and Path(own).exists():
        return own
    for name in NAMES:
        found = which(name)
        if found:
            return found
    trouble = (install or install_any)()
    if own and Path(own).exists():
        return own
    found = which("chromium")
    if found:
        return found
    raise NoBrowserError(
        f"no browser: Playwright's own is not at {own}, none of {', '.join(NAMES)} is on the PATH, and {trouble}. "
        "Run `python -m playwright install chromium`, or install Chromium with the system's package manager."
    )


def install_any() -> str:
    """Download Playwright's own browser, or install Debian's package; returns what stood in the way of both."""
    print("No browser found: installing one for the tests", file=sys.stderr)
    done = subprocess.run(DOWNLOAD, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"Playwright's own could not be downloaded, and {install_package()}"


def install_package() -> str:
    """Install Debian's package; returns what stood in the way, or the empty string."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0):
        return "only root may install Debian's package"
    if shutil.which("apt-get") is None:
        return "this is no Debian (there is no apt-get)"
    for command in INSTALL:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"`{' '.join(command)}` failed: {done.stderr.strip()[-300:]}"
    return ""


def launch(playwright: Playwright, *more_flags: str) -> Browser:
    """A headless Chromium. Raises NoBrowserError."""
    return playwright.chromium.launch(executable_path=executable(playwright), args=[*FLAGS, *more_flags])
