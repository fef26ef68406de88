"""Where the extension keeps what it makes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGE = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent


def build_folder(app: Sphinx) -> Path:
    """``_build``: Jupyter Book puts the site in ``_build/html``."""
    return Path(app.outdir).parent


def made(app: Sphinx) -> Path:
    """Files made once and kept between builds."""
    return build_folder(app) / "made"


def made_static(app: Sphinx) -> Path:
    """Those of them that Sphinx copies to ``_static``."""
    return made(app) / "static"


def installed(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the book needs {package!r}: install the lock (make book does)")
    return Path(spec.origin).parent


def write_if_changed(path: Path, content: bytes) -> None:
    """Write, unless the file already says so: Sphinx copies what has a new date."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
