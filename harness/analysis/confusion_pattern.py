"""Which classes are taken for which: two groups of confusion matrices compared. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class ConfusionTest:
    """An exact permutation test (Fisher 1935; Pitman 1937).

    Attributes:
        distance: share of a class's errors that would have to go to another class for the two
            patterns to agree, mean over classes; 0 to 1.
        p: share of all divisions of the runs into groups of these sizes that lie as far apart.
        critical: the least distance that would have been called a difference; None where
            the runs are too few for any to be.
        cells: (true class, taken for, of our errors, of theirs) where the shares of the class's
            errors differ most.
    """

    distance: float
    p: float
    critical: float | None
    cells: tuple[tuple[int, int, float, float], ...]


def permutation_test(
    ours: ArrayLike, reported: ArrayLike, alpha: float, shown: int = 3
) -> ConfusionTest:
    """Whether the errors of two groups of runs go to the same classes.

    Only how a class's errors are divided counts, not how many there are: recall is compared
    elsewhere. Under the hypothesis that all runs are alike, which of them are the reported ones
    is chance, so every choice of as many runs is compared with the rest.

    Args:
        ours: counts [S, classes, classes]; rows are true classes.
        reported: counts [R, classes, classes].
        alpha: below which p is called a difference.
        shown: number of cells to name.
    """
    x, y = np.asarray(ours, float), np.asarray(reported, float)
    runs = np.concatenate([y, x]) * (1 - np.eye(x.shape[-1]))
    chosen = np.array(list(itertools.combinations(range(len(runs)), len(y))))
    distances = _distances(runs, chosen)
    # The first choice is the reported runs themselves.
    distance = float(distances[0])
    p = float(np.mean(distances >= distance - 1e-12))
    allowed = int(np.floor(alpha * len(distances) + 1e-9))
    critical = float(np.sort(distances)[-allowed]) if allowed else None
    a, b = _shares(x.sum(0) * (1 - np.eye(x.shape[-1]))), _shares(runs[: len(y)].sum(0))
    largest = np.argsort(-np.abs(a - b), axis=None, kind="stable")[:shown]
    cells = tuple(
        (int(i), int(j), float(a[i, j]), float(b[i, j]))
        for i, j in zip(*np.unravel_index(largest, a.shape), strict=True)
    )
    return ConfusionTest(distance, p, critical, cells)


def _shares(errors: Array) -> Array:
    """Counts [..., C, C] as shares of each row; a row without errors is spread evenly."""
    total = errors.sum(-1, keepdims=True)
    size = errors.shape[-1]
    even = (1 - np.eye(size)) / (size - 1)
    shares: Array = np.where(total > 0, errors / np.maximum(total, 1), even)
    return shares


def _distances(runs: Array, chosen: Array) -> Array:
    """Mean total variation between chosen [choices, R] runs and the rest, for each choice."""
    whole = runs.sum(0)
    found = np.empty(len(chosen))
    for start in range(0, len(chosen), 256):  # a few megabytes at a time
        part = runs[chosen[start : start + 256]].sum(1)
        apart = np.abs(_shares(part) - _shares(whole - part)).sum(-1) / 2
        found[start : start + 256] = apart.mean(-1)
    return found
