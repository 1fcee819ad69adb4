"""Synthetic records of runs, made without training."""

from __future__ import annotations

import copy
import dataclasses
import functools
from typing import Any

import numpy as np

import variants
from harness.analysis import groups
from harness.protocol import datasets, decision, presets
from harness.runs import record
from harness.runs.record import RunRecord, StudyInfo
from harness.training.metrics import metrics_from_predictions

RULES_SHA256 = decision.sha256()
ENVIRONMENT = {
    "python": "3.11.7",
    "platform": "Linux x86_64",
    "torch": "2.15.0",
    "device": "a CPU",
    "device_type": "cpu",
    "execution": None,
    "cpu_capability": "AVX512",
    "threads": 1,
    "variables": {},
}

SEARCH = StudyInfo(kind="search", name="tpe", index=3, settings={"trials": 20})


def make_record(
    variant: str = "paper",
    seed: int = 0,
    right: int = 700,
    *,
    dataset: dict[str, Any] | None = None,
    protocol: dict[str, Any] | None = None,
    failed: bool = False,
    history: list[dict[str, Any]] | None = None,
    environment: dict[str, Any] | None = None,
    decision_sha256: str = RULES_SHA256,
    gap: float = 0.02,
) -> RunRecord:
    """A record on CIFAR-10's classes with `right` of 1,000 images right in each class.

    Args:
        protocol: fields that differ from CIFAR-10's own protocol.
        gap: by which the accuracy on the training images is higher.
    """
    about = {
        "name": "cifar10",
        "title": "CIFAR-10 (official)",
        "fingerprint": datasets.OFFICIAL.fingerprint,
        "official": True,
        "classes": list(datasets.CLASSES),
        "split": "test",
        "train_size": 50_000,
        "test_size": 10_000,
    }
    chosen = variants.get(variant)
    standard = presets.PROTOCOLS["cifar10"]
    return RunRecord.model_validate(
        {
            "version": record.VERSION,
            "status": "failed" if failed else "finished",
            "reason": "diverged: the training loss is nan in epoch 2" if failed else None,
            "variant": variant,
            "family": chosen.family,
            "settings": chosen.settings(),
            "changes": variants.changes(chosen, variants.get("paper")),
            "seed": seed,
            "dataset": {**about, **(dataset or {})},
            "protocol": dataclasses.replace(standard, **(protocol or {})),
            "departures": {},
            "study": None,
            "environment": {**ENVIRONMENT, **(environment or {})},
            "code": {"commit": None, "dirty": None},
            "sources_sha256": "0" * 64,
            "decision_sha256": decision_sha256,
            "parameters": 23_272_266,
            "normalization": {"mean": [125.0] * 3, "std": [63.0] * 3},
            "resumed_at": [],
            "train_seconds": 60.0 + seed,
            "metrics": None if failed else _metrics(right, gap, (dataset or {}).get("classes")),
            "weights_sha256": None if failed else f"{seed:064x}",
            "predictions_sha256": None if failed else f"{seed:064x}",
            "history": history or [],
        }
    )


def _metrics(right: int, gap: float, classes: list[str] | None) -> dict[str, Any]:
    counted = copy.deepcopy(_counted(right))
    per_class = dict(zip(classes or datasets.CLASSES, counted["per_class"].values(), strict=True))
    train_accuracy = min(1.0, counted["accuracy"] + gap)
    return {
        **counted,
        "per_class": per_class,
        "auc": 0.96,
        "loss": 0.8,
        "train_accuracy": train_accuracy,
    }


@functools.cache  # a grid has hundreds of runs and few figures
def _counted(right: int) -> dict[str, Any]:
    matrix = np.full((10, 10), (1000 - right) // 9)
    np.fill_diagonal(matrix, right)
    row = np.arange(10)
    matrix[row, (row + 1) % 10] += 1000 - matrix.sum(1)
    truth, predicted = np.indices((10, 10)).reshape(2, -1)
    counts = matrix.ravel()
    return metrics_from_predictions(
        predicted.repeat(counts), truth.repeat(counts), datasets.CLASSES
    )


def make_history(accuracies: list[float], gap: float = 0.02) -> list[dict[str, Any]]:
    """A history with these test accuracies; losses are 1 - accuracy, and the training curve is
    `gap` better."""
    return [
        {
            "epoch": epoch,
            "train_accuracy": accuracy + gap,
            "train_loss": 1 - accuracy - gap,
            "eval_accuracy": accuracy,
            "eval_loss": 1 - accuracy,
            "lr": 0.01,
            "seconds": 1.0,
            "images_per_second": 50_000.0,
        }
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]


def make_group(n: int, names: tuple[str, ...] = ("paper", "no_augmentation")) -> groups.RunGroup:
    """`n` seeds of each variant; each is four points worse than the one before."""
    runs = [
        make_record(name, seed, 740 - 40 * position + 4 * (seed % 2 == 0) + seed % 3)
        for position, name in enumerate(names)
        for seed in range(n)
    ]
    (group,), _ = groups.group(runs)
    return group
