"""Where images come from: the official CIFAR-10 archive, image folders, embedded digits.

Each reader returns arrays of one form and never falls back on another source.
"""

from __future__ import annotations

import http.client
import os
import pickle
import shutil
import tarfile
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import wrap_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity, extract_archive

from harness.errors import InputError

SIDE = 32
TIMEOUT = 60  # seconds without a byte
OFFICIAL_MD5 = "c58f30108f718f92721af3b95e74349a"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Source:
    """What a reader returns: (images uint8 [N, 32, 32, 3], labels int64 [N]) twice."""

    title: str
    classes: tuple[str, ...]
    train: Arrays
    test: Arrays
    official: bool = False


def cifar10(directory: Path, archive: str | None = None) -> Source:
    """The official archive through torchvision, fetched where it is missing.

    Args:
        directory: holds, or will hold, `cifar-10-python.tar.gz` and what it unpacks to.
        archive: another URL or a local file to take the archive from.

    Raises:
        InputError: if it can neither be found nor fetched, or its checksums are wrong.
    """
    try:
        train = CIFAR10(directory, train=True)
    except RuntimeError:  # torchvision: files missing or checksums wrong
        _unpack_official(directory, archive)
        train = CIFAR10(directory, train=True)
    except (pickle.UnpicklingError, EOFError) as error:
        raise InputError(f"{directory} does not hold CIFAR-10: {error}.") from error
    test = CIFAR10(directory, train=False)
    arrays = [(np.ascontiguousarray(part.data), np.array(part.targets)) for part in (train, test)]
    official = CIFAR10.tgz_md5 == OFFICIAL_MD5
    return Source("CIFAR-10 (official)", tuple(train.classes), arrays[0], arrays[1], official)


def _unpack_official(directory: Path, archive: str | None) -> None:
    target = directory / CIFAR10.filename
    if archive is not None or not target.exists():
        _fetch_official(directory, archive)
    if not check_integrity(target, CIFAR10.tgz_md5):
        raise InputError(
            f"{target} is not the official archive (wrong md5): delete it and run again, "
            "or name a good copy with --archive."
        )
    try:
        # Not CIFAR10(download=True): that unpacks nothing where only batches.meta is damaged.
        extract_archive(target, directory)
        CIFAR10(directory)
    except RuntimeError as error:  # torchvision: a file's checksum is wrong
        raise InputError(
            f"{target} does not hold the official files (wrong md5): delete it and run again, "
            "or name a good copy with --archive."
        ) from error
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"{target} cannot be unpacked ({_first_line(error)}): see that {directory} "
            "can be written and has room, then run again."
        ) from error


def _fetch_official(directory: Path, archive: str | None) -> None:
    """Bring the archive into place whole or not at all."""
    url = archive or CIFAR10.url
    if "://" not in url:
        if not Path(url).is_file():
            raise InputError(f"--archive {url}: no such file.")
        url = Path(url).resolve().as_uri()
    with _scratch_folder(directory) as scratch:
        fetched = Path(scratch) / CIFAR10.filename
        try:
            # Not torchvision's download_url: it has no timeout and cannot read file: URLs.
            request = urllib.request.Request(url, headers={"User-Agent": "alexnet-bench"})
            with (
                urllib.request.urlopen(request, timeout=TIMEOUT) as reply,
                _progress_bar(reply) as shown,
                fetched.open("wb") as file,
            ):
                shutil.copyfileobj(shown, file)
            intact = check_integrity(fetched, CIFAR10.tgz_md5)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise InputError(
                f"CIFAR-10 is not in {directory} and {url} cannot be fetched "
                f"({_first_line(error)}). Three ways on: put {CIFAR10.filename} into {directory} "
                "or name it with --archive; train on your own images with --dataset folder "
                "--data-dir DIR; or try everything offline with --dataset digits."
            ) from error
        if not intact:
            raise InputError(
                f"{url} is cut short or not the official archive (wrong md5): nothing was kept. "
                "Fetch it again or name a good copy with --archive."
            )
        os.replace(fetched, directory / CIFAR10.filename)


def folder(directory: Path, archive: str | None = None) -> Source:
    """Images in `train/<class>/` and `test/<class>/`, PNG or JPEG, 32x32 pixels.

    Images come in the order of class and file name.

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
    train, test = (_read_images(directory / part, classes) for part in ("train", "test"))
    return Source(f"images in {directory.name}", tuple(classes), train, test)


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


def _read_images(directory: Path, classes: list[str]) -> Arrays:
    files, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(
            f for f in (directory / name).iterdir() if f.suffix.lower() in IMAGE_SUFFIXES
        )
        if not found:
            raise InputError(f"{directory / name} holds no .png or .jpg image.")
        files += found
        labels += [label] * len(found)
    with ThreadPoolExecutor() as pool:  # Pillow decodes outside the interpreter lock
        images = np.stack(list(pool.map(_read_image, files)))
    return images, np.array(labels)


def _read_image(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):  # Pillow would clip it at 255
                raise InputError(f"{path} has more than 8 bits a channel: convert it to 8 first.")
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} does not decode ({_first_line(error)}): replace or remove it."
        ) from error
    if pixels.shape != (SIDE, SIDE, 3):
        height, width = pixels.shape[:2]
        raise InputError(f"{path} is {width}x{height}: resize the images to {SIDE}x{SIDE} first.")
    return pixels


def digits(directory: Path, archive: str | None = None) -> Source:
    """scikit-learn's 1,797 handwritten 8x8 digits as 32x32 RGB, four fifths for training.

    Embedded in scikit-learn: needs no file and no network. The split is stratified and fixed.
    """
    bunch = load_digits()
    grey = torch.from_numpy(bunch.images[:, None] * (255 / 16)).float()
    large = torch.nn.functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear")
    images = large.round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
    rows = train_test_split(
        np.arange(len(images)), test_size=0.2, stratify=bunch.target, random_state=0
    )
    train, test = ((images[np.sort(part)], bunch.target[np.sort(part)]) for part in rows)
    classes = tuple(str(name) for name in bunch.target_names)
    return Source("digits (scikit-learn, 8x8 enlarged)", classes, train, test)


def _scratch_folder(directory: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=directory)
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}.") from error


def _progress_bar(reply: Any) -> AbstractContextManager[BinaryIO]:
    """The reply to a request, with a bar on standard error where that is a terminal."""
    console = Console(stderr=True)
    return wrap_file(
        reply,
        total=int(reply.headers.get("Content-Length", 0)),
        description="CIFAR-10",
        console=console,
        disable=not console.is_terminal,
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
