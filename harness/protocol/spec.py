"""The Protocol dataclass: how every variant of a dataset is trained and evaluated. No torch here.

Values that the paper leaves open come from its reference [1] (Krizhevsky, Sutskever,
Hinton 2012), adapted to 32x32 images only where they must be. `presets` has the values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.errors import InputError

PRECISIONS = ("fp32", "bf16")
# Fields that a variant may replace; None in a variant leaves the protocol's value.
OVERRIDES = ("learning_rate", "momentum", "weight_decay", "batch_size")
# For pydantic, which reads these dataclasses in records: a field that is not known is an error.
_STRICT = {"extra": "forbid", "strict": True}


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

    __pydantic_config__: ClassVar = _STRICT

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
    """How every variant is trained and evaluated on one dataset.

    Attributes:
        dataset: "cifar10", "folder" or "digits".
        epochs: passes over the training images.
        batch_size: images per step; the last step of an epoch takes what is left.
        precision: "fp32" (no TF32) or "bf16" (autocast; weights, optimizer and loss in fp32).
        learning_rate, momentum, weight_decay: of SGD (2012 paper, section 5).
        decay_at: fractions of the budget at which the learning rate is multiplied by
            `decay_factor`, for variants that decay.
        validation: train on 90 % of the training images and evaluate on the other 10 %; the test
            images are not used.
        fold, folds: train on all training images but fold `fold` of `folds` (counted from 0) and
            evaluate on that one; the test images are not used. None for no folds.
        evaluate_every_epoch: evaluate after each epoch, not only after the last.
        augmentation: what each name that a variant may use means on these images.
    """

    __pydantic_config__: ClassVar = _STRICT

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
    fold: int | None = None
    folds: int | None = None
    evaluate_every_epoch: bool = True
    augmentation: Mapping[str, Augmentation]

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(
                f"unknown precision {self.precision!r}: use {' or '.join(PRECISIONS)}."
            )
        if self.epochs < 1:
            raise InputError(f"--epochs is {self.epochs}: at least 1 is needed.")
        if (self.fold is None) != (self.folds is None):
            raise InputError("fold and folds are given together or not at all.")
        if self.fold is not None and self.folds is not None:
            if self.folds < 2 or not 0 <= self.fold < self.folds:
                raise InputError(f"there is no fold {self.fold} of {self.folds}.")
            if self.validation:
                raise InputError("a fold is a validation set of its own: leave out --validation.")

    @property
    def name(self) -> str:
        """Folder name: everything that an option can change."""
        part = "-validation" if self.validation else ""
        if self.fold is not None:
            part = f"-fold-{self.fold}-of-{self.folds}"
        return f"{self.epochs}-epochs-{self.precision}{part}"

    @property
    def split(self) -> str:
        """Which images the metrics are from: "test" or "validation" (also of a fold)."""
        return "validation" if self.validation or self.fold is not None else "test"

    def learning_rate_at(self, epoch: int, decay: bool) -> float:
        """Learning rate of an epoch, counted from 0."""
        steps = sum(epoch >= round(at * self.epochs) for at in self.decay_at)
        return self.learning_rate * self.decay_factor ** (steps if decay else 0)

    def with_overrides(self, settings: Mapping[str, Any]) -> Protocol:
        """The protocol with the values that a variant has of its own.

        Args:
            settings: of a variant, see `variants.spec.Variant.settings`.
        """
        own = {field: settings.get(field) for field in OVERRIDES}
        return dataclasses.replace(self, **{k: v for k, v in own.items() if v is not None})

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the record stores them."""
        return dataclasses.asdict(self)
