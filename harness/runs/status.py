"""Status of a run, read from its folder. No torch here."""

from __future__ import annotations

import dataclasses
from enum import StrEnum

from harness.errors import InputError
from harness.runs import lock, store
from harness.runs.record import DamagedRecordError, RunRecord, UnreadableRecordError
from harness.runs.spec import RunSpec


def epochs_done(spec: RunSpec) -> int:
    """Epochs done in the newest checkpoint of an unfinished run; 0 if it has none."""
    checkpoints = (spec.directory / store.CHECKPOINTS).glob("epoch-[0-9]*-*.pt")
    return max((int(path.name.split("-")[1]) for path in checkpoints), default=0)


class RunStatus(StrEnum):
    """Status of a run; `conflict`: its folder holds another run or cannot be read."""

    done = "done"
    failed = "failed"
    running = "running"
    pending = "pending"
    conflict = "conflict"


def run_status(spec: RunSpec) -> tuple[RunStatus, str]:
    """Read the status of a run from its folder.

    While a failed run is retried its status is `running`; its old record stays until the retry
    ends.

    Returns:
        The status, and for a conflict the error message, else "".
    """
    try:
        # Before the record is read: a process writes the record before it releases the lock.
        locked = lock.is_locked(spec.directory)
        record = final_record(spec)
    except InputError as error:
        return RunStatus.conflict, str(error)
    if record is not None and not record.failed:
        return RunStatus.done, ""
    if locked:
        return RunStatus.running, ""
    return (RunStatus.pending if record is None else RunStatus.failed), ""


def existing_record(spec: RunSpec, fingerprint: str | None = None) -> RunRecord | None:
    """The record of a run; None if it has none.

    Args:
        spec: the run.
        fingerprint: fingerprint that the record's dataset must have; None accepts any.

    Raises:
        InputError: if the folder's record is damaged or belongs to another run.
    """
    path = spec.directory / store.FILE
    try:
        if not path.exists():
            return None
        record = store.load(path)
    except OSError as error:  # of `exists`, in a folder of another user
        raise UnreadableRecordError(f"{path} cannot be read ({error.strerror}).") from error
    except UnreadableRecordError:
        raise
    except DamagedRecordError as error:
        raise InputError(f"{error} Delete it to train again.") from error
    recorded_fingerprint = record.dataset.fingerprint
    recorded = {
        "settings": record.settings,
        "protocol": record.protocol.to_dict(),
        "seed": record.seed,
        "data": recorded_fingerprint,
    }
    requested = spec.identity(recorded_fingerprint if fingerprint is None else fingerprint)
    differences = store.diff(*map(store.to_json_types, (recorded, requested)))
    if differences:
        raise InputError(
            f"{path} belongs to another run: {'; '.join(differences)}. "
            "Give another folder with --results."
        )
    return record


def as_retry(spec: RunSpec) -> RunSpec:
    """The spec of a retry if the run has failed, else the same spec.

    Raises:
        InputError: see `existing_record`.
    """
    record = existing_record(spec)
    if record is None or not record.failed:
        return spec
    return dataclasses.replace(spec, replaces=_record_time(spec))


def final_record(spec: RunSpec, fingerprint: str | None = None) -> RunRecord | None:
    """The record of a run that needs no training; None if it must be trained.

    Args:
        spec, fingerprint: see `existing_record`.

    Raises:
        InputError: see `existing_record`.
    """
    record = existing_record(spec, fingerprint)
    if record is not None and record.failed and spec.replaces == _record_time(spec):
        return None
    return record


def _record_time(spec: RunSpec) -> int:
    """When the run's record was written, in ns."""
    # The content cannot tell two attempts apart: if both fail in their first epoch it is equal.
    return (spec.directory / store.FILE).stat().st_mtime_ns
