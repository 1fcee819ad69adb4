"""Trained runs for the tests of `check`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import variants
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.runs import store
from harness.runs.spec import RunSpec
from harness.training.runner import train_run
from tests.helpers.checked_results import short


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of a variant, trained for two epochs on the short digits, with all files."""
    results = tmp_path_factory.mktemp("results")
    protocol, departures = resolve("digits", epochs=2)
    for seed in (0, 1):
        spec = RunSpec(variants.get("batch_norm"), seed, protocol, departures, results)
        train_run(spec, short(), Reporter())
    return results


@pytest.fixture
def results(stored: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, without the weights, which are large."""
    return Path(
        shutil.copytree(stored, tmp_path / "results", ignore=shutil.ignore_patterns(store.WEIGHTS))
    )
