"""How far a run is, read from its folder. No torch here."""

from __future__ import annotations

import dataclasses
from enum import StrEnum

from harness.errors import InputError
from harness.runs import lock, store
from harness.runs import record as runs_record
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec


def epochs_done(spec: RunSpec) -> int:
    """Epochs that the newest checkpoint of a run that was cut off holds."""
    found = (spec.directory / store.CHECKPOINTS).glob("epoch-*.pt")
    return max((int(path.name.split("-")[1]) for path in found), default=0)


class RunStatus(StrEnum):
    """How far a run is."""

    done = "done"
    failed = "failed"
    running = "running"
    pending = "pending"
    conflict = "conflict"


def run_status(spec: RunSpec) -> tuple[RunStatus, str]:
    """How far a run is by its folder, and why it would be refused, else nothing.

    A new try at a run that has failed is running, though the old record stands until it ends.
    """
    try:
        # Looked at first: who holds a run writes the record before letting go.
        held = lock.is_locked(spec.directory)
        record = final_record(spec)
    except InputError as error:
        return RunStatus.conflict, str(error)
    if record is not None and not record.failed:
        return RunStatus.done, ""
    if held:
        return RunStatus.running, ""
    return (RunStatus.pending if record is None else RunStatus.failed), ""


def existing_record(spec: RunSpec, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it has one already.

    Args:
        spec: the run.
        fingerprint: of the data; None where they are not loaded: then any will do.

    Raises:
        InputError: if the folder holds a record that is damaged or of another run.
    """
    path = spec.directory / store.FILE
    if not path.exists():
        return None
    try:
        found = store.load(path)
    except runs_record.DamagedRecordError as error:
        raise InputError(f"{error} Delete it to train again.") from error
    data = found.dataset.fingerprint
    before = {
        "settings": found.settings,
        "protocol": found.protocol.to_dict(),
        "seed": found.seed,
        "data": data,
    }
    now = spec.identity(data if fingerprint is None else fingerprint)
    if changed := store.diff(*map(store.to_json_types, (before, now))):
        raise InputError(
            f"{path} is of another run: {'; '.join(changed)}. Name another folder with --results."
        )
    return found


def as_retry(spec: RunSpec) -> RunSpec:
    """The spec of a new try, where the run has failed; else the spec as it is.

    Raises:
        InputError: see `existing_record`.
    """
    found = existing_record(spec)
    if found is None or not found.failed:
        return spec
    return dataclasses.replace(spec, replaces=_written(spec))


def final_record(spec: RunSpec, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it needs no training.

    Args:
        spec, fingerprint: see `existing_record`.

    Raises:
        InputError: see `existing_record`.
    """
    found = existing_record(spec, fingerprint)
    if found is not None and found.failed and spec.replaces == _written(spec):
        return None
    return found


def _written(spec: RunSpec) -> int:
    # Two tries that fail before an epoch has ended have the same bytes.
    return (spec.directory / store.FILE).stat().st_mtime_ns
