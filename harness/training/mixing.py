"""Mixup and CutMix in batches on the device, and the random parameters of an epoch.

Weights and boxes of an epoch are sampled before it starts, one row per batch, from a generator on
the CPU, and each step reads its row from tensors: nothing waits for the host, and a CUDA graph
replays the step. The distributions are those of torchvision's v2 MixUp and CutMix, which use the
global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.training.augmentation import AugmentParams
from harness.training.seeding import derive


@dataclass(frozen=True)
class MixParams:
    """Parameters of one epoch's mixing, one row per batch.

    Attributes:
        weight: float32 [batches], share of each image and label that stays; the rest is the
            partner's.
        box: int64 [batches, 4], top, bottom, left and right of the box that CutMix pastes; bottom
            and right are exclusive.
    """

    weight: Tensor
    box: Tensor

    def to(self, device: torch.device) -> MixParams:
        """A copy on a device."""
        return MixParams(self.weight.to(device, copy=True), self.box.to(device, copy=True))

    def copy_(self, other: MixParams) -> None:
        """Copy another epoch's parameters into the tensors of this one."""
        self.weight.copy_(other.weight)
        self.box.copy_(other.box)

    def of_batch(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Weight [] and box [4] of a batch, whose number in the epoch is int64 [].

        `weight[batch]` would ask the host for a number without dimensions.
        """
        return self.weight.index_select(0, batch)[0], self.box.index_select(0, batch)[0]


@dataclass(frozen=True)
class EpochParams:
    """Everything random of one epoch but the dropout masks.

    Attributes:
        order: int64 [N], rows of the training images in the order of the epoch.
        augment: one row per image.
        mix: one row per batch.
    """

    order: Tensor
    augment: AugmentParams
    mix: MixParams

    def to(self, device: torch.device) -> EpochParams:
        """A copy on a device, whose tensors may be written to."""
        order = self.order.to(device, copy=True)
        return EpochParams(order, self.augment.to(device), self.mix.to(device))

    def copy_(self, other: EpochParams) -> None:
        """Copy another epoch's parameters into the tensors of this one."""
        self.order.copy_(other.order)
        self.augment.copy_(other.augment)
        self.mix.copy_(other.mix)


class Mixing:
    """Mix each image of a batch with a partner from the same batch, and their labels alike.

    The partner is the image before it in the batch. Since the order of an epoch is random, that is
    a random one.

    Args:
        kind: "none", "mixup" (Zhang et al. 2018) or "cutmix" (Yun et al. 2019).
        alpha: both parameters of the beta distribution of the weight.
    """

    def __init__(self, kind: str, alpha: float) -> None:
        self.active = kind != "none"
        self._alpha = alpha
        self._kind = kind

    def sample(self, batches: int, side: int, seed: int, epoch: int) -> MixParams:
        """Sample the parameters of one epoch, on the CPU.

        Args:
            batches: steps of the epoch.
            side: of the images, in pixels.
            seed, epoch: key of the generator.
        """
        rows = batches if self.active else 0
        source = np.random.default_rng(derive(seed, "mixing", epoch))
        weight = source.beta(self._alpha, self._alpha, rows)
        center = source.integers(0, side, (rows, 2))
        box = _boxes(weight, center, side)
        if self._kind == "cutmix":
            # The box is clipped at the edge of the image: what counts is what is left of it.
            area = (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2])
            weight = 1 - area / side**2
        return MixParams(torch.from_numpy(weight).float(), torch.from_numpy(box))

    def images(self, images: Tensor, params: MixParams, batch: Tensor) -> Tensor:
        """Mix the images of a batch.

        Args:
            images: float32 [B, C, H, W].
            params: of the epoch, on the same device.
            batch: int64 [], number of the batch in the epoch.
        """
        if not self.active:
            return images
        return _KINDS[self._kind](images, images.roll(1, 0), *params.of_batch(batch))

    def loss(self, logits: Tensor, labels: Tensor, params: MixParams, batch: Tensor) -> Tensor:
        """Mean cross-entropy (nats) of float32 logits [B, classes] for the mixed labels.

        Args:
            labels: int64 [B], of the images before they were mixed.
            params, batch: see `images`.
        """
        loss = F.cross_entropy(logits, labels)
        if not self.active:
            return loss
        weight, _ = params.of_batch(batch)
        return weight * loss + (1 - weight) * F.cross_entropy(logits, labels.roll(1, 0))


def _boxes(
    weight: np.ndarray[tuple[int], np.dtype[np.float64]],
    center: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    side: int,
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Boxes [rows, 4] of the area 1 - weight around the centers, clipped at the image's edge."""
    half = (0.5 * np.sqrt(1 - weight) * side).astype(np.int64)[:, None]
    low, high = np.maximum(center - half, 0), np.minimum(center + half, side)
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)


def _mixup(images: Tensor, partners: Tensor, weight: Tensor, box: Tensor) -> Tensor:
    return weight * images + (1 - weight) * partners


def _cutmix(images: Tensor, partners: Tensor, weight: Tensor, box: Tensor) -> Tensor:
    line = torch.arange(images.shape[-1], device=images.device)
    rows = (line >= box[0]) & (line < box[1])
    columns = (line >= box[2]) & (line < box[3])
    return torch.where(rows[:, None] & columns, partners, images)


_KINDS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "mixup": _mixup,
    "cutmix": _cutmix,
}
