"""Why a page never shows an old number: what its cells import is part of what the caches are keyed by.

Jupyter-cache knows a chapter by its cells alone and Sphinx by the chapter's own file, so both keep old output when an
imported module, a fact or a run changes. Two keys mend that, kept in ``_build``:

* *outputs* covers what a cell can see: the package (all but ``book/``, which no cell imports), the tables of measurements
  in ``benchmarks/results`` and the lock. When it differs from the one the cached outputs were made with, the cache is dropped.
* *pages* covers that and what only shapes pages: ``book/``, the bibliography, the configuration. When it differs from
  the one of the last build without a warning, every page is made again. A build that failed or warned leaves none, so
  the next one repeats its warnings instead of passing because nothing changed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

from .folders import PACKAGE, build_folder

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

STATE = "freshness.json"
IGNORED = {"__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache"}


def package_files(package: Path) -> list[Path]:
    """Every file of the package, code or data."""
    return sorted(path for path in package.rglob("*") if path.is_file() and not IGNORED & set(path.parts))


def digest(files: Iterable[Path], base: Path) -> str:
    """A key over names and content; it does not depend on dates or on where the project lies."""
    total = sha256()
    for path in files:
        total.update(f"{_relative(path, base)}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name


def keys(package: Path, source: Path) -> dict[str, str]:
    """The two keys of this moment: `package` is scaling_helpers/, `source` the folder with _config.yml."""
    files = package_files(package)
    lock = [path for path in (source / "requirements.lock",) if path.exists()]
    lock += sorted((source / "benchmarks" / "results").glob("*.csv"))
    shape = [path for name in ("references.bib", "_config.yml", "_toc.yml") if (path := source / name).exists()]
    seen_by_cells = [path for path in files if not path.is_relative_to(package / "book")]
    return {"outputs": digest(seen_by_cells + lock, package), "pages": digest(files + lock + shape, package)}


def read_state(build: Path) -> dict[str, str]:
    path = build / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_state(build: Path, state: dict[str, str]) -> None:
    build.mkdir(parents=True, exist_ok=True)
    (build / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")


class Freshness:
    """The keys as they were when the build began, and what to do with them as it goes on."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}

    def drop_old_outputs(self, app: Sphinx, config: Config) -> None:
        """Before anything is read: forget outputs made by other code."""
        build = build_folder(app)
        self.now = keys(PACKAGE, Path(app.srcdir))
        if read_state(build).get("outputs") == self.now["outputs"]:
            return
        cache = build / ".jupyter_cache"
        if cache.exists():
            logger.info("the package, a fact or the lock changed: every chapter runs again")
            shutil.rmtree(cache)
        # Written now, not at the end: what the cache receives from here on is made by this code, even if a later
        # chapter fails.
        write_state(build, {"outputs": self.now["outputs"]})

    def outdated(self, app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
        """All pages, unless the last build ended well with the same files."""
        return [] if read_state(build_folder(app)) == self.now else sorted(env.found_docs)

    def remember(self, app: Sphinx, exception: Exception | None) -> None:
        """After the build: fresh only if nothing went wrong. ``--keep-going`` raises nothing, so warnings count."""
        well = exception is None and app._warncount == 0
        write_state(build_folder(app), self.now if well else {"outputs": self.now["outputs"]})


def setup(app: Sphinx) -> None:
    freshness = Freshness()
    app.connect("config-inited", freshness.drop_old_outputs)
    app.connect("env-get-outdated", freshness.outdated)
    # Last of all, when every other part has had its say.
    app.connect("build-finished", freshness.remember, priority=10_000)
