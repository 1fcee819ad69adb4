"""Batched crop, mirror, affine map and normalization on the device.

Every random number of an epoch is drawn before it starts, one row per image, from generators
on the CPU: the same seed gives the same crops on any device, and no step waits for the host. The
distribution is that of torchvision's RandomAffine (nearest
neighbour, black fill), RandomCrop and RandomHorizontalFlip in that order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from harness.data.dataset import Dataset
from harness.protocol.spec import Augmentation
from harness.training.seeding import generator


@dataclass(frozen=True)
class AugmentParams:
    """Parameters of one epoch's augmentation, one row per training image.

    Attributes:
        crop: int64 [N, 2], top and left of the crop in the padded image, in pixels.
        mirror: bool [N].
        inverse: float32 [N, 2, 2], output offset from the centre -> source offset (y, x).
        shift: float32 [N, 2], whole pixels down and right.

    The last two have no rows if nothing is rotated, translated or scaled.
    """

    crop: Tensor
    mirror: Tensor
    inverse: Tensor
    shift: Tensor

    def to(self, device: torch.device) -> AugmentParams:
        """A copy on a device."""
        return AugmentParams(*(part.to(device, copy=True) for part in self._parts()))

    def copy_(self, other: AugmentParams) -> None:
        """Copy another epoch's parameters into the tensors of this one."""
        for part, new in zip(self._parts(), other._parts(), strict=True):
            part.copy_(new)

    def _parts(self) -> list[Tensor]:
        return [getattr(self, f.name) for f in fields(self)]


def sample_params(n: int, side: int, spec: Augmentation, seed: int, epoch: int) -> AugmentParams:
    """Sample the augmentation of `n` images of `side` pixels for one epoch, on the CPU."""
    crop = torch.randint(
        0, 2 * spec.padding + 1, (n, 2), generator=generator(seed, "augment.crop", epoch)
    )
    coin = torch.rand(n, generator=generator(seed, "augment.mirror", epoch))
    rows = n if spec.affine else 0
    u = torch.rand(rows, 4, generator=generator(seed, "augment.affine", epoch))
    angle = (u[:, 0] * 2 - 1) * math.radians(spec.rotation)
    low, high = spec.scale
    zoom = low + u[:, 1] * (high - low)
    first = torch.stack([torch.cos(angle), torch.sin(angle)], 1) / zoom[:, None]
    inverse = torch.stack([first, torch.stack([-first[:, 1], first[:, 0]], 1)], 1)
    shift = torch.round((u[:, 2:] * 2 - 1) * spec.translation * side)
    return AugmentParams(crop, (coin < 0.5) & spec.mirror, inverse, shift)


class PaddedImages:
    """Training images on the device, padded with black so that a crop is one gather.

    Args:
        images: uint8 [N, H, H, 3].
        spec: the augmentation that `batch` applies.
    """

    def __init__(self, images: Tensor, spec: Augmentation) -> None:
        self.spec = spec
        self.side = images.shape[1]
        # An affine map needs one black pixel to point at when it leaves the image.
        self.border = max(spec.padding, int(spec.affine))
        b = self.border
        # Channels stay last in memory: a pixel's three bytes are read together, and the
        # permuted batch is channels_last without a copy.
        self.padded = torch.nn.functional.pad(images, (0, 0, b, b, b, b))

    def batch(self, index: Tensor, params: AugmentParams) -> Tensor:
        """Augment a batch of images.

        Args:
            index: int64 [B], which images.
            params: this epoch's parameters for all images, on the same device.

        Returns:
            uint8 [B, 3, H, H] in channels_last memory format.
        """
        line = torch.arange(self.side, device=index.device)
        columns = torch.where(params.mirror[index, None], self.side - 1 - line, line)
        top, left = params.crop[index].T - self.spec.padding
        y = (line + top[:, None])[:, :, None]
        x = (columns + left[:, None])[:, None, :]
        if self.spec.affine:
            y, x = self._affine(y, x, params.inverse[index], params.shift[index])
        pixels = self.padded[index[:, None, None], y + self.border, x + self.border]
        return pixels.permute(0, 3, 1, 2)

    def _affine(
        self, y: Tensor, x: Tensor, inverse: Tensor, shift: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Source pixel of each output pixel; (-1, -1), which is black, if outside the image."""
        centre = (self.side - 1) / 2
        framed = self._inside(y, x)
        dy = (y - centre - shift[:, 0, None, None])[..., None]
        dx = (x - centre - shift[:, 1, None, None])[..., None]
        offset = dy * inverse[:, None, None, :, 0] + dx * inverse[:, None, None, :, 1]
        sy, sx = torch.round(offset + centre).long().unbind(-1)
        kept = framed & self._inside(sy, sx)
        return torch.where(kept, sy, -1), torch.where(kept, sx, -1)

    def _inside(self, y: Tensor, x: Tensor) -> Tensor:
        return (y >= 0) & (y < self.side) & (x >= 0) & (x < self.side)


_PIXEL_SCALINGS: dict[str, Callable[[Dataset], tuple[list[float], list[float]]]] = {
    "standardize": lambda data: data.channel_statistics,
    "unit": lambda data: ([0.0] * 3, [255.0] * 3),
}


def pixel_scaling(name: str, data: Dataset) -> tuple[list[float], list[float]]:
    """What is subtracted from the pixels (0 to 255) of each channel, and what divides them.

    Args:
        name: "standardize" or "unit", see `variants.spec.Variant`.
        data: as split by the protocol: only the images trained on count.
    """
    return _PIXEL_SCALINGS[name](data)


class Normalize:
    """Map uint8 pixels to float32, (x - mean) / std for each color channel.

    Args:
        mean, std: per channel, in gray levels (0 to 255).
        device: where the images will be.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        self.mean = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self.inverse_std = (1 / torch.tensor(std, device=device)).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        """Map uint8 [B, 3, H, W] to float32 [B, 3, H, W], keeping the memory format."""
        return (images.float() - self.mean) * self.inverse_std
