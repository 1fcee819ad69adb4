"""The worker processes of a local sweep: start, receive messages, stop."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.progress import Reporter
from harness.sweep.local import machine
from harness.sweep.local import worker as local_worker
from harness.sweep.local.machine import Placement

# Seconds that `Pool.messages` waits for a message.
POLL_SECONDS = 1.0

# Seconds that a worker has to save its run when it is told to end.
STOP_TIMEOUT_SECONDS = 10.0


@dataclass(eq=False)
class Worker:
    """A worker process.

    Attributes:
        placement: where it trains.
        process: of the operating system.
        pipe: gives its messages.
        reporter: shows its run.
        failed_starts: workers in a row that ended here before they had begun a run.
        ready: whether it has loaded the data.
        began: whether it has begun a run.
        start_error: the error for which it cannot train.
        folder: folder of the run that it trains, if any.
        speed: images per second in the last epoch.
    """

    placement: Placement
    process: SpawnProcess
    pipe: Connection
    reporter: Reporter
    failed_starts: int = 0
    ready: bool = False
    began: bool = False
    start_error: InputError | None = None
    folder: Path | None = None
    speed: float = 0.0

    def exit_description(self) -> str:
        """How the process died, for messages; "" if it had nothing left to do."""
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}" if code else ""


class Pool:
    """All worker processes that run."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []

    def start(self, placement: Placement, reporter: Reporter, *arguments: object) -> Worker:
        """Start a worker.

        Args:
            placement: where it trains.
            reporter: shows its run.
            arguments: of `harness.sweep.local.worker.main`, after the pipe.
        """
        # A fresh interpreter: a fork would inherit locks of threads, and CUDA cannot be forked.
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=local_worker.main, args=(theirs, *arguments))
        with machine.inherited(placement.variables):
            process.start()
        theirs.close()
        worker = Worker(placement, process, ours, reporter)
        self.workers.append(worker)
        return worker

    def messages(self) -> Iterator[tuple[Worker, Any]]:
        """The messages that arrive within `POLL_SECONDS`; None if a worker ended."""
        pipes = {worker.pipe: worker for worker in self.workers}
        for pipe in wait(list(pipes), POLL_SECONDS):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._join(worker)
                message = None
            yield worker, message

    def stop(self) -> None:
        """End all workers; each saves the newest state of its run first."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in list(self.workers):
            self._join(worker)

    def _join(self, worker: Worker) -> None:
        worker.process.join(STOP_TIMEOUT_SECONDS)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        worker.reporter.end()
        self.workers.remove(worker)
