"""A finished run on disk: its record, and where its weights are. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.runs import store
from harness.runs.record import Metrics, RunRecord, variant_of

_CHANNELS = 3


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended with metrics.

    Attributes:
        weights: the file of its weights, which may be missing.
        record: the record beside it.
        metrics: of the record.
    """

    weights: Path
    record: RunRecord
    metrics: Metrics

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.weights.parent

    @property
    def title(self) -> str:
        """The run in a sentence, such as "paper, seed 0"."""
        return f"{self.record.variant}, seed {self.record.seed}"


def load(path: Path) -> FinishedRun:
    """Load the record of a finished run.

    Args:
        path: the folder of the run, or the file of its weights, whose record is beside it.

    Raises:
        InputError: if there is no record, or it is damaged or of a failed run.
    """
    weights = path / store.WEIGHTS if path.is_dir() else path
    if not path.exists():
        raise InputError(f"no {path}: give the folder of a run, or its {store.WEIGHTS}.")
    if path.name in (store.FILE, store.PREDICTIONS):
        raise InputError(f"{path} has no weights: give its folder, or its {store.WEIGHTS}.")
    if not (weights.parent / store.FILE).exists():
        raise InputError(
            f"no {store.FILE} in {weights.parent}: it says which network and normalization the "
            "weights belong to; keep it beside them."
        )
    stored = store.load(weights.parent / store.FILE)
    variant_of(stored)
    if stored.metrics is None:
        raise InputError(f"the run in {weights.parent} failed: it has no trained network.")
    scaling = stored.normalization
    if [len(scaling.mean), len(scaling.std)] != [_CHANNELS, _CHANNELS] or min(scaling.std) <= 0:
        raise InputError(
            f"{weights.parent / store.FILE} is damaged (normalization: {_CHANNELS} means and "
            "positive standard deviations are needed)."
        )
    return FinishedRun(weights, stored, stored.metrics)
