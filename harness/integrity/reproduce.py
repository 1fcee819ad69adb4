"""Repeat a stored run from its record alone and compare it bit for bit."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.data.dataset import Dataset
from harness.progress import Reporter, Row
from harness.runs import store
from harness.runs.record import TIMING_FIELDS, EpochRow, RunRecord, variant_of
from harness.runs.spec import RunSpec
from harness.training import environment, sources
from harness.training.runner import train_run

# Fields of a record that the same run repeats, in the order in which they are compared.
_OUTCOME = (
    *("status", "reason", "weights_sha256", "predictions_sha256"),
    *("parameters", "normalization", "metrics"),
)

# Accuracies further apart than this many standard errors do not count as reproduced.
MAX_STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Reproduction:
    """The result of repeating a run.

    Attributes:
        same: whether the bits are equal or, in another environment, the accuracies agree.
        lines: what to print, in order.
    """

    same: bool
    lines: tuple[str, ...]


class _DiffersError(Exception):
    """The repetition differs from the stored run; the message says where."""


def _compare_epoch(history: Sequence[EpochRow], row: Row) -> None:
    """Compare an epoch of the repetition with the stored history.

    Raises:
        _DiffersError: if they differ.
    """
    number = row["epoch"]
    if number > len(history):
        raise _DiffersError(f"the stored history ends before epoch {number}")
    stored = history[number - 1].model_dump()
    for key, value in row.items():
        if key not in TIMING_FIELDS and stored[key] != value:
            raise _DiffersError(f"epoch {number}: {key} was {stored[key]} and is {value}")


def verify(
    stored: RunRecord, data: Dataset, device: torch.device, reporter: Reporter
) -> Reproduction:
    """Train a run again in a temporary folder and compare it with its record.

    Args:
        stored: the record; nothing else of the run is read.
        data: the dataset as loaded, on the CPU.
        device: the device to train on.
        reporter: receives the progress.

    Returns:
        Whether they are equal, and the first difference: data, an epoch, weights, predictions or
        metrics. If environment or sources differ, equal bits are not guaranteed, and only the
        accuracy is compared.

    Raises:
        InputError: if the run cannot be trained here.
        RunFailedError: if the repetition fails.
    """
    if data.fingerprint != stored.dataset.fingerprint:
        was, now = stored.dataset.fingerprint[:12], data.fingerprint[:12]
        return Reproduction(False, (f"data differ: fingerprint was {was} and is {now}",))
    eager = stored.environment.execution == "eager"
    current = store.to_json_types(environment.describe(device, eager=eager))
    changed = store.diff(stored.environment.model_dump(), current, "environment ")
    if stored.sources_sha256 != sources.sources_sha256():
        changed.append("the sources that decide bits have changed")
    notes = list(changed)
    if changed:
        notes.append("so equal bits are not guaranteed, and the accuracy is compared instead")

    def on_epoch(row: Row) -> None:
        if not changed:
            _compare_epoch(stored.history, row)

    with tempfile.TemporaryDirectory() as scratch:
        spec = RunSpec(
            variant_of(stored),
            stored.seed,
            stored.protocol,
            stored.departures,
            Path(scratch),
            eager,
        )
        try:
            repeated = train_run(spec, data.to(device), reporter, on_epoch=on_epoch)
        except _DiffersError as difference:
            return Reproduction(False, (f"first difference: {difference}",))
    same, line = (_compare_accuracy if changed else _compare_bits)(stored, repeated)
    return Reproduction(same, (*notes, line))


def _compare_bits(stored: RunRecord, repeated: RunRecord) -> tuple[bool, str]:
    before, now = (
        {name: fields[name] for name in _OUTCOME}
        for fields in (stored.model_dump(), repeated.model_dump())
    )
    if changed := store.diff(before, now):
        return False, f"first difference: {changed[0]}"
    if len(stored.history) > len(repeated.history):
        return False, f"the stored history goes on after epoch {len(repeated.history)}"
    return True, "equal bit for bit: every epoch's figures, weights, predictions and metrics"


def _compare_accuracy(stored: RunRecord, repeated: RunRecord) -> tuple[bool, str]:
    if stored.metrics is None or repeated.metrics is None:
        same = stored.failed == repeated.failed
        return same, f"status was {stored.status} and is {repeated.status}"
    before, now = stored.metrics.accuracy, repeated.metrics.accuracy
    pooled = (before + now) / 2
    allowed = MAX_STANDARD_ERRORS * math.sqrt(2 * pooled * (1 - pooled) / stored.dataset.test_size)
    same_weights = stored.weights_sha256 == repeated.weights_sha256
    bits = "the same weights" if same_weights else "other weights"
    return (
        abs(now - before) <= allowed,
        f"accuracy was {before:.2%} and is {now:.2%} ({bits}; a difference of up to "
        f"{100 * allowed:.2f} points is within the sampling error of the test images)",
    )
