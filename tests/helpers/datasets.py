"""A dataset of random pixels, small enough to train on in a test."""

from __future__ import annotations

import torch

from harness.data.dataset import Dataset, Split
from harness.data.source import RawDataset


def random_split(n: int, seed: int) -> Split:
    """`n` random pictures, the classes in turn."""
    source = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 32, 32, 3), dtype=torch.uint8, generator=source)
    return Split(images, torch.arange(n) % 10)


def fingerprint_of(train: Split, test: Split, classes: tuple[str, ...]) -> str:
    """The fingerprint of data that comes from no file."""
    arrays = [(part.images.numpy(), part.labels.numpy()) for part in (train, test)]
    return RawDataset("made", classes, *arrays).fingerprint


def noise_dataset() -> Dataset:
    """40 training and 20 test pictures of ten classes."""
    train, test = random_split(40, 1), random_split(20, 2)
    classes = tuple("0123456789")
    return Dataset("digits", "noise", classes, train, test, fingerprint_of(train, test, classes))
