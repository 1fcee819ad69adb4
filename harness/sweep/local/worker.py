"""A worker of a sweep: loads the data once, then trains what it is given.

It runs in a process of its own and ends when the pipe to the sweep closes, so that a sweep
that was killed leaves no worker behind.
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, UnwritableError
from harness.progress import Reporter, Row
from harness.sweep.grid import AfterRun, Grid
from harness.sweep.local.messages import Ended, Ready, Report, Train, Unable

if TYPE_CHECKING:
    from harness.sweep.session import Session

# Seconds between two notes of batches done: a person cannot read more.
BATCH_SECONDS = 0.25


def main(pipe: Connection, grid: Grid, slots: int) -> None:
    """Serve a sweep until it closes the pipe.

    Args:
        pipe: takes `Train`, gives everything else of `harness.sweep.local.messages`.
        grid: options that all runs share; its device is this worker's.
        slots: runs at once, a thread each.
    """
    signal.signal(signal.SIGTERM, _stop)
    sender = _Sender(pipe)
    # Imports of torch and what builds on it, once a worker.
    from harness.sweep import session

    try:
        bench = session.open_session(grid.options)
    except InputError as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself
        sender.send(Unable(str(error)))
        return
    sender.send(Ready(bench.data.fingerprint, len(bench.data.train)))
    threading.excepthook = _die
    tasks: list[queue.SimpleQueue[Train]] = [queue.SimpleQueue() for _ in range(slots)]
    threading.Thread(target=_receive, args=(pipe, tasks), daemon=True).start()
    room = _Room()
    for slot in range(1, slots):
        arguments = (slot, tasks[slot], bench, grid, sender, room)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()
    _serve(0, tasks[0], bench, grid, sender, room)


def _stop(number: int, frame: object) -> None:
    """What SIGTERM does: slot 0 saves its newest state on the way out.

    The other slots' threads end with the process; their runs go on from their last checkpoints.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.excepthook = lambda error: None  # of slots that the end of the process interrupts
    sys.exit(128 + number)


def _receive(pipe: Connection, tasks: Sequence[queue.SimpleQueue[Train]]) -> None:
    """Hand out what comes; end the process when the sweep is gone.

    Nothing is saved first: the state of the last epoch lies on the disk already, and a claim
    of a process that is gone is dead.
    """
    try:
        while True:
            task: Train = pipe.recv()
            tasks[task.slot].put(task)
    except (EOFError, OSError):
        os._exit(0)


def _die(error: threading.ExceptHookArgs) -> None:
    """A bug in one slot ends the worker, which the sweep sees; a thread would end unseen."""
    traceback.print_exception(error.exc_value)
    os._exit(1)


def _serve(
    slot: int,
    tasks: queue.SimpleQueue[Train],
    bench: Session,
    grid: Grid,
    sender: _Sender,
    room: _Room,
) -> None:
    """Train one run after the other in a slot."""
    from harness.training import device

    while True:
        task = tasks.get()
        with room.shared(slot) as crowded:
            ended = _train(task, bench, grid, sender, crowded)
            if crowded():
                gc.collect()  # a trainer lies in cycles: what it held is for the others
        sender.send(ended)
        if device.oom_count(bench.on_device.train.labels.device):
            os._exit(os.EX_TEMPFAIL)  # from here on its bits may be others: another worker goes on


def _train(
    task: Train, bench: Session, grid: Grid, sender: _Sender, crowded: Callable[[], bool]
) -> Ended:
    from harness.sweep import session
    from harness.training.device import SharedDeviceOOMError

    slot = task.slot
    try:
        outcome = session.train_if_needed(
            task.spec,
            bench,
            _SlotReporter(sender, slot),
            after_run=grid.after_run and partial(_one_at_a_time, grid.after_run),
            give_up_reason=task.given_up,
            device_was_shared=crowded,
        )
    except SharedDeviceOOMError as error:
        return Ended(slot, "crowded", reason=str(error))
    except UnwritableError as error:
        return Ended(slot, "broken", reason=str(error))
    except InputError as error:
        return Ended(slot, "refused", reason=str(error))
    if outcome is None:
        return Ended(slot, "held")
    return Ended(
        slot,
        "failed" if outcome.record.failed else "done",
        outcome.line,
        outcome.record.reason or "",
        outcome.trained,
    )


_drawing = threading.Lock()


def _one_at_a_time(after_run: AfterRun, *arguments: Any) -> None:
    """What follows a run draws pictures, and matplotlib's settings belong to the whole process."""
    with _drawing:
        after_run(*arguments)


class _Room:
    """The memory that a worker's slots share."""

    def __init__(self) -> None:
        self._busy: set[int] = set()
        self._crowded: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def shared(self, slot: int) -> Iterator[Callable[[], bool]]:
        """Train in a slot; gives what tells whether another has trained at any time meanwhile.

        Not only whether one trains now: of two that run out of memory at once, the first is gone
        when the second asks.
        """
        with self._lock:
            self._busy.add(slot)
            if len(self._busy) > 1:
                self._crowded |= self._busy
        try:
            yield lambda: slot in self._crowded
        finally:
            with self._lock:
                self._busy.remove(slot)
                self._crowded.discard(slot)


class _Sender:
    """The worker's end of the pipe, for several threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        try:
            with self._lock:
                self._pipe.send(message)
        except OSError:  # the sweep is gone
            os._exit(0)


class _SlotReporter(Reporter):
    """Sends what a run reports to the sweep."""

    def __init__(self, sender: _Sender, slot: int) -> None:
        self._sender = sender
        self._slot = slot
        self._last = 0.0

    def begin(self, title: str, epochs: int, batches: int, history: Sequence[Row]) -> None:
        self._tell("begin", title, epochs, batches, list(history))

    def batch(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= BATCH_SECONDS:
            self._last = now
            self._tell("batch", done)

    def epoch(self, row: Row) -> None:
        self._tell("epoch", dict(row))

    def end(self) -> None:
        self._tell("end")

    def say(self, line: str) -> None:
        self._tell("say", line)

    def _tell(self, event: str, *arguments: Any) -> None:
        self._sender.send(Report(self._slot, event, arguments))
