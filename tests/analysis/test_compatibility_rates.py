"""Error rates and power of the comparison with reference runs, in simulated worlds."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis.compatibility import prediction
from harness.analysis.compatibility.prediction import LEVEL
from tests.helpers.paths import ROOT

Array = NDArray[Any]

# Figures are those of a run in percent of 10,000 images (accuracy, 10 recalls), 50,000 training
# images, and a loss.

WORLDS = 10_000
SD_ACCURACY = 0.0035
SD_RECALL = 0.0175  # five times as much, as in the decision file's simulation
STEPS = np.array([1e-4, 0.0, 2e-5, *[1e-3] * 10])


def correlated_worlds(n: int, source: np.random.Generator) -> Array:
    """Figures of n + 1 runs [worlds, figures, n + 1]: the accuracy is the mean of the recalls, the
    loss and the training accuracy go with it, and images are whole."""
    shape = (WORLDS, 10, n + 1)
    base = np.linspace(0.6, 0.9, 10)[:, None]
    # The spread that all classes share makes the standard deviation of the accuracy right.
    shared = math.sqrt(SD_ACCURACY**2 - SD_RECALL**2 / 100 * 0.9)
    recalls = base + source.normal(0, SD_RECALL, shape)
    recalls = recalls - 0.684 * (recalls - base).mean(1, keepdims=True)
    recalls = np.round(1000 * (recalls + source.normal(0, shared, (WORLDS, 1, n + 1)))) / 1000
    accuracy = recalls.mean(1)
    noise = source.normal(0, SD_ACCURACY, (2, *accuracy.shape))
    loss = 0.75 - 2 * (accuracy - accuracy.mean()) + 2 * noise[0]
    train = np.round(50_000 * (0.9 + (accuracy - accuracy.mean()) + noise[1])) / 50_000
    return np.concatenate([np.stack([accuracy, loss, train], 1), recalls], 1)


def independent_worlds(n: int, source: np.random.Generator) -> Array:
    return source.normal(0.75, SD_ACCURACY, (WORLDS, 13, n + 1))


def rare_error_worlds(n: int, source: np.random.Generator) -> Array:
    """Nearly saturated figures: a few wrong images in all of them, as on the digits."""
    images = np.array([360, 360, 1437, *[36] * 10])[:, None]
    rate = np.array([0.01, 0.01, 0.001, *np.linspace(0.001, 0.03, 10)])[:, None]
    wrong = source.binomial(np.broadcast_to(images, (WORLDS, 13, n + 1)), rate)
    return np.asarray(1 - wrong / images)


RARE_STEPS = 1 / np.array([360, 360, 1437, *[36] * 10])


@functools.cache
def acceptance(worlds: Callable[[int, np.random.Generator], Array], n: int) -> float:
    """Fraction of the worlds in which a run from the distribution of the reference is accepted."""
    figures = worlds(n, np.random.default_rng(n))
    ends = prediction.intervals(
        figures[..., :n], RARE_STEPS if worlds is rare_error_worlds else STEPS
    )
    inside = (ends.low <= figures[..., n]) & (figures[..., n] <= ends.high)
    return float(inside.all(-1).mean())


WORLD_KINDS = (correlated_worlds, independent_worlds, rare_error_worlds)


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("worlds", WORLD_KINDS)
def test_a_sound_run_is_accepted_in_95_percent_of_the_worlds(
    worlds: Callable[[int, np.random.Generator], Array], n: int
) -> None:
    # By independence the rate is (1 - 0.05 / 13)^13 or 95.1 %; three standard errors are 0.65 %.
    assert acceptance(worlds, n) >= LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / WORLDS)


def test_the_simulated_accuracy_varies_as_it_should() -> None:
    figures = correlated_worlds(5, np.random.default_rng(0))
    assert figures[:, 0].std() == pytest.approx(SD_ACCURACY, rel=0.05)
    assert figures[:, 3:].std((0, 2)) == pytest.approx(SD_RECALL, rel=0.05)


@functools.cache
def shift_in_points(n: int) -> float:
    """The smallest shift that is found if the accuracy has the standard deviation SD_ACCURACY."""
    values = np.arange(n, dtype=float)
    scaled = values / values.std(ddof=1) * SD_ACCURACY
    return 100 * prediction.smallest_shift(scaled, 1e-4, 13)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_smallest_shift_is_found_in_80_percent_of_the_worlds(n: int) -> None:
    figures = independent_worlds(n, np.random.default_rng(n))
    ends = prediction.intervals(figures[..., :n], STEPS)
    shifted = figures[:, 0, n] - shift_in_points(n) / 100
    assert float((shifted < ends.low[:, 0]).mean()) == pytest.approx(0.8, abs=0.013)


def test_the_rates_in_the_docs_are_those_of_the_simulation() -> None:
    text = (ROOT / "docs/trust.md").read_text()
    for n in (5, 10, 20):
        rates = " | ".join(f"{100 * acceptance(worlds, n):.1f} %" for worlds in WORLD_KINDS)
        assert f"| {n} | {rates} | {shift_in_points(n):.1f} |" in text
