"""What a run will cost, from what runs like it did cost."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from tabulate import tabulate

from harness.progress import clock
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, epochs_done, run_status
from harness.sweep.grid import Capacity, Grid

# A record holds the seconds of training alone. Judging after every epoch, checkpoints and
# figures come on top: between a twentieth (large images sets) and a third (the digits).
OVERHEAD = 1.2


@dataclass(frozen=True)
class Estimate:
    """Seconds that a run will take.

    Attributes:
        seconds: for all its epochs.
        basis: the runs that this rests on, for people.
    """

    seconds: float
    basis: str


@dataclass(frozen=True)
class _Sample:
    variant: str
    kind: Protocol
    seconds: float  # an epoch's
    here: bool


class RuntimeEstimator:
    """Estimates from records, and from the runs of this sweep as they end.

    Args:
        records: any; those on other data or in another precision are passed over.
        device: the model of the device that will train, as records have it.
        threads: of each run, on a CPU. A run that had more is counted as if time were inverse
            to threads, which is too long rather than too short.
        load: runs that will share what a run alone has; records do not say whether theirs did.
    """

    def __init__(
        self,
        records: Iterable[RunRecord],
        device: str | None,
        threads: int | None = None,
        load: float = 1.0,
    ) -> None:
        stored = [
            _Sample(
                one.variant,
                _kind(one.protocol),
                OVERHEAD * load * _slower(one, threads) * one.train_seconds / len(one.history),
                here=one.environment.device == device,
            )
            for one in records
            if not one.failed and one.history
        ]
        self._now: list[_Sample] = []
        self._here = [one for one in stored if one.here]
        self._elsewhere = [one for one in stored if not one.here]

    def add(self, spec: RunSpec, seconds: float) -> None:
        """Note what an epoch of a run took in this sweep, with all that belongs to it."""
        kind = _kind(spec.protocol)
        self._now.append(_Sample(spec.variant.name, kind, seconds, here=True))

    def estimate(self, spec: RunSpec) -> Estimate | None:
        """The estimate of a run from its first epoch on; None where nothing like it was run."""
        sources = (
            (True, self._now, "this sweep"),
            (True, self._here, "this device"),
            (False, self._now, "other variants, this sweep"),
            (False, self._here, "other variants, this device"),
            (True, self._elsewhere, "another device"),
            (False, self._elsewhere, "other variants, another device"),
        )
        kind = _kind(spec.protocol)
        for own, samples, words in sources:
            alike = [
                one.seconds
                for one in samples
                if one.kind == kind and (one.variant == spec.variant.name or not own)
            ]
            if alike:
                seconds = statistics.median(alike) * spec.protocol.epochs
                return Estimate(seconds, f"{len(alike)} run{'s' * (len(alike) > 1)}: {words}")
        return None


def records_near(grid: Grid) -> list[RunRecord]:
    """Every readable record of the grid's dataset, whatever its protocol."""
    folder = grid.options.results / grid.options.dataset
    return store.load_all(folder)[0] if folder.is_dir() else []


def _slower(run: RunRecord, threads: int | None) -> float:
    """How many times longer a run takes with fewer threads than it had."""
    if threads is None or run.environment.device_type != "cpu":
        return 1.0
    return max(1.0, run.environment.threads / threads)


def _kind(protocol: Protocol) -> Protocol:
    """What decides the time of an epoch: the protocol, whatever its number of epochs."""
    return dataclasses.replace(protocol, epochs=1)


def dry_run_report(grid: Grid, capacity: Capacity) -> list[str]:
    """The grid in the order of its start, with the estimated cost of each run, and the sum.

    Between the two stands what is wrong with each run that would be refused.

    Args:
        grid: the runs.
        capacity: of the engine that would train them.
    """
    costs = RuntimeEstimator(records_near(grid), capacity.device, capacity.threads)
    rows: list[tuple[str, str, str, str]] = []
    refused: list[str] = []
    seconds: list[float] = []
    unknown = 0
    for spec in grid.specs:
        how, why = run_status(spec)
        if how is RunStatus.conflict:
            refused.append(f"{spec.title}: conflict: {why}")
        settled = how in (RunStatus.done, RunStatus.conflict)
        if settled or (how is RunStatus.failed and not grid.retry_failed):
            rows.append((spec.title, how, "-", ""))
            continue
        estimate = costs.estimate(spec)
        done = epochs_done(spec)
        label = f"{how}, {done} of {spec.protocol.epochs} epochs done" if done else how
        if estimate is None:
            unknown += 1
            rows.append((spec.title, label, "unknown", "no run like it is stored"))
        else:
            seconds.append(estimate.seconds * (1 - done / spec.protocol.epochs))
            rows.append((spec.title, label, clock(seconds[-1]), estimate.basis))
    table = tabulate(rows, headers=("run", "state", "cost", "estimated from"), tablefmt="simple")
    total = f"{len(seconds) + unknown} of {len(grid.specs)} runs to train"
    if seconds:
        # The last runs leave slots empty: no more than one run's time is lost so.
        share = max(sum(seconds) * capacity.load / capacity.slots, max(seconds))
        total += f": {clock(sum(seconds))} in all, about {clock(share)} in {capacity.slots} at once"
    if seconds and unknown:
        total += f", and {unknown} of unknown cost"
    return [table, *refused, total]
