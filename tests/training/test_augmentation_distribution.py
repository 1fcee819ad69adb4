"""Augmentation: crops, mirrors and affine maps are distributed as by torchvision."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torchvision import transforms

from harness.training.augmentation import sample_params
from tests.helpers.noise_images import GEOMETRIC, SIDE, STANDARD, angles_and_zooms, augmented

# Below this a fixed-seed draw counts as of another distribution. Every p-value here is of
# a fixed seed: a test passes always or never.
P_LIMIT = 1e-3

MANY = 162 * 50  # samples: 50 for each outcome of crop and mirror


def position_image() -> Tensor:
    """uint8 [32, 32, 3]: red is the row and green the column, both counted from 1."""
    line = torch.arange(1, SIDE + 1, dtype=torch.uint8)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([rows, columns, rows], 2)


def outcomes(batch: Tensor) -> NDArray[np.int64]:
    """How often each (top, left, mirrored) was applied to `position_image`: counts [162]."""
    row, column = batch[:, :2, 16, 15].long().unbind(1)
    mirrored = (batch[:, 1, 16, 16] < batch[:, 1, 16, 15]).long()
    # Pixel (16, 15) of a crop is column 15 of the padded image, or 16 if mirrored.
    top, left = row + 3 - 16, column + 3 - 15 - mirrored
    assert ((top >= 0) & (top <= 8) & (left >= 0) & (left <= 8)).all()
    return torch.bincount((top * 9 + left) * 2 + mirrored, minlength=162).numpy()


def by_harness() -> NDArray[np.int64]:
    images = position_image().expand(MANY, -1, -1, -1)
    return outcomes(
        augmented(images, STANDARD, sample_params(MANY, SIDE, STANDARD, seed=0, epoch=0))
    )


def by_torchvision() -> NDArray[np.int64]:
    torch.manual_seed(0)
    both = transforms.Compose(
        [transforms.RandomCrop(SIDE, padding=4), transforms.RandomHorizontalFlip()]
    )
    image = position_image().permute(2, 0, 1)
    return outcomes(torch.stack([both(image) for _ in range(MANY)]))


@pytest.mark.parametrize("source", [by_harness, by_torchvision])
def test_every_crop_and_mirror_is_equally_likely(source: Callable[[], NDArray[np.int64]]) -> None:
    assert stats.chisquare(source()).pvalue > P_LIMIT


def test_half_of_all_images_are_mirrored() -> None:
    share = sample_params(100_000, SIDE, STANDARD, seed=0, epoch=0).mirror.float().mean().item()
    assert share == pytest.approx(0.5, abs=0.006)


def test_crops_and_mirrors_are_distributed_as_by_torchvision() -> None:
    table = np.stack([by_harness(), by_torchvision()])
    assert stats.chi2_contingency(table).pvalue > P_LIMIT


@dataclasses.dataclass(frozen=True)
class Affine:
    """Samples of an affine map's parameters, one row a draw."""

    angle: NDArray[np.float64]
    zoom: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]


@pytest.fixture(scope="module")
def ours() -> Affine:
    params = sample_params(5000, SIDE, GEOMETRIC, seed=0, epoch=0)
    angle, zoom = angles_and_zooms(params)
    down, right = params.shift.double().numpy().T
    return Affine(angle, zoom, right, down)


@pytest.fixture(scope="module")
def theirs() -> Affine:
    torch.manual_seed(0)
    spec = transforms.RandomAffine(
        degrees=GEOMETRIC.rotation, translate=[GEOMETRIC.translation] * 2, scale=GEOMETRIC.scale
    )
    rows = [
        spec.get_params(spec.degrees, spec.translate, spec.scale, None, [SIDE, SIDE])
        for _ in range(5000)
    ]
    angle, shift, zoom, _ = zip(*rows, strict=True)
    right, down = np.array(shift, dtype=np.float64).T
    return Affine(np.array(angle), np.array(zoom), right, down)


@pytest.mark.parametrize("name", ["angle", "zoom"])
def test_angle_and_zoom_are_distributed_as_by_torchvision(
    ours: Affine, theirs: Affine, name: str
) -> None:
    assert stats.ks_2samp(getattr(ours, name), getattr(theirs, name)).pvalue > P_LIMIT


@pytest.mark.parametrize("name", ["right", "down"])
def test_shifts_are_distributed_as_by_torchvision(ours: Affine, theirs: Affine, name: str) -> None:
    ours_counts, theirs_counts = (
        np.unique(getattr(x, name), return_counts=True) for x in (ours, theirs)
    )
    assert ours_counts[0].tolist() == theirs_counts[0].tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert stats.chi2_contingency(np.stack([ours_counts[1], theirs_counts[1]])).pvalue > P_LIMIT


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("angle", -GEOMETRIC.rotation, GEOMETRIC.rotation),
        ("zoom", *GEOMETRIC.scale),
    ],
)
def test_angle_and_zoom_fill_their_range(ours: Affine, name: str, low: float, high: float) -> None:
    values = getattr(ours, name)
    assert values.min() == pytest.approx(low, abs=(high - low) / 500)
    assert values.max() == pytest.approx(high, abs=(high - low) / 500)
    assert low - 1e-4 <= values.min() and values.max() <= high + 1e-4


def test_angle_zoom_shift_crop_and_mirror_are_drawn_independently(ours: Affine) -> None:
    params = sample_params(5000, SIDE, GEOMETRIC, seed=0, epoch=0)
    columns = [*dataclasses.astuple(ours), *params.crop.T.numpy(), params.mirror.numpy()]
    correlation = np.corrcoef(np.stack(columns).astype(np.float64)) - np.eye(7)
    assert np.abs(correlation).max() < 4.5 / math.sqrt(5000)  # in standard errors
