"""Coverage of the intervals of a cross-validation, measured by simulation.

In each world a learner is cross-validated on images drawn from two Gaussian classes. The true
value is the mean accuracy of the learner on new images when trained on as many images as in a fold
of the cross-validation: another sample of training sets, each evaluated on its own new images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.analysis import stats
from harness.analysis.stats import Interval
from harness.analysis.studies.cross_validation import corrected_interval

Array: TypeAlias = NDArray[Any]

SEED = 2003
WORLDS = 10_000  # the standard error of a rate of 95 % is then 0.22 %
LEVEL = 0.95
FOLDS = (5, 10)
IMAGES = 200  # of a cross-validation, half of them of each class
FEATURES = 10
# Distance of the classes' means in standard deviations of a feature: accuracies near 75 %.
DISTANCE = 1.7
_NEW_IMAGES = 100  # for the true value, in each world
_AT_ONCE = 250  # worlds, for the memory


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of a cross-validation contain the true accuracy; fractions.

    Attributes:
        learner: name of the learner.
        folds: number of folds.
        truth: true accuracy.
        plain, corrected: share of the worlds in which Student's interval and the corrected one
            contain it.
        plain_width, corrected_width: mean widths of the intervals.
    """

    learner: str
    folds: int
    truth: float
    plain: float
    corrected: float
    plain_width: float
    corrected_width: float


def simulate(worlds: int = WORLDS) -> list[Coverage]:
    """Measure the coverage for every learner and number of folds, from a fixed seed.

    Args:
        worlds: number of simulated cross-validations for each.
    """
    source = np.random.default_rng(SEED)
    return [_measure(source, name, folds, worlds) for name in LEARNERS for folds in FOLDS]


def _measure(source: np.random.Generator, name: str, folds: int, worlds: int) -> Coverage:
    sizes = [min(_AT_ONCE, worlds - start) for start in range(0, worlds, _AT_ONCE)]
    parts = [_cross_validate(source, LEARNERS[name], folds, size) for size in sizes]
    accuracies = np.concatenate([accuracy for accuracy, _ in parts])
    truth = float(np.concatenate([new for _, new in parts]).mean())
    plain = stats.mean_interval(accuracies, LEVEL)
    corrected = corrected_interval(accuracies, 1 / (folds - 1), LEVEL)
    return Coverage(
        name,
        folds,
        truth,
        *(_covers(interval, truth) for interval in (plain, corrected)),
        *(float((ends.high - ends.low).mean()) for ends in (plain, corrected)),
    )


def _covers(interval: Interval, truth: float) -> float:
    # Folds of equal accuracy give an interval of no width.
    return float(((interval.low <= truth) & (truth <= interval.high)).mean())


def _cross_validate(
    source: np.random.Generator, learn: Learner, folds: int, worlds: int
) -> tuple[Array, Array]:
    """Cross-validate a learner in several worlds.

    Returns:
        Accuracies of the folds [worlds, folds], and the accuracy on new images of the learner
        trained on as many other images as a fold has [worlds].
    """
    images, labels = _draw(source, worlds, IMAGES)
    held_out = np.arange(IMAGES) // 2 % folds == np.arange(folds)[:, None]  # [folds, images]
    accuracies = [
        (learn(images[:, ~part], labels[~part], images[:, part]) == labels[part]).mean(1)
        for part in held_out
    ]
    size = IMAGES - IMAGES // folds
    other_images, other_labels = _draw(source, worlds, size)
    new_images, new_labels = _draw(source, worlds, _NEW_IMAGES)
    predicted = learn(other_images, other_labels, new_images)
    return np.stack(accuracies, 1), (predicted == new_labels).mean(1)


def _draw(source: np.random.Generator, worlds: int, images: int) -> tuple[Array, Array]:
    """Draw images [worlds, images, features]; their labels, 0 and 1 in turn, are [images]."""
    labels = np.arange(images) % 2
    drawn = source.normal(size=(worlds, images, FEATURES))
    drawn[..., 0] += DISTANCE * (labels - 0.5)
    return drawn, labels


def _nearest_mean(images: Array, labels: Array, new_images: Array) -> Array:
    """Predict the class with the nearer mean: a learner that varies little with its images."""
    zero, one = (images[:, labels == label].mean(1)[:, None] for label in (0, 1))
    projection = ((new_images - (zero + one) / 2) * (one - zero)).sum(-1)
    return np.asarray(projection > 0)


def _nearest_neighbor(images: Array, labels: Array, new_images: Array) -> Array:
    """Predict the class of the nearest image: a learner that varies with each image."""
    squares = (images**2).sum(-1)[:, None]
    distances = squares - 2 * new_images @ images.transpose(0, 2, 1)  # less the new image's own
    return np.asarray(labels[distances.argmin(-1)])


# Predicts the labels [worlds, m] of new images [worlds, m, features], having learned from images
# [worlds, n, features] with labels [n].
Learner: TypeAlias = Callable[[Array, Array, Array], Array]

LEARNERS: Mapping[str, Learner] = {
    "nearest mean": _nearest_mean,
    "nearest neighbor": _nearest_neighbor,
}
