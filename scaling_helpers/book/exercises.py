"""An exercise page is its solved notebook without hidden tests, and with solutions folded or left out.

The notebook is changed as Sphinx reads it, before anything is parsed: what is left out reaches neither the page nor the
search index nor the notebook that the page offers. One setting in ``_config.yml``, under ``sphinx.config``::

    scaling_exercises_solutions: folded     # or withheld
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from sphinx.environment import CONFIG_OK
from sphinx.errors import ConfigError

from scaling_helpers.exercises import SOLUTIONS, public

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

FOLDER = "exercises"


def check_setting(app: Sphinx, config: Config) -> None:
    if config.scaling_exercises_solutions not in SOLUTIONS:
        chosen = config.scaling_exercises_solutions
        raise ConfigError(f"scaling_exercises_solutions is {' or '.join(SOLUTIONS)}, not {chosen!r}")


def publish(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the public edition in the place of what was read."""
    if docname.partition("/")[0] != FOLDER:
        return
    notebook = nbformat.reads(source[0], as_version=4)
    source[0] = nbformat.writes(public(notebook, app.config.scaling_exercises_solutions))


def forget_words(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Make the search index anew when the configuration changed, as all pages are.

    Sphinx carries the old index over and keeps its words even where no page has them any more: a solution's words would
    stay in it after the setting is turned to withheld.
    """
    if env.config_status != CONFIG_OK:
        (Path(app.outdir) / "searchindex.js").unlink(missing_ok=True)
    return []


def setup(app: Sphinx) -> None:
    app.add_config_value("scaling_exercises_solutions", "folded", "env", [str])
    app.connect("config-inited", check_setting)
    app.connect("source-read", publish)
    app.connect("env-get-outdated", forget_words)
