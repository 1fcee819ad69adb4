"""A worker of a local sweep: loads the data once, then trains one open run after the other.

It runs in a process of its own and ends when the sweep's process does, so that a sweep that was
killed leaves no worker behind.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.errors import InputError, RunFailedError
from harness.progress import Reporter, Row
from harness.runs.spec import RunSpec
from harness.sweep.estimates import TimeLimit
from harness.sweep.grid import Capacity, Grid

# Seconds between two messages about batches: nobody reads faster.
BATCH_SECONDS = 0.25


def main(pipe: Connection, grid: Grid, capacity: Capacity, given_up: Mapping[Path, str]) -> None:
    """Train every open run; the exit status is 0 unless another worker has to go on.

    Args:
        pipe: takes the messages to the sweep; see `SweepReporter`.
        grid: the runs that have not ended; its time limit starts now.
        capacity: what the sweep trains on, for estimates.
        given_up: see `harness.sweep.loop.train_open_runs`.
    """
    signal.signal(signal.SIGTERM, _exit)
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    # Imports torch, which the sweep's own process does not need.
    from harness.sweep import loop

    sweep = SweepReporter(pipe)
    limit = TimeLimit(grid, capacity)

    def refuse(spec: RunSpec, error: InputError) -> None:
        sweep.send("refused", spec.title, spec.directory, str(error))

    try:
        data = loop.prepare(grid.options)
        sweep.send("ready", data.fingerprint)
        for result in loop.train_open_runs(
            grid.specs,
            data,
            sweep,
            after_run=grid.after_run,
            may_start=limit.allows,
            given_up=given_up,
            on_refusal=refuse,
        ):
            sweep.send("ended", result.spec.directory, result.record.failed, result.line)
            limit.update()
    except InputError as error:
        sweep.send("start_error", error)
    except RunFailedError:
        sys.exit(os.EX_TEMPFAIL)


def _exit(number: int, frame: object) -> None:
    """Handle SIGTERM: exit as after an error, which saves the newest state of the run."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def _end_with_sweep() -> None:
    """End this process when the sweep's does.

    Nothing is saved: the last checkpoint is on the disk, and the lock of a process that has
    ended is void.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


class SweepReporter(Reporter):
    """Sends every event to the sweep as a message: its name and its arguments.

    Besides the events of `Reporter`, the messages are `ready(fingerprint)` when the data are
    loaded, `ended(folder, failed, line)` and `refused(title, folder, reason)` for a run,
    and `start_error(error)` if the worker cannot train at all.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._last = 0.0

    def send(self, event: str, *arguments: Any) -> None:
        """Send a message; ends the process if the sweep is gone."""
        try:
            self._pipe.send((event, *arguments))
        except OSError:
            os._exit(0)

    def start(self, folder: Path) -> None:
        self.send("start", folder)

    def wait(self, title: str, folder: Path) -> None:
        self.send("wait", title, folder)

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self.send("begin", title, epochs, batches, list(history))

    def batch(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= BATCH_SECONDS:
            self._last = now
            self.send("batch", done)

    def epoch(self, row: Row) -> None:
        self.send("epoch", dict(row))

    def end(self) -> None:
        self.send("end")

    def say(self, line: str) -> None:
        self.send("say", line)
