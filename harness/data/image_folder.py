"""Read a folder of images: PNG or JPEG, 32x32, in `train/<class>/` and `test/<class>/`."""

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
    """Image files of one split, in the order of class and file name.

    Attributes:
        names: path of each image relative to the dataset's folder.
        labels: index of each image's class.
        stats: (size, time of last change in ns, inode) of each file.
    """

    names: list[str]
    labels: list[int]
    stats: list[tuple[int, int, int]]


def read(directory: Path, archive: str | None = None) -> RawDataset:
    """Read a folder of images, from its cache if no file has changed.

    Args:
        directory: the folder with `train/` and `test/`.
        archive: unused.

    Raises:
        InputError: if a folder or file is missing or cannot be used; the message names it.
    """
    classes = _class_names(directory / "train")
    unmatched = sorted(set(classes) ^ set(_class_names(directory / "test")))
    if unmatched:
        raise InputError(
            f"{directory}: class {unmatched[0]!r} is in only one of train/ and test/; "
            "both need the same class folders."
        )
    splits = [_find_images(directory / name, classes) for name in ("train", "test")]
    state = decoded_cache.state((files.names, files.stats) for files in splits)
    source = decoded_cache.load(directory, state)
    if source is None:
        train, test = (
            (_decode([str(directory / name) for name in files.names]), np.array(files.labels))
            for files in splits
        )
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
    for name in names:
        if not name.isprintable():  # not UTF-8, or a line break
            raise InputError(f"{directory}: the class folder {name!r} needs a printable name.")
    if len(names) < 2:
        raise InputError(f"{directory} has {len(names)} class folders: at least 2 are needed.")
    return names


def _find_images(directory: Path, classes: Sequence[str]) -> Files:
    files = Files([], [], [])
    for label, name in enumerate(classes):
        try:
            with os.scandir(directory / name) as entries:  # a third of the time of pathlib's
                images = sorted(
                    (entry.name, entry.stat())
                    for entry in entries
                    if entry.name.lower().endswith(IMAGE_SUFFIXES)
                )
        except OSError as error:  # a broken link, or a folder without read permission
            raise InputError(
                f"{error.filename or directory / name} cannot be read ({error.strerror}): "
                "replace or remove it."
            ) from error
        if not images:
            raise InputError(
                f"{directory / name} has no .png or .jpg image: add some or remove it."
            )
        for file, stat in images:
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
                raise InputError(f"{path} has more than 8 bits per channel: convert it to 8 bits.")
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be decoded ({first_line(error)}): replace or remove it."
        ) from error
    if pixels.shape != (SIDE, SIDE, 3):
        height, width = pixels.shape[:2]
        raise InputError(f"{path} is {width}x{height}: resize all images to {SIDE}x{SIDE}.")
    return pixels
