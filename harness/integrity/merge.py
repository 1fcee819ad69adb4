"""Merge the runs of a bundle into a results folder: none of them if one is refused."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.errors import InputError
from harness.files import write_atomically
from harness.integrity.bundle import RefusedError, refuse_breaches, unpack
from harness.integrity.check import check
from harness.integrity.outcome_rules import must_share_weights
from harness.runs import lock, store
from harness.runs.record import DamagedRecordError, RunRecord
from harness.training import checkpoint


@dataclass(frozen=True)
class MergeResult:
    """Runs of a bundle that were added, and those already present.

    Both are folders relative to the results folder, sorted.
    """

    added: list[str]
    present: list[str]


def merge(bundle: Path, results: Path, local_dataset: Dataset | None = None) -> MergeResult:
    """Check the runs of a bundle and add those that are not present yet.

    A run that is present with the same outcome is not touched. The record of each run is written
    last, so that an interrupted merge leaves whole runs only; merging again adds the rest.

    Args:
        bundle: the file.
        results: the results folder; created if missing.
        local_dataset: a loaded dataset, for records whose dataset is not a known one.

    Raises:
        InputError: if the file, or a record in the results folder, is damaged.
        RefusedError: if a member is not allowed in a bundle, a record breaks a rule of `check`, or
            a run is present with another outcome or being trained. Nothing is merged then.
        UnwritableError: if a file cannot be written; the runs before it are merged.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as locks:
        scratch = Path(name).resolve()
        folders = unpack(bundle, scratch)
        refuse_breaches(scratch, check(scratch, local_dataset)[1], "nothing was merged")
        _refuse_inconsistent(scratch, results)
        present = _existing_runs(scratch, results, folders)
        _lock_runs([results / f for f in folders if f not in present], locks)
        # Read again: another process may have finished a run in the meantime.
        present = _existing_runs(scratch, results, folders)
        added = [folder for folder in folders if folder not in present]
        for folder in added:
            _copy_run(scratch / folder, results / folder)
    return MergeResult(added, present)


def _lock_runs(folders: list[Path], locks: ExitStack) -> None:
    """Lock the folders of runs, and register their release in `locks`.

    Raises:
        RefusedError: if another process is training one of them.
    """
    busy = [folder for folder in folders if lock.is_locked(folder)]
    for folder in folders if not busy else []:
        run_lock = lock.try_acquire(folder)
        if run_lock is None:
            busy.append(folder)
        else:
            locks.callback(run_lock.release)
    if busy:
        raise RefusedError(
            "runs are being trained (listed above): nothing was merged. Merge again when they "
            "have finished.",
            [f"{folder}: being trained" for folder in busy],
        )


def _refuse_inconsistent(scratch: Path, results: Path) -> None:
    """Check what `check` does not: predictions of failed runs, and weights of runs in `results`.

    Raises:
        RefusedError: if a failed run has predictions, or two different runs the same weights.
    """
    by_weights: defaultdict[str, list[tuple[str, RunRecord]]] = defaultdict(list)
    for folder, record in _load_records(results).items():
        if record.weights_sha256:
            by_weights[record.weights_sha256].append((folder, record))
    faults = []
    for folder, record in _load_records(scratch).items():
        if record.failed and (scratch / folder / store.PREDICTIONS).exists():
            faults.append(f"{folder}: failed, but has {store.PREDICTIONS}")
        faults += [
            f"{folder}: weights_sha256 is that of {other_folder}"
            for other_folder, other in by_weights[record.weights_sha256 or ""]
            if other_folder != folder and not must_share_weights(record, other)
        ]
    if faults:
        raise RefusedError("runs are inconsistent (listed above): nothing was merged.", faults)


def _load_records(folder: Path) -> dict[str, RunRecord]:
    """Load all records below a folder, by relative path; none if the folder does not exist."""
    if not folder.exists():
        return {}
    return {
        path.parent.relative_to(folder).as_posix(): _load_record(path)
        for path in store.find(folder)
    }


def _load_record(path: Path) -> RunRecord:
    try:
        return store.load(path)
    except DamagedRecordError as error:
        raise InputError(f"{error} Repair it or move it away, then merge again.") from error


def _existing_runs(scratch: Path, results: Path, folders: list[str]) -> list[str]:
    """Return the runs that are already present.

    Raises:
        RefusedError: if one of them has another outcome.
    """
    present, conflicts = [], []
    for folder in folders:
        if (results / folder / store.FILE).exists():
            present.append(folder)
            ours, theirs = (_load_record(root / folder / store.FILE) for root in (results, scratch))
            differing = store.diff(_outcome(ours), _outcome(theirs))
            conflicts += [f"{folder}: conflict: {'; '.join(differing)}"] if differing else []
    if conflicts:
        raise RefusedError(
            f"{len(conflicts)} runs are present with another outcome (listed above): nothing was "
            "merged. Keep the two in different folders, or repeat them with verify; of a finished "
            "and a failed run, remove the failed one's folder, here or before bundle.",
            conflicts,
        )
    return present


def _outcome(record: RunRecord) -> dict[str, Any]:
    """Return what two records must share to count as the same outcome.

    Not the reason of a failure, which machines give in different words: of two failed runs neither
    has a result.
    """
    return {
        "data": record.dataset.fingerprint,
        "settings": record.settings,
        "protocol": record.protocol.to_dict(),
        "status": record.status,
        "weights_sha256": record.weights_sha256,
        "predictions_sha256": record.predictions_sha256,
    }


def _copy_run(source: Path, target: Path) -> None:
    # Files that an interrupted attempt left in the folder would not match the new record.
    for name in (store.WEIGHTS, store.PROBABILITIES, store.PREDICTIONS):
        (target / name).unlink(missing_ok=True)
    for name in (store.PREDICTIONS, store.FILE):
        if (source / name).exists():
            write_atomically(target / name, (source / name).read_bytes())
    # Last, since a write may fail; and of a failed run never: a retry may go on from them.
    if not _load_record(source / store.FILE).failed:
        checkpoint.clear(target)
