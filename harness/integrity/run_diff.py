"""Compare two stored runs: settings, data, environment, epochs, metrics, predictions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.formatting import percent, signed_points
from harness.runs import store
from harness.runs.record import TIMING_FIELDS, EpochRow, Metrics, RunRecord


def diff_runs(first: Path, second: Path) -> Iterator[tuple[str, list[str]]]:
    """Compare the records and predictions of two runs.

    Args:
        first, second: folders of stored runs.

    Yields:
        A topic, such as "environment", and what differs in it: one phrase for each difference,
        none if there is no difference. A topic that only one of the runs has is left out.

    Raises:
        InputError: if a folder has no record, or a damaged one.
    """
    old, new = store.load_run(first), store.load_run(second)
    for topic, fields in _TOPICS.items():
        before, after = (run.model_dump(mode="json", include=fields) for run in (old, new))
        # A topic of one field is named by it already.
        if len(fields) == 1:
            (field,) = fields
            if isinstance(before[field], dict) and isinstance(after[field], dict):
                before, after = before[field], after[field]
        yield topic, store.diff(before, after)
    yield "epochs", _first_epoch(old, new)
    if old.metrics is not None and new.metrics is not None:
        yield "metrics", _metrics(old.metrics, new.metrics)
    yield "predictions", _predictions(first, second, old, new)
    same = old.weights_sha256 == new.weights_sha256
    yield "weights", [] if same else ["weights_sha256 differs"]


_TOPICS: dict[str, set[str]] = {
    "run": {"variant", "seed", "status", "reason", "study"},
    "settings": {"settings"},
    "protocol": {"protocol"},
    "data": {"dataset"},
    "normalization": {"normalization"},
    "environment": {"environment"},
    "code": {"code", "sources_sha256", "decision_sha256"},
}


def _first_epoch(old: RunRecord, new: RunRecord) -> list[str]:
    """Describe the first epoch that differs, and different numbers of epochs."""
    differences = []
    for before, after in zip(old.history, new.history, strict=False):
        if changed := store.diff(_without_times(before), _without_times(after)):
            differences.append(f"epoch {before.epoch} is the first to differ: {'; '.join(changed)}")
            break
    if len(old.history) != len(new.history):
        differences.append(f"epochs trained were {len(old.history)} and are {len(new.history)}")
    return differences


def _without_times(row: EpochRow) -> dict[str, float | None]:
    return row.model_dump(exclude=set(TIMING_FIELDS))


def _metrics(old: Metrics, new: Metrics) -> list[str]:
    """Describe every metric that differs, with the difference; recall of the classes too."""
    differences = []
    for name in ("accuracy", "macro_f1", "train_accuracy"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            differences.append(f"{name} {_points(before, after)}")
    for name in ("loss", "auc"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            differences.append(f"{name} was {before} and is {after}")
    for name, metrics in old.per_class.items():
        other = new.per_class.get(name)
        if other is not None and other.recall != metrics.recall:
            differences.append(f"recall of {name} {_points(metrics.recall, other.recall)}")
    return differences


def _points(before: float, after: float) -> str:
    difference = signed_points(after - before)
    return f"was {percent(before)} % and is {percent(after)} % ({difference} points)"


def _predictions(first: Path, second: Path, old: RunRecord, new: RunRecord) -> list[str]:
    """Count the images that the two networks classify differently, if both files are there."""
    if old.predictions_sha256 == new.predictions_sha256:
        return []
    files = [folder / store.PREDICTIONS for folder in (first, second)]
    same_images = old.dataset.fingerprint == new.dataset.fingerprint
    if same_images and old.dataset.split == new.dataset.split and all(f.exists() for f in files):
        before, after = (file.read_bytes().split() for file in files)
        if len(before) == len(after):
            changed = sum(a != b for a, b in zip(before, after, strict=True))
            return [f"{changed} of {len(before)} images are classified differently"]
    return ["predictions_sha256 differs"]
