"""Monotonicity of learning curves, last-epoch jumps and the generalization gap. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.runs.record import EpochRow, Metrics

# The four curves of a run, by field of its history: whether the paper claims that it rises.
RISING = {
    "train_accuracy": True,
    "eval_accuracy": True,
    "train_loss": False,
    "eval_loss": False,
}


def fractions_against_trend(history: Sequence[EpochRow]) -> list[float]:
    """Fraction of the steps from epoch to epoch that go against the trend of each curve.

    A zero step does not.

    Returns:
        In the order of `RISING`. NaN for a curve that was not recorded in every epoch (training
        accuracy if labels are mixed, both evaluation curves if the protocol evaluates only at the
        end), and for fewer than two epochs.
    """
    if len(history) < 2:
        return [math.nan] * len(RISING)
    # None becomes NaN.
    curves = np.array([[getattr(row, name) for row in history] for name in RISING], float)
    upward = np.where(list(RISING.values()), 1, -1)[:, None]
    fractions = (np.diff(curves) * upward < 0).mean(1)
    return np.where(np.isnan(curves).any(1), math.nan, fractions).tolist()  # type: ignore[no-any-return]


# A mean over fewer epochs is too noisy a reference.
_MIN_EPOCHS = 3


def reference_epochs(epochs: int) -> int:
    """Number of epochs before the last that `last_epoch_jump` compares it with.

    A quarter of the run, 0 for short runs. At any budget that quarter comes after the first drop
    of the learning rate (by default at 60 % of the run), which raises accuracy by points; a longer
    or a fixed number of epochs would count that rise as a jump.
    """
    quarter = epochs // 4
    return quarter if quarter >= _MIN_EPOCHS else 0


def last_epoch_jump(history: Sequence[EpochRow]) -> float:
    """Accuracy after the last epoch minus the mean over the `reference_epochs` before it.

    Returns:
        A fraction; NaN if the run is too short or an accuracy was not recorded.
    """
    epochs = reference_epochs(len(history))
    rows = history[-epochs - 1 :]
    values = [row.eval_accuracy for row in rows if row.eval_accuracy is not None]
    if not epochs or len(values) <= epochs:
        return float("nan")
    return float(values[-1] - np.mean(values[:-1]))


def generalization_gap(metrics: Metrics) -> float:
    """Accuracy on the training images minus that on the evaluation images; a fraction.

    Both are of the network after the last epoch, without augmentation and dropout.
    """
    return metrics.train_accuracy - metrics.accuracy
