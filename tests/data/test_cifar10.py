"""Reading the official archive: exact images and labels, or a clear error and no files left."""

from __future__ import annotations

import dataclasses
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from harness.data import dataset
from harness.data.cifar10 import read
from harness.data.source import RawDataset
from harness.errors import InputError
from tests.helpers import cifar_archives as archives
from tests.helpers.cifar_archives import CLASSES, Archive, ArchiveServer

ARCHIVE_NAME = "cifar-10-python.tar.gz"

UNPACKED = "cifar-10-batches-py"

# A file of each kind: of training images, of test images, of class names.
KINDS = ("data_batch_3", "test_batch", "batches.meta")


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests from reaching another machine, even through a proxy."""
    ask = socket.getaddrinfo

    def guarded(host: str, *args: object, **kwargs: object) -> object:
        assert host == "127.0.0.1", f"a test asked for {host}"
        return ask(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="module")
def noise_archive() -> Archive:
    return archives.noise_archive()


@pytest.fixture
def site() -> Iterator[ArchiveServer]:
    with archives.archive_server() as served:
        yield served


@pytest.fixture
def dead_url() -> str:
    """A local address without a server."""
    with archives.archive_server() as served:
        return f"{served.root}/{ARCHIVE_NAME}"


@pytest.fixture
def official(
    noise_archive: Archive, site: ArchiveServer, monkeypatch: pytest.MonkeyPatch
) -> Archive:
    """A noise archive that torchvision takes for the official one, served at its address."""
    noise_archive.install(monkeypatch, site.offer(noise_archive.packed))
    return noise_archive


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


def test_downloaded_images_and_labels_are_those_packed(official: Archive, tmp_path: Path) -> None:
    assert_same(read(tmp_path / "new" / "folder"), official)


def test_downloaded_arrays_have_the_one_form(official: Archive, tmp_path: Path) -> None:
    source = read(tmp_path)
    for images, labels in (source.train, source.test):
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert images.shape == (len(labels), 32, 32, 3)
        assert images.flags.c_contiguous


def test_classes_are_the_official_ones(official: Archive, tmp_path: Path) -> None:
    assert read(tmp_path).classes == CLASSES


def test_other_images_are_not_called_official(official: Archive, tmp_path: Path) -> None:
    loaded = dataset.load("cifar10", tmp_path)
    assert not loaded.official
    assert "official" not in loaded.title


def test_load_hands_the_official_images_on(official: Archive, tmp_path: Path) -> None:
    loaded = dataset.load("cifar10", tmp_path)
    np.testing.assert_array_equal(loaded.train.images.numpy(), official.train[0])
    np.testing.assert_array_equal(loaded.test.labels.numpy(), official.test[1])


def test_a_download_leaves_only_the_archive_and_its_files(
    official: Archive, tmp_path: Path
) -> None:
    read(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [UNPACKED, ARCHIVE_NAME]
    assert (tmp_path / ARCHIVE_NAME).read_bytes() == official.packed


def test_a_second_call_needs_no_server(
    noise_archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with archives.archive_server() as served:
        noise_archive.install(monkeypatch, served.offer(noise_archive.packed))
        read(tmp_path)
        assert served.asked
    assert_same(read(tmp_path), noise_archive)


def test_an_archive_put_into_the_directory_needs_no_server(
    noise_archive: Archive, dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    (tmp_path / ARCHIVE_NAME).write_bytes(noise_archive.packed)
    assert_same(read(tmp_path), noise_archive)


@pytest.mark.parametrize("name", [ARCHIVE_NAME, "a copy, 100 % #1 of übung.bin"])
def test_archive_may_be_a_local_path(
    noise_archive: Archive,
    dead_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    (tmp_path / name).write_bytes(noise_archive.packed)
    assert_same(read(tmp_path / "data", str(tmp_path / name)), noise_archive)


def test_archive_may_be_a_file_url(
    noise_archive: Archive, dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    copy = tmp_path / "a copy"
    copy.write_bytes(noise_archive.packed)
    assert_same(read(tmp_path / "data", copy.as_uri()), noise_archive)


def test_archive_may_be_a_path_from_here(
    noise_archive: Archive, dead_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    (tmp_path / "copy").write_bytes(noise_archive.packed)
    monkeypatch.chdir(tmp_path)
    assert_same(read(Path("data"), "copy"), noise_archive)


def test_archive_may_be_another_url(
    noise_archive: Archive,
    site: ArchiveServer,
    dead_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise_archive.install(monkeypatch, dead_url)
    assert_same(read(tmp_path, site.offer(noise_archive.packed)), noise_archive)


def test_archive_replaces_a_damaged_one(official: Archive, tmp_path: Path) -> None:
    directory, copy = tmp_path / "data", tmp_path / "copy"
    directory.mkdir()
    (directory / ARCHIVE_NAME).write_bytes(cut(official.packed))
    copy.write_bytes(official.packed)
    assert_same(read(directory, str(copy)), official)


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_is_unpacked_again(official: Archive, tmp_path: Path, name: str) -> None:
    read(tmp_path)
    (tmp_path / UNPACKED / name).unlink()
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
