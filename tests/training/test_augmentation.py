"""Augmentation: pixel for pixel what torchvision's transforms do."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional as vision

from harness.protocol.presets import NATURAL_IMAGES, NO_AUGMENTATION
from harness.protocol.spec import Augmentation
from harness.training.augmentation import AugmentParams, PaddedImages, sample_params
from tests.helpers.noise_images import (
    AFFINE_ONLY,
    GEOMETRIC,
    SIDE,
    STANDARD,
    angles_and_zooms,
    augmented,
    inverse_of,
    noise,
    planes,
)


def still(n: int) -> AugmentParams:
    """AugmentParams that leave images of no padding as they are."""
    return AugmentParams(
        crop=torch.zeros(n, 2, dtype=torch.int64),
        mirror=torch.zeros(n, dtype=torch.bool),
        inverse=torch.eye(2).repeat(n, 1, 1),
        shift=torch.zeros(n, 2),
    )


def crop_and_flip(image: Tensor, crop: Tensor, mirror: Tensor) -> Tensor:
    """torchvision's padding, crop and mirror of one image [3, 32, 32]."""
    top, left = crop.tolist()
    cut = vision.crop(vision.pad(image, [4]), top, left, SIDE, SIDE)
    return vision.hflip(cut) if mirror else cut


def test_crop_and_mirror_equal_torchvision_for_every_draw() -> None:
    # Every one of the 162 outcomes, in turn.
    every = torch.cartesian_prod(torch.arange(9), torch.arange(9), torch.arange(2))
    images = noise(len(every))
    params = dataclasses.replace(
        still(len(every)), crop=every[:, :2].contiguous(), mirror=every[:, 2].bool()
    )
    wanted = map(crop_and_flip, planes(images), params.crop, params.mirror)
    assert torch.equal(augmented(images, STANDARD, params), torch.stack(list(wanted)))


def test_rows_of_a_batch_follow_the_index() -> None:
    images, index = noise(50), torch.tensor([7, 0, 49, 7])
    params = sample_params(50, SIDE, GEOMETRIC, seed=0, epoch=0)
    whole = augmented(images, GEOMETRIC, params)
    assert torch.equal(PaddedImages(images, GEOMETRIC).batch(index, params), whole[index])


def test_a_crop_shows_black_beyond_the_image() -> None:
    params = dataclasses.replace(still(1), crop=torch.tensor([[0, 8]]))
    batch = augmented(noise(1), STANDARD, params)[0]
    black = (batch == 0).all(0)
    wanted = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    wanted[:4] = wanted[:, -4:] = True
    assert torch.equal(black, wanted)


def agreement(batch: Tensor, wanted: Tensor) -> float:
    """Share of pixels with the same colour."""
    return (batch == wanted).all(-3).float().mean().item()


@pytest.mark.parametrize("angle", [-90, -15, -7.3, 0, 4.1, 15, 45, 180])
@pytest.mark.parametrize("zoom", [0.93, 1.0, 1.07, 2.0])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, 3), (-2, 1)])
def test_the_affine_map_is_that_of_torchvision(
    angle: float, zoom: float, right: int, down: int
) -> None:
    images = noise(1)
    params = dataclasses.replace(
        still(1),
        inverse=inverse_of(angle, zoom)[None],
        shift=torch.tensor([[float(down), float(right)]]),
    )
    wanted = vision.affine(
        planes(images),
        angle,
        [right, down],
        zoom,
        [0.0],
        interpolation=transforms.InterpolationMode.NEAREST,
        fill=[0.0],
    )
    # Not all: where a source falls between two pixels, rounding decides. (No zoom of 1.1:
    # unturned, it puts whole rows there.)
    assert agreement(augmented(images, AFFINE_ONLY, params), wanted) >= 0.99


def test_drawn_affine_map_crop_and_mirror_are_applied_in_torchvisions_order() -> None:
    images = noise(50)
    params = sample_params(50, SIDE, GEOMETRIC, seed=0, epoch=0)
    wanted = []
    for i, (angle, zoom) in enumerate(zip(*angles_and_zooms(params), strict=True)):
        down, right = params.shift[i].tolist()
        turned = vision.affine(
            planes(images)[i], angle, [int(right), int(down)], zoom, [0.0], fill=[0.0]
        )
        wanted.append(crop_and_flip(turned, params.crop[i], params.mirror[i]))
    assert agreement(augmented(images, GEOMETRIC, params), torch.stack(wanted)) >= 0.99


def test_the_affine_map_shows_black_beyond_the_image() -> None:
    params = dataclasses.replace(still(1), shift=torch.tensor([[5.0, -2.0]]))
    black = (augmented(noise(1), AFFINE_ONLY, params)[0] == 0).all(0)
    wanted = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    wanted[:5] = wanted[:, -2:] = True
    assert torch.equal(black, wanted)


def test_without_mirror_nothing_is_mirrored() -> None:
    assert not sample_params(100, SIDE, Augmentation(padding=4), 0, 0).mirror.any()


def test_no_augmentation_leaves_images_untouched() -> None:
    images = noise(20)
    batch = augmented(images, NO_AUGMENTATION, sample_params(20, SIDE, NO_AUGMENTATION, 0, 0))
    assert torch.equal(batch, planes(images))


@pytest.mark.parametrize("spec", NATURAL_IMAGES.values(), ids=NATURAL_IMAGES)
def test_a_batch_is_uint8_and_channels_last(spec: Augmentation) -> None:
    batch = augmented(noise(20), spec, sample_params(20, SIDE, spec, 0, 0))
    assert (batch.dtype, batch.shape) == (torch.uint8, (20, 3, SIDE, SIDE))
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("spec", NATURAL_IMAGES.values(), ids=NATURAL_IMAGES)
def test_augmentation_leaves_the_stored_images_alone(spec: Augmentation) -> None:
    images = noise(20)
    before = images.clone()
    augmented(images, spec, sample_params(20, SIDE, spec, 0, 0)).zero_()
    assert torch.equal(images, before)
