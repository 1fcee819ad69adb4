"""The one form in which every reader returns a dataset."""

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

# The module of this package that reads each dataset.
_READERS: Mapping[str, str] = MappingProxyType(
    {"cifar10": "cifar10", "folder": "image_folder", "digits": "digits"}
)


@dataclass(frozen=True)
class RawDataset:
    """What a reader returns.

    Attributes:
        known_as: what the bytes are, for people; None where only their fingerprint tells.
        classes: class names; a label is an index into them.
        train, test: (images uint8 [N, 32, 32, 3], labels int64 [N]).
    """

    known_title: str | None
    classes: tuple[str, ...]
    train: Arrays
    test: Arrays

    @property
    def title(self) -> str:
        """What the bytes are, for people: the same for the same bytes, wherever they lie."""
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
    """Read a dataset whole.

    Args:
        name: "cifar10", "folder" or "digits".
        directory: where it lies (cifar10: also where a download goes); unused for digits.
        archive: another URL or a local file for the official cifar10 archive.

    Raises:
        InputError: if it is unknown, missing, damaged or not of the form asked for.
    """
    if name not in _READERS:
        raise InputError(f"unknown dataset {name!r}. Known datasets: {', '.join(_READERS)}.")
    source: RawDataset = import_module(f"harness.data.{_READERS[name]}").read(directory, archive)
    return source


def first_line(error: Exception) -> str:
    """What an error says, on one line and without a full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


__all__ = ["RawDataset", "read"]
