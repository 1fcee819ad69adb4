"""The device that trains, and what makes a CPU a good one."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from harness.errors import InputError, RunFailedError


def choose_device(name: str) -> torch.device:
    """The device that "auto", "cpu", "cuda" or "cuda:N" stands for.

    Raises:
        InputError: if there is no such device here.
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
                f"--device {name}: torch sees {count} CUDA devices here. "
                "Use --device cpu, or install a build of torch that fits the GPU's driver."
            )
    elif device.type != "cpu":
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda or cuda:N.")
    return device


_streams = threading.local()


@contextmanager
def private_stream(device: torch.device) -> Iterator[None]:
    """Give what this thread does on a GPU a stream of its own, so that several runs can share it.

    Cached memory and cuBLAS workspaces belong to a stream, so no run writes into another's. A
    thread has the same one each time: torch hands out 32 in turn, and a thread that took one
    after the other would come upon those of others. On a CPU nothing changes.
    """
    if device.type != "cuda":
        yield
        return
    name = str(device)
    if not hasattr(_streams, name):
        setattr(_streams, name, torch.cuda.Stream(device))  # type: ignore[no-untyped-call]
    stream: torch.cuda.Stream = getattr(_streams, name)
    stream.wait_stream(torch.cuda.default_stream(device))
    try:
        with torch.cuda.device(device), torch.cuda.stream(stream):
            yield
    finally:  # or what is freed here could be given to another run while kernels still read it
        stream.synchronize()


def lacks_instructions(device: torch.device, precision: str) -> bool:
    """Whether a CPU computes in a precision that it has no instructions for.

    torch then takes fallbacks: a step of `paper` in bf16 took 34 times as long as in fp32 on an
    AVX2 CPU.

    Args:
        device: trains.
        precision: "fp32" or "bf16".
    """
    if device.type != "cpu" or precision != "bf16":
        return False
    return not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def require_precision(device: torch.device, precision: str) -> None:
    """Say so before training where a GPU cannot compute in a precision.

    Before Ampere torch still offers bf16, but cuDNN has no convolutions for it.

    Args:
        device: trains.
        precision: "fp32" or "bf16".

    Raises:
        InputError: if there are no such units.
    """
    if device.type != "cuda" or precision != "bf16":
        return
    with torch.cuda.device(device):
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    if not able:
        raise InputError(
            f"{device_name(device)} has no units for bf16: give --precision fp32, which makes "
            "tables of its own, or another --device."
        )


def reuse_freed_heap() -> None:
    """Tell glibc to reuse freed blocks instead of handing them back to the kernel.

    A training step on the CPU allocates and frees hundreds of MB; fetching them anew each
    time makes the kernel clear every page, which costs a third of the step. Changes no
    result. Elsewhere than on Linux with glibc nothing is done.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 256 * 2**20)


def device_name(device: torch.device) -> str:
    """Model of the GPU or the CPU."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        models = []
    return f"{models[0] if models else platform.processor() or 'CPU'}, {os.cpu_count()} cores"


class SharedDeviceOOMError(Exception):
    """Memory ran out that other runs had a share of: this run may not be to blame."""


def oom_count(device: torch.device) -> int:
    """How often this process has found the memory of a GPU full; 0 on a CPU.

    Those that nothing told of count too: cuDNN catches them and takes another algorithm, which
    may round otherwise, for the rest of the process.
    """
    if device.type != "cuda":
        return 0
    return int(torch.cuda.memory_stats(device).get("num_ooms", 0))


def require_clean_process(device: torch.device) -> None:
    """Let no run begin in a process that may round otherwise.

    Raises:
        RunFailedError: if memory ran out before.
    """
    if oom_count(device):
        raise RunFailedError(
            "the GPU's memory ran out in this process, which may round otherwise since: start the "
            "same command again for the runs that are left."
        )


def raise_if_oom_hidden(device: torch.device) -> None:
    """Hold that all so far was computed as it would be with memory enough.

    Raises:
        torch.OutOfMemoryError: if it ran out unseen.
    """
    if oom_count(device):
        raise torch.OutOfMemoryError(
            "the GPU's memory ran out within a library, which went on with another algorithm"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch's CPU allocator has no exception of its own for that."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "DefaultCPUAllocator" in str(error)
    )
