"""A run with its weights, and a copy of it that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.exported_runs import train_digits


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on the digits, with all its files."""
    return train_digits(tmp_path_factory.mktemp("exported"), epochs=3)


@pytest.fixture
def copied(stored: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(stored, tmp_path / "run"))
