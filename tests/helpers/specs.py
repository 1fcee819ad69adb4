"""Run specifications of the digits, and the records that such runs would leave."""

from __future__ import annotations

from pathlib import Path

from harness.runs.options import RunOptions
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec, run_specs
from tests.helpers.records import make_history, make_record

DEVICE = "a CPU"


def finished_run(spec: RunSpec, seconds: float, device: str = DEVICE) -> RunRecord:
    """A finished run of a spec whose epochs took `seconds` each."""
    epochs = spec.protocol.epochs
    record = make_record(
        spec.variant.name,
        spec.seed,
        protocol=vars(spec.protocol),
        environment={"device": device},
        history=make_history([0.5] * epochs),
    )
    return record.model_copy(update={"train_seconds": seconds * epochs})


def as_failed(record: RunRecord) -> RunRecord:
    """The same run, had it failed."""
    return record.model_copy(update={"status": "failed", "reason": "diverged", "metrics": None})


def make_spec(name: str, folder: Path, **options: object) -> RunSpec:
    chosen = RunOptions(dataset="digits", results=folder, **options)  # type: ignore[arg-type]
    (spec,) = run_specs([name], [0], chosen)
    return spec
