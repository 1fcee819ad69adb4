"""The worker processes of a sweep, as the sweep sees them."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from harness import machine, worker
from harness.grid import Grid
from harness.ledger import Job
from harness.machine import Place
from harness.messages import Train
from harness.processes import inherited
from harness.progress import Reporter

# Seconds that a worker has to let go of its run when it is told to end.
PATIENCE = 10.0


@dataclass(eq=False)
class Slot:
    """A place in a worker where one run trains at a time.

    Attributes:
        reporter: shown what happens here.
        job: what trains, None where the slot is free.
        began: when its training began, by `time.monotonic`.
        first, done: epochs of it that were done then, and that are now.
        speed: images a second, in its last epoch.
    """

    reporter: Reporter
    job: Job | None = None
    began: float = 0.0
    first: int = 0
    done: int = 0
    speed: float = 0.0

    def clear(self) -> Job | None:
        """Free the slot; returns what was there."""
        job, self.job, self.speed, self.first, self.done = self.job, None, 0.0, 0, 0
        self.reporter.end()
        return job


@dataclass(eq=False)
class Worker:
    """One worker process.

    Attributes:
        place: where it trains.
        slots: where its runs train.
        ready: whether it has loaded the data.
        stillborn: workers before it in this place that ended before they had, in a row.
        unable: why it cannot start.
        crowded: runs that went back since its memory did not hold them beside others.
    """

    place: Place
    process: SpawnProcess
    pipe: Connection
    slots: list[Slot]
    ready: bool = False
    stillborn: int = 0
    unable: str = ""
    crowded: int = 0

    def train(self, slot: Slot, job: Job) -> None:
        """Give it a run; if it is just dying, `Crew.messages` will tell."""
        slot.job = job
        with contextlib.suppress(OSError):
            self.pipe.send(Train(self.slots.index(slot), job.plan, job.given_up))

    @property
    def busy(self) -> list[Slot]:
        """Slots with a run."""
        return [slot for slot in self.slots if slot.job]

    def takes(self, job: Job) -> bool:
        """Whether a run may train here now: one that is suspect only alone."""
        others = [slot.job for slot in self.busy if slot.job]
        full = len(others) >= len(self.slots) - self.crowded
        return not others or not (full or job.suspect or any(other.suspect for other in others))

    def death(self) -> str:
        """How it ended, for people."""
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


class Crew:
    """All workers; a context that leaves none behind.

    Args:
        grid: what the workers are told about the runs.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.workers: list[Worker] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for one in self.workers:
            one.process.terminate()
        for one in self.workers:
            one.process.join(PATIENCE)
            one.process.kill()
            one.process.join()
            one.pipe.close()

    def start(self, place: Place, reporters: Sequence[Reporter]) -> Worker:
        """Start a worker, with a reporter for each of its slots."""
        # A fresh interpreter: a fork would inherit threads' locks and CUDA cannot be forked.
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        arguments = (theirs, machine.at(self._grid, place), place.slots)
        process = spawn.Process(target=worker.main, args=arguments, name="sweep worker")
        with inherited(place.variables):
            process.start()
        theirs.close()
        started = Worker(place, process, ours, [Slot(one) for one in reporters])
        self.workers.append(started)
        return started

    def messages(self, timeout: float) -> Iterator[tuple[Worker, Any]]:
        """What workers have sent, after at most `timeout` seconds.

        Yields:
            The worker and its message; None where it has ended, after its last message.
        """
        pipes = {one.pipe: one for one in self.workers}
        for pipe in wait(list(pipes), timeout):
            one = pipes[pipe]  # type: ignore[index]
            try:
                message = one.pipe.recv()
            except (EOFError, OSError):
                self._bury(one)
                message = None
            yield one, message

    def _bury(self, one: Worker) -> None:
        one.process.join(PATIENCE)
        one.process.kill()
        one.process.join()
        one.pipe.close()
        self.workers.remove(one)
