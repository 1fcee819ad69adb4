"""Profile a run: time of each part, the most expensive operations, and a trace."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from harness.data.dataset import Dataset
from harness.runs.processes import process_start
from harness.runs.spec import RunSpec
from harness.training.device import require_precision
from harness.training.trainer import Trainer

TRACE = "trace.json"

# Steps that are timed, after as many steps to warm up; some ten seconds on two CPU cores.
TIMED_STEPS = {"cpu": 40, "cuda": 400}

TRACED_STEPS = 4

# Rows of the table of operations.
TABLE_ROWS = 12


@dataclass(frozen=True)
class Profile:
    """Measurements of a run.

    Attributes:
        parts: seconds of each part in a whole run: start-up as measured, all others extrapolated
            from the measured steps to the run's number of epochs.
        images_per_second: training speed, on CUDA with graphs unless the run is eager.
        costs: table of the operations that took most of the device's time.
        trace: path of a file in the Chrome trace format.
    """

    parts: dict[str, float]
    images_per_second: float
    costs: str
    trace: Path


def measure(spec: RunSpec, data: Dataset, start_up: float) -> Profile:
    """Time the parts of a run's steps and trace a few steps; writes no record.

    For the parts, kernels are launched one by one and the device is synchronized after each part,
    since a CUDA graph has no parts.

    Args:
        spec: the run.
        data: the dataset, on the device that trains.
        start_up: seconds from the start of the command until the data were loaded.
    """
    data = data.split_by(spec.protocol)
    device = data.train.labels.device
    require_precision(device, spec.protocol.precision)
    trainer = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=_graphs(spec))
    batch = trainer.recipe.batch_size
    steps = min(TIMED_STEPS[device.type], len(trainer.batch_sizes))
    seconds, speed = _timed_parts(spec, _first(data, steps * batch))
    seconds["evaluation"] = _seconds(trainer.predict, device)
    costs, trace = _traced(spec, _first(data, TRACED_STEPS * batch))
    epochs = spec.protocol.epochs
    # Once more after the last epoch, for the record.
    evaluations = 1 + (epochs if spec.protocol.evaluate_every_epoch else 0)
    per_step = len(trainer.batch_sizes) * epochs / steps
    parts = {
        part: s * (evaluations if part == "evaluation" else per_step) for part, s in seconds.items()
    }
    return Profile({"start-up": start_up, **parts}, speed, costs, trace)


def _graphs(spec: RunSpec) -> bool | None:
    return False if spec.eager else None


def _first(data: Dataset, images: int) -> Dataset:
    """The dataset with only the first `images` training images."""
    rows = torch.arange(min(images, len(data.train)), device=data.train.labels.device)
    return dataclasses.replace(data, train=data.train.take(rows))


def _timed_parts(spec: RunSpec, data: Dataset) -> tuple[dict[str, float], float]:
    """Seconds of each part in an epoch of eager steps, and images per second as a run trains."""
    trainer = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=_graphs(spec))
    seconds = _seconds(trainer.train_epoch, trainer.device)
    eager = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=False)
    eager.train_epoch()
    spans: dict[str, float] = defaultdict(float)

    @contextmanager
    def span(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        _wait(eager.device)
        spans[name] += time.perf_counter() - start

    eager.span = span
    eager.train_epoch()
    return dict(spans), len(data.train) / seconds


def _traced(spec: RunSpec, data: Dataset) -> tuple[str, Path]:
    """Table of the operations of an epoch, and the path of its trace in the run's folder."""
    trainer = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=False)
    trainer.train_epoch()
    cuda = trainer.device.type == "cuda"
    # Otherwise the tracer reports its start, and a missing GPU as an error, on stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    activities = [ProfilerActivity.CPU]
    if cuda:
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities, acc_events=True) as tracer:
        trainer.train_epoch()
        _wait(trainer.device)
    order = "self_device_time_total" if cuda else "self_cpu_time_total"
    costs = tracer.key_averages().table(
        sort_by=order, row_limit=TABLE_ROWS, max_name_column_width=40
    )
    spec.directory.mkdir(parents=True, exist_ok=True)
    path = spec.directory / TRACE
    tracer.export_chrome_trace(str(path))
    return costs, path


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time one call in seconds, including the device's work, after a call to warm up."""
    work()
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def age() -> float:
    """Seconds since this process started; on systems other than Linux, its CPU time."""
    try:
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.process_time()
    return uptime - int(process_start(os.getpid()) or 0) / os.sysconf("SC_CLK_TCK")
