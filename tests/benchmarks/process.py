"""A measured process and the wire to it: a line in, a round of work, a line of JSON out.

Every row has a process of its own, because peak memory and malloc's settings belong to a
process, not to a piece of code. It lives as long as its row, so that two of them can take
turns and neither is timed while it starts.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import torch
from torch import Tensor

from harness.data.dataset import Dataset, Split
from harness.training.device import device_name

ROOT = Path(__file__).resolve().parents[2]

Options = dict[str, str | int]


@dataclass(frozen=True)
class Round:
    """What a process answers after one round.

    Attributes:
        seconds: of the round, the device's work included.
        shape, finite: of the tensor that the work returned.
        peak_memory: bytes, since the process started; see `peak_memory`.
        device: model of the GPU or the CPU.
        amount: of what the work is counted in.
    """

    seconds: float
    shape: list[int]
    finite: bool
    peak_memory: int
    device: str
    amount: float


class Process:
    """The parent's end: each call has one round done and keeps the answer in `rounds`.

    Args:
        module: a module of this package that ends in `serve`.
        options: of its command line, as {name: value}.
    """

    def __init__(self, module: str, options: Options) -> None:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}"]
        command += [f"--{name}={value}" for name, value in options.items()]
        self._popen = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.rounds: list[Round] = []

    def __call__(self) -> None:
        """Do one round.

        Raises:
            RuntimeError: if the process has ended; what it had to say is on standard error.
        """
        assert self._popen.stdin is not None and self._popen.stdout is not None
        print(file=self._popen.stdin, flush=True)
        if not (answer := self._popen.stdout.readline()):
            raise RuntimeError(f"the measured process ended with status {self._popen.wait()}")
        self.rounds.append(Round(**json.loads(answer)))

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._popen.__exit__(kind, error, trace)  # closes its input, which ends it, and waits


def serve(work: Callable[[], Tensor], device: torch.device, amount: float = 0.0) -> None:
    """The child's end: do `work` once for every line of standard input and time it."""
    for _ in sys.stdin:
        start = time.perf_counter()
        result = work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        answer = Round(
            seconds=time.perf_counter() - start,
            shape=list(result.shape),
            finite=bool(result.isfinite().all()),
            peak_memory=peak_memory(device),
            device=device_name(device),
            amount=amount,
        )
        print(json.dumps(asdict(answer)), flush=True)


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process has held: tensors on a GPU, else everything resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
    # On Linux getrusage starts from the peak of the process that started this one.
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def synthetic(images: int) -> Dataset:
    """Noise in the form of CIFAR-10, to train and to judge on: speed does not depend on it."""
    source = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 32, 32, 3), dtype=torch.uint8, generator=source)
    split = Split(pixels, torch.randint(0, 10, (images,), generator=source))
    return Dataset("cifar10", "noise", tuple("0123456789"), split, split, fingerprint="")
