"""Keeps workers running until no run is left for them.

Workers choose their runs themselves. The supervisor starts them, starts others in the place of
those that die, notes which runs they died of, and shows what they report.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import InputError, RunFailedError
from harness.progress import Row
from harness.runs import status
from harness.sweep.grid import Capacity, Grid, GridState
from harness.sweep.local.display import PlainDisplay
from harness.sweep.local.machine import Placement
from harness.sweep.local.pool import Pool, Worker
from harness.sweep.local.runs import OpenRuns

# Workers that may end at a placement, one after the other, before they have begun a run.
MAX_FAILED_STARTS = 3


class Supervisor:
    """Trains the open runs of a grid by worker processes.

    Args:
        grid: the grid.
        state: its runs by their status.
        placements: where workers train. The first worker loads the data before others start, so
            that these find them downloaded and decoded.
        capacity: what the placements amount to.
        display: shows everything.
        deadline: when all workers end, by `time.monotonic`.
        pool: starts the workers.

    Attributes:
        runs: progress of the open runs.
    """

    def __init__(
        self,
        grid: Grid,
        state: GridState,
        placements: Sequence[Placement],
        capacity: Capacity,
        display: PlainDisplay,
        deadline: float,
        pool: Pool,
    ) -> None:
        self._grid = grid
        self._done_before = state.done
        self._unused = deque(placements)
        self._capacity = capacity
        self._display = display
        self._deadline = deadline
        self._pool = pool
        self.runs = OpenRuns(state)
        self._data_loaded = False
        self._announced: set[Path] = set()
        # See `harness.sweep.local.worker.SweepReporter`; other messages are for the reporter.
        self._handlers: dict[str, Callable[..., None]] = {
            "ready": self._ready,
            "start_error": self._start_error,
            "start": self._start_of_run,
            "wait": self._wait,
            "begin": self._begin,
            "epoch": self._epoch,
            "ended": self._ended,
            "refused": self._refused,
        }

    def train(self) -> None:
        """Train until no worker finds a run to train, or until the deadline.

        Raises:
            InputError: if the data are missing or results cannot be written.
            RunFailedError: if no worker can be started.
        """
        try:
            self._grow(1)
            while self._pool.workers and time.monotonic() < self._deadline:
                for worker, message in self._pool.messages():
                    if message is None:
                        self._gone(worker)
                        continue
                    event, *arguments = message
                    if event in self._handlers:
                        self._handlers[event](worker, *arguments)
                    else:
                        getattr(worker.reporter, event)(*arguments)
                self._show(news=False)
        finally:
            self._pool.stop()

    def _grow(self, count: int) -> None:
        """Start workers until there are `count`, or every placement is used."""
        while self._unused and len(self._pool.workers) < min(count, len(self.runs.left)):
            self._start(self._unused.popleft())

    def _start(self, placement: Placement, failed_starts: int = 0) -> None:
        limit = None if self._grid.time_limit is None else self._deadline - time.monotonic()
        grid = dataclasses.replace(
            self._grid,
            specs=tuple(self.runs.left.values()),
            options=dataclasses.replace(self._grid.options, device=placement.device),
            time_limit=limit,
        )
        reporter = self._display.reporter()
        worker = self._pool.start(placement, reporter, grid, self._capacity, self.runs.given_up)
        worker.failed_starts = failed_starts

    def _gone(self, worker: Worker) -> None:
        """A worker has ended: start another in its place if it died."""
        exit_description = worker.exit_description()
        if worker.start_error and (worker.ready or not self._data_loaded):
            raise worker.start_error
        if exit_description and worker.folder is not None:
            self._display.say(self.runs.lost(worker.folder, exit_description))
        if worker.ready and not exit_description:
            return
        failed_starts = 0 if worker.began else worker.failed_starts + 1
        if worker.start_error or failed_starts >= MAX_FAILED_STARTS:
            self._leave_out(worker.placement, worker.start_error, exit_description)
        elif self.runs.left:
            self._start(worker.placement, failed_starts)

    def _leave_out(
        self, placement: Placement, start_error: InputError | None, exit_description: str
    ) -> None:
        error = start_error or RunFailedError(
            f"{MAX_FAILED_STARTS} workers ended before they had begun a run, the last one with "
            f"{exit_description}; `run` with the same options shows more."
        )
        # Workers that share a device are equal: what cannot start once cannot start again.
        self._unused = deque(other for other in self._unused if other != placement)
        if not self._pool.workers and not self._unused:
            raise error
        self._display.say(f"{placement.title}: left out, {error}")
        self._grow(len(self._pool.workers) + 1)

    def _ready(self, worker: Worker, fingerprint: str) -> None:
        worker.ready = True
        if self._data_loaded:
            return
        self._data_loaded = True
        for spec in self._done_before:  # their status was read without knowing the data
            try:
                status.existing_record(spec, fingerprint)
            except InputError as error:
                self.runs.refused[spec.directory] = str(error)
        self._grow(len(self.runs.left))

    def _start_error(self, worker: Worker, error: InputError) -> None:
        worker.start_error = error

    def _start_of_run(self, worker: Worker, folder: Path) -> None:
        worker.folder, worker.began = folder, True

    def _wait(self, worker: Worker, title: str, folder: Path) -> None:
        worker.folder = None
        if folder not in self._announced and not self._is_trained_here(folder):
            self._display.say(f"{title}: another process trains it; waiting")
            self._announced.add(folder)

    def _begin(
        self, worker: Worker, title: str, epochs: int, batches: int, history: Sequence[Row]
    ) -> None:
        if worker.folder is not None:
            self.runs.begin(worker.folder, len(history))
        worker.reporter.begin(title, epochs, batches, history)

    def _epoch(self, worker: Worker, row: Row) -> None:
        if worker.folder is not None:
            self.runs.epoch(worker.folder, row["epoch"])
        worker.speed = row["images_per_second"]
        worker.reporter.epoch(row)

    def _ended(self, worker: Worker, folder: Path, failed: bool, line: str) -> None:
        if worker.folder == folder:
            worker.folder = None
        elif self._is_trained_here(folder):
            return  # its worker is about to say so
        if self.runs.end(folder, failed=failed):
            self._display.say(line)
            self._show(news=True)

    def _refused(self, worker: Worker, title: str, folder: Path, reason: str) -> None:
        worker.folder = None
        if self.runs.refuse(folder, reason):
            self._display.say(f"{title}: refused, {reason}")
            self._show(news=True)

    def _is_trained_here(self, folder: Path) -> bool:
        return any(worker.folder == folder for worker in self._pool.workers)

    def _show(self, *, news: bool) -> None:
        training = [worker for worker in self._pool.workers if worker.folder is not None]
        speed = sum(worker.speed for worker in training)
        self.runs.show(self._display, len(training), speed, news=news)
