"""Read the official CIFAR-10, checking the MD5 of every file; download it if it is missing."""

from __future__ import annotations

import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from rich.console import Console
from rich.progress import wrap_file
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity, extract_archive

from harness.data.source import RawDataset, first_line
from harness.errors import InputError

TIMEOUT = 60  # seconds without a byte


def read(directory: Path, archive: str | None = None) -> RawDataset:
    """Read the official files; if they are missing, download and unpack the archive.

    Args:
        directory: folder of `cifar-10-python.tar.gz` and of the files unpacked from it.
        archive: URL or local file of the archive; None for the official URL.

    Returns:
        The dataset, with images uint8 [N, 32, 32, 3] and labels int64 [N] in both splits.

    Raises:
        InputError: if a file differs from the official one, or the archive cannot be fetched.
    """
    try:
        train = CIFAR10(directory, train=True)
    except RuntimeError:  # torchvision: files missing or checksums wrong
        _raise_if_damaged(directory, archive)
        _unpack_official(directory, archive)
        train = CIFAR10(directory, train=True)
    test = CIFAR10(directory, train=False)
    arrays = [(np.ascontiguousarray(part.data), np.array(part.targets)) for part in (train, test)]
    return RawDataset(None, tuple(train.classes), arrays[0], arrays[1])


def _raise_if_damaged(directory: Path, archive: str | None) -> None:
    """Raise an error that names the wrong files of a complete set, rather than overwrite them."""
    meta = CIFAR10.meta["filename"], CIFAR10.meta["md5"]
    folder = directory / CIFAR10.base_folder
    md5s = {folder / name: md5 for name, md5 in (*CIFAR10.train_list, *CIFAR10.test_list, meta)}
    if not all(file.is_file() for file in md5s):
        return
    damaged = [str(file) for file, md5 in md5s.items() if not check_integrity(file, md5)]
    target = directory / CIFAR10.filename
    origin = archive or (target if target.exists() else CIFAR10.url)
    raise InputError(
        f"wrong MD5, not the official CIFAR-10: {', '.join(damaged)}. Put a good copy there, or "
        f"delete these files and run again to unpack them from {origin}."
    )


def _unpack_official(directory: Path, archive: str | None) -> None:
    target = directory / CIFAR10.filename
    if archive is not None or not target.exists():
        _fetch_official(directory, archive)
    if not check_integrity(target, CIFAR10.tgz_md5):
        raise InputError(
            f"{target} is not the official archive (wrong MD5): delete it and run again, "
            "or give a good copy with --archive."
        )
    folder = directory / CIFAR10.base_folder
    try:
        # Not CIFAR10(download=True): that unpacks nothing where only batches.meta is damaged, and
        # in place, where another process may read, or half a file be left.
        with _temporary_folder(directory) as temporary:
            extract_archive(target, temporary)
            CIFAR10(temporary)
            folder.mkdir(exist_ok=True)
            for file in (Path(temporary) / CIFAR10.base_folder).iterdir():
                os.replace(file, folder / file.name)
    except RuntimeError as error:  # torchvision: a file's checksum is wrong
        raise InputError(
            f"{target} does not hold the official files (wrong MD5): delete it and run again, "
            "or give a good copy with --archive."
        ) from error
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"{target} cannot be unpacked ({first_line(error)}): make sure that {directory} "
            "is writable and has free space, then run again."
        ) from error


def _fetch_official(directory: Path, archive: str | None) -> None:
    """Download or copy the archive into the folder, whole or not at all."""
    url = archive or CIFAR10.url
    if "://" not in url:
        if not Path(url).is_file():
            raise InputError(f"--archive {url}: there is no such file.")
        url = Path(url).resolve().as_uri()
    with _temporary_folder(directory) as temporary:
        fetched = Path(temporary) / CIFAR10.filename
        try:
            # Not torchvision's download_url: it has no timeout and cannot read file: URLs.
            request = urllib.request.Request(url, headers={"User-Agent": "alexnet-bench"})
            with (
                urllib.request.urlopen(request, timeout=TIMEOUT) as response,
                _progress_bar(response) as stream,
                fetched.open("wb") as file,
            ):
                shutil.copyfileobj(stream, file)
            intact = check_integrity(fetched, CIFAR10.tgz_md5)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise InputError(
                f"CIFAR-10 is not in {directory} and {url} cannot be fetched "
                f"({first_line(error)}). Put {CIFAR10.filename} into {directory} or give it with "
                "--archive; or train on your own images with --dataset folder --data-dir DIR; or "
                "try everything offline with --dataset digits."
            ) from error
        if not intact:
            raise InputError(
                f"{url} is truncated or not the official archive (wrong MD5); nothing was saved. "
                "Run again or give a good copy with --archive."
            )
        os.replace(fetched, directory / CIFAR10.filename)


def _temporary_folder(directory: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=directory)
    except OSError as error:
        raise InputError(f"{directory} cannot be written: {error.strerror}.") from error


def _progress_bar(response: Any) -> AbstractContextManager[BinaryIO]:
    """Wrap an HTTP response in a progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    return wrap_file(
        response,
        total=int(response.headers.get("Content-Length", 0)),
        description="CIFAR-10",
        console=console,
        disable=not console.is_terminal,
    )
