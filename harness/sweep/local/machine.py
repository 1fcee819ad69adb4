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
class DeviceInfo:
    """The device that a sweep trains on.

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
class Placement:
    """Where one worker trains.

    Attributes:
        device: for `--device`.
        variables: environment variables of the worker.
    """

    device: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The device in messages."""
        return f"GPU {self.variables[GPUS]}" if GPUS in self.variables else self.device


def detect_device(device: str) -> DeviceInfo:
    """The device that `--device` names.

    Only torch knows of GPUs. A process that has asked it keeps hundreds of MB and a GPU context, so
    another one asks and ends.

    Raises:
        InputError: if there is no such device.
    """
    if device == "cpu":
        threads = os.environ.get(THREADS, "")
        number = int(threads) if threads.isdecimal() else 0
        return DeviceInfo("cpu", cpu_name(), 1, number or cores())
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        with inherited({}):
            answer = pool.submit(_detect_device, device)
        return answer.result()


def _detect_device(device: str) -> DeviceInfo:
    import torch

    from harness.training.device import choose_device, device_name

    chosen = choose_device(device)
    if chosen.type == "cpu":
        return DeviceInfo("cpu", device_name(chosen), 1, threads=torch.get_num_threads())
    count = torch.cuda.device_count() if chosen.index is None else 1
    return DeviceInfo("cuda", device_name(chosen), count)


def plan_placements(info: DeviceInfo, grid: Grid) -> list[Placement]:
    """One placement for each worker, in the order in which they start.

    By default a CPU has one worker with all its threads, since their number decides bits and times
    and most people's runs have all of them; more workers share the cores. GPUs have one worker
    each; more workers share them in turn.
    """
    if info.kind == "cpu":
        count = grid.workers or 1
        variables = {}
        if count > 1 and THREADS not in os.environ:
            variables[THREADS] = str(max(1, cores() // count))
        return [Placement("cpu", variables)] * count
    if info.count == 1:
        return [Placement(grid.options.device)] * (grid.workers or 1)
    visible = os.environ.get(GPUS, ",".join(map(str, range(info.count)))).split(",")
    count = grid.workers or info.count
    return [Placement("cuda", {GPUS: visible[i % info.count]}) for i in range(count)]


def capacity(info: DeviceInfo, layout: Sequence[Placement]) -> Capacity:
    """What a layout of workers amounts to, for estimates."""
    workers = len(layout)
    if info.kind != "cpu":
        return Capacity(info.name, workers, load=max(1.0, workers / info.count))
    threads = int(layout[0].variables.get(THREADS, info.threads))
    return Capacity(info.name, workers, threads, max(1.0, workers * threads / cores()))


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
