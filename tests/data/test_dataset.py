"""Datasets: fingerprint, loading and the fixed validation split and folds."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data.dataset import Dataset, Split, load
from harness.errors import InputError
from harness.protocol.presets import resolve
from tests.helpers.datasets import fingerprint_of

CLASSES = ("ant", "bee")

PER_CLASS = 5000

# SHA-256 of the held-out rows as little-endian int64, ascending. If a new scikit-learn splits
# differently, the protocol would no longer be evaluated on the images it was tuned on.
HELD_OUT = "94c35ab86631eac43ff57e95c7228084d5748badbf651e7d6bcaa6b9ae73cba6"


# The same for the first of five folds.
FIRST_FOLD = "900f8d79ccd43bf8066df19879b02b75775aa7a34a4a93215a6bf6c4bad8d012"

VALIDATION, _ = resolve("cifar10", validation=True)

FOLDS = [resolve("cifar10", fold=fold, folds=5)[0] for fold in range(5)]


def small(n: int, seed: int) -> Split:
    """Noise with labels 0 and 1."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.arange(n) % 2)


def small_data() -> Dataset:
    train, test = small(20, seed=0), small(10, seed=1)
    return Dataset("folder", "noise", CLASSES, train, test, fingerprint_of(train, test, CLASSES))


def other_pixel(data: Dataset) -> Dataset:
    images = data.test.images.clone()
    images[-1, -1, -1, -1] ^= 1
    return dataclasses.replace(data, test=Split(images, data.test.labels))


def other_training_pixel(data: Dataset) -> Dataset:
    images = data.train.images.clone()
    images[0, 0, 0, 0] ^= 1
    return dataclasses.replace(data, train=Split(images, data.train.labels))


def other_label(data: Dataset) -> Dataset:
    labels = data.train.labels.clone()
    labels[3] = 1 - labels[3]
    return dataclasses.replace(data, train=Split(data.train.images, labels))


def other_order(data: Dataset) -> Dataset:
    return dataclasses.replace(data, train=data.train.take(torch.arange(19, -1, -1)))


def other_parts(data: Dataset) -> Dataset:
    """The first test image becomes the last for training; the bytes keep their order."""
    train, test = data.train, data.test
    longer = Split(
        torch.cat([train.images, test.images[:1]]), torch.cat([train.labels, test.labels[:1]])
    )
    return dataclasses.replace(data, train=longer, test=test.take(torch.arange(1, 10)))


def other_shape(data: Dataset) -> Dataset:
    flat = Split(data.train.images.reshape(20, 16, 64, 3), data.train.labels)
    return dataclasses.replace(data, train=flat)


def other_class_name(data: Dataset) -> Dataset:
    return dataclasses.replace(data, classes=("ant", "wasp"))


def of(data: Dataset) -> str:
    return fingerprint_of(data.train, data.test, data.classes)


@pytest.mark.parametrize(
    "change",
    [
        other_pixel,
        other_training_pixel,
        other_label,
        other_order,
        other_parts,
        other_shape,
        other_class_name,
    ],
)
def test_the_fingerprint_changes_with(change: Callable[[Dataset], Dataset]) -> None:
    data = small_data()
    assert of(change(data)) != of(data)


def test_the_fingerprint_is_the_same_each_time() -> None:
    assert of(small_data()) == of(small_data())


def test_the_fingerprint_sees_content_and_not_memory_layout() -> None:
    data = small_data()
    images = data.train.images.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    assert not images.is_contiguous()
    assert of(dataclasses.replace(data, train=Split(images, data.train.labels))) == of(data)


def test_the_fingerprint_goes_along_to_another_device() -> None:
    data = small_data()
    moved = data.to(torch.device("meta"))
    assert moved.train.images.device.type == moved.test.labels.device.type == "meta"
    assert moved.fingerprint == data.fingerprint


def test_loading_digits_gives_the_fingerprint_of_what_was_loaded() -> None:
    data = load("digits", Path("unused"))
    assert data.fingerprint == of(data)
    assert data.fingerprint == load("digits", Path("elsewhere")).fingerprint


def test_loaded_data_have_the_one_form() -> None:
    data = load("digits", Path("unused"))
    assert (data.name, data.official) == ("digits", False)
    for split in (data.train, data.test):
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.images.shape == (len(split), 32, 32, 3)


@pytest.fixture(scope="module")
def numbered() -> Dataset:
    """50,000 one-pixel images of ten classes; a pixel holds the row's number and its split."""
    rows = torch.arange(10 * PER_CLASS)
    labels = rows % 10
    pixels = torch.stack([rows & 255, rows >> 8, torch.zeros_like(rows)], 1)
    train = Split(pixels.to(torch.uint8)[:, None, None], labels)
    test = Split(torch.full((10, 1, 1, 3), 255, dtype=torch.uint8), torch.arange(10))
    classes = tuple("abcdefghij")
    return Dataset(
        "cifar10", "numbered", classes, train, test, fingerprint_of(train, test, classes)
    )


