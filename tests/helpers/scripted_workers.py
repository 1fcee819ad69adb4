"""A local sweep whose workers are scripts instead of processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.progress import Reporter
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.sweep.grid import Capacity, Grid, GridState
from harness.sweep.local.display import PlainDisplay
from harness.sweep.local.machine import GPUS, Placement
from harness.sweep.local.pool import Pool, Worker
from harness.sweep.local.supervisor import Supervisor
from tests.helpers.specs import DEVICE, make_spec

ZERO, ONE, TWO = (Placement("cuda", {GPUS: number}) for number in "012")

NAMES = ("paper", "baseline", "dropout_0", "batch_norm")

FINGERPRINT = "ab" * 32

READY = ("ready", FINGERPRINT)

KILLED = ("killed",)

# The messages of a worker, which ends after the last one unless that is KILLED.
Script = Callable[["Sweep", Worker], Iterator[tuple[Any, ...]]]


class ScriptedPool(Pool):
    """Workers that are scripts instead of processes."""

    def __init__(self, script: Callable[[Worker], Iterator[tuple[Any, ...]]]) -> None:
        super().__init__()
        self.starts: list[Placement] = []
        self._script = script
        self._scripts: dict[Worker, Iterator[tuple[Any, ...]]] = {}

    def start(self, placement: Placement, reporter: Reporter, *arguments: object) -> Worker:
        assert len(self.starts) < 50, "it never gives up"
        self.starts.append(placement)
        process: Any = SimpleNamespace(exitcode=0)
        pipe: Any = None
        worker = Worker(placement, process, pipe, reporter)
        self.workers.append(worker)
        self._scripts[worker] = self._script(worker)
        return worker

    def messages(self) -> Iterator[tuple[Worker, Any]]:
        for worker in list(self.workers):
            message = next(self._scripts[worker], None)
            if message is KILLED:
                worker.process.exitcode = -9  # type: ignore[misc]
                message = None
            if message is None:
                self.workers.remove(worker)
            yield worker, message

    def stop(self) -> None:
        self.workers.clear()


class Sweep:
    """A sweep by scripted workers over open runs."""

    def __init__(self, script: Script, state: GridState, placements: list[Placement]) -> None:
        self.pool = ScriptedPool(lambda worker: script(self, worker))
        self.starts = self.pool.starts
        grid, capacity = Grid(specs=(), options=RunOptions()), Capacity(DEVICE, 1)
        self._supervisor = Supervisor(
            grid, state, placements, capacity, PlainDisplay(), math.inf, self.pool
        )
        self.runs = self._supervisor.runs

    def train(self) -> None:
        self._supervisor.train()

    def first_open(self) -> RunSpec | None:
        """The run that a worker would find."""
        training = {worker.folder for worker in self.pool.workers}
        return next((s for f, s in self.runs.left.items() if f not in training), None)


def specs(folder: Path, *names: str) -> list[RunSpec]:
    return [make_spec(name, folder) for name in names]


def pull(sweep: Sweep, worker: Worker, fatal: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Train what is open, and die of runs of the `fatal` variants."""
    yield READY
    while spec := sweep.first_open():
        given_up = spec.directory in sweep.runs.given_up
        yield "start", spec.directory
        if spec.variant.name in fatal and not given_up:
            yield KILLED
            return
        yield "ended", spec.directory, given_up, f"{spec.title} ended"
