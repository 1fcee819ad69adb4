"""Repeat a stored run from its record alone and say whether the bits are the same."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.data.dataset import Dataset
from harness.progress import Reporter
from harness.runs import record, store
from harness.runs.record import RunRecord
from harness.runs.spec import Plan
from harness.training import environment
from harness.training.runner import execute

# Fields of a line of the history that a clock decides.
TIMED = ("seconds", "images_per_second")

# Accuracies further apart than this many standard errors are not the same experiment.
STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Finding:
    """What came out of a repetition.

    Attributes:
        same: the bits are equal or, where none are promised, the metrics agree.
        lines: what to tell, in order.
    """

    same: bool
    lines: tuple[str, ...]


class _DiffersError(Exception):
    """The repetition has left the stored run; the message says where."""


class _Watch(Reporter):
    """Holds every epoch of the repetition against the stored history."""

    def __init__(self, history: Sequence[Mapping[str, Any]], shown: Reporter) -> None:
        self._history = history
        self._shown = shown
        self.begin, self.batch, self.end = shown.begin, shown.batch, shown.end  # type: ignore[method-assign]

    def epoch(self, row: Mapping[str, Any]) -> None:
        self._shown.epoch(row)
        number = row["epoch"]
        if number > len(self._history):
            raise _DiffersError(f"the stored history ends before epoch {number}")
        stored = self._history[number - 1]
        for key, value in row.items():
            if key not in TIMED and stored.get(key) != value:
                raise _DiffersError(f"epoch {number}: {key} was {stored.get(key)} and is {value}")


def verify(stored: RunRecord, data: Dataset, device: torch.device, reporter: Reporter) -> Finding:
    """Train the run again in a folder that is thrown away, and compare.

    Args:
        stored: the record; nothing else of the run is read.
        data: the dataset as loaded, on the CPU.
        device: where to repeat it.
        reporter: shown the training.

    Returns:
        Equal, or the first thing that differs: environment, sources, data, an epoch, weights
        or predictions. In another environment bits are not promised and metrics are compared.
    """
    if data.fingerprint != stored.dataset["fingerprint"]:
        return Finding(
            False,
            (
                f"data differ: fingerprint was {stored.dataset['fingerprint'][:12]} "
                f"and is {data.fingerprint[:12]}",
            ),
        )
    eager = stored.environment.get("execution") == "eager"
    changed = store.differences(
        stored.environment, store.plain(environment.describe(device, eager=eager)), "environment "
    )
    if stored.sources_sha256 != environment.sources_sha256():
        changed.append("the sources that decide bits have changed")
    notes = [f"{line}" for line in changed]
    if changed:
        notes.append("so the same bits are not promised, and the metrics are compared")
    watch = reporter if changed else _Watch(stored.history, reporter)
    with tempfile.TemporaryDirectory() as scratch:
        plan = Plan(
            record.variant_of(stored),
            stored.seed,
            record.protocol_of(stored),
            stored.departures,
            Path(scratch),
            eager,
        )
        try:
            repeated = execute(plan, data.to(device), watch)
        except _DiffersError as difference:
            return Finding(False, (f"first difference: {difference}",))
        finally:
            reporter.end()
    same, line = (_metrics if changed else _bits)(stored, repeated)
    return Finding(same, (*notes, line))


def _bits(stored: RunRecord, repeated: RunRecord) -> tuple[bool, str]:
    for key in ("status", "reason", "weights_sha256", "predictions_sha256"):
        before, now = getattr(stored, key), getattr(repeated, key)
        if before != now:
            return False, f"first difference: {key} was {before} and is {now}"
    ours = dataclasses.asdict(repeated)["metrics"]
    if found := store.differences({"metrics": stored.metrics}, {"metrics": ours}):
        return False, f"first difference: {found[0]}"
    return True, "equal bit for bit: every epoch's figures, weights, predictions and metrics"


def _metrics(stored: RunRecord, repeated: RunRecord) -> tuple[bool, str]:
    if stored.metrics is None or repeated.metrics is None:
        same = stored.failed == repeated.failed
        return same, f"status was {stored.status} and is {repeated.status}"
    before, now = stored.metrics["accuracy"], repeated.metrics["accuracy"]
    pooled = (before + now) / 2
    allowed = STANDARD_ERRORS * math.sqrt(2 * pooled * (1 - pooled) / stored.dataset["test_size"])
    bits = "the same weights" if stored.weights_sha256 == repeated.weights_sha256 else "other bits"
    return (
        abs(now - before) <= allowed,
        f"accuracy was {before:.2%} and is {now:.2%} ({bits}; up to {100 * allowed:.2f} points "
        "apart is what another draw of the test images would give)",
    )
