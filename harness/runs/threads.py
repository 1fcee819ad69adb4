"""The CPU's model, and the number of its threads, which decides bits. No torch here."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.runs.record import Environment

THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Model of the CPU with its number of cores, as records have it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        models = []
    return f"{models[0] if models else platform.processor() or 'CPU'}, {os.cpu_count()} cores"


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
