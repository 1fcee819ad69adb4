"""The decision file: the analysis plan, fixed before the runs it applies to. No torch here."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from harness.protocol import rule_file
from harness.schema import StrictModel

FILE = Path(__file__).with_name("decision.toml")


class Looks(StrictModel):
    """The looks: seeds at each, its share of the error rate, and the fraction that may fail."""

    seeds: Annotated[list[PositiveInt], Field(min_length=1)]
    weights: list[float]
    most_failed: float

    @model_validator(mode="after")
    def _consistent(self) -> Looks:
        if len(self.seeds) != len(self.weights) or self.seeds != sorted(set(self.seeds)):
            raise ValueError("looks need ascending numbers of seeds and one weight each")
        if sum(self.weights) > 1:
            raise ValueError("the weights of the looks exceed 1")
        return self

    def seeds_of(self, look: int) -> int:
        """Number of seeds of a look, counted from 1; for 0 of the last look, which has all."""
        return self.seeds[look - 1] if look else self.seeds[-1]

    def allowed_failures(self, runs: int) -> float:
        """How many of an arm's runs may fail; where more did, the runs settle nothing."""
        return self.most_failed * runs


class Accuracy(StrictModel):
    """The accuracy claim: variant, margin, and the one-sided level at each look."""

    variant: str
    margin: float
    levels: list[float]


class Contrasts(StrictModel):
    """The family of ablation tests: each variant against the same reference."""

    against: str
    variants: list[str]
    alpha: float


class Ranges(StrictModel):
    """Thresholds for the claims about ranges and learning curves."""

    alpha: float
    wrong_way_confirms: float
    wrong_way_refutes: float
    gap_confirms: float
    gap_refutes: float


class Classes(StrictModel):
    """Level of the tests of classes and of the confusion pattern, at the last look."""

    alpha: float


class Budgets(StrictModel):
    """Epochs: candidates for the tuned budget, the reference, and the budget curve."""

    candidates: Annotated[list[PositiveInt], Field(min_length=1)]
    target: float
    calibration_seeds: PositiveInt
    reference: PositiveInt
    curve: list[PositiveInt]


class ResultsSet(StrictModel):
    """Which records may be analyzed together."""

    pool_device_types: Literal[False]


class Readings(StrictModel):
    """How close a reading must come to the paper's figures to fit them."""

    accuracy: float
    recall_distance: float


class Description(StrictModel):
    """Parameters of descriptive figures, which decide nothing."""

    level: float
    power: float
    expected_sd: float


class Decision(StrictModel):
    """The decision file, one field per section; `decision.toml` explains each value."""

    version: int
    looks: Looks
    accuracy: Accuracy
    contrasts: Contrasts
    ranges: Ranges
    classes: Classes
    budgets: Budgets
    results_set: ResultsSet
    readings: Readings
    description: Description

    @model_validator(mode="after")
    def _a_level_for_each_look(self) -> Decision:
        if len(self.accuracy.levels) != len(self.looks.seeds):
            raise ValueError("accuracy.levels needs one level per look")
        return self

    @property
    def planned_seeds(self) -> range:
        """Seeds that the analysis uses, up to the last look; the same for every variant."""
        return range(self.looks.seeds[-1])

    @property
    def variants(self) -> tuple[str, ...]:
        """Every variant that a verdict needs: of the accuracy claim and of the contrasts."""
        return tuple(dict.fromkeys([self.accuracy.variant, *self.contrasts.variants]))


@functools.cache
def load() -> Decision:
    """Load the package's decision file.

    Raises:
        InputError: if it cannot be read, or see `harness.protocol.rule_file.parse`.
    """
    return rule_file.load(Decision, FILE)


@functools.cache
def sha256() -> str:
    """SHA-256 of the file's bytes, as stored in records."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()
