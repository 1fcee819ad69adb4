"""Noise images, the augmentation of such images, and what was drawn for it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.protocol.presets import NATURAL_IMAGES
from harness.protocol.spec import Augmentation
from harness.training.augmentation import AugmentParams, PaddedImages

SIDE = 32

STANDARD = NATURAL_IMAGES["standard"]

GEOMETRIC = NATURAL_IMAGES["geometric"]

AFFINE_ONLY = dataclasses.replace(GEOMETRIC, padding=0, mirror=False)


def noise(n: int) -> Tensor:
    """uint8 [n, 32, 32, 3] without black pixels, so that black marks what was filled in."""
    g = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (n, SIDE, SIDE, 3), generator=g, dtype=torch.uint8)


def planes(images: Tensor) -> Tensor:
    """[N, H, W, 3] -> [N, 3, H, W], as torchvision has it."""
    return images.permute(0, 3, 1, 2)


def augmented(images: Tensor, spec: Augmentation, params: AugmentParams) -> Tensor:
    return PaddedImages(images, spec).batch(torch.arange(len(images)), params)


def inverse_of(angle: float, zoom: float) -> Tensor:
    """Source offset (y, x) of an output offset, for torchvision's angle (clockwise degrees)."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return torch.tensor([[cos, -sin], [sin, cos]]) / zoom


def angles_and_zooms(params: AugmentParams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`inverse_of` backwards, for all rows."""
    inverse = params.inverse.double()
    angles = torch.rad2deg(torch.atan2(inverse[:, 1, 0], inverse[:, 0, 0]))
    return angles.numpy(), (1 / torch.linalg.det(inverse).sqrt()).numpy()
