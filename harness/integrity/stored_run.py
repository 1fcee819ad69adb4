"""What a rule is given, and how figures are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.dataset import Dataset
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord, variant_of
from variants.spec import Variant

# Sums in another order, or another version of scikit-learn, may change the last digits.
CLOSE = 1e-6


@dataclass(frozen=True)
class StoredRun:
    """One record as it lies in the results folder.

    Attributes:
        path: of `record.json`; results: the folder that was asked about.
        record: its content.
        data: labels and sizes of its dataset as split by its protocol (the images may be
            stand-ins of one pixel), None where the fingerprint is not known here.
    """

    path: Path
    results: Path
    record: RunRecord
    data: Dataset | None

    @property
    def variant(self) -> Variant:
        """The variant as the record has it."""
        return variant_of(self.record)

    @property
    def recipe(self) -> Protocol:
        """The protocol with the variant's own optimizer settings and batch size."""
        return self.record.protocol.with_overrides(self.record.settings)

    @property
    def has_images(self) -> bool:
        """Whether `data` has the images themselves, not stand-ins."""
        return self.data is not None and self.data.train.images.shape[1] > 1

    def beside(self, name: str) -> bytes | None:
        """Content of a file of the run, None where it is missing."""
        path = self.path.parent / name
        return path.read_bytes() if path.is_file() else None


def value_differences(expected: Any, found: Any, place: str, close: float = CLOSE) -> Iterator[str]:
    """Where two nested values differ by more than rounding."""
    if isinstance(expected, dict) and isinstance(found, dict) and set(expected) == set(found):
        for key, value in expected.items():
            yield from value_differences(value, found[key], f"{place}.{key}", close)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, value in enumerate(expected):
            yield from value_differences(value, found[number], f"{place}[{number}]", close)
    elif isinstance(expected, float) and isinstance(found, float):
        if not abs(expected - found) <= close:
            yield f"{place}: {found} recorded, {expected} follows"
    elif type(expected) is not type(found) or expected != found:
        yield f"{place}: {found} recorded, {expected} follows"
