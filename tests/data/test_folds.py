"""Splits of a protocol: test set, validation set, folds."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
import torch

from harness.data.dataset import Dataset, Split
from harness.errors import InputError
from harness.protocol.presets import PROTOCOLS
from harness.protocol.spec import Protocol

STANDARD = PROTOCOLS["digits"]

FOLDS = 5

N, TEST = 203, 40  # 203 is no multiple of five or ten


def protocol(**changed: Any) -> Protocol:
    return dataclasses.replace(STANDARD, **changed)


@pytest.fixture(scope="module")
def numbered() -> Dataset:
    """Images whose color holds their number: training images red and green, test images blue."""

    def split(n: int, channel: int) -> Split:
        images = torch.zeros(n, 32, 32, 3, dtype=torch.uint8)
        images[..., channel] = torch.arange(1, n + 1, dtype=torch.uint8)[:, None, None]
        return Split(images, torch.arange(n) % 10)

    return Dataset("digits", "numbered", tuple("0123456789"), split(N, 0), split(TEST, 2), "ab")


def numbers(split: Split) -> list[int]:
    """Numbers of the training images in a split."""
    assert not split.images[..., 2].any(), "a test image"
    return (split.images[:, 0, 0, 0].long() - 1).tolist()


def by_class(split: Split) -> Counter[int]:
    return Counter(split.labels.tolist())


def folds_of(data: Dataset, folds: int = FOLDS) -> list[Dataset]:
    return [data.split_by(protocol(fold=fold, folds=folds)) for fold in range(folds)]


def test_folds_are_disjoint_and_together_everything(numbered: Dataset) -> None:
    held_out = [number for part in folds_of(numbered) for number in numbers(part.test)]
    assert sorted(held_out) == list(range(N))


def test_a_fold_is_trained_on_all_other_images(numbered: Dataset) -> None:
    for part in folds_of(numbered):
        assert sorted(numbers(part.train) + numbers(part.test)) == list(range(N))


@pytest.mark.parametrize("folds", [2, FOLDS, 10])
def test_folds_are_stratified(numbered: Dataset, folds: int) -> None:
    whole = by_class(numbered.train)
    for part in folds_of(numbered, folds):
        for label, count in by_class(part.test).items():
            assert abs(count - whole[label] / folds) <= 1
        assert len(part.test) in (N // folds, N // folds + 1)


def test_no_test_image_is_in_a_fold(numbered: Dataset) -> None:
    for part in folds_of(numbered):
        numbers(part.train), numbers(part.test)
        assert len(part.train) + len(part.test) == N


def test_folds_are_always_the_same_and_shuffled(numbered: Dataset) -> None:
    first, again = (numbers(folds_of(numbered)[0].test) for _ in range(2))
    assert first == again
    assert first != list(range(len(first)))


def test_labels_stay_with_their_images(numbered: Dataset) -> None:
    for part in folds_of(numbered):
        for split in (part.train, part.test):
            assert [number % 10 for number in numbers(split)] == split.labels.tolist()


def test_images_of_a_fold_keep_their_order(numbered: Dataset) -> None:
    part = folds_of(numbered)[0]
    for split in (part.train, part.test):
        assert numbers(split) == sorted(numbers(split))


def test_a_fold_says_of_which_data_it_is(numbered: Dataset) -> None:
    part = folds_of(numbered)[0]
    for field in ("name", "title", "classes", "fingerprint"):
        assert getattr(part, field) == getattr(numbered, field)


def test_statistics_are_those_of_the_images_trained_on(numbered: Dataset) -> None:
    assert numbered.channel_statistics  # of all images; a fold has its own
    for part in folds_of(numbered):
        means, _ = part.channel_statistics
        expected = part.train.images.double().mean((0, 1, 2)).tolist()
        assert means == pytest.approx(expected)


def test_the_validation_split_is_a_tenth_without_test_images(numbered: Dataset) -> None:
    part = numbered.split_by(protocol(validation=True))
    assert sorted(numbers(part.train) + numbers(part.test)) == list(range(N))
    assert len(part.test) == 21
    assert set(by_class(part.test)) == set(range(10))


def test_without_either_the_test_set_is_evaluated_on(numbered: Dataset) -> None:
    assert numbered.split_by(protocol()) is numbered


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fold": 0}, "given together"),
        ({"folds": 5}, "given together"),
        ({"fold": 5, "folds": 5}, "no fold 5 of 5"),
        ({"fold": -1, "folds": 5}, "no fold -1 of 5"),
        ({"fold": 0, "folds": 1}, "no fold 0 of 1"),
        ({"fold": 0, "folds": 5, "validation": True}, "leave out --validation"),
    ],
)
def test_a_fold_that_is_not_there_is_refused_in_one_line(
    changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        protocol(**changed)
    assert "\n" not in str(error.value)


def test_every_fold_has_a_folder_of_its_own() -> None:
    names = {protocol(fold=fold, folds=n).name for n in (2, 3) for fold in range(n)}
    names |= {protocol().name, protocol(validation=True).name}
    assert len(names) == 7
    assert protocol(fold=1, folds=3).name == "12-epochs-fp32-fold-1-of-3"


@pytest.mark.parametrize(
    ("changed", "split"),
    [({}, "test"), ({"validation": True}, "validation"), ({"fold": 0, "folds": 2}, "validation")],
)
def test_the_record_says_what_is_evaluated_on(changed: dict[str, Any], split: str) -> None:
    assert protocol(**changed).split == split


def test_folds_are_none_in_every_protocol() -> None:
    assert all((p.fold, p.folds) == (None, None) for p in PROTOCOLS.values())
    assert (STANDARD.to_dict()["fold"], STANDARD.to_dict()["folds"]) == (None, None)
