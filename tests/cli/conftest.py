"""A folder of a few pictures, and the arguments of a run on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.small_runs import SMALL, make_images


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 100 training and 30 test images."""
    folder = tmp_path_factory.mktemp("pictures")
    make_images(folder, ("cat", "dog"), 50, 15)
    return folder


@pytest.fixture
def small(pictures: Path, tmp_path: Path) -> tuple[str, ...]:
    """Arguments of a run of one epoch on those images, in the test's folder."""
    (tmp_path / "data").symlink_to(pictures)
    return SMALL
