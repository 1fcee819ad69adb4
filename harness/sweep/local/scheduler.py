"""Gives the runs of a grid to workers, one after the other, until none is left to start."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.errors import InputError, UnwritableError
from harness.runs import status
from harness.sweep.estimates import RuntimeEstimator
from harness.sweep.jobs import Job, JobQueue
from harness.sweep.local.display import PlainBoard, Tally
from harness.sweep.local.machine import Place
from harness.sweep.local.messages import Ended, Ready, Report, Unable
from harness.sweep.local.pool import Crew, Slot, Staff, Worker

# Workers that one run may lose without finishing an epoch.
DEATHS = 5

# Seconds between two looks at the clock and at what other processes train.
TICK = 1.0


class Dispatcher:
    """The sweep's loop.

    Args:
        ledger: changed as runs end.
        crew: starts the workers.
        layout: where they train; the first fetches the data for all.
        board: shown everything.
        costs: what runs take.
        deadline: by `time.monotonic`; nothing trains after it.
    """

    def __init__(
        self,
        ledger: JobQueue,
        crew: Crew,
        layout: Sequence[Place],
        board: PlainBoard,
        costs: RuntimeEstimator,
        deadline: float,
    ) -> None:
        self._ledger = ledger
        self._crew = crew
        self._staff = Staff(crew, layout, board)
        self._board = board
        self._costs = costs
        self._deadline = deadline
        settled = [*ledger.done, *ledger.failed, *ledger.refused]
        self._total = len(settled) + len(ledger.pending)
        self._epochs = 0
        self._began: float | None = None
        self._handlers: dict[type, Callable[[Worker, Any], None]] = {
            Ready: self._ready,
            Unable: self._unable,
            Report: self._report,
            Ended: self._ended,
            type(None): self._died,
        }

    def begin(self) -> bool:
        """Start the first worker and see the data loaded, if any run would end in time.

        Returns:
            Whether there is anything to do.

        Raises:
            InputError: if the data are missing.
            RunFailedError: if no worker can be started.
        """
        if not self._next():
            return False
        self._staff.grow(1)
        while not any(worker.ready for worker in self._crew.workers):
            self._listen()
        return True

    def work(self) -> None:
        """Go on until nothing is left that can be started.

        Raises:
            InputError: if the results can no longer be written.
            RunFailedError: if no worker can be started any more.
        """
        self._staff.grow(len(self._ledger.pending))
        while self._assign() and time.monotonic() < self._deadline:
            self._listen()
            self._board.show(self._tally(), ended=False)
            if not self._next():
                self._ledger.recheck_locked()

    def _listen(self) -> None:
        for worker, message in self._crew.messages(TICK):
            self._handlers[type(message)](worker, message)

    def _assign(self) -> bool:
        """Fill free slots; False if nothing trains and nothing is to come."""
        for worker in self._crew.workers:
            for slot in worker.slots:
                if worker.ready and slot.job is None and (job := self._next(worker)):
                    self._ledger.pending.remove(job)
                    worker.train(slot, job)
        return bool(self._busy() or self._ledger.locked or self._next())

    def _next(self, worker: Worker | None = None) -> Job | None:
        """The first run that would end in time; one of unknown cost is tried.

        Args:
            worker: where it is to train; None for anywhere.
        """
        for job in self._ledger.pending:
            if worker is not None and not worker.takes(job):
                continue
            if time.monotonic() + self._seconds(job) < self._deadline:
                return job
        return None

    def _seconds(self, job: Job) -> float:
        if job.give_up_reason is not None or self._deadline == math.inf:
            return 0.0
        estimate = self._costs.estimate(job.spec)
        return estimate.seconds * (1 - job.epochs / job.spec.protocol.epochs) if estimate else 0.0

    def _busy(self) -> list[Slot]:
        return [slot for worker in self._crew.workers for slot in worker.busy]

    def _ready(self, worker: Worker, message: Ready) -> None:
        self._staff.ready(worker)
        for spec in self._ledger.done_before:
            # What was found done was found without knowing the data.
            try:
                status.existing_record(spec, message.fingerprint)
            except InputError as error:
                self._ledger.done.remove(spec)
                self._ledger.refused.append(str(error))
        self._ledger.done_before = []

    def _unable(self, worker: Worker, message: Unable) -> None:
        self._staff.unable(worker, message.message)

    def _report(self, worker: Worker, message: Report) -> None:
        slot = worker.slots[message.slot]
        if message.event == "begin":
            slot.began = time.monotonic()
            self._began = self._began or slot.began
            slot.first = slot.done = len(message.arguments[3])
        elif message.event == "epoch":
            (row,) = message.arguments
            slot.done, slot.speed = row["epoch"], row["images_per_second"]
            self._epochs += 1
            # An epoch that is trained again since its checkpoint was lost is no progress.
            if slot.job and row["epoch"] > slot.job.reached:
                slot.job.reached = row["epoch"]
                slot.job.crashes, slot.job.run_alone = 0, False
        getattr(slot.reporter, message.event)(*message.arguments)

    def _ended(self, worker: Worker, message: Ended) -> None:
        slot = worker.slots[message.slot]
        if message.trained and slot.done > slot.first and slot.job:
            spent = time.monotonic() - slot.began
            self._costs.add(slot.job.spec, spent / (slot.done - slot.first))
        job = slot.clear()
        if job is None:
            return
        if message.status == "broken":
            raise UnwritableError(message.reason)
        if message.status == "held":
            self._held(job)
            return
        if message.status == "crowded":
            self._crowded(worker, job, message.reason)
            return
        if message.status == "refused":
            self._ledger.refused.append(message.reason)
            self._board.say(f"{job.spec.title}: refused, {message.reason}")
        elif message.status == "failed":
            self._ledger.failed.append((job.spec, message.reason))
        else:
            self._ledger.done.append(job.spec)
        if message.line:
            self._board.say(message.line)
        self._board.show(self._tally(), ended=True)

    def _held(self, job: Job) -> None:
        self._ledger.locked.append(job)
        if not job.announced:
            self._board.say(f"{job.spec.title}: another process trains it")
        job.announced = True

    def _crowded(self, worker: Worker, job: Job, reason: str) -> None:
        """Put back a run that others may have left too little memory."""
        worker.crowded += 1  # or all others that are open would fail beside them in turn
        job.run_alone = True
        self._ledger.requeue(job)
        self._board.say(f"{job.spec.title}: {reason}; it goes on without others beside it")

    def _died(self, worker: Worker, message: None) -> None:
        """Have what it trained go on elsewhere, and another worker start."""
        lost = [job for slot in worker.slots if (job := slot.clear())]
        for job in lost:
            self._lost(job, worker.death(), alone=len(lost) == 1)
        self._staff.replace(worker)

    def _lost(self, job: Job, death: str, *, alone: bool) -> None:
        if job.give_up_reason is not None:  # not even its record could be written
            self._ledger.failed.append((job.spec, job.give_up_reason))
            return
        # Which of several runs ended their worker is not known until each has trained alone.
        job.run_alone = job.run_alone or not alone
        job.crashes += alone
        self._ledger.requeue(job)
        if job.crashes < DEATHS:
            self._board.say(f"{job.spec.title}: its worker ended ({death}); it goes on in another")
            return
        cause = "killed by the system, perhaps for memory" if death == "SIGKILL" else death
        job.give_up_reason = (
            f"its worker died {DEATHS} times in a row without finishing an epoch ({cause})"
        )
        job.run_alone = False
        self._board.say(f"{job.spec.title}: given up, {job.give_up_reason}")

    def _tally(self) -> Tally:
        busy = self._busy()
        waiting = [*self._ledger.pending, *self._ledger.locked]
        epochs = sum(job.spec.protocol.epochs - job.epochs for job in waiting)
        epochs += sum(slot.job.spec.protocol.epochs - slot.done for slot in busy if slot.job)
        left = None
        if self._epochs and self._began is not None:
            left = epochs * (time.monotonic() - self._began) / self._epochs
        return Tally(
            total=self._total,
            done=len(self._ledger.done),
            failed=len(self._ledger.failed) + len(self._ledger.refused),
            running=len(busy),
            pending=len(waiting),
            images_per_second=sum(slot.speed for slot in busy),
            left=left,
        )
