"""``python lab`` starts JupyterLab on the book, set up by this folder and by nothing else.

What JupyterLab would read from and write to the home folder (settings, workspaces, signatures, history) lives under
``_build/lab`` instead: a reader's own configuration cannot break the book, and the book cannot touch it.
Further arguments go to ``jupyter lab``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parent
PROJECT = LAB.parent


def environment(state: Path) -> dict[str, str]:
    """The variables for a JupyterLab that reads this folder's configuration and keeps its own files in ``state``."""
    folders = {
        "JUPYTER_CONFIG_DIR": state / "config",
        "JUPYTER_DATA_DIR": state / "data",
        "JUPYTER_RUNTIME_DIR": state / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": state / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": state / "workspaces",
        "IPYTHONDIR": state / "ipython",
    }
    return {"JUPYTER_CONFIG_PATH": str(LAB), **{name: str(folder) for name, folder in folders.items()}}


if __name__ == "__main__":
    os.environ.update(environment(PROJECT / "_build" / "lab"))
    # Only now, since the paths are read from the environment; and in this process, so that Ctrl-C is Jupyter's own.
    from jupyterlab.labapp import main

    main([f"--ServerApp.root_dir={PROJECT}", *sys.argv[1:]])
