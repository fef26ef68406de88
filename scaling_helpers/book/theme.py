"""The theme, mended: sphinx-book-theme 1.2 on pydata-sphinx-theme 0.16, made offline, accessible and light.

What is mended, and where:

===============================================  ====================================================================
1.5 MB of icon script that blocks every page      templates/static/webpack-macros.html leaves it out; the icons come
                                                  from a subset of the theme's own icon font (`ICONS`)
a flash of the light theme before the dark one    templates/layout.html decides before the first paint
buttons without a name                            templates/*.html
folding by script                                 folds.py
colours, line length, tables, phone               static/book.css
console error "invalid theme mode" at first visit html_context.default_mode in _config.yml
title and contents twice, the first for print     templates/layout.html
source maps, fonts in two formats, that script    `tidy`, the one place that touches the finished site
===============================================  ====================================================================
"""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

from .folders import HERE, PACKAGE, installed, made_static, write_if_changed

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

logger = logging.getLogger(__name__)

ICON_FILE = "fonts/icons.woff2"

#: The icons that the templates and style sheets use, by their name in Font Awesome 6 (free, solid).
ICONS = {
    "bars": 0xF0C9,
    "magnifying-glass": 0xF002,
    "magnifying-glass-minus": 0xF010,
    "arrow-up": 0xF062,
    "angle-left": 0xF104,
    "angle-right": 0xF105,
    "angle-down": 0xF107,
    "chevron-down": 0xF078,
    "download": 0xF019,
    "print": 0xF02F,
    "expand": 0xF065,
    "list": 0xF03A,
    "sun": 0xF185,
    "moon": 0xF186,
    "circle-half-stroke": 0xF042,
    "bell": 0xF0F3,
    "circle-check": 0xF058,
    "circle-exclamation": 0xF06A,
    "triangle-exclamation": 0xF071,
    "circle-info": 0xF05A,
    "circle-xmark": 0xF057,
    "lightbulb": 0xF0EB,
    "pencil": 0xF303,
    "share": 0xF064,
    "up-right-from-square": 0xF35D,
}

#: What the themes install and no page asks for.
SUPERFLUOUS = (
    "_static/**/*.map",
    "_static/**/*.ttf",
    "_static/*webpack-macros.html",
    "_static/scripts/fontawesome.js*",
    "_static/styles/theme.css",
    "_static/images/logo_*",
    "_static/locales/**/*",
)

#: Files of the site whose bytes differ between two clean builds of the same tree, and why. All others are the same.
DIFFERS_BETWEEN_BUILDS = {
    ".buildinfo": "a hash of the configuration, which holds absolute paths: differs between folders, not within one",
}


def configure(app: Sphinx, config: Config) -> None:
    """Templates of ours go before the theme's, static files of ours after them."""
    made_static(app).mkdir(parents=True, exist_ok=True)
    config.templates_path.insert(0, str(HERE / "templates"))
    config.html_static_path += [str(HERE / "static"), str(made_static(app))]


def make_icons(app: Sphinx) -> None:
    """Cut the theme's icon font (156 KB) down to the icons in use."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    target = made_static(app) / ICON_FILE
    key = ",".join(f"{point:x}" for point in sorted(ICONS.values()))
    stamp = made_static(app).parent / "icons.key"
    if target.exists() and stamp.exists() and stamp.read_text() == key:
        return
    theme = installed("pydata_sphinx_theme") / "theme" / "pydata_sphinx_theme" / "static"
    source = (theme / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.woff2").read_bytes()
    options = subset.Options()
    options.hinting = False
    options.recalc_timestamp = False
    font = TTFont(io.BytesIO(source), recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=ICONS.values())
    subsetter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    write_if_changed(target, out.getvalue())
    stamp.write_text(key)


def departed(site: Path, known: set[str]) -> list[Path]:
    """Pages and their notebooks that an earlier build left in ``site`` and that ``known``, the page names, lacks."""
    pages = [*site.rglob("*.html"), *site.rglob("*.ipynb")]
    return [page for page in pages if page.relative_to(site).with_suffix("").as_posix() not in known]


def sweep(app: Sphinx, exception: Exception | None) -> None:
    """Remove the pages that the contents no longer list."""
    if exception is None and app.builder.format == "html":
        site = Path(app.outdir)
        for page in departed(site, {*app.env.all_docs, "search"}):
            page.unlink()


def tidy(app: Sphinx, exception: Exception | None) -> None:
    """Take out of the finished site what no page asks for, and refuse paths of this machine in it."""
    if exception is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    if app._warncount == 0 and (site / "reports").exists():
        shutil.rmtree(site / "reports")  # MyST-NB's tracebacks of an earlier build that failed
    for pattern in SUPERFLUOUS:
        for path in site.glob(pattern):
            if path.is_file():
                path.unlink()
    for path in (site / "_static").rglob("*"):
        if path.suffix in {".js", ".css"} and not path.is_relative_to(site / "_static" / "explorers"):
            text = path.read_text(encoding="utf-8")
            short = re.sub(r"\n?(//|/\*)# sourceMappingURL=[^\s*]+( \*/)?\s*$", "\n", text)
            if short != text:
                path.write_text(short, encoding="utf-8")
    private = {str(app.srcdir), str(PACKAGE.parent), str(Path.home())} - {"/", "/root"}
    for path in sorted(site.rglob("*")):
        if path.suffix in {".html", ".js", ".ipynb", ".css"}:
            text = path.read_text(encoding="utf-8")
            for place in sorted(private):
                if place in text:
                    logger.warning("%s shows a path of this machine: %s", path.relative_to(site), place, type="theme")


def setup(app: Sphinx) -> None:
    # Jupyter Book always sets this option of sphinx_comments, which the configuration leaves out.
    app.add_config_value("comments_config", {}, "env")
    app.connect("config-inited", configure)
    app.connect("builder-inited", make_icons)
    app.connect("build-finished", sweep)
    app.connect("build-finished", tidy)
    app.add_css_file("palette.css", priority=800)
    app.add_css_file("book.css", priority=900)
    app.add_js_file("book.js", loading_method="defer")
