"""Options of runs, and parsing of lists of seeds and variants. No torch here."""

from __future__ import annotations

import dataclasses
import operator
import re
from dataclasses import dataclass
from pathlib import Path
from typing import SupportsIndex

import variants
from harness.errors import InputError
from harness.protocol import datasets

MAX_SEED = 10**9 - 1


def whole_number(name: str, value: SupportsIndex) -> int:
    """A number from any caller as an int of Python's: numpy's are not.

    Raises:
        InputError: if it is none.
    """
    try:
        return int(operator.index(value))
    except TypeError as error:
        raise InputError(f"{name} is {value!r}: a whole number is needed.") from error


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run other than variant and seed.

    Attributes:
        dataset: "cifar10", "folder" or "digits".
        data_dir: folder of the dataset; None for $ALEXNET_DATA, else "data".
        archive: URL or file of the official archive; None for $ALEXNET_ARCHIVE, else
            torchvision's URL.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision, epochs: None for the protocol's values.
        validation: hold out a tenth of the training images and evaluate on it, not on the test
            images.
        results: the results folder.
        eager: see `RunSpec`.

    Raises:
        InputError: if a number or a choice is of another type.
    """

    dataset: str = "cifar10"
    data_dir: Path | None = None
    archive: str | None = None
    device: str = "auto"
    precision: str | None = None
    epochs: int | None = None
    validation: bool = False
    results: Path = Path("results")
    eager: bool = False

    def __post_init__(self) -> None:
        if self.epochs is not None:
            object.__setattr__(self, "epochs", whole_number("epochs", self.epochs))
        for name in ("validation", "eager"):
            if not isinstance(value := getattr(self, name), bool):
                raise InputError(f"{name} is {value!r}: give True or False.")

    def absolute(self) -> RunOptions:
        """Options that mean the same in any working folder and environment."""
        archive = datasets.archive_source(self.archive)
        if archive and "://" not in archive:
            archive = str(Path(archive).absolute())
        return dataclasses.replace(
            self,
            results=self.results.absolute(),
            data_dir=datasets.directory(self.data_dir).absolute(),
            archive=archive,
        )


def parse_seeds(text: str) -> list[int]:
    """Parse seeds such as "0-19,30": numbers and ranges.

    Returns:
        The seeds without duplicates, in the order of the text.

    Raises:
        InputError: if the text cannot be parsed, or a seed is above `MAX_SEED`.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,20})(?:-(\d{1,20}))?\s*", part, re.ASCII)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low <= high and high > MAX_SEED:
            raise InputError(f"seeds {text!r}: the largest is {MAX_SEED}.")
        if low > high or high - low >= 100_000:
            raise InputError(
                f"seeds {text!r} cannot be parsed: write numbers and ranges such as 0-19,30."
            )
        seeds.update(dict.fromkeys(range(low, high + 1)))
    return list(seeds)


def parse_variants(text: str) -> list[str]:
    """Parse variants such as "a,b", where a part may also be a family or "all".

    Returns:
        The names without duplicates, in the order of the text; they need not be registered.

    Raises:
        InputError: if a family has no variants.
    """
    groups = {"all": variants.names(), **{f: variants.names(f) for f in variants.FAMILIES}}
    parts = [part.strip() for part in text.split(",")]
    if "own" in parts and not groups["own"]:
        raise InputError("the family own has no variants: give your file with --variants-from.")
    return list(dict.fromkeys(name for part in parts for name in groups.get(part, [part])))
