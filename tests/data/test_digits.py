"""Reading scikit-learn's digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.data.digits import read
from harness.data.source import RawDataset


@pytest.fixture(scope="module")
def digits() -> RawDataset:
    return read(Path("unused"))


def test_digits_are_four_fifths_for_training(digits: RawDataset) -> None:
    assert (len(digits.train[1]), len(digits.test[1])) == (1437, 360)


def test_digits_have_the_one_form(digits: RawDataset) -> None:
    for images, labels in (digits.train, digits.test):
        assert (images.shape, images.dtype) == ((len(labels), 32, 32, 3), np.uint8)


def test_digits_use_the_whole_range_of_grey(digits: RawDataset) -> None:
    assert (digits.train[0].min(), digits.train[0].max()) == (0, 255)


def test_every_digit_is_in_both_parts(digits: RawDataset) -> None:
    assert digits.classes == tuple("0123456789")
    for _, labels in (digits.train, digits.test):
        assert set(labels.tolist()) == set(range(10))


def test_digits_are_the_same_each_time(digits: RawDataset) -> None:
    again = read(Path("elsewhere"))
    for part in ("train", "test"):
        for first, second in zip(getattr(digits, part), getattr(again, part), strict=True):
            np.testing.assert_array_equal(first, second)


def test_no_digit_is_in_both_parts(digits: RawDataset) -> None:
    whole = np.concatenate([digits.train[0], digits.test[0]]).reshape(1797, -1)
    assert len(np.unique(whole, axis=0)) == 1797


def test_digits_leave_the_directory_alone(tmp_path: Path) -> None:
    read(tmp_path)
    assert not list(tmp_path.iterdir())
