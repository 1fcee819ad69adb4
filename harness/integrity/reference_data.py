"""Labels of known datasets, so that records can be checked without the images."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from harness.data import dataset as data_dataset
from harness.data.dataset import Dataset, Split
from harness.protocol import datasets
from harness.runs.record import DatasetInfo

# The official label sequence: 50,000 training digits, then 10,000 test digits, a line each.
_LABEL_FILE = Path(__file__).with_name("labels") / "cifar10.txt"


def labels_only_dataset(dataset: DatasetInfo) -> Dataset | None:
    """Build a dataset with the labels of a known one; each image is one black pixel.

    Args:
        dataset: the dataset as a record describes it.

    Returns:
        The dataset, None if the fingerprint is not that of a known dataset of this name.
    """
    if dataset.name == "digits":
        digits = _digits()
        return digits if digits.fingerprint == dataset.fingerprint else None
    known = datasets.KNOWN.get(dataset.fingerprint)
    if known is None or known.name != dataset.name:
        return None
    train, test = (torch.tensor([*map(int, line)]) for line in _LABEL_FILE.read_text().split())
    if known.name == "folder":  # read class by class
        train, test = train.sort().values, test.sort().values
    return Dataset(
        name=known.name,
        title=known.title,
        classes=datasets.CLASSES,
        train=_black_images(train),
        test=_black_images(test),
        fingerprint=known.fingerprint,
    )


@functools.cache
def _digits() -> Dataset:
    return data_dataset.load("digits", Path())


def _black_images(labels: torch.Tensor) -> Split:
    return Split(torch.zeros(len(labels), 1, 1, 3, dtype=torch.uint8), labels)
