"""What is done where memory runs out, told or not."""

from __future__ import annotations

import torch

from harness.errors import RunFailedError


class CrowdedError(Exception):
    """Memory ran out that other runs had a share of: this run may not be to blame."""


def shortages(device: torch.device) -> int:
    """How often this process has found the memory of a GPU full; 0 on a CPU.

    Those that nothing told of count too: cuDNN catches them and takes another algorithm, which
    may round otherwise, for the rest of the process.
    """
    if device.type != "cuda":
        return 0
    return int(torch.cuda.memory_stats(device).get("num_ooms", 0))


def refuse_after_shortage(device: torch.device) -> None:
    """Let no run begin in a process that may round otherwise.

    Raises:
        RunFailedError: if memory ran out before.
    """
    if shortages(device):
        raise RunFailedError(
            "the GPU's memory ran out in this process, which may round otherwise since: start the "
            "same command again for the runs that are left."
        )


def check(device: torch.device) -> None:
    """Hold that all so far was computed as it would be with memory enough.

    Raises:
        torch.OutOfMemoryError: if it ran out unseen.
    """
    if shortages(device):
        raise torch.OutOfMemoryError(
            "the GPU's memory ran out within a library, which went on with another algorithm"
        )


def ran_out(error: BaseException) -> bool:
    """Whether memory ran out; torch's CPU allocator has no exception of its own for that."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "DefaultCPUAllocator" in str(error)
    )
