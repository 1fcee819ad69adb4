"""A run with its weights, and an in-process command."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

import variants
from harness.data.dataset import load
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.runs.spec import RunSpec
from harness.training.runner import train_run


def train_digits(results: Path, variant: str = "paper", validation: bool = False) -> Path:
    """Train on 256 digits for an epoch and evaluate on all test digits; returns the folder."""
    digits = load("digits", Path())
    few = dataclasses.replace(digits, train=digits.train.take(torch.arange(256)))
    protocol, departures = resolve("digits", epochs=1, validation=validation)
    spec = RunSpec(variants.get(variant), 0, protocol, departures, results)
    train_run(spec, few, Reporter())
    return spec.directory


@pytest.fixture(scope="package")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run; tests that change it take a copy."""
    return train_digits(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def copied(stored: Path, tmp_path: Path) -> Path:
    """A copy of that folder which a test may change."""
    return Path(shutil.copytree(stored, tmp_path / "run"))
