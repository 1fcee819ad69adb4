"""Runs on the digits whose weights are evaluated and exported."""

from __future__ import annotations

from pathlib import Path

import variants
from harness.data.dataset import load
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.runs.spec import RunSpec
from harness.training.runner import train_run


def train_digits(
    results: Path, variant: str = "batch_norm", *, epochs: int = 1, validation: bool = False
) -> Path:
    """Train on the digits and evaluate on all test digits, or on those held out.

    Returns:
        The folder of the run.
    """
    protocol, departures = resolve("digits", epochs=epochs, validation=validation)
    spec = RunSpec(variants.get(variant), 0, protocol, departures, results)
    train_run(spec, load("digits", Path()), Reporter())
    return spec.directory
