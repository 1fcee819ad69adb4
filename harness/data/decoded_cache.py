"""Cache the decoded images of a folder, so that its files are decoded only once.

The cache is a safetensors file in the folder's `.decoded/`, named by the dataset's fingerprint. It
is used if every image file has the same name, size, inode and time of change as before, and if the
cached arrays still have that fingerprint; otherwise the images are decoded again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from harness.data.source import RawDataset
from harness.errors import InputError
from harness.files import write_atomically

FOLDER = ".decoded"

# Increase it when the format of the cache or the decoding of images changes.
FORMAT_VERSION = 1

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def state(parts: Iterable[tuple[Sequence[str], Sequence[tuple[int, ...]]]]) -> str:
    """SHA-256 of the state of a folder's image files, and of the decoder's version.

    Args:
        parts: for each split, the images' paths relative to the dataset's folder, so that it may
            be moved, and their (size, time of change, inode).
    """
    digest = hashlib.sha256(f"{FORMAT_VERSION} pillow {version('pillow')}".encode())
    for names, stats in parts:
        digest.update(json.dumps([names, stats]).encode())
    return digest.hexdigest()


def load(directory: Path, current_state: str) -> RawDataset | None:
    """Load a dataset from its cache; None if no cache is valid.

    Args:
        directory: the dataset's folder.
        current_state: `state` of its image files now.
    """
    for path in (directory / FOLDER).glob("*.safetensors"):
        try:
            with safetensors.safe_open(path, "numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("state") != current_state:
                    continue
                images, labels, test_images, test_labels = map(file.get_tensor, _ARRAYS)
            classes = tuple(json.loads(metadata["classes"]))
        except (OSError, SafetensorError, KeyError, ValueError):
            continue  # damaged or in another format: decode again
        source = RawDataset(None, classes, (images, labels), (test_images, test_labels))
        if source.fingerprint == path.stem:
            return source
    return None


def save(directory: Path, source: RawDataset, state: str) -> None:
    """Save a dataset to its cache and delete older files; print a warning if that fails.

    Args:
        directory: the dataset's folder.
        source: the decoded images.
        state: `state` of the image files that they were decoded from.
    """
    folder = directory / FOLDER
    arrays: dict[str, NDArray[Any]] = dict(zip(_ARRAYS, (*source.train, *source.test), strict=True))
    metadata = {"state": state, "classes": json.dumps(source.classes)}
    cache = folder / f"{source.fingerprint}.safetensors"
    try:
        write_atomically(cache, safetensors.numpy.save(arrays, metadata))
    except InputError as error:  # a read-only folder or a full disk
        print(f"the decoded images cannot be cached: {error}", file=sys.stderr)
        return
    for path in folder.glob("*.safetensors"):
        if path != cache:
            path.unlink(missing_ok=True)
