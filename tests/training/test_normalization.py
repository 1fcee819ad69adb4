"""Normalization: training images have mean 0 and deviation 1, as by torchvision."""

from __future__ import annotations

import torch
from torchvision.transforms import functional as vision

from harness.data.dataset import Dataset, Split
from harness.training.augmentation import Normalize
from tests.helpers.noise_images import noise, planes


def tinted() -> Dataset:
    """Noise whose three channels differ in mean and deviation."""
    images = (noise(100).float() * torch.tensor([0.9, 0.5, 0.2]) + 10).byte()
    split = Split(images, torch.zeros(100, dtype=torch.int64))
    return Dataset("folder", "noise", ("a", "b"), split, split, "")


def test_normalised_training_images_have_mean_0_and_deviation_1() -> None:
    data = tinted()
    normalise = Normalize(*data.channel_statistics, torch.device("cpu"))
    out = normalise(planes(data.train.images)).double()
    zeros, ones = torch.zeros(3).double(), torch.ones(3).double()
    torch.testing.assert_close(out.mean((0, 2, 3)), zeros, atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3), correction=0), ones, atol=1e-5, rtol=0)


def test_normalisation_is_that_of_torchvision() -> None:
    data = tinted()
    mean, deviation = data.channel_statistics
    images = planes(data.train.images)
    wanted = vision.normalize(
        images.float() / 255, [m / 255 for m in mean], [d / 255 for d in deviation]
    )
    out = Normalize(mean, deviation, torch.device("cpu"))(images)
    torch.testing.assert_close(out, wanted, atol=1e-5, rtol=1e-5)


def test_normalised_images_are_float32_and_channels_last() -> None:
    out = Normalize([1.0] * 3, [2.0] * 3, torch.device("cpu"))(planes(noise(4)))
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
