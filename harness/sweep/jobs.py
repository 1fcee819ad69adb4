"""Queue of a sweep's runs: pending, done, failed, refused."""

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
    """A run that a sweep has to train.

    Attributes:
        spec: the run.
        epochs: epochs in its checkpoint, when last read.
        reached: last epoch that it finished in this sweep, with or without a checkpoint.
        crashes: workers that ended while they trained only this run, since it last finished an
            epoch.
        run_alone: whether its worker crashed or ran out of memory while it trained other runs too,
            and this run has finished no epoch since.
        give_up_reason: why it is recorded as failed instead of trained; None to train it.
        announced: whether the message that another process trains it was printed.
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
    """The runs of a sweep by status.

    Attributes:
        done_before: runs that were done before this sweep.
        done: those, and runs trained since, by this sweep or another process.
        failed: failed runs with the reason.
        refused: error messages of runs that cannot be trained.
        locked: runs that another process trains.
        pending: runs to train, in order.
    """

    done_before: list[RunSpec] = field(default_factory=list)
    done: list[RunSpec] = field(default_factory=list)
    failed: list[tuple[RunSpec, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    locked: list[Job] = field(default_factory=list)
    pending: deque[Job] = field(default_factory=deque)

    def requeue(self, job: Job) -> None:
        """Put an interrupted run at the head of the queue."""
        job.epochs = epochs_done(job.spec)
        self.pending.appendleft(job)

    def recheck_locked(self) -> None:
        """Put the runs that other processes no longer train back into the queue."""
        for job in list(self.locked):
            run_state, _ = run_status(job.spec)
            if run_state is RunStatus.running:
                continue
            # A run that has ended, or is refused, takes a worker no time, so it counts as done
            # and starts even shortly before the time limit.
            unfinished = run_state is RunStatus.pending
            job.epochs = epochs_done(job.spec) if unfinished else job.spec.protocol.epochs
            self.locked.remove(job)
            self.pending.append(job)


def queue_from_results(grid: Grid) -> JobQueue:
    """Sort the runs of a grid by their status in the results folder."""
    queue = JobQueue()
    for spec in grid.specs:
        try:
            if grid.retry_failed:
                spec = status.as_retry(spec)
            record = status.final_record(spec)
            if record is None:
                queue.pending.append(Job(spec, epochs_done(spec)))
            elif record.failed:
                queue.failed.append((spec, str(record.reason)))
            else:
                queue.done_before.append(spec)
                queue.done.append(spec)
        except InputError as error:
            queue.refused.append(str(error))
    return queue
