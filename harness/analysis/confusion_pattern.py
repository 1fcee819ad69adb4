"""Permutation test for differences between two groups of confusion matrices. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class ConfusionTest:
    """Result of an exact permutation test (Fisher 1935; Pitman 1937).

    Attributes:
        distance: fraction of a class's errors that would have to go to another class for the two
            patterns to agree, mean over classes; 0 to 1.
        p: fraction of all divisions of the runs into groups of these sizes with at least this
            distance.
        critical: the smallest distance that is significant; None if there are too few runs.
        cells: (true class, predicted class, fraction of our errors of the true class, of the
            reported ones) of the cells that differ most.
    """

    distance: float
    p: float
    critical: float | None
    cells: tuple[tuple[int, int, float, float], ...]


def permutation_test(
    ours: ArrayLike, reported: ArrayLike, alpha: float, shown: int = 3
) -> ConfusionTest:
    """Test whether the errors of two groups of runs go to the same classes.

    Only the distribution of a class's errors over the other classes counts, not their number:
    recall is compared elsewhere. Under the null hypothesis the runs are exchangeable, so every
    choice of R runs is compared with the rest.

    Args:
        ours: counts [S, classes, classes]; rows are true classes.
        reported: counts [R, classes, classes].
        alpha: level of the test.
        shown: number of cells to return.
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
    """Counts [..., C, C] as fractions of each row; a row without errors is uniform."""
    total = errors.sum(-1, keepdims=True)
    size = errors.shape[-1]
    even = (1 - np.eye(size)) / (size - 1)
    shares: Array = np.where(total > 0, errors / np.maximum(total, 1), even)
    return shares


def _distances(runs: Array, chosen: Array) -> Array:
    """Mean total variation between chosen runs and the rest, for each choice.

    Args:
        runs: counts [S + R, C, C], zero on the diagonal.
        chosen: indices of the runs [choices, R].

    Returns:
        [choices].
    """
    total = runs.sum(0)
    distances = np.empty(len(chosen))
    for start in range(0, len(chosen), 256):  # a few megabytes at a time
        part = runs[chosen[start : start + 256]].sum(1)
        by_class = np.abs(_shares(part) - _shares(total - part)).sum(-1) / 2
        distances[start : start + 256] = by_class.mean(-1)
    return distances
