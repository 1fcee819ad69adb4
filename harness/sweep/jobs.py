"""What became of each run of a sweep, and what is still to be done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from harness.errors import InputError
from harness.runs import status
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, epochs_done, run_status
from harness.sweep.grid import Grid


@dataclass(eq=False)
class Job:
    """A run that is to be trained.

    Attributes:
        spec: the run.
        epochs: how many its checkpoint holds, when last looked at.
        reached: the last epoch that it finished in this sweep, whether it is kept or not.
        deaths: workers lost over it, alone, since it last came further.
        suspect: whether its worker ended, or ran out of memory, with others beside it, and it
            has come no further since.
        given_up: why it is not to be trained any more, but recorded as failed.
        told: whether people know that another process trains it.
    """

    spec: RunSpec
    epochs: int = 0
    reached: int = 0
    crashes: int = 0
    run_alone: bool = False
    give_up_reason: str | None = None
    announced: bool = False


@dataclass
class JobQueue:
    """What became of the runs.

    Attributes:
        found: done before this sweep.
        done: those and the ones trained since, by this sweep or another.
        failed: with the reason.
        refused: what is wrong, a line for each.
        held: trained by another process.
        pending: to be trained, in order.
    """

    found: list[RunSpec] = field(default_factory=list)
    done: list[RunSpec] = field(default_factory=list)
    failed: list[tuple[RunSpec, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    held: list[Job] = field(default_factory=list)
    pending: deque[Job] = field(default_factory=deque)

    def requeue(self, job: Job) -> None:
        """Have a run go on next that was cut off."""
        job.epochs = epochs_done(job.spec)
        self.pending.appendleft(job)

    def look_at_held(self) -> None:
        """See what other processes have done; open what they left."""
        for job in list(self.held):
            how, _ = run_status(job.spec)
            if how is RunStatus.running:
                continue
            # What ended elsewhere, or is refused, only needs a worker's look, for which there is
            # always time.
            left = how is RunStatus.pending
            job.epochs = epochs_done(job.spec) if left else job.spec.protocol.epochs
            self.held.remove(job)
            self.pending.append(job)


def queue_from_results(grid: Grid) -> JobQueue:
    """What the results folder says about a grid."""
    ledger = JobQueue()
    for spec in grid.specs:
        try:
            if grid.retry_failed:
                spec = status.as_retry(spec)
            record = status.final_record(spec)
            if record is None:
                ledger.pending.append(Job(spec, epochs_done(spec)))
            elif record.failed:
                ledger.failed.append((spec, str(record.reason)))
            else:
                ledger.found.append(spec)
                ledger.done.append(spec)
        except InputError as error:
            ledger.refused.append(str(error))
    return ledger
