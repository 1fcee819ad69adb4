"""Images for sweeps, and the options of a sweep over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.sweep_processes import GRID, write_images


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def options(images: Path) -> tuple[str, ...]:
    return (*GRID, "--data-dir", str(images), "--device", "cpu", "--no-figures")
