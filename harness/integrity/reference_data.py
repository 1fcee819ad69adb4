"""Datasets whose labels are known without their images, so that records can be checked."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from harness.data import dataset as data_dataset
from harness.data.dataset import Dataset, Split
from harness.protocol import datasets
from harness.runs.record import DatasetInfo

# The official label sequence: 50,000 training digits, then 10,000 test digits, a line each.
_LABELS = Path(__file__).with_name("labels") / "cifar10.txt"


def labels_only_dataset(dataset: DatasetInfo) -> Dataset | None:
    """Labels, classes and sizes of a dataset that a record names; one black pixel an image.

    Args:
        dataset: the record's.

    Returns:
        None where the fingerprint is not that of a known dataset of this name.
    """
    if dataset.name == "digits":
        digits = _digits()
        return digits if digits.fingerprint == dataset.fingerprint else None
    known = datasets.KNOWN.get(dataset.fingerprint)
    if known is None or known.name != dataset.name:
        return None
    train, test = (torch.tensor([*map(int, line)]) for line in _LABELS.read_text().split())
    if known.name == "folder":  # read class by class
        train, test = train.sort().values, test.sort().values
    return Dataset(
        name=known.name,
        title=known.title,
        classes=datasets.CLASSES,
        train=_black(train),
        test=_black(test),
        fingerprint=known.fingerprint,
    )


@functools.cache
def _digits() -> Dataset:
    return data_dataset.load("digits", Path())


def _black(labels: torch.Tensor) -> Split:
    return Split(torch.zeros(len(labels), 1, 1, 3, dtype=torch.uint8), labels)
