"""Random generators, one per purpose, and the switches for deterministic algorithms."""

from __future__ import annotations

import hashlib
import os

import torch


def derive(seed: int, purpose: str, epoch: int = 0) -> int:
    """Derive a 63-bit seed for one purpose in one epoch.

    Keyed by the run's seed and never by the variant, so that all variants of a seed see
    the same batches, crops and mirrors. SHA-256 keeps the streams apart.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(
    seed: int, purpose: str, epoch: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Create a generator for one purpose in one epoch."""
    return torch.Generator(device).manual_seed(derive(seed, purpose, epoch))


def make_deterministic() -> None:
    """Make torch use deterministic algorithms only. Call before CUDA is first used.

    fp32 means fp32: cuDNN's TF32 is on by default and is switched off. Filling
    uninitialized memory guards against bugs, not against drift, and costs time.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What torch.use_deterministic_algorithms(True) does, but for importing torch's compiler to
    # tell it as well, which takes longer than reading the data.
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.mkldnn.deterministic = True  # type: ignore[assignment]
