"""What became of each run of a sweep, and what is still to be done."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from harness.errors import InputError
from harness.runs import status
from harness.runs.spec import Plan
from harness.runs.status import State, epochs_done, state
from harness.sweep.grid import Grid


@dataclass(eq=False)
class Job:
    """A run that is to be trained.

    Attributes:
        plan: the run.
        epochs: how many its checkpoint holds, when last looked at.
        reached: the last epoch that it finished in this sweep, whether it is kept or not.
        deaths: workers lost over it, alone, since it last came further.
        suspect: whether its worker ended, or ran out of memory, with others beside it, and it
            has come no further since.
        given_up: why it is not to be trained any more, but recorded as failed.
        told: whether people know that another process trains it.
    """

    plan: Plan
    epochs: int = 0
    reached: int = 0
    deaths: int = 0
    suspect: bool = False
    given_up: str | None = None
    told: bool = False


@dataclass
class Ledger:
    """What became of the runs.

    Attributes:
        found: done before this sweep.
        done: those and the ones trained since, by this sweep or another.
        failed: with the reason.
        refused: what is wrong, a line for each.
        held: trained by another process.
        open: to be trained, in order.
    """

    found: list[Plan] = field(default_factory=list)
    done: list[Plan] = field(default_factory=list)
    failed: list[tuple[Plan, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    held: list[Job] = field(default_factory=list)
    open: deque[Job] = field(default_factory=deque)

    def put_back(self, job: Job) -> None:
        """Have a run go on next that was cut off."""
        job.epochs = epochs_done(job.plan)
        self.open.appendleft(job)

    def look_at_held(self) -> None:
        """See what other processes have done; open what they left."""
        for job in list(self.held):
            how, _ = state(job.plan)
            if how is State.running:
                continue
            # What ended elsewhere, or is refused, only needs a worker's look, for which there is
            # always time.
            left = how is State.open
            job.epochs = epochs_done(job.plan) if left else job.plan.protocol.epochs
            self.held.remove(job)
            self.open.append(job)


def survey(grid: Grid) -> Ledger:
    """What the results folder says about a grid."""
    ledger = Ledger()
    for plan in grid.plans:
        try:
            if grid.retry_failed:
                plan = status.retrying(plan)
            record = status.settled(plan)
            if record is None:
                ledger.open.append(Job(plan, epochs_done(plan)))
            elif record.failed:
                ledger.failed.append((plan, str(record.reason)))
            else:
                ledger.found.append(plan)
                ledger.done.append(plan)
        except InputError as error:
            ledger.refused.append(str(error))
    return ledger
