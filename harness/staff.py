"""Keeps a worker in every place of a sweep, but for places where none can start."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from harness.board import PlainBoard
from harness.crew import Crew, Worker
from harness.errors import InputError, RunFailedError
from harness.machine import Place

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
