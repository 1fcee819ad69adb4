"""Choose the device, and manage its streams, precision and memory."""

from __future__ import annotations

import ctypes
import platform
import sys

import torch

from harness.errors import InputError, RunFailedError
from harness.runs.threads import cpu_name


def choose_device(name: str) -> torch.device:
    """Resolve "auto", "cpu", "cuda" or "cuda:N" to a device.

    Raises:
        InputError: if the name is unknown or this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise InputError(
                f"--device {name}: torch finds {count} CUDA devices. "
                "Use --device cpu, or install a build of torch that fits the GPU's driver."
            )
    elif device.type != "cpu":
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N.")
    return device


def lacks_instructions(device: torch.device, precision: str) -> bool:
    """Whether the device is a CPU without instructions for a precision.

    torch then uses slow fallbacks: on an AVX2 CPU, a step of `paper` in bf16 took 34 times as long
    as in fp32.

    Args:
        device: the device that trains.
        precision: "fp32" or "bf16".
    """
    if device.type != "cpu" or precision != "bf16":
        return False
    return not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def require_precision(device: torch.device, precision: str) -> None:
    """Raise an error if a GPU does not support a precision.

    Before Ampere torch still offers bf16, but cuDNN has no convolutions for it.

    Args:
        device: the device that trains.
        precision: "fp32" or "bf16".

    Raises:
        InputError: if the GPU does not support the precision.
    """
    if device.type != "cuda" or precision != "bf16":
        return
    with torch.cuda.device(device):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    if not supported:
        raise InputError(
            f"{device_name(device)} does not support bf16: give another --device, or --precision "
            "fp32, whose runs have separate tables."
        )


def reuse_freed_heap() -> None:
    """Make glibc reuse freed memory instead of returning it to the kernel.

    A training step on the CPU allocates and frees hundreds of MB; if glibc returns them, the kernel
    clears every page anew, which costs a third of the step. Results do not change. Without glibc
    this does nothing.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 256 * 2**20)


def device_name(device: torch.device) -> str:
    """Model of the GPU, or of the CPU with its number of cores."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else cpu_name()


def oom_count(device: torch.device) -> int:
    """Count how often this process ran out of a GPU's memory; 0 on a CPU.

    This includes errors that cuDNN catches: it then uses another algorithm, which may round
    differently, for the rest of the process.
    """
    if device.type != "cuda":
        return 0
    return int(torch.cuda.memory_stats(device).get("num_ooms", 0))


def require_clean_process(device: torch.device) -> None:
    """Raise an error if an earlier out-of-memory error may have changed this process's rounding.

    Raises:
        RunFailedError: if memory ran out before.
    """
    if oom_count(device):
        raise RunFailedError(
            "the GPU's memory ran out in this process, which may have changed its rounding: start "
            "the same command again for the remaining runs."
        )


def raise_if_oom_hidden(device: torch.device) -> None:
    """Raise an error if memory ran out and a library caught the error.

    Raises:
        torch.OutOfMemoryError: if that happened in this process.
    """
    if oom_count(device):
        raise torch.OutOfMemoryError(
            "the GPU's memory ran out within a library, which used another algorithm instead"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means out of memory; torch's CPU allocator has no exception for it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "DefaultCPUAllocator" in str(error)
    )
