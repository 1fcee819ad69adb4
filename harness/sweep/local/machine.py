"""What this machine can train on, and how a sweep's workers share it. No torch here."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.runs.threads import THREADS, cores, cpu_name
from harness.sweep.grid import Capacity, Grid

GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Machine:
    """A kind of device.

    Attributes:
        kind: "cpu" or "cuda".
        name: the model, as records have it.
        count: GPUs that torch sees; 1 for a CPU.
        threads: what torch uses on a CPU if nothing else is said; 0 for a GPU.
    """

    kind: str
    name: str
    count: int
    threads: int = 0


@dataclass(frozen=True)
class Place:
    """Where one worker trains.

    Attributes:
        device: for `--device`.
        variables: environment variables of the worker.
    """

    device: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For people."""
        return f"GPU {self.variables[GPUS]}" if GPUS in self.variables else self.device


def look(device: str) -> Machine:
    """The machine that `--device` names.

    Only torch knows of GPUs. A process that has asked it keeps hundreds of MB and a GPU context, so
    another one asks and ends.

    Raises:
        InputError: if there is no such device.
    """
    if device == "cpu":
        threads = os.environ.get(THREADS, "")
        return Machine("cpu", cpu_name(), 1, int(threads) if threads.isdecimal() else cores())
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        with inherited({}):
            answer = pool.submit(_look, device)
        return answer.result()


def _look(device: str) -> Machine:
    import torch

    from harness.training.device import choose_device, device_name

    place = choose_device(device)
    if place.type == "cpu":
        return Machine("cpu", device_name(place), 1, threads=torch.get_num_threads())
    count = torch.cuda.device_count() if place.index is None else 1
    return Machine("cuda", device_name(place), count)


def places(machine: Machine, grid: Grid) -> list[Place]:
    """One place for each worker, in the order in which they start.

    By default a CPU has one worker with all its threads, since their number decides bits and times
    and most people's runs have all of them; more workers share the cores. GPUs have one worker
    each; more workers share them in turn.
    """
    if machine.kind == "cpu":
        count = grid.workers or 1
        variables = {}
        if count > 1 and THREADS not in os.environ:
            variables[THREADS] = str(max(1, cores() // count))
        return [Place("cpu", variables)] * count
    if machine.count == 1:
        return [Place(grid.options.device)] * (grid.workers or 1)
    visible = os.environ.get(GPUS, ",".join(map(str, range(machine.count)))).split(",")
    count = grid.workers or machine.count
    return [Place("cuda", {GPUS: visible[i % machine.count]}) for i in range(count)]


def capacity(machine: Machine, layout: Sequence[Place]) -> Capacity:
    """What a layout of workers amounts to, for estimates."""
    workers = len(layout)
    if machine.kind != "cpu":
        return Capacity(machine.name, workers, load=max(1.0, workers / machine.count))
    threads = int(layout[0].variables.get(THREADS, machine.threads))
    return Capacity(machine.name, workers, threads, max(1.0, workers * threads / cores()))


@contextmanager
def inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """What processes started in the block get: these variables, and no Ctrl-C.

    A terminal sends Ctrl-C to all processes at once; whoever started them tells them to end.
    """
    before = dict(os.environ)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
