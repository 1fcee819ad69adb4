"""The number of CPU threads of a run, which decides bits. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_told(environment: Mapping[str, Any]) -> str | None:
    """The number of threads that a run was told to have by `OMP_NUM_THREADS`, None if by nothing.

    Args:
        environment: of a record, from whoever wrote it.
    """
    variables = environment.get("variables")
    told = variables.get(THREADS) if isinstance(variables, dict) else None
    return told if isinstance(told, str) else None


def take_threads(environment: Mapping[str, Any]) -> None:
    """Give this process the number of threads that a run on a CPU had, since it decides bits.

    What the user has set stays, and none gets more threads than there are cores. To be called
    before torch is imported, which reads the variable then.

    Args:
        environment: of the run's record, from whoever wrote it.
    """
    threads = environment.get("threads")
    if os.environ.get(THREADS) or environment.get("device_type") != "cpu":
        return
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= cores():
        return
    # The variable is a part of the environment that is compared, so it is there as it was.
    told = threads_told(environment)
    if told in ("", str(threads)):
        os.environ[THREADS] = told
    else:
        os.environ.pop(THREADS, None)
    import torch

    torch.set_num_threads(threads)
