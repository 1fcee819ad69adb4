"""A results folder that several modules report on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.results_folders import write_grid


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All eight variants at look 1, and some at another budget."""
    results = tmp_path_factory.mktemp("study") / "results"
    write_grid(results, 5)
    write_grid(results, 2, epochs=10, names=["paper", "baseline"])
    return results
