"""Taking in the runs of a bundle: all of them or none."""

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
class Merged:
    """What became of a bundle's runs, as folders below the results folder, sorted."""

    taken: list[str]
    present: list[str]


def merge(bundle: Path, results: Path, own: Dataset | None = None) -> Merged:
    """Check the runs of a bundle and take in those that are not there yet.

    A run that is there with the same outcome is left as it is. Each run comes in with its
    record last, so that one that is cut off is as if it had not begun.

    Args:
        bundle: the file.
        results: the results folder, made where it is missing.
        own: a dataset that is at hand, for records on data that are not known otherwise.

    Raises:
        InputError: if the file is damaged, or a record in the results folder is.
        RefusedError: if a member of the file has no place in a bundle, a record breaks a rule
            of `check`, or a run is there with another outcome. Nothing is taken in then.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        scratch = Path(name).resolve()
        folders = unpack(bundle, scratch)
        refuse_breaches(scratch, check(scratch, own)[1], "nothing was taken in")
        _refuse_odd(scratch, results)
        present = _present(scratch, results, folders)
        _claim([results / f for f in folders if f not in present], held)
        # Looked at again: another process may have finished a run meanwhile.
        present = _present(scratch, results, folders)
        taken = [folder for folder in folders if folder not in present]
        for folder in taken:
            _take(scratch / folder, results / folder)
    return Merged(taken, present)


def _claim(folders: list[Path], held: ExitStack) -> None:
    """Keep every other process from training these runs; raises if one does."""
    busy = [folder for folder in folders if lock.is_locked(folder)]
    for folder in folders if not busy else []:
        claim = lock.try_acquire(folder)
        if claim is None:
            busy.append(folder)
        else:
            held.callback(claim.release)
    if busy:
        raise RefusedError(
            "runs are being trained here (named above): nothing was taken in. Merge again when "
            "they have ended.",
            [f"{folder}: being trained here" for folder in busy],
        )


def _refuse_odd(scratch: Path, results: Path) -> None:
    """What `check` does not look for: predictions of a failed run, weights of a run here."""
    here: defaultdict[str, list[tuple[str, RunRecord]]] = defaultdict(list)
    for place, run in _runs(results).items():
        if run.weights_sha256:
            here[run.weights_sha256].append((place, run))
    faults = []
    for place, run in _runs(scratch).items():
        if run.failed and (scratch / place / store.PREDICTIONS).exists():
            faults.append(f"{place}: failed, but has {store.PREDICTIONS}")
        faults += [
            f"{place}: weights_sha256 is that of {there}"
            for there, other in here[run.weights_sha256 or ""]
            if there != place and not must_share_weights(run, other)
        ]
    if faults:
        raise RefusedError("runs cannot be right (named above): nothing was taken in.", faults)


def _runs(folder: Path) -> dict[str, RunRecord]:
    """All records below a folder, by where they lie; none where there is no folder yet."""
    if not folder.exists():
        return {}
    return {path.parent.relative_to(folder).as_posix(): _load(path) for path in store.find(folder)}


def _load(path: Path) -> RunRecord:
    try:
        return store.load(path)
    except DamagedRecordError as error:
        raise InputError(f"{error} Mend or delete it, then merge again.") from error


def _present(scratch: Path, results: Path, folders: list[str]) -> list[str]:
    """Runs that are there already; raises if one of them ended otherwise."""
    present, conflicts = [], []
    for folder in folders:
        if (results / folder / store.FILE).exists():
            present.append(folder)
            here, there = (_load(place / folder / store.FILE) for place in (results, scratch))
            differing = store.diff(_outcome(here), _outcome(there))
            conflicts += [f"{folder}: conflict: {'; '.join(differing)}"] if differing else []
    if conflicts:
        raise RefusedError(
            f"{len(conflicts)} runs are there with another outcome (named above): nothing was "
            "taken in. Keep the two in different folders, or repeat them with verify.",
            conflicts,
        )
    return present


def _outcome(run: RunRecord) -> dict[str, Any]:
    """What two records of one run have in common, whatever machine made them."""
    return {
        "data": run.dataset.fingerprint,
        "settings": run.settings,
        "protocol": run.protocol.to_dict(),
        "status": run.status,
        "reason": run.reason,
        "weights_sha256": run.weights_sha256,
        "predictions_sha256": run.predictions_sha256,
    }


def _take(source: Path, target: Path) -> None:
    # What an attempt left that was cut off here would not fit the record that comes in.
    checkpoint.clear(target)
    for name in (store.WEIGHTS, store.PROBABILITIES, store.PREDICTIONS):
        (target / name).unlink(missing_ok=True)
    for name in (store.PREDICTIONS, store.FILE):
        if (source / name).exists():
            write_atomically(target / name, (source / name).read_bytes())
