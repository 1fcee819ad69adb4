"""Interim looks: the planned analyses, and which of them are complete and usable. Pure.

Functions take arrays with seeds on the last axis and return arrays with looks on the last axis;
leading axes (simulated worlds, variants, classes) are vectorized. Looks are numbered from 1, and
0 means none. For a single variant every result is a scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.analysis.stats import Difference, Interval
from harness.protocol.decision import Looks

Array = NDArray[Any]

_Result = TypeVar("_Result", Difference, Interval)


@dataclass(frozen=True)
class FigureBySeed:
    """One figure of each run of a variant, by seed.

    Attributes:
        values: [..., seeds of the last look]; NaN for a failed and for a missing run.
        started: whether there is a run, finished or failed; bool, broadcasts to `values`.
        rules: the looks of the decision file.
    """

    values: Array
    started: Array
    rules: Looks

    @classmethod
    def from_figures(cls, by_seed: Mapping[int, ArrayLike | None], rules: Looks) -> FigureBySeed:
        """Figures of the runs of one variant; seeds beyond the last look are left out.

        Args:
            by_seed: the figure of each run, or several [figures], which are then on the axis
                before the seeds; None where the run failed.
            rules: the looks of the decision file.
        """
        planned = {s: v for s, v in by_seed.items() if s in range(rules.seeds[-1])}
        shape = next((np.shape(v) for v in planned.values() if v is not None), ())
        values = np.full((*shape, rules.seeds[-1]), np.nan)
        started = np.zeros(rules.seeds[-1], bool)
        for seed, figure in planned.items():
            started[seed] = True
            if figure is not None:
                values[..., seed] = figure
        return cls(values, started, rules)

    @classmethod
    def stack(cls, variants: Sequence[FigureBySeed]) -> FigureBySeed:
        """Stack variants along a new first axis [variants, ..., seeds]."""
        return cls(
            np.stack([runs.values for runs in variants]),
            np.stack([np.broadcast_to(runs.started, runs.values.shape) for runs in variants]),
            variants[0].rules,
        )

    @property
    def complete(self) -> Array:
        """Whether all seeds of each look have been run [..., looks]; a failed run counts."""
        return np.stack([self.started[..., :n].all(-1) for n in self.rules.seeds], -1)

    @property
    def failed(self) -> Array:
        """Number of failed runs among the seeds of each look [..., looks]."""
        failed = self.started & np.isnan(self.values)
        return np.stack([failed[..., :n].sum(-1) for n in self.rules.seeds], -1)

    @property
    def blocked(self) -> Array:
        """Whether each look is complete, but too many of its runs failed [..., looks]."""
        allowed = np.array([self.rules.allowed_failures(n) for n in self.rules.seeds])
        return np.asarray(self.complete & (self.failed > allowed))

    @property
    def usable(self) -> Array:
        """Whether each look is complete and not blocked [..., looks]."""
        return np.asarray(self.complete & ~self.blocked)

    @property
    def latest(self) -> Any:
        """Number of the latest usable look [...], 0 if there is none."""
        return last(self.usable)

    def finished(self, look: int) -> Array:
        """Figures of the finished runs of one look, for a single variant.

        Args:
            look: number of the look; 0 for all runs.

        Returns:
            [..., finished], by seed.
        """
        values = self.values[..., : self.rules.seeds_of(look)]
        return values[..., ~np.isnan(values).reshape(-1, values.shape[-1]).any(0)]


def first(settles: Array) -> Any:
    """Number of the first look that is true in [..., looks], 0 if none is."""
    return np.where(settles.any(-1), settles.argmax(-1) + 1, 0)[()]


def last(usable: Array) -> Any:
    """Number of the last look that is true in [..., looks], 0 if none is."""
    return np.where(usable.any(-1), usable.shape[-1] - usable[..., ::-1].argmax(-1), 0)[()]


def at(values: Array, look: ArrayLike) -> Any:
    """Select the value at a look.

    Args:
        values: [..., looks].
        look: number of the look [...].

    Returns:
        [...]; NaN where `look` is 0.
    """
    number = np.asarray(look)
    index = np.maximum(number - 1, 0)[..., None]
    return np.where(number > 0, np.take_along_axis(values, index, -1)[..., 0], np.nan)[()]


def choose(conditions: Mapping[StrEnum, Array], otherwise: StrEnum) -> Any:
    """Select the member whose condition [...] holds; `otherwise` where none does."""
    # Arrays of objects keep the enum members; numpy would convert them to strings.
    members = [np.array(member, object) for member in conditions]
    return np.select(list(conditions.values()), members, np.array(otherwise, object))[()]


def at_looks(seeds: Sequence[int], usable: Array, test: Callable[[int, int], _Result]) -> _Result:
    """Apply a test at every look.

    Args:
        seeds: number of seeds of each look.
        usable: [..., looks].
        test: called with the number of seeds of a look and its index from 0; fields [...].

    Returns:
        Fields [..., looks]; NaN where the look is not usable.
    """
    results = [test(n, k) for k, n in enumerate(seeds)]
    fields = [np.where(usable, np.stack(each, -1), np.nan) for each in zip(*results, strict=True)]
    return type(results[0])(*fields)


def interval(at_every_look: Difference | Interval, look: Any) -> Interval:
    """Ends of an interval at a look, see `at`."""
    return Interval(at(at_every_look.low, look), at(at_every_look.high, look))
