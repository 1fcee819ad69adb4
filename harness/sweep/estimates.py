"""Estimate the training time of runs from stored runs; the report of a dry run."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tabulate import tabulate

from harness.formatting import pluralize
from harness.progress import clock
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, epochs_done, run_status
from harness.sweep.grid import Capacity, Grid

# A record has the seconds of training alone. Evaluations, checkpoints and figures add between a
# twentieth (large datasets) and a third (digits).
OVERHEAD = 1.2


@dataclass(frozen=True)
class Estimate:
    """Estimated time of a run.

    Attributes:
        seconds: for all its epochs.
        basis: the runs that the estimate is based on, in words.
    """

    seconds: float
    basis: str


@dataclass(frozen=True)
class _Sample:
    variant: str
    protocol: Protocol  # see `_per_epoch`
    seconds: float  # of an epoch
    same_device: bool


class RuntimeEstimator:
    """Estimate the time of runs from records.

    Args:
        records: any records; those with another dataset or precision are ignored.
        device: model of the device that will train, as in records.
        threads: threads of each run on a CPU. The time of a record with more threads is scaled as
            if it were inverse to their number, which overestimates rather than underestimates.
        load: number of runs that will share a device; records do not say how many shared theirs.
    """

    def __init__(
        self,
        records: Iterable[RunRecord],
        device: str | None,
        threads: int | None = None,
        load: float = 1.0,
    ) -> None:
        self._samples = [
            _Sample(
                run.variant,
                _per_epoch(run.protocol),
                OVERHEAD * load * _slowdown(run, threads) * run.train_seconds / len(run.history),
                same_device=run.environment.device == device,
            )
            for run in records
            if not run.failed and run.history
        ]

    def estimate(self, spec: RunSpec) -> Estimate | None:
        """Estimate the time of a run from its first epoch on; None without a similar run."""
        protocol = _per_epoch(spec.protocol)
        similar = [sample for sample in self._samples if sample.protocol == protocol]
        # The device matters more than the variant.
        for same_device, device in ((True, "this device"), (False, "another device")):
            there = [sample for sample in similar if sample.same_device == same_device]
            own = [sample for sample in there if sample.variant == spec.variant.name]
            for samples, variants in ((own, ""), (there, "other variants, ")):
                if samples:
                    seconds = statistics.median(sample.seconds for sample in samples)
                    basis = f"{pluralize(len(samples), 'run')}: {variants}{device}"
                    return Estimate(seconds * spec.protocol.epochs, basis)
        return None


def records_near(grid: Grid) -> list[RunRecord]:
    """Load all readable records of the grid's dataset, under any protocol."""
    folder = grid.options.results / grid.options.dataset
    return store.load_all(folder)[0] if folder.is_dir() else []


class TimeLimit:
    """Decide whether a run would end before the time limit of a grid.

    Args:
        grid: its time limit starts now.
        capacity: what the grid is trained on.
    """

    def __init__(self, grid: Grid, capacity: Capacity) -> None:
        self._grid = grid
        self._capacity = capacity
        self._end = math.inf if grid.time_limit is None else time.monotonic() + grid.time_limit
        self.update()

    def update(self) -> None:
        """Read the stored records again: runs have ended since, also in other processes."""
        if self._end < math.inf:
            c = self._capacity
            self._estimator = RuntimeEstimator(
                records_near(self._grid), c.device, c.threads, c.load
            )

    def allows(self, spec: RunSpec) -> bool:
        """Whether a run may start; one of unknown cost may."""
        if self._end == math.inf:
            return True
        estimate = self._estimator.estimate(spec)
        left = 1 - epochs_done(spec) / spec.protocol.epochs
        return time.monotonic() + (estimate.seconds * left if estimate else 0) < self._end


def _slowdown(run: RunRecord, threads: int | None) -> float:
    """Factor by which a run's time grows with fewer threads than it had."""
    if threads is None or run.environment.device_type != "cpu":
        return 1.0
    return max(1.0, run.environment.threads / threads)


def _per_epoch(protocol: Protocol) -> Protocol:
    """The protocol for one epoch of any fold: equal protocols have equal times per epoch."""
    fold = None if protocol.fold is None else 0
    return dataclasses.replace(protocol, epochs=1, fold=fold)


def dry_run_report(grid: Grid, capacity: Capacity) -> list[str]:
    """Report the estimated time of each run of a grid, in order of start, and the total.

    Args:
        grid: the runs.
        capacity: capacity of the engine that would train them.

    Returns:
        A table, an error message for each run that would be refused, and a line with the total.
    """
    estimator = RuntimeEstimator(records_near(grid), capacity.device, capacity.threads)
    rows: list[tuple[str, str, str, str]] = []
    refused: list[str] = []
    seconds: list[float] = []
    unknown = 0
    for spec in grid.specs:
        status, problem = run_status(spec)
        if status is RunStatus.conflict:
            refused.append(f"{spec.title}: conflict: {problem}")
        ended = status in (RunStatus.done, RunStatus.conflict)
        if ended or (status is RunStatus.failed and not grid.retry_failed):
            rows.append((spec.title, status, "-", ""))
            continue
        estimate = estimator.estimate(spec)
        done = epochs_done(spec)
        label = f"{status}, {done} of {spec.protocol.epochs} epochs done" if done else status
        if estimate is None:
            unknown += 1
            rows.append((spec.title, label, "unknown", "no similar run is stored"))
        else:
            seconds.append(estimate.seconds * (1 - done / spec.protocol.epochs))
            rows.append((spec.title, label, clock(seconds[-1]), estimate.basis))
    table = tabulate(rows, headers=("run", "state", "cost", "estimated from"), tablefmt="simple")
    total = f"{len(seconds) + unknown} of {len(grid.specs)} runs to train"
    if seconds:
        # Slots stay empty while the last runs end, for no longer than one run takes.
        elapsed = max(sum(seconds) * capacity.load / capacity.slots, max(seconds))
        total += f": {clock(sum(seconds))} in total"
        total += f", about {clock(elapsed)} with {capacity.slots} at once"
    if seconds and unknown:
        total += f", and {unknown} of unknown cost"
    return [table, *refused, total]
