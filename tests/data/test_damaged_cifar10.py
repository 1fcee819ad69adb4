"""Damaged files of CIFAR-10: named on one line, and unpacked again once deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import extract_archive

from harness.data import cifar10
from harness.data.cifar10 import read
from tests.helpers.cifar_archives import Archive, ArchiveServer
from tests.helpers.cifar_folders import (
    ARCHIVE_NAME,
    KINDS,
    UNPACKED,
    altered,
    assert_same,
    cut,
    listing,
    refusal,
)

pytestmark = pytest.mark.usefixtures("only_this_machine")


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_is_unpacked_again(official: Archive, tmp_path: Path, name: str) -> None:
    read(tmp_path)
    (tmp_path / UNPACKED / name).unlink()
    assert_same(read(tmp_path), official)


@pytest.mark.parametrize("name", KINDS)
def test_unpacking_that_is_interrupted_leaves_no_half_file(
    official: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def interrupted(archive: Path, folder: str) -> None:
        extract_archive(archive, folder)
        os.truncate(Path(folder) / UNPACKED / name, 100)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cifar10, "extract_archive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(tmp_path)
    assert list(listing(tmp_path)) == [ARCHIVE_NAME]
    assert_same(read(tmp_path), official)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("damage", [altered, cut])
def test_a_damaged_file_is_named_and_unpacked_again_once_deleted(
    official: Archive,
    site: ArchiveServer,
    tmp_path: Path,
    name: str,
    damage: Callable[[bytes], bytes],
) -> None:
    read(tmp_path)
    site.asked.clear()
    file = tmp_path / UNPACKED / name
    file.write_bytes(damage(file.read_bytes()))
    message = refusal(tmp_path)
    assert f"{file}. Put a good copy there, or delete" in message
    assert message.endswith(f"to unpack them from {tmp_path / ARCHIVE_NAME}.")
    file.unlink()
    assert_same(read(tmp_path), official)
    assert not site.asked


def test_every_damaged_file_is_named(official: Archive, tmp_path: Path) -> None:
    read(tmp_path)
    files = [tmp_path / UNPACKED / name for name in KINDS]
    for file in files:
        file.write_bytes(b"another file")
    assert f": {', '.join(map(str, files))}. Put" in refusal(tmp_path)


def test_a_damaged_file_without_its_archive_fetches_nothing(
    official: Archive, site: ArchiveServer, tmp_path: Path
) -> None:
    read(tmp_path)
    site.asked.clear()
    (tmp_path / ARCHIVE_NAME).unlink()
    file = tmp_path / UNPACKED / "data_batch_3"
    file.write_bytes(altered(file.read_bytes()))
    assert refusal(tmp_path).endswith(f"to unpack them from {CIFAR10.url}.")
    assert refusal(tmp_path, "a copy").endswith("to unpack them from a copy.")
    assert not site.asked


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("command", [("data",), ("run", "--variant", "paper", "--device", "cpu")])
def test_commands_name_a_damaged_file_on_one_line(
    official: Archive,
    refused: Callable[..., str],
    tmp_path: Path,
    command: tuple[str, ...],
    name: str,
) -> None:
    directory = tmp_path / "images"
    read(directory)
    file = directory / UNPACKED / name
    file.write_bytes(altered(file.read_bytes()))
    before = listing(directory)
    assert f"wrong MD5, not the official CIFAR-10: {file}." in refused(
        *command, "--data-dir", str(directory)
    )
    assert listing(directory) == before
