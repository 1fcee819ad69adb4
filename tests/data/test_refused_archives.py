"""Archives that cannot be fetched, read or written: a clear error and no files left."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision.datasets import CIFAR10

from harness.data import dataset
from harness.data.cifar10 import read
from harness.errors import InputError
from tests.helpers import cifar_archives as archives
from tests.helpers.cifar_archives import Archive, ArchiveServer
from tests.helpers.cifar_folders import ARCHIVE_NAME, KINDS, UNPACKED, altered, cut, refusal

pytestmark = pytest.mark.usefixtures("only_this_machine")


@pytest.mark.parametrize("damage", [altered, cut])
def test_a_damaged_download_is_refused(
    noise_archive: Archive,
    site: ArchiveServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[bytes], bytes],
) -> None:
    noise_archive.install(monkeypatch, site.offer(damage(noise_archive.packed)))
    message = refusal(tmp_path)
    assert CIFAR10.url in message
    assert "give a good copy with --archive" in message


@pytest.mark.parametrize("manner", ["cut", "cut chunks", "garbage"])
def test_a_broken_transfer_is_refused(
    noise_archive: Archive,
    site: ArchiveServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    manner: str,
) -> None:
    noise_archive.install(monkeypatch, site.offer(noise_archive.packed, manner))
    message = refusal(tmp_path)
    assert CIFAR10.url in message
    assert "--archive" in message


@pytest.mark.parametrize("damage", [altered, cut])
def test_a_damaged_local_archive_is_refused(
    official: Archive, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    copy = tmp_path / "copy.tar.gz"
    copy.write_bytes(damage(official.packed))
    directory = tmp_path / "data"
    directory.mkdir()
    message = refusal(directory, str(copy))
    assert str(copy) in message  # in full, also as the end of a file URL
    assert "give a good copy with --archive" in message


@pytest.mark.parametrize("damage", [altered, cut])
def test_a_damaged_archive_in_the_directory_is_refused(
    official: Archive, site: ArchiveServer, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    (tmp_path / ARCHIVE_NAME).write_bytes(damage(official.packed))
    message = refusal(tmp_path)
    assert str(tmp_path / ARCHIVE_NAME) in message
    assert "delete it and run again" in message
    assert not site.asked


def test_a_page_not_found_is_refused(
    noise_archive: Archive, site: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, f"{site.root}/moved/{ARCHIVE_NAME}")
    message = refusal(tmp_path)
    assert "404" in message
    assert "--archive" in message


def test_no_server_names_every_way_on(
    noise_archive: Archive, dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    message = refusal(tmp_path)
    assert dead_url in message
    for way in (str(tmp_path), "--archive", "--dataset folder", "--dataset digits"):
        assert way in message


@pytest.mark.parametrize("url", ["nonsense://127.0.0.1/x", "http://127.0.0.1:1/a b", "http://"])
def test_an_impossible_address_is_refused(official: Archive, tmp_path: Path, url: str) -> None:
    assert url in refusal(tmp_path, url)


def test_a_local_archive_that_is_not_there_is_refused(official: Archive, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.tar.gz")
    assert missing in refusal(tmp_path, missing)


@pytest.mark.parametrize("name", KINDS)
def test_wrong_files_in_a_right_archive_are_refused(
    noise_archive: Archive,
    site: ArchiveServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    wrong = dataclasses.replace(
        noise_archive, md5={**noise_archive.md5, name: archives.md5(b"another file")}
    )
    wrong.install(monkeypatch, site.offer(wrong.packed))
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert "--archive" in message
    assert "download=True" not in message  # torchvision's advice is no option of ours
    assert not (tmp_path / UNPACKED).exists()


def test_a_directory_that_cannot_be_made_is_refused(official: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file/data cannot be written"):
        read(tmp_path / "file" / "data")


def test_a_directory_that_cannot_be_written_is_refused(
    official: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)  # root may write anywhere: simulate
    assert str(tmp_path) in refusal(tmp_path)


def test_a_missing_archive_is_an_error_and_not_digits(
    noise_archive: Archive, dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    with pytest.raises(InputError, match="cannot be fetched"):
        dataset.load("cifar10", tmp_path)
