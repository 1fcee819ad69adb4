"""The training protocol of each dataset: every number that all variants share.

The paper states none of them; `harness.protocol.spec` says where they come from.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.errors import InputError
from harness.protocol import budget
from harness.protocol.spec import Augmentation, Protocol

NO_AUGMENTATION = Augmentation()

# The methods section names random crop and flip; the conclusion names rotation,
# translation, clipping, scaling and flipping. Strengths are stated nowhere.
NATURAL_IMAGES = {
    "none": NO_AUGMENTATION,
    "standard": Augmentation(padding=4, mirror=True),
    "geometric": Augmentation(
        padding=4, mirror=True, rotation=15.0, translation=0.1, scale=(0.9, 1.1)
    ),
}

# No mirroring: a mirrored digit is a different character. One pixel of the 8x8 original is four.
DIGITS = {
    "none": NO_AUGMENTATION,
    "standard": Augmentation(padding=2),
    "geometric": Augmentation(padding=2, rotation=10.0, translation=0.05, scale=(0.9, 1.1)),
}

# The one tuned number; see `harness.analysis.calibration`.
EPOCHS = budget.load().epochs

PROTOCOLS = {
    "cifar10": Protocol(dataset="cifar10", epochs=EPOCHS, augmentation=NATURAL_IMAGES),
    "folder": Protocol(dataset="folder", epochs=EPOCHS, augmentation=NATURAL_IMAGES),
    "digits": Protocol(
        dataset="digits",
        epochs=12,
        batch_size=32,
        precision="fp32",
        learning_rate=0.02,
        augmentation=DIGITS,
    ),
}


def resolve(dataset: str, **options: Any) -> tuple[Protocol, dict[str, Any]]:
    """Apply options to a dataset's standard protocol.

    Args:
        dataset: name of the dataset.
        options: Protocol fields; None keeps the standard value.

    Returns:
        The protocol, and {field: value} for every option that differs from the standard.

    Raises:
        InputError: if the dataset or a value is unknown.
    """
    if dataset not in PROTOCOLS:
        raise InputError(f"unknown dataset {dataset!r}. Known datasets: {', '.join(PROTOCOLS)}.")
    standard = PROTOCOLS[dataset]
    departures = {
        field: value
        for field, value in options.items()
        if value is not None and value != getattr(standard, field)
    }
    return dataclasses.replace(standard, **departures), departures
