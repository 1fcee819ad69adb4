"""Looks: the planned analyses, and which of them the runs of a variant allow. Pure.

Seeds are on the last axis of what goes in, looks on the last axis of what comes out; any axes
before them (simulated worlds, variants, classes) are worked on at once. Looks are numbered from 1
and 0 means none. For a single arm every answer is a scalar.
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
        values: [..., seeds of the last look]; NaN where a run failed and where there is none.
        started: whether there is a run, finished or failed; broadcasts to `values`.
        rules: the looks of the decision file.
    """

    values: Array
    started: Array
    rules: Looks

    @classmethod
    def from_figures(cls, by_seed: Mapping[int, ArrayLike | None], rules: Looks) -> FigureBySeed:
        """The runs of one arm; seeds beyond the last look are left out.

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
    def stack(cls, arms: Sequence[FigureBySeed]) -> FigureBySeed:
        """Arms of a family [arms, seeds], in the order given."""
        return cls(
            np.stack([arm.values for arm in arms]),
            np.stack([np.broadcast_to(arm.started, arm.values.shape) for arm in arms]),
            arms[0].rules,
        )

    @property
    def exists(self) -> Array:
        """Whether all seeds of each look have been run [..., looks]; a failed run counts."""
        return np.stack([self.started[..., :n].all(-1) for n in self.rules.seeds], -1)

    @property
    def failed(self) -> Array:
        """Number of failed runs among the seeds of each look [..., looks]."""
        failed = self.started & np.isnan(self.values)
        return np.stack([failed[..., :n].sum(-1) for n in self.rules.seeds], -1)

    @property
    def blocked(self) -> Array:
        """Whether a look exists and settles nothing, as too many of its runs failed."""
        allowed = self.rules.most_failed * np.array(self.rules.seeds)
        return np.asarray(self.exists & (self.failed > allowed))

    @property
    def usable(self) -> Array:
        """Whether a look exists and may settle something [..., looks]."""
        return np.asarray(self.exists & ~self.blocked)

    @property
    def latest(self) -> Any:
        """Number of the latest usable look."""
        return last(self.usable)

    def finished(self, look: int) -> Array:
        """Figures of the finished runs of a look, of a single arm; all that there are for 0.

        Returns:
            [..., finished], by seed.
        """
        values = self.values[..., : self.rules.seeds[look - 1]]
        return values[..., ~np.isnan(values).reshape(-1, values.shape[-1]).any(0)]


def first(settles: Array) -> Any:
    """Number of the first look that settles [..., looks]."""
    return np.where(settles.any(-1), settles.argmax(-1) + 1, 0)[()]


def last(usable: Array) -> Any:
    """Number of the last look that is usable [..., looks]."""
    return np.where(usable.any(-1), usable.shape[-1] - usable[..., ::-1].argmax(-1), 0)[()]


def at(values: Array, look: ArrayLike) -> Any:
    """What holds at a look, from values [..., looks]; NaN where there is none."""
    number = np.asarray(look)
    index = np.maximum(number - 1, 0)[..., None]
    return np.where(number > 0, np.take_along_axis(values, index, -1)[..., 0], np.nan)[()]


def choose(answers: Mapping[StrEnum, Array], otherwise: StrEnum) -> Any:
    """The answer whose condition [...] holds; `otherwise` where none does."""
    # Arrays of objects keep the members; numpy would make strings of them.
    words = [np.array(answer, object) for answer in answers]
    return np.select(list(answers.values()), words, np.array(otherwise, object))[()]


def at_looks(seeds: Sequence[int], usable: Array, test: Callable[[int, int], _Result]) -> _Result:
    """Results of a test at every look, on the last axis; NaN where the look is not usable.

    Args:
        seeds: numbers of seeds of the looks.
        usable: [..., looks].
        test: is given the number of seeds of a look, and its index.
    """
    results = [test(n, k) for k, n in enumerate(seeds)]
    fields = [np.where(usable, np.stack(each, -1), np.nan) for each in zip(*results, strict=True)]
    return type(results[0])(*fields)


def interval(found: Difference | Interval, look: Any) -> Interval:
    """Ends of an interval at a look, counted from 1; NaN where it is 0."""
    return Interval(at(found.low, look), at(found.high, look))
