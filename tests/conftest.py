"""Fixtures that every room uses."""

import os

# Before anything imports TensorFlow: its banner and its oneDNN notice are no test's business.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from pathlib import Path

import pytest

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def lungnet_data() -> Path:
    """The folder of real data, or a skip that says how to have it."""
    folder = Path(os.environ.get("LUNGNET_DATA", DEFAULT_DATA))
    if not (folder / "lidc").is_dir():
        pytest.skip(f"no real CT at {folder}: set LUNGNET_DATA to a folder with lidc/ and luna16/")
    return folder
