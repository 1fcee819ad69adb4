"""Images in `train/<class>/` and `test/<class>/`, PNG or JPEG, 32x32 pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data import decoded_cache
from harness.data.source import SIDE, RawDataset, first_line
from harness.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Files:
    """Image files of one part of a dataset, in the order of class and file name.

    Attributes:
        paths, labels: of each image; a label is an index into the classes.
        names: the paths, counted from the dataset's folder.
        stats: size, time of last change and inode of each file.
    """

    paths: list[str]
    names: list[str]
    labels: list[int]
    stats: list[tuple[int, int, int]]


def read(directory: Path, archive: str | None = None) -> RawDataset:
    """Read a folder of images, from the copy kept beside them where nothing has changed.

    Raises:
        InputError: naming the folder or the file that is missing or unusable.
    """
    classes = _class_names(directory / "train")
    missing = sorted(set(classes) ^ set(_class_names(directory / "test")))
    if missing:
        raise InputError(
            f"{directory}: class {missing[0]!r} is in only one of train/ and test/; "
            "both need the same class folders."
        )
    files = [_find(directory / part, classes) for part in ("train", "test")]
    state = decoded_cache.state((part.names, part.stats) for part in files)
    source = decoded_cache.load(directory, state)
    if source is None:
        train, test = ((_decode(part.paths), np.array(part.labels)) for part in files)
        source = RawDataset(None, tuple(classes), train, test)
        decoded_cache.save(directory, source, state)
    return source


def _class_names(directory: Path) -> list[str]:
    if not directory.is_dir():
        raise InputError(
            f"{directory} is missing: --dataset folder reads DIR/train/<class>/ and "
            "DIR/test/<class>/, with DIR given by --data-dir."
        )
    names = sorted(entry.name for entry in directory.iterdir() if entry.is_dir())
    if len(names) < 2:
        raise InputError(f"{directory} holds {len(names)} class folders: at least 2 are needed.")
    return names


def _find(directory: Path, classes: Sequence[str]) -> Files:
    files = Files([], [], [], [])
    for label, name in enumerate(classes):
        try:
            with os.scandir(directory / name) as entries:  # a third of the time of pathlib's
                found = sorted(
                    (entry.name, entry.path, entry.stat())
                    for entry in entries
                    if entry.name.lower().endswith(IMAGE_SUFFIXES)
                )
        except OSError as error:  # a link to nothing, a folder that may not be read
            raise InputError(
                f"{error.filename or directory / name} cannot be read ({error.strerror}): "
                "replace or remove it."
            ) from error
        if not found:
            raise InputError(f"{directory / name} holds no .png or .jpg image.")
        for file, path, stat in found:
            files.paths.append(path)
            files.names.append(f"{directory.name}/{name}/{file}")
            files.labels.append(label)
            files.stats.append((stat.st_size, stat.st_ctime_ns, stat.st_ino))
    return files


def _decode(paths: Sequence[str]) -> NDArray[np.uint8]:
    with ThreadPoolExecutor() as pool:  # Pillow decodes outside the interpreter lock
        return np.stack(list(pool.map(_decode_one, paths)))


def _decode_one(path: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):  # Pillow would clip it at 255
                raise InputError(f"{path} has more than 8 bits a channel: convert it to 8 first.")
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} does not decode ({first_line(error)}): replace or remove it."
        ) from error
    if pixels.shape != (SIDE, SIDE, 3):
        height, width = pixels.shape[:2]
        raise InputError(f"{path} is {width}x{height}: resize the images to {SIDE}x{SIDE} first.")
    return pixels
