"""Known datasets: where they lie, their classes and fingerprints. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class KnownDataset:
    """A dataset recognised by its fingerprint.

    Attributes:
        name: what `--dataset` reads it: "cifar10" or "folder".
        title: what the bytes are, for tables.
        fingerprint: SHA-256 of all its pixels, labels and class names.
        official: whether these are the bytes of the official archive.
    """

    name: str
    title: str
    fingerprint: str
    official: bool


OFFICIAL = KnownDataset(
    name="cifar10",
    title="CIFAR-10 (official)",
    fingerprint="49706b0ee77a7ed3595f8b4a58eac03f6adf099112b6d49f0c4cdfce9e1b9b98",
    official=True,
)

# All 60,000 images as 32x32 JPEG, quality 75, 4:2:0, one folder a class.
JPEG_COPY = KnownDataset(
    name="folder",
    title="CIFAR-10 (JPEG q75)",
    fingerprint="4755da40623d58494c9edb66242f9b61cccb597be1fc2b1122d72b0c6802ca1f",
    official=False,
)

# By fingerprint.
KNOWN: Mapping[str, KnownDataset] = MappingProxyType(
    {dataset.fingerprint: dataset for dataset in (OFFICIAL, JPEG_COPY)}
)

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def is_official(fingerprint: str) -> bool:
    """Whether a fingerprint is that of the official CIFAR-10 archive."""
    return fingerprint in KNOWN and KNOWN[fingerprint].official


def directory(given: Path | None) -> Path:
    """Folder of a dataset: the one given, else $ALEXNET_DATA, else `data`."""
    return given or Path(os.environ.get("ALEXNET_DATA", "data"))


def archive_source(given: str | None) -> str | None:
    """URL or file of the official archive: the one given, else $ALEXNET_ARCHIVE, else None."""
    return given or os.environ.get("ALEXNET_ARCHIVE")