def rows_of(split: Split) -> torch.Tensor:
    """Row numbers that the pixels hold."""
    pixels = split.images[:, 0, 0].long()
    return pixels[:, 0] + 256 * pixels[:, 1]


def test_validation_holds_a_tenth_out(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    assert (len(divided.train), len(divided.test)) == (45_000, 5_000)


def test_validation_holds_a_tenth_of_each_class_out(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    assert torch.bincount(divided.test.labels).tolist() == [500] * 10
    assert torch.bincount(divided.train.labels).tolist() == [4500] * 10


def test_each_training_image_is_in_one_part(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    rows = torch.cat([rows_of(divided.train), rows_of(divided.test)])
    assert torch.equal(rows.sort().values, torch.arange(50_000))


def test_labels_stay_with_their_images(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    for split in (divided.train, divided.test):
        assert torch.equal(split.labels, rows_of(split) % 10)


def test_no_test_image_is_left_after_validation(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    for split in (divided.train, divided.test):
        assert not (split.images[..., 2] == 255).any()


def test_the_held_out_rows_never_change(numbered: Dataset) -> None:
    held = rows_of(numbered.split_by(VALIDATION).test).numpy().astype("<i8")
    assert hashlib.sha256(held.tobytes()).hexdigest() == HELD_OUT


def test_the_held_out_rows_do_not_depend_on_global_randomness(numbered: Dataset) -> None:
    np.random.seed(1)
    first = rows_of(numbered.split_by(VALIDATION).test)
    np.random.seed(2)
    assert torch.equal(rows_of(numbered.split_by(VALIDATION).test), first)


def test_validation_keeps_the_name_of_the_whole(numbered: Dataset) -> None:
    divided = numbered.split_by(VALIDATION)
    assert divided.fingerprint == numbered.fingerprint
    assert (divided.name, divided.classes) == (numbered.name, numbered.classes)


def test_a_protocol_without_a_part_held_out_has_all_images(numbered: Dataset) -> None:
    assert numbered.split_by(resolve("cifar10")[0]) is numbered


def test_folds_share_no_image_and_are_all_training_images_together(numbered: Dataset) -> None:
    parts = [numbered.split_by(protocol) for protocol in FOLDS]
    held_out = torch.cat([rows_of(part.test) for part in parts])
    assert torch.equal(held_out.sort().values, torch.arange(50_000))
    for part in parts:
        assert torch.bincount(part.test.labels).tolist() == [1000] * 10
        rows = torch.cat([rows_of(part.train), rows_of(part.test)])
        assert torch.equal(rows.sort().values, torch.arange(50_000))
        assert not (part.test.images[..., 2] == 255).any()  # of the test images
        assert part.fingerprint == numbered.fingerprint


def test_the_rows_of_a_fold_never_change(numbered: Dataset) -> None:
    np.random.seed(1)
    held = rows_of(numbered.split_by(FOLDS[0]).test).numpy().astype("<i8")
    assert hashlib.sha256(held.tobytes()).hexdigest() == FIRST_FOLD


def test_channel_statistics_are_those_of_numpy() -> None:
    data = small_data()
    pixels = data.train.images.numpy().reshape(-1, 3).astype(np.float64)
    mean, deviation = data.channel_statistics
    np.testing.assert_allclose(mean, pixels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(deviation, pixels.std(0), rtol=1e-12)


def test_channel_statistics_do_not_depend_on_the_order_of_images() -> None:
    data = small_data()
    assert other_order(data).channel_statistics == data.channel_statistics


def test_channel_statistics_see_only_the_training_images() -> None:
    data = small_data()
    assert other_pixel(data).channel_statistics == data.channel_statistics
    assert other_training_pixel(data).channel_statistics != data.channel_statistics


def test_channel_statistics_of_validation_are_those_of_its_own_part(numbered: Dataset) -> None:
    whole, divided = numbered.channel_statistics, numbered.split_by(VALIDATION)
    wanted = divided.train.images.numpy().reshape(-1, 3).mean(0)
    np.testing.assert_allclose(divided.channel_statistics[0], wanted, rtol=1e-12)
    assert divided.channel_statistics != whole


def test_a_constant_channel_has_deviation_one() -> None:
    data = small_data()
    images = data.train.images.clone()
    images[..., 1] = 77
    flat = dataclasses.replace(data, train=Split(images, data.train.labels))
    mean, deviation = flat.channel_statistics
    assert (mean[1], deviation[1]) == (77.0, 1.0)


def test_a_missing_folder_is_an_error_and_not_digits(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        load("folder", tmp_path / "missing")


def test_an_unknown_dataset_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cifar10, folder, digits"):
        load("mnist", tmp_path)
