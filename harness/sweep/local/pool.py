"""The worker processes of a sweep, as the sweep sees them."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from harness.errors import InputError, RunFailedError
from harness.progress import Reporter
from harness.sweep.grid import Grid
from harness.sweep.jobs import Job
from harness.sweep.local import machine
from harness.sweep.local import worker as local_worker
from harness.sweep.local.display import PlainBoard
from harness.sweep.local.machine import Place, inherited
from harness.sweep.local.messages import Train

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
            self.pipe.send(Train(self.slots.index(slot), job.spec, job.give_up_reason))

    @property
    def busy(self) -> list[Slot]:
        """Slots with a run."""
        return [slot for slot in self.slots if slot.job]

    def takes(self, job: Job) -> bool:
        """Whether a run may train here now: one that is suspect only alone."""
        others = [slot.job for slot in self.busy if slot.job]
        full = len(others) >= len(self.slots) - self.crowded
        return not others or not (full or job.run_alone or any(other.run_alone for other in others))

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
        process = spawn.Process(target=local_worker.main, args=arguments, name="sweep worker")
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


# Workers that may end in a place, one after the other, before they have loaded the data.
STILLBORN = 3


class Staff:
    """Starts workers, and others in the place of those that end.

    Args:
        crew: whose workers these are.
        layout: where they may train; the first worker fetches the data for all.
        board: told about places that are left out.
    """

    def __init__(self, crew: Crew, layout: Sequence[Place], board: PlainBoard) -> None:
        self._crew = crew
        self._free = deque(layout)
        self._board = board
        self._loaded = False

    def grow(self, count: int) -> None:
        """Start workers until there are `count`, or no place is free."""
        while self._free and len(self._crew.workers) < count:
            self._start(self._free.popleft())

    def ready(self, worker: Worker) -> None:
        """A worker has loaded the data."""
        worker.ready = self._loaded = True

    def unable(self, worker: Worker, why: str) -> None:
        """A worker cannot start, and ends.

        Raises:
            InputError: if none has loaded the data before: what stops the first, such as missing
                data, stops all.
        """
        if not self._loaded:
            raise InputError(why)
        worker.unable = why

    def replace(self, worker: Worker) -> None:
        """Start another worker where one has ended, or leave the place out if none can start there.

        Raises:
            InputError, RunFailedError: if no place is left.
        """
        stillborn = 0 if worker.ready else worker.stillborn + 1
        if not worker.unable and stillborn < STILLBORN:
            self._start(worker.place, stillborn, worker.crowded)
            return
        why = worker.unable or (
            f"{STILLBORN} workers ended before they had loaded the data, the last one with "
            f"{worker.death()}"
        )
        # Shares of one CPU are equal: what cannot start in one cannot in another.
        self._free = deque(place for place in self._free if place != worker.place)
        if not self._crew.workers and not self._free:
            if worker.unable:
                raise InputError(why)
            raise RunFailedError(f"{why}; `run` with the same options shows more.")
        self._board.say(f"{worker.place.title}: left out, {why}")
        self.grow(len(self._crew.workers) + 1)

    def _start(self, place: Place, stillborn: int = 0, crowded: int = 0) -> None:
        reporters = [self._board.reporter() for _ in range(place.slots)]
        started = self._crew.start(place, reporters)
        # The memory of the place is what it was.
        started.stillborn, started.crowded = stillborn, crowded
