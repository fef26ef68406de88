"""Settings for the property tests, and where the public run tables lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a slow machine is no defect. Derandomized, so that a red run is red again.
settings.register_profile("book", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("book")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public run tables, beside the repository or at SCALING_SHARED_DATA."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("SCALING_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"the public run tables are absent: there is no folder {folder.name!r} beside the repository")
    return folder
