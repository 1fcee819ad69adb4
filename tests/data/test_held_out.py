"""Which training images can be held out: enough of each class, or one line that says why not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from harness.data import held_out
from harness.data.dataset import Dataset, Split
from harness.errors import InputError
from harness.protocol.presets import resolve
from tests.helpers.datasets import noise_dataset

VALIDATION, _ = resolve("cifar10", validation=True)


def of_labels(labels: list[int]) -> Dataset:
    images = torch.zeros(len(labels), 32, 32, 3, dtype=torch.uint8)
    classes = tuple(f"class {i}" for i in range(max(labels) + 1))
    train = Split(images, torch.tensor(labels))
    return dataclasses.replace(noise_dataset(), train=train, classes=classes)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 0, 1], "class 'class 1' has 1 training image: to hold some out, at least 2"),
        ([0, 0, 2, 2], "class 'class 1' has 0 training images"),
        ([*range(20)] * 9, "a tenth of the training images, 18, is held out, fewer than the 20"),
    ],
)
def test_too_few_images_to_hold_some_out_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        held_out.require_images(of_labels(labels))


def test_what_is_not_refused_can_be_split() -> None:
    enough = of_labels([*range(20)] * 10)
    held_out.require_images(enough)
    assert set(enough.split_by(VALIDATION).test.labels.tolist()) == {*range(20)}
