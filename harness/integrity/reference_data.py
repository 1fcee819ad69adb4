"""Datasets whose labels are known without their images, so that records can be checked."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from harness.data import dataset as data_dataset
from harness.data.dataset import Dataset, Split
from harness.protocol import datasets
from harness.protocol.datasets import KNOWN_FINGERPRINTS
from harness.runs.record import DatasetInfo

# The official label sequence: 50,000 training digits, then 10,000 test digits, a line each.
_LABELS = Path(__file__).with_name("labels") / "cifar10.txt"


def stand_in(dataset: DatasetInfo) -> Dataset | None:
    """Labels, classes and sizes of a dataset that a record names; one black pixel an image.

    Args:
        dataset: the record's.

    Returns:
        None where the fingerprint is not known. That of the official archive is taken as the
        record has it: the archive's own md5 stands for it when it is read.
    """
    fingerprint = dataset.fingerprint
    if dataset.name == "digits":
        digits = _digits()
        return digits if digits.fingerprint == fingerprint else None
    if dataset.name == "cifar10":
        train, test = (torch.tensor([*map(int, line)]) for line in _LABELS.read_text().split())
        title = "CIFAR-10 (official)"
    elif dataset.name == "folder" and fingerprint in KNOWN_FINGERPRINTS:
        # Folders are read class by class.
        train, test = (torch.arange(10).repeat_interleave(n) for n in (5000, 1000))
        title = KNOWN_FINGERPRINTS[fingerprint]
    else:
        return None
    return Dataset(
        name=dataset.name,
        title=title,
        classes=datasets.CLASSES,
        train=_black(train),
        test=_black(test),
        fingerprint=fingerprint,
        official=dataset.name == "cifar10",
    )


@functools.cache
def _digits() -> Dataset:
    return data_dataset.load("digits", Path())


def _black(labels: torch.Tensor) -> Split:
    return Split(torch.zeros(len(labels), 1, 1, 3, dtype=torch.uint8), labels)
