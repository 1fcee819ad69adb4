"""Reading the official archive: exact images and labels, wherever it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data import dataset
from harness.data.cifar10 import read
from tests.helpers import cifar_archives as archives
from tests.helpers.cifar_archives import CLASSES, Archive, ArchiveServer
from tests.helpers.cifar_folders import ARCHIVE_NAME, UNPACKED, assert_same, cut

pytestmark = pytest.mark.usefixtures("only_this_machine")


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
