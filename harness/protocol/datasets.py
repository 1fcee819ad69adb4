"""Known datasets: where they lie, their classes and fingerprints. No torch here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

# Bytes that are known. The official archive needs no entry: its md5 is checked when it is read.
KNOWN_FINGERPRINTS: Mapping[str, str] = MappingProxyType(
    {
        # All 60,000 images as 32x32 JPEG, quality 75, 4:2:0, one folder a class.
        "4755da40623d58494c9edb66242f9b61cccb597be1fc2b1122d72b0c6802ca1f": "CIFAR-10 (JPEG q75)",
    }
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


def directory(given: Path | None) -> Path:
    """Folder of a dataset: the one given, else $ALEXNET_DATA, else `data`."""
    return given or Path(os.environ.get("ALEXNET_DATA", "data"))


def archive_source(given: str | None) -> str | None:
    """URL or file of the official archive: the one given, else $ALEXNET_ARCHIVE, else None."""
    return given or os.environ.get("ALEXNET_ARCHIVE")
