"""Where the time of a run goes: its parts, its costliest operations, a trace to look at."""

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
from harness.runs.lock import born
from harness.runs.spec import RunSpec
from harness.training.device import private_stream, require_precision
from harness.training.trainer import Trainer

TRACE = "trace.json"

# Steps that are timed, after as many that are not, and steps that are traced: some ten seconds
# on two CPU cores.
STEPS = {"cpu": 40, "cuda": 400}

TRACED = 4

COSTS = 12


@dataclass(frozen=True)
class Profile:
    """What was measured.

    Attributes:
        parts: seconds of a whole run at the run's budget: start-up as it was, every other
            part from its time in the steps measured.
        images_per_second: of training, as a run trains (on CUDA by graphs).
        costs: table of the operations that took most of the device's time.
        trace: file in the Chrome trace format.
    """

    parts: dict[str, float]
    images_per_second: float
    costs: str
    trace: Path


def measure(spec: RunSpec, data: Dataset, start_up: float) -> Profile:
    """Time the parts of a run's steps and trace a few of them; nothing is recorded as a run.

    Parts are timed with the kernels launched one by one, and the device waited for between
    them: a CUDA graph has no parts.

    Args:
        spec: the run.
        data: on the device that trains.
        start_up: seconds from the command until the data were there.
    """
    data = data.split_by(spec.protocol)
    device = data.train.labels.device
    require_precision(device, spec.protocol.precision)
    with private_stream(device):
        whole = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=_graphs(spec))
        batch = whole.recipe.batch_size
        steps = min(STEPS[device.type], len(whole.batch_sizes))
        timed, speed = _timed_parts(spec, _first(data, steps * batch))
        timed["evaluation"] = _seconds(whole.predict, device)
        costs, trace = _traced(spec, _first(data, TRACED * batch))
    epochs = spec.protocol.epochs
    # Once more after the last epoch, for the record.
    repeated = {"evaluation": 1 + (epochs if spec.protocol.evaluate_every_epoch else 0)}
    a_step = len(whole.batch_sizes) * epochs / steps
    parts = {part: s * repeated.get(part, a_step) for part, s in timed.items()}
    return Profile({"start-up": start_up, **parts}, speed, costs, trace)


def _graphs(spec: RunSpec) -> bool | None:
    return False if spec.eager else None


def _first(data: Dataset, images: int) -> Dataset:
    """The data with an epoch of so many images."""
    chosen = torch.arange(min(images, len(data.train)), device=data.train.labels.device)
    return dataclasses.replace(data, train=data.train.take(chosen))


def _timed_parts(spec: RunSpec, data: Dataset) -> tuple[dict[str, float], float]:
    """Seconds of each part over an epoch of the data, and images a second of a real one."""
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
    """Table of costs and the trace of an epoch of the data, in the run's folder."""
    trainer = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=False)
    trainer.train_epoch()
    cuda = trainer.device.type == "cuda"
    # Else the tracer writes of its start, and of a missing GPU as an error, to stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * cuda
    with profile(activities=activities, acc_events=True) as tracer:
        trainer.train_epoch()
        _wait(trainer.device)
    order = "self_device_time_total" if cuda else "self_cpu_time_total"
    costs = tracer.key_averages().table(sort_by=order, row_limit=COSTS, max_name_column_width=40)
    spec.directory.mkdir(parents=True, exist_ok=True)
    path = spec.directory / TRACE
    tracer.export_chrome_trace(str(path))
    return costs, path


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time of one call, the device's work included; a first call warms up."""
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
    """Seconds since this process started; on other systems than Linux those that it computed."""
    try:
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.process_time()
    return uptime - int(born(os.getpid()) or 0) / os.sysconf("SC_CLK_TCK")
