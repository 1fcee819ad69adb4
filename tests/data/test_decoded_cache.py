"""The cache of decoded images: used while the files are the same, and never if damaged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.data import decoded_cache, image_folder
from harness.data.image_folder import read
from harness.data.source import RawDataset
from tests.helpers.image_folders import write_image_folder


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of all images decoded during the test."""
    seen: list[str] = []
    decode = image_folder._decode_one

    def spy(path: str) -> object:
        seen.append(path)
        return decode(path)

    monkeypatch.setattr(image_folder, "_decode_one", spy)
    return seen


def copies(directory: Path) -> list[Path]:
    return list((directory / decoded_cache.FOLDER).iterdir())


def assert_same(first: RawDataset, other: RawDataset) -> None:
    assert first.fingerprint == other.fingerprint
    assert (first.title, first.classes) == (other.title, other.classes)
    for a, b in zip((*first.train, *first.test), (*other.train, *other.test), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_images_are_decoded_once(tmp_path: Path, decodings: list[str]) -> None:
    write_image_folder(tmp_path)
    first = read(tmp_path)
    assert len(decodings) == 18
    assert_same(read(tmp_path), first)
    assert len(decodings) == 18
    assert [path.stem for path in copies(tmp_path)] == [first.fingerprint]


def test_a_folder_that_was_moved_is_not_decoded_again(tmp_path: Path, decodings: list[str]) -> None:
    write_image_folder(tmp_path / "here")
    first = read(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert read(tmp_path / "there").fingerprint == first.fingerprint
    assert len(decodings) == 18


@pytest.mark.parametrize("change", ["rewritten", "added", "removed", "renamed", "other class"])
def test_a_change_of_the_files_is_seen(tmp_path: Path, change: str) -> None:
    write_image_folder(tmp_path)
    first = read(tmp_path)
    ant, bee = (tmp_path / "train" / name for name in ("ant", "bee"))
    file = ant / "0001.png"
    if change == "rewritten":
        stat = file.stat()
        pictures = [path.read_bytes() for path in (file, ant / "0002.png")]
        longest = max(map(len, pictures))
        file.write_bytes(
            pictures[0].ljust(longest, b"\0")
        )  # what follows a PNG's end is passed over
        first = read(tmp_path)
        file.write_bytes(pictures[1].ljust(longest, b"\0"))
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a careless copy would
    elif change == "added":
        (ant / "0009.png").write_bytes(file.read_bytes())
    elif change == "removed":
        file.unlink()
    elif change == "renamed":
        file.rename(ant / "0099.png")
    else:
        file.rename(bee / "0099.png")
    again = read(tmp_path)
    shutil.rmtree(tmp_path / decoded_cache.FOLDER)
    assert_same(again, read(tmp_path))
    assert again.fingerprint != first.fingerprint
    assert len(copies(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "text", "other name"])
def test_a_damaged_copy_is_not_used(tmp_path: Path, damage: str, decodings: list[str]) -> None:
    write_image_folder(tmp_path)
    first = read(tmp_path)
    (copy,) = copies(tmp_path)
    content = bytearray(copy.read_bytes())
    if damage == "flipped":
        content[-5000] ^= 1
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "empty":
        content = bytearray()
    elif damage == "text":
        content = bytearray(b"no tensors here\n")
    copy.write_bytes(content)
    if damage == "other name":
        copy.rename(copy.with_stem("0" * 64))
    assert_same(read(tmp_path), first)
    assert len(decodings) == 36
    assert [path.stem for path in copies(tmp_path)] == [first.fingerprint]
    read(tmp_path)
    assert len(decodings) == 36


def test_a_folder_has_one_copy_however_it_is_named(
    tmp_path: Path, decodings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image_folder(tmp_path)
    read(tmp_path)
    monkeypatch.chdir(tmp_path)
    read(Path())
    assert len(decodings) == 18


def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image_folder(tmp_path)
    (tmp_path / decoded_cache.FOLDER).write_text("in the way")  # root may write anywhere
    assert len(read(tmp_path).train[1]) == 12
    assert "the decoded images cannot be cached" in capsys.readouterr().err
