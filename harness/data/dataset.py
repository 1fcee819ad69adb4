"""Datasets as uint8 tensors, their splits, and loading them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data import source as data_source
from harness.protocol import datasets
from harness.protocol.spec import Protocol


@dataclass(frozen=True)
class Split:
    """Images uint8 [N, 32, 32, 3] (RGB) and labels int64 [N], on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Split:
        """The same split on another device."""
        return Split(self.images.to(device), self.labels.to(device))

    def take(self, index: Tensor) -> Split:
        """The rows of `index`, int64 [M]."""
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is trained on and evaluated on.

    Attributes:
        name: "cifar10", "folder" or "digits".
        title: what the bytes are, for tables.
        classes: class names; a label is an index into them.
        train: the images trained on.
        test: the images evaluated on: the test set, or the held-out part of the training set.
        fingerprint: SHA-256 of the whole dataset (all training and test pixels and labels,
            and the class names), whatever part of it is in use.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    fingerprint: str

    @property
    def official(self) -> bool:
        """Whether these are the bytes of the official CIFAR-10 archive."""
        return datasets.is_official(self.fingerprint)

    def to(self, device: torch.device) -> Dataset:
        """The same dataset on another device."""
        return dataclasses.replace(self, train=self.train.to(device), test=self.test.to(device))

    def split_by(self, protocol: Protocol) -> Dataset:
        """The dataset with the images that a protocol trains and evaluates on.

        Where the protocol holds out training images, the test images are not in the result, so
        that nothing can be chosen by them.
        """
        if protocol.validation:
            return self._hold_out(*_validation_split(self._numpy_labels()))
        if protocol.fold is not None and protocol.folds is not None:
            return self._hold_out(*_fold(self._numpy_labels(), protocol.fold, protocol.folds))
        return self

    def _numpy_labels(self) -> NDArray[np.int64]:
        return self.train.labels.cpu().numpy()

    def _hold_out(self, kept: NDArray[np.int64], held_out: NDArray[np.int64]) -> Dataset:
        rows = [torch.from_numpy(np.sort(part)) for part in (kept, held_out)]
        train, test = (self.train.take(part.to(self.train.labels.device)) for part in rows)
        return dataclasses.replace(self, train=train, test=test)

    @cached_property
    def channel_statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each color channel of the training images (0 to 255).

        Counted in whole numbers, so that they do not depend on the order of a sum.
        """
        channels = self.train.images.cpu().numpy().reshape(-1, 3).T
        counts = np.stack([np.bincount(c, minlength=256) for c in channels])
        grey = np.arange(256)
        total = counts.sum(1)
        mean = (counts * grey).sum(1) / total
        variance = (counts * grey**2).sum(1) / total - mean**2
        # A constant channel has nothing to scale.
        return mean.tolist(), np.sqrt(np.maximum(variance, 1.0)).tolist()


def _validation_split(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows held out, 90:10, stratified by class, always the same."""
    from sklearn.model_selection import train_test_split  # more than a second to import

    kept, held_out = train_test_split(
        np.arange(len(labels)), test_size=0.1, stratify=labels, random_state=0
    )
    return kept, held_out


def _fold(
    labels: NDArray[np.int64], fold: int, folds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and rows held out of one fold, stratified by class, always the same."""
    from sklearn.model_selection import StratifiedKFold

    division = StratifiedKFold(folds, shuffle=True, random_state=0)  # type: ignore[no-untyped-call]
    kept, held_out = list(division.split(labels, labels))[fold]  # type: ignore[no-untyped-call]
    return kept, held_out


def load(name: str, directory: Path | None = None, archive: str | None = None) -> Dataset:
    """Read a dataset whole, on the CPU; see `harness.data.source.read`.

    Args:
        name: "cifar10", "folder" or "digits".
        directory: where it lies; None means $ALEXNET_DATA, else "data".
        archive: URL or file of the official archive; None means $ALEXNET_ARCHIVE, else
            torchvision's URL.

    Raises:
        InputError: if it is unknown, missing, damaged or not of the form asked for.
    """
    source = data_source.read(name, datasets.directory(directory), datasets.archive_source(archive))
    train, test = (
        Split(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)))
        for images, labels in (source.train, source.test)
    )
    known = datasets.KNOWN.get(source.fingerprint)
    return Dataset(
        name=name,
        title=known.title if known else source.title,
        classes=source.classes,
        train=train,
        test=test,
        fingerprint=source.fingerprint,
    )
