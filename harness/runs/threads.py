"""The number of CPU threads of a run, which decides bits. No torch here."""

from __future__ import annotations

import os

from harness.runs.record import Environment

THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def take_threads(environment: Environment) -> None:
    """Give this process the number of threads that a run on a CPU had, since it decides bits.

    What the user has set stays, and none gets more threads than there are cores. To be called
    before torch is imported, which reads the variable then.

    Args:
        environment: of the run's record.
    """
    if os.environ.get(THREADS) or environment.device_type != "cpu":
        return
    threads = environment.threads
    if threads > cores():
        return
    # The variable is a part of the environment that is compared, so it is there as it was.
    recorded = environment.variables.get(THREADS)
    if recorded in ("", str(threads)):
        os.environ[THREADS] = recorded
    else:
        os.environ.pop(THREADS, None)
    import torch

    torch.set_num_threads(threads)
