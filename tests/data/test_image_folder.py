"""Reading image folders: order, and errors that name the file."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import dataset
from harness.data.image_folder import read
from harness.errors import InputError
from harness.integrity.reference_data import labels_only_dataset
from harness.protocol.datasets import JPEG_COPY
from tests.helpers.image_folders import write_image_folder
from tests.helpers.records import make_record


def refusal(directory: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(directory)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".PNG"])
def test_folder_images_come_in_order_of_class_and_name(tmp_path: Path, suffix: str) -> None:
    wanted = write_image_folder(tmp_path, suffix)
    source = read(tmp_path)
    assert source.classes == ("ant", "bee", "cow")
    for part in ("train", "test"):
        images, labels = getattr(source, part)
        np.testing.assert_array_equal(images, wanted[part][0])
        np.testing.assert_array_equal(labels, wanted[part][1])


@pytest.mark.skipif(
    not os.environ.get("ALEXNET_TEST_IMAGES"), reason="ALEXNET_TEST_IMAGES names no JPEG copy"
)
def test_the_jpeg_copy_of_cifar10_is_known() -> None:
    loaded = dataset.load("folder", Path(os.environ["ALEXNET_TEST_IMAGES"]))
    assert (loaded.fingerprint, loaded.title) == (JPEG_COPY.fingerprint, JPEG_COPY.title)
    assert not loaded.official
    known = labels_only_dataset(make_record(dataset=dataclasses.asdict(JPEG_COPY)).dataset)
    assert known is not None
    for part, expected in ((known.train, loaded.train), (known.test, loaded.test)):
        assert torch.equal(part.labels, expected.labels)


def test_folder_arrays_have_the_one_form(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    images, labels = read(tmp_path).train
    assert (images.shape, images.dtype) == ((12, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((12,), np.int64)


def test_a_folder_is_never_official(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    assert not dataset.load("folder", tmp_path).official


def test_the_same_images_in_another_folder_are_the_same_data(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "pics")
    shutil.copytree(tmp_path / "pics", tmp_path / "pics_on_node2")
    first, other = (dataset.load("folder", tmp_path / name) for name in ("pics", "pics_on_node2"))
    assert first.fingerprint == other.fingerprint
    assert first.title == other.title == f"own images {first.fingerprint[:12]}"


def test_files_that_are_no_images_are_passed_over(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / "README").write_text("not a class")
    assert len(read(tmp_path).train[1]) == 12


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA"])
def test_images_of_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    write_image_folder(tmp_path)
    file = tmp_path / "train" / "ant" / "0000.png"
    pixels = np.full((32, 32, 3), 255, np.uint8)
    pixels[:, :16] = 0
    Image.fromarray(pixels).convert(mode).save(file)
    np.testing.assert_array_equal(read(tmp_path).train[0][0], pixels)


def test_a_16_bit_image_is_refused(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    file = tmp_path / "train" / "ant" / "0000.png"
    Image.fromarray(np.full((32, 32), 1000, np.uint16)).save(file)
    assert str(file) in refusal(tmp_path)  # Pillow would turn it white


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    write_image_folder(tmp_path)
    shutil.rmtree(tmp_path / part)
    message = refusal(tmp_path)
    assert str(tmp_path / part) in message
    assert "--data-dir" in message


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_in_only_one_part_is_named(tmp_path: Path, part: str) -> None:
    write_image_folder(tmp_path)
    shutil.rmtree(tmp_path / part / "bee")
    message = refusal(tmp_path)
    assert str(tmp_path) in message
    assert "'bee'" in message


def test_one_class_is_too_few(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    for part in ("train", "test"):
        for name in ("ant", "bee"):
            shutil.rmtree(tmp_path / part / name)
    assert str(tmp_path / "train") in refusal(tmp_path)


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines"])
def test_a_class_name_that_cannot_be_printed_is_refused(tmp_path: Path, name: bytes) -> None:
    write_image_folder(tmp_path)
    for part in ("train", "test"):
        (tmp_path / part / "bee").rename(tmp_path / part / os.fsdecode(name))
    assert refusal(tmp_path).endswith("needs a printable name.")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_image_is_named(tmp_path: Path, suffix: str) -> None:
    write_image_folder(tmp_path, suffix)
    file = tmp_path / "test" / "cow" / f"0001{suffix}"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    message = refusal(tmp_path)
    assert str(file) in message
    assert "replace or remove it" in message


@pytest.mark.parametrize("content", [b"", b"not an image\n"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    write_image_folder(tmp_path)
    file = tmp_path / "train" / "bee" / "0002.png"
    file.write_bytes(content)
    assert str(file) in refusal(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(31, 32), (32, 33), (224, 224)])
def test_an_image_of_another_size_is_named(tmp_path: Path, width: int, height: int) -> None:
    write_image_folder(tmp_path)
    file = tmp_path / "train" / "bee" / "0002.png"
    Image.new("RGB", (width, height)).save(file)
    message = refusal(tmp_path)
    assert f"{file} is {width}x{height}" in message
    assert "resize" in message


def test_an_image_too_large_to_decode_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image_folder(tmp_path)
    file = tmp_path / "train" / "ant" / "0000.png"
    Image.new("RGB", (64, 64)).save(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 32)  # Pillow refuses twice as many
    assert str(file) in refusal(tmp_path)


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_class_folder_is_named(tmp_path: Path, part: str) -> None:
    write_image_folder(tmp_path)
    for file in (tmp_path / part / "bee").iterdir():
        file.unlink()
    assert str(tmp_path / part / "bee") in refusal(tmp_path)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    write_image_folder(tmp_path)
    link = tmp_path / "train" / "ant" / "0005.png"
    link.symlink_to(tmp_path / "nothing")
    assert str(link) in refusal(tmp_path)
