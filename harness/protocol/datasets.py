"""Known datasets: fingerprints, class names and default folders. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class KnownDataset:
    """A dataset that is recognized by its fingerprint.

    Attributes:
        name: value of `--dataset` that reads it: "cifar10" or "folder".
        title: name for tables.
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

# All 60,000 images as 32x32 JPEG, quality 75, 4:2:0, one folder per class.
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
    """Whether a fingerprint is the official CIFAR-10 archive's."""
    return fingerprint in KNOWN and KNOWN[fingerprint].official


def directory(data_dir: Path | None) -> Path:
    """Folder of a dataset: `data_dir`, else $ALEXNET_DATA, else `data`."""
    return data_dir or Path(os.environ.get("ALEXNET_DATA") or "data")


def archive_source(archive: str | None) -> str | None:
    """URL or file of the official archive: `archive`, else $ALEXNET_ARCHIVE, else None."""
    return archive or os.environ.get("ALEXNET_ARCHIVE") or None


# Of a dataset; a larger number, in a record from elsewhere, could exhaust the memory.
MAX_FOLDS = 50
