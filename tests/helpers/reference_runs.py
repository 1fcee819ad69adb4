"""Synthetic runs of one variant that others are compared with."""

from __future__ import annotations

from typing import Any

from harness.runs.record import RunRecord
from tests.helpers.records import make_record

# Right answers of 1,000 in each class, by seed.
RIGHT = (748, 752, 757, 750, 743, 755)


def runs(right: tuple[int, ...] = RIGHT, first_seed: int = 0, **changed: Any) -> list[RunRecord]:
    """Runs of `paper` in which every class is recognized equally often, with varying losses."""
    made = (make_record("paper", s, n, **changed) for s, n in enumerate(right, first_seed))
    return [with_metrics(run, loss=0.8 - (run.seed % 7) / 100) for run in made]


def with_metrics(run: RunRecord, **metrics: Any) -> RunRecord:
    assert run.metrics is not None
    return run.model_copy(update={"metrics": run.metrics.model_copy(update=metrics)})
