"""How far a run is, read from its folder. No torch here."""

from __future__ import annotations

import dataclasses
from enum import StrEnum

from harness.errors import InputError
from harness.runs import lock, store
from harness.runs import record as runs_record
from harness.runs.record import RunRecord
from harness.runs.spec import Plan


def epochs_done(plan: Plan) -> int:
    """Epochs that the newest checkpoint of a run that was cut off holds."""
    found = (plan.directory / store.CHECKPOINTS).glob("epoch-*.pt")
    return max((int(path.name.split("-")[1]) for path in found), default=0)


class State(StrEnum):
    """How far a run is."""

    done = "done"
    failed = "failed"
    running = "running"
    open = "open"
    refused = "refused"


def state(plan: Plan) -> tuple[State, str]:
    """How far a run is by its folder, and why it would be refused, else nothing.

    A new try at a run that has failed is running, though the old record stands until it ends.
    """
    try:
        # Looked at first: who holds a run writes the record before letting go.
        held = lock.held(plan.directory)
        record = settled(plan)
    except InputError as error:
        return State.refused, str(error)
    if record is not None and not record.failed:
        return State.done, ""
    if held:
        return State.running, ""
    return (State.open if record is None else State.failed), ""


def stored(plan: Plan, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it has one already.

    Args:
        plan: the run.
        fingerprint: of the data; None where they are not loaded: then any will do.

    Raises:
        InputError: if the folder holds a record that is damaged or of another run.
    """
    path = plan.directory / store.FILE
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
    now = plan.identity(data if fingerprint is None else fingerprint)
    if changed := store.diff(*map(store.to_json_types, (before, now))):
        raise InputError(
            f"{path} is of another run: {'; '.join(changed)}. Name another folder with --results."
        )
    return found


def retrying(plan: Plan) -> Plan:
    """The plan of a new try, where the run has failed; else the plan.

    Raises:
        InputError: see `stored`.
    """
    found = stored(plan)
    if found is None or not found.failed:
        return plan
    return dataclasses.replace(plan, replaces=_written(plan))


def settled(plan: Plan, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it needs no training.

    Args:
        plan, fingerprint: see `stored`.

    Raises:
        InputError: see `stored`.
    """
    found = stored(plan, fingerprint)
    if found is not None and found.failed and plan.replaces == _written(plan):
        return None
    return found


def _written(plan: Plan) -> int:
    # Two tries that fail before an epoch has ended have the same bytes.
    return (plan.directory / store.FILE).stat().st_mtime_ns
