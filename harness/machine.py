"""What this machine can train on, and how a sweep's workers share it. No torch here."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from harness.errors import InputError
from harness.grid import Grid
from harness.processes import inherited

THREADS = "OMP_NUM_THREADS"
GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Machine:
    """A kind of device.

    Attributes:
        kind: "cpu" or "cuda".
        name: the model, as records have it.
        count: GPUs that torch sees; 1 for a CPU.
    """

    kind: str
    name: str
    count: int


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

    from harness.device import choose_device, device_name

    place = choose_device(device)
    count = torch.cuda.device_count() if place.type == "cuda" and place.index is None else 1
    return Machine(place.type, device_name(place), count)


def places(machine: Machine, grid: Grid) -> list[Place]:
    """One place for each worker.

    On a CPU one worker has all threads, since their number decides bits and times and most
    people's runs are made so; several share the cores. On GPUs each has one.

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
    if machine.count == 1:
        return [Place(grid.options.device, grid.runs_per_gpu)]
    visible = os.environ.get(GPUS, ",".join(map(str, range(machine.count)))).split(",")
    return [
        Place("cuda", grid.runs_per_gpu, {GPUS: number})
        for number in visible[: grid.workers or machine.count]
    ]


def _on_cpu(grid: Grid) -> list[Place]:
    if grid.runs_per_gpu > 1:
        raise InputError("--runs-per-gpu: there is no GPU; --workers shares the cores of a CPU.")
    count = grid.workers or 1
    variables = {}
    if count > 1 and THREADS not in os.environ:
        variables[THREADS] = str(max(1, cores() // count))
    return [Place("cpu", 1, variables)] * count


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def at(grid: Grid, place: Place) -> Grid:
    """The grid as a worker at a place is given it: its own device, and no plans."""
    options = dataclasses.replace(grid.options, device=place.device)
    return dataclasses.replace(grid, options=options, plans=())
