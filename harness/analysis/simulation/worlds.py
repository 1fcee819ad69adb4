"""Simulated worlds and the rates that are measured over them.

In each world the truth is known, the reported mean is that of two noisy runs, as in the paper, and
the functions that judge real runs are applied. Values are fractions; standard deviations and
effects are given in percentage points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.looks import FigureBySeed
from harness.protocol.decision import Decision

Array = NDArray[Any]

WORLDS = 40_000  # the standard error of a rate of 5 % is then 0.11 %
# Standard deviations of the accuracy over seeds, in points; the arms of a family take turns.
DEVIATIONS = (0.35, 0.25, 0.50)
N_REPORTED = 2  # reported runs
# Upper bound of every error rate of the plan.
MAX_ERROR_RATE = 0.054


class Kind(StrEnum):
    """What a rate is of, where a summary needs to know."""

    WRONG_OUTCOME = "a wrong outcome of the accuracy claim"
    UNEQUAL = "the same if the paper's runs vary more than ours"
    FALSE_POSITIVE = "any false positive among the contrasts"
    OTHER = "something else"


@dataclass(frozen=True)
class Rate:
    """A rate, or a mean number, over the simulated worlds.

    Attributes:
        what: description in words.
        value: fraction of the worlds; for units other than "%" the mean.
        low, high: required bounds, None if there is none.
        unit: in which `value` is displayed.
        kind: what it is of.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = "%"
    kind: Kind = Kind.OTHER

    def within_bounds(self, worlds: int) -> bool:
        """Whether the value is within its bounds; with fewer worlds than `WORLDS` these are
        widened by three standard errors."""
        slack = 0.0
        if worlds < WORLDS:
            slack = 3 * math.sqrt(max(self.value * (1 - self.value), 0.01) / worlds)
        low = -math.inf if self.low is None else self.low - slack
        high = math.inf if self.high is None else self.high + slack
        return low <= self.value <= high


def draw(source: np.random.Generator, shape: tuple[int, ...], sd: Any, rules: Decision) -> Array:
    """Draw runs [*shape, seeds of the last look] around zero, with `sd` in points."""
    return source.normal(0, sd, (*shape, rules.looks.seeds[-1])) / 100


def complete(values: Array, rules: Decision) -> FigureBySeed:
    """The figures of runs [..., seeds], all of which are present."""
    return FigureBySeed(values, np.ones(values.shape[-1], bool), rules.looks)
