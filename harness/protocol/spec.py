"""The form of a protocol: what is fixed for every variant. The values stand in `protocols`.

Values that the paper leaves open come from its reference [1] (Krizhevsky, Sutskever,
Hinton 2012), adapted to 32x32 images only where they must be. No torch here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import InputError

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes to a training image, in this order: affine map, crop, mirror.

    Attributes:
        padding: black pixels around the image before a crop of its own size is cut.
        mirror: flip left to right with probability 1/2.
        rotation: degrees; the angle is uniform in [-rotation, rotation].
        translation: fraction of the side; whole pixels, uniform in both directions.
        scale: smallest and largest zoom, uniform.
    """

    padding: int = 0
    mirror: bool = False
    rotation: float = 0.0
    translation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    @property
    def affine(self) -> bool:
        """Whether rotation, translation or scaling is in use."""
        return self.rotation > 0 or self.translation > 0 or self.scale != (1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How every variant is trained and judged on one dataset.

    Attributes:
        dataset: "cifar10", "folder" or "digits".
        epochs: passes over the training images.
        batch_size: images a step; the last step of an epoch takes what is left.
        precision: "fp32" (no TF32) or "bf16" (autocast; weights, optimiser and loss in fp32).
        learning_rate, momentum, weight_decay: of SGD (2012 paper, section 5).
        decay_at: fractions of the budget at which the learning rate is multiplied by
            `decay_factor`, for variants that decay.
        validation: train on 90 % of the training images and judge on the other 10 %;
            the test images are not looked at.
        evaluate_every_epoch: record the curve, not only its last point.
        augmentation: what each name that a variant may use means on these images.
    """

    dataset: str
    epochs: int
    batch_size: int = 128
    precision: str = "bf16"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    decay_at: tuple[float, ...] = (0.6, 0.85)
    decay_factor: float = 0.1
    validation: bool = False
    evaluate_every_epoch: bool = True
    augmentation: Mapping[str, Augmentation]

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(
                f"unknown precision {self.precision!r}: use {' or '.join(PRECISIONS)}."
            )
        if self.epochs < 1:
            raise InputError(f"--epochs is {self.epochs}: at least 1 is needed.")

    @property
    def name(self) -> str:
        """Folder name: everything that an option can change."""
        return f"{self.epochs}-epochs-{self.precision}" + "-validation" * self.validation

    @property
    def split(self) -> str:
        """Which images the figures are from: "test" or "validation"."""
        return "validation" if self.validation else "test"

    def learning_rate_at(self, epoch: int, decay: bool) -> float:
        """Learning rate of an epoch, counted from 0. Nothing is carried between epochs."""
        steps = sum(epoch >= round(at * self.epochs) for at in self.decay_at)
        return self.learning_rate * self.decay_factor ** (steps if decay else 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the record stores them."""
        return dataclasses.asdict(self)
