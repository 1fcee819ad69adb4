"""Describe a run's variant, data, code and environment for its record."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

import variants
from harness.data.dataset import Dataset
from harness.protocol import decision
from harness.protocol.spec import Protocol
from harness.runs import record
from harness.runs.spec import RunSpec
from harness.training import sources
from harness.training.augmentation import pixel_scaling
from harness.training.device import device_name
from harness.training.sources import ROOT
from variants.spec import Variant

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn", "pillow")

# Environment variables that change kernels, threads or precision.
VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLASLT_WORKSPACE_SIZE",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "DISABLE_ADDMM_CUDA_LT",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_BLAS_PREFER_CUBLASLT",
    "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
    "TORCH_CUBLAS_WORKSPACE_CACHE",
)


@functools.cache
def code() -> Mapping[str, Any]:
    """Commit of the git checkout, and whether it has changes outside the results folder.

    It is that of this process's first call, since what changes later does not run in it.

    Returns:
        {"commit": ..., "dirty": ...}, both None outside a git checkout.
    """

    def git(*arguments: str) -> str | None:
        try:
            completed = subprocess.run(
                ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return completed.stdout.strip()

    commit = git("rev-parse", "HEAD")
    status = git("status", "--porcelain", "--", ".", ":!results")
    return {"commit": commit, "dirty": None if commit is None else bool(status)}


def describe(device: torch.device, *, eager: bool = False) -> dict[str, Any]:
    """Describe the environment; runs in equal environments give equal bits.

    Args:
        device: the device that trains.
        eager: whether kernels are launched one by one on CUDA too.

    Returns:
        The fields of `harness.runs.record.Environment`.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **_versions(),
        "device": device_name(device),
        "device_type": device.type,
        "execution": None,
        **(_cuda(device, eager) if device.type == "cuda" else {}),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "variables": {key: os.environ[key] for key in VARIABLES if key in os.environ},
    }


def describe_run(spec: RunSpec, data: Dataset) -> dict[str, Any]:
    """The fields of a record that are known before training.

    Args:
        spec: the run.
        data: the dataset as split by the protocol, on the device that trains.
    """
    device = data.train.labels.device
    return {
        "version": record.VERSION,
        "variant": spec.variant.name,
        "family": spec.variant.family,
        "settings": spec.variant.settings(),
        "changes": variants.changes(spec.variant, variants.get("paper")),
        "seed": spec.seed,
        "dataset": describe_dataset(data, spec.protocol),
        "protocol": spec.protocol,
        "departures": spec.departures,
        "study": spec.study,
        "environment": describe(device, eager=spec.eager),
        "code": {**code(), "variants_sha256": spec.variant.file_sha256},
        "sources_sha256": sources.sources_sha256(),
        "decision_sha256": decision.sha256(),
        "normalization": describe_normalization(data, spec.variant),
    }


def describe_dataset(data: Dataset, protocol: Protocol) -> dict[str, Any]:
    """The field `dataset` of a record, of data as split by the protocol."""
    return {
        "name": data.name,
        "title": data.title,
        "fingerprint": data.fingerprint,
        "official": data.official,
        "classes": list(data.classes),
        "split": protocol.split,
        "train_size": len(data.train),
        "test_size": len(data.test),
    }


def describe_normalization(data: Dataset, variant: Variant) -> dict[str, Any]:
    """The field `normalization` of a record, of data as split by the protocol."""
    return dict(zip(("mean", "std"), pixel_scaling(variant.pixel_scaling, data), strict=True))


def _cuda(device: torch.device, eager: bool) -> dict[str, Any]:
    return {
        "execution": "eager" if eager else "CUDA graph",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "driver": _driver(),
        "compute_capability": ".".join(map(str, torch.cuda.get_device_capability(device))),
    }


@functools.cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


@functools.cache
def _driver() -> str | None:
    """Version of NVIDIA's driver; None if `nvidia-smi` fails."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        completed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.splitlines()[0].strip() if completed.stdout else None
