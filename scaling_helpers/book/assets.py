"""The explorers' JavaScript and style: built once per site, loaded only by pages that hold an explorer.

``explorer.js`` is written as an ES module, which is what Jupyter loads. Browsers refuse modules on ``file://``, so the
book gets the same text as a classic script in a function. Vega is large: ``explorer.js`` asks for ``vega.js``, which
lies next to it, when the first explorer nears the screen.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.errors import ExtensionError

from .folders import PACKAGE, made, made_static, write_if_changed

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOURCE = PACKAGE / "explorers" / "static"
EXPORT = "export default { render };"
MARK = 'data-explorer="'


def as_classic_script(module: str) -> str:
    """The ES module `module` as a script that runs by itself: its last line, the export, becomes ``start();``.

    Raises:
        ExtensionError: when the module imports something, or exports anything but `EXPORT`.
    """
    body = module.rstrip()
    if not body.endswith(EXPORT):
        raise ExtensionError(f"explorer.js must end with the line {EXPORT!r}; it ends with {body[-60:]!r}")
    body = body.removesuffix(EXPORT)
    found = re.search(r"^\s*(import|export)\b.*", body, flags=re.MULTILINE)
    if found:
        raise ExtensionError(f"explorer.js must import nothing and export only at its end; it has {found[0]!r}")
    return f'(function () {{"use strict";\n{body}start();\n}})();\n'


def build(app: Sphinx) -> None:
    """Write the palette and the explorers' files where Sphinx copies them from."""
    from scaling_helpers import palette

    write_if_changed(made_static(app) / "palette.css", palette.css().encode())
    if not (SOURCE / "explorer.js").exists():
        return  # an error only for a page that needs it, see `load`
    target = made_static(app) / "explorers"
    script = (SOURCE / "explorer.js").read_text(encoding="utf-8")
    write_if_changed(target / "explorer.js", as_classic_script(script).encode())
    write_if_changed(target / "explorer.css", (SOURCE / "explorer.css").read_bytes())
    write_if_changed(target / "vega.js", vega(made(app)))


def vega(cache: Path) -> bytes:
    """Vega's text, kept between builds: bundling takes seconds."""
    from scaling_helpers.explorers.runtime import vega_runtime, vega_version

    made_by = Path(__file__).read_bytes() + (PACKAGE / "explorers" / "runtime.py").read_bytes()
    kept = cache / f"{vega_version()}-{sha256(made_by).hexdigest()[:12]}.js"
    if not kept.exists():
        write_if_changed(kept, vega_runtime().encode())
    return kept.read_bytes()


def load(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Ask for the files on pages with an explorer, and on no other."""
    if MARK not in context.get("body", ""):
        return
    if not (made_static(app) / "explorers" / "explorer.js").exists():
        raise ExtensionError(f"{pagename} holds an explorer, but {SOURCE / 'explorer.js'} is missing")
    app.add_css_file("explorers/explorer.css", priority=950)  # after book.css, whose rules for text are not meant for it
    app.add_js_file("explorers/explorer.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", build)
    app.connect("html-page-context", load)
