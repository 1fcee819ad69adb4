"""A dataset whose test images cannot be read, for commands that must not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from harness.data import dataset
from harness.data.dataset import Dataset


class Unreadable:
    """In the place of the test split: raises where anything of it is read."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the {name} of the test split are read")

    def __len__(self) -> int:
        raise AssertionError("the length of the test split is read")

    def to(self, device: object) -> Unreadable:
        return self


def forbid_test_images() -> None:
    """Let every dataset that this process loads have an unreadable test split."""
    load = dataset.load

    def load_without(
        name: str, directory: Path | None = None, archive: str | None = None
    ) -> Dataset:
        return dataclasses.replace(load(name, directory, archive), test=Unreadable())

    dataset.load = load_without
