"""The stored run that a rule checks, and the comparison of its values with expected ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord, variant_of
from variants.spec import Variant

# Absolute. Another order of summation or version of scikit-learn may change the last digits.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class StoredRun:
    """A record with its path and its dataset.

    Attributes:
        path: path of `record.json`.
        record: the content of `record.json`.
        data: the dataset as split by the run's protocol, with labels and possibly with one-pixel
            placeholders for the images; None if the fingerprint is unknown.
    """

    path: Path
    record: RunRecord
    data: Dataset | None

    @property
    def variant(self) -> Variant:
        """The variant, built from the settings in the record."""
        return variant_of(self.record)

    @property
    def recipe(self) -> Protocol:
        """The protocol with the variant's own optimizer settings and batch size."""
        return self.record.protocol.with_overrides(self.record.settings)

    @property
    def has_images(self) -> bool:
        """Whether `data` has the images themselves, not placeholders."""
        return self.data is not None and self.data.train.images.shape[1] > 1

    def read_file(self, name: str) -> bytes | None:
        """Read a file in the run's folder; None if it is missing."""
        path = self.path.parent / name
        return path.read_bytes() if path.is_file() else None


def value_differences(
    expected: Any, recorded: Any, name: str, tolerance: float = TOLERANCE
) -> Iterator[str]:
    """Yield the differences between two nested values that are larger than rounding.

    Args:
        expected: the value that follows from the run's files.
        recorded: the value in the record.
        name: the name of the value in messages.
        tolerance: the largest absolute difference of floats that counts as rounding.
    """
    if isinstance(expected, dict) and isinstance(recorded, dict) and set(expected) == set(recorded):
        for key, value in expected.items():
            yield from value_differences(value, recorded[key], f"{name}.{key}", tolerance)
    elif (
        isinstance(expected, list) and isinstance(recorded, list) and len(expected) == len(recorded)
    ):
        for number, value in enumerate(expected):
            yield from value_differences(value, recorded[number], f"{name}[{number}]", tolerance)
    elif isinstance(expected, float) and isinstance(recorded, float):
        if not abs(expected - recorded) <= tolerance:
            yield f"{name}: {recorded} recorded, {expected} expected"
    elif type(expected) is not type(recorded) or expected != recorded:
        yield f"{name}: {recorded} recorded, {expected} expected"
