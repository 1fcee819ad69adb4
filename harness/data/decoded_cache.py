"""Decoded images kept beside an image folder, so that 60,000 files are decoded only once.

The copy is a safetensors file in `.decoded/`, named by the dataset's fingerprint. It is used
where every image file has the name, size, inode and time of change that it had, and where its
own bytes still have that fingerprint; else the images are decoded again.
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

# Of the copy and of how images are read: to be raised when either changes.
FORM = 1

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def state(parts: Iterable[tuple[Sequence[str], Sequence[tuple[int, ...]]]]) -> str:
    """SHA-256 over the names and file statistics of all images of a folder, and the decoder.

    Args:
        parts: of each split, the images' names, counted from the dataset's folder so that it
            may be moved, and their (size, time of change, inode).
    """
    digest = hashlib.sha256(f"{FORM} pillow {version('pillow')}".encode())
    for names, stats in parts:
        digest.update(json.dumps([names, stats]).encode())
    return digest.hexdigest()


def load(directory: Path, wanted: str) -> RawDataset | None:
    """The dataset from its copy; None where there is none, or none that can be trusted.

    Args:
        directory: the dataset's.
        wanted: `state` of the image files today.
    """
    for path in (directory / FOLDER).glob("*.safetensors"):
        try:
            with safetensors.safe_open(path, "numpy") as file:
                about = file.metadata() or {}
                if about.get("state") != wanted:
                    continue
                images, labels, test_images, test_labels = map(file.get_tensor, _ARRAYS)
            classes = tuple(json.loads(about["classes"]))
        except (OSError, SafetensorError, KeyError, ValueError):
            continue  # torn or of another form: decoding again costs seconds, trusting it more
        source = RawDataset(None, classes, (images, labels), (test_images, test_labels))
        if source.fingerprint == path.stem:
            return source
    return None


def save(directory: Path, source: RawDataset, state: str) -> None:
    """Keep a copy of what was decoded, and drop older ones; say so where that is not possible."""
    folder = directory / FOLDER
    arrays: dict[str, NDArray[Any]] = dict(zip(_ARRAYS, (*source.train, *source.test), strict=True))
    about = {"state": state, "classes": json.dumps(source.classes)}
    kept = folder / f"{source.fingerprint}.safetensors"
    try:
        write_atomically(kept, safetensors.numpy.save(arrays, about))
    except InputError as error:  # a folder that is only to be read, or a full disk
        print(f"the decoded images cannot be kept: {error}", file=sys.stderr)
        return
    for path in folder.glob("*.safetensors"):
        if path != kept:
            path.unlink(missing_ok=True)
