"""All stored runs, packed, and folders to pack from and merge into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.integrity.bundle import pack
from tests.helpers.stored_runs import STORED


@pytest.fixture(scope="module")
def packed() -> bytes:
    """All stored test records as a bundle."""
    return pack(STORED)[0]


@pytest.fixture
def bundle(packed: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "runs.tar"
    path.write_bytes(packed)
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The folder to merge into, which does not exist yet."""
    return tmp_path / "results"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A results folder that a test may change."""
    return Path(shutil.copytree(STORED, tmp_path / "source"))
