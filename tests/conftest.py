"""Fixtures that several test folders share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; a skip where it is absent, a failure where it is absent in CI."""
    folder = Path(os.environ.get("MUANG_REAL_DATA", ROOT.parent / "shared" / "real"))
    if not folder.is_dir():
        reason = f"no real inputs at {folder}; set MUANG_REAL_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
