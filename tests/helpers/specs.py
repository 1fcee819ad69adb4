"""Run specifications of the digits, and the records that such runs would leave."""

from __future__ import annotations

from pathlib import Path

from harness.runs.options import Options
from harness.runs.record import RunRecord
from harness.runs.spec import Plan, plans
from tests.helpers.records import make_history, make_record

DEVICE = "a CPU"


def finished_run(plan: Plan, seconds: float, device: str = DEVICE) -> RunRecord:
    """A finished run of a plan whose epochs took `seconds` each."""
    epochs = plan.protocol.epochs
    record = make_record(
        plan.variant.name,
        plan.seed,
        protocol=vars(plan.protocol),
        environment={"device": device},
        history=make_history([0.5] * epochs),
    )
    return record.model_copy(update={"train_seconds": seconds * epochs})


def as_failed(record: RunRecord) -> RunRecord:
    """The same run, had it failed."""
    return record.model_copy(update={"status": "failed", "reason": "diverged", "metrics": None})


def make_spec(name: str, folder: Path, **options: object) -> Plan:
    chosen = Options(dataset="digits", results=folder, **options)  # type: ignore[arg-type]
    (plan,) = plans([name], [0], chosen)
    return plan
