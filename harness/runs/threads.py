"""The CPU's model, and the number of its threads, which decides bits. Imports torch to set it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.runs.record import Environment

THREADS = "OMP_NUM_THREADS"

# What tells models of a CPU apart in /proc/cpuinfo, of x86 and of ARM.
_NUMBERS = {
    "cpu family": "family",
    "model": "model",
    "stepping": "stepping",
    "CPU implementer": "implementer",
    "CPU variant": "variant",
    "CPU part": "part",
    "CPU revision": "revision",
}


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Model of the CPU with its number of cores, as records have it.

    Virtual machines often name every model "Intel(R) Xeon(R) Processor", while libraries choose
    kernels, and so bits, by the model. So its numbers, and the bf16 instructions that a machine
    may hide, are part of the name.

    Args:
        cpuinfo: Linux's description of the processors, of x86 or ARM; without it the name is that
            of `platform`, which may be the same for several models.
    """
    try:
        first = cpuinfo.read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        first = ""
    pairs = (line.partition(":") for line in first.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    numbers = [f"{label} {fields[name]}" for name, label in _NUMBERS.items() if name in fields]
    flags = fields.get("flags", fields.get("Features", "")).split()
    bf16 = sorted(flag for flag in flags if flag.endswith("bf16"))
    details = f" ({', '.join([*numbers, *bf16])})" if numbers or bf16 else ""
    name = fields.get("model name") or platform.processor() or "CPU"
    return f"{name}{details}, {os.cpu_count()} cores"


def take_threads(environment: Environment) -> None:
    """Set this process's number of threads to that of a run on a CPU.

    Nothing changes if the user has set OMP_NUM_THREADS, or if the run had more threads than this
    machine has cores. Call it before torch is imported, which reads the variable then.

    Args:
        environment: environment of the run's record.
    """
    if os.environ.get(THREADS) or environment.device_type != "cpu":
        return
    threads = environment.threads
    if threads > cores():
        return
    # The variable is part of the environment that records are compared by: set it as recorded.
    recorded = environment.variables.get(THREADS)
    if recorded in ("", str(threads)):
        os.environ[THREADS] = recorded
    else:
        os.environ.pop(THREADS, None)
    import torch

    torch.set_num_threads(threads)
