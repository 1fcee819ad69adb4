"""The raw dataset that every reader returns, and the table of readers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError

SIDE = 32

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]

# Dataset name -> module of this package that reads it.
_READERS: Mapping[str, str] = MappingProxyType(
    {"cifar10": "cifar10", "folder": "image_folder", "digits": "digits"}
)


@dataclass(frozen=True)
class RawDataset:
    """A dataset as numpy arrays, as a reader returns it.

    Attributes:
        known_title: name for tables; None if it depends on the fingerprint.
        classes: class names; a label is an index into them.
        train, test: (images uint8 [N, 32, 32, 3], labels int64 [N]).
    """

    known_title: str | None
    classes: tuple[str, ...]
    train: Arrays
    test: Arrays

    @property
    def title(self) -> str:
        """Name for tables: the same for the same bytes, in whatever folder they are."""
        return self.known_title or f"own images {self.fingerprint[:12]}"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the class names and the shapes, pixels and labels of both splits."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for images, labels in (self.train, self.test):
            digest.update(str(images.shape).encode())
            digest.update(np.ascontiguousarray(images).data)
            digest.update(labels.astype("<i8").data)
        return digest.hexdigest()


def read(name: str, directory: Path, archive: str | None = None) -> RawDataset:
    """Read a dataset.

    Args:
        name: "cifar10", "folder" or "digits".
        directory: folder of the dataset, also for a download of cifar10; unused for digits.
        archive: URL or local file of the CIFAR-10 archive; None for the official URL.

    Raises:
        InputError: if the name is unknown, or the dataset is missing, damaged or of another format.
    """
    if name not in _READERS:
        raise InputError(f"unknown dataset {name!r}. Known datasets: {', '.join(_READERS)}.")
    source: RawDataset = import_module(f"harness.data.{_READERS[name]}").read(directory, archive)
    return source


def first_line(error: Exception) -> str:
    """First line of an error's message, without a full stop; the type if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
