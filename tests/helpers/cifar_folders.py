"""Folders with the files of CIFAR-10: damage them, and compare what is read with what is packed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data.cifar10 import read
from harness.data.source import RawDataset
from harness.errors import InputError
from tests.helpers import cifar_archives as archives
from tests.helpers.cifar_archives import Archive

ARCHIVE_NAME = "cifar-10-python.tar.gz"

UNPACKED = "cifar-10-batches-py"

# A file of each kind: of training images, of test images, of class names.
KINDS = ("data_batch_3", "test_batch", "batches.meta")


def assert_same(source: RawDataset, archive: Archive) -> None:
    for actual, expected in ((source.train, archive.train), (source.test, archive.test)):
        np.testing.assert_array_equal(actual[0], expected[0])
        np.testing.assert_array_equal(actual[1], expected[1])


def listing(directory: Path) -> dict[str, str | None]:
    """MD5 of every file below a folder; None for folders."""
    return {
        str(p.relative_to(directory)): archives.md5(p.read_bytes()) if p.is_file() else None
        for p in directory.rglob("*")
    }


def refusal(directory: Path, archive: str | None = None) -> str:
    """Error message of `read`: one line; the directory must be unchanged."""
    before = listing(directory)
    with pytest.raises(InputError) as caught:
        read(directory, archive)
    assert listing(directory) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def altered(packed: bytes) -> bytes:
    """Flip one bit in the middle."""
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 1]) + packed[middle + 1 :]


def cut(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]
