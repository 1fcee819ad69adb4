"""What this machine can train on, and how a sweep's workers share it. No torch here."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.errors import InputError
from harness.runs.threads import THREADS, cores
from harness.sweep.grid import Capacity, Grid

GPUS = "CUDA_VISIBLE_DEVICES"

# What a run holds on a GPU at most: weights, momentum, gradients, three copies of the state for
# checkpoints, its padded images, the graphs' memory; counted as 1.2 GiB, with room to spare.
RUN_BYTES = 2 * 2**30

# A step of one run leaves most of a large GPU idle, but more runs than this would only wait for
# each other's kernels.
MOST_RUNS = 4


@dataclass(frozen=True)
class Machine:
    """A kind of device.

    Attributes:
        kind: "cpu" or "cuda".
        name: the model, as records have it.
        count: GPUs that torch sees; 1 for a CPU.
        free: bytes of free memory on the GPU that has least; 0 for a CPU.
        threads: what torch uses on a CPU if nothing else is said; 0 for a GPU.
    """

    kind: str
    name: str
    count: int
    free: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Place:
    """Where one worker trains.

    Attributes:
        device: for `--device`.
        slots: runs at once.
        variables: environment variables of the worker.
    """

    device: str
    slots: int = 1
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For people."""
        return f"GPU {self.variables[GPUS]}" if GPUS in self.variables else self.device


def look(device: str) -> Machine:
    """The machine that `--device` names, seen from a process that ends again.

    Only torch knows, and a process that has asked it keeps hundreds of MB and a GPU context.

    Raises:
        InputError: if there is no such device.
    """
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
    chosen = range(torch.cuda.device_count()) if place.index is None else [place.index]
    free = min(torch.cuda.mem_get_info(index)[0] for index in chosen)
    return Machine("cuda", device_name(place), len(chosen), free)


def places(machine: Machine, grid: Grid) -> list[Place]:
    """One place for each worker.

    On a CPU one worker has all threads, since their number decides bits and times and most
    people's runs are made so; several share the cores. On GPUs each has one, with as many runs
    at once as its free memory holds, up to `MOST_RUNS`.

    Raises:
        InputError: if more is asked for than the machine has.
    """
    if machine.kind == "cpu":
        return _on_cpu(grid)
    if (grid.workers or 1) > machine.count:
        raise InputError(
            f"--workers {grid.workers}: there are {machine.count} GPUs. "
            "--runs-per-gpu lets several runs share one."
        )
    slots = grid.runs_per_gpu or max(1, min(MOST_RUNS, machine.free // RUN_BYTES))
    if machine.count == 1:
        return [Place(grid.options.device, slots)]
    visible = os.environ.get(GPUS, ",".join(map(str, range(machine.count)))).split(",")
    return [
        Place("cuda", slots, {GPUS: number}) for number in visible[: grid.workers or machine.count]
    ]


def _on_cpu(grid: Grid) -> list[Place]:
    if (grid.runs_per_gpu or 1) > 1:
        raise InputError("--runs-per-gpu: there is no GPU; --workers shares the cores of a CPU.")
    count = grid.workers or 1
    variables = {}
    if count > 1 and THREADS not in os.environ:
        variables[THREADS] = str(max(1, cores() // count))
    return [Place("cpu", 1, variables)] * count


def capacity(machine: Machine, layout: Sequence[Place]) -> Capacity:
    """What a layout of workers amounts to, for estimates."""
    slots = sum(place.slots for place in layout)
    if machine.kind != "cpu":
        return Capacity(machine.name, slots, load=layout[0].slots)
    threads = int(layout[0].variables.get(THREADS, machine.threads))
    return Capacity(machine.name, slots, threads, max(1.0, slots * threads / cores()))


def at(grid: Grid, place: Place) -> Grid:
    """The grid as a worker at a place is given it: its own device, and no runs."""
    options = dataclasses.replace(grid.options, device=place.device)
    return dataclasses.replace(grid, options=options, specs=())


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
