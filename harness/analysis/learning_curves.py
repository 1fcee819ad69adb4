"""Monotonicity of learning curves, last-epoch jumps and the generalization gap. Pure."""

from __future__ import annotations

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


def fraction_against_trend(values: Sequence[float], rising: bool) -> float:
    """Fraction of the steps from epoch to epoch against the trend; a zero step is not.

    Args:
        values: one for each epoch.
        rising: whether the trend is upward.

    Returns:
        NaN for fewer than two epochs.
    """
    steps = np.diff(np.asarray(values, float))
    if not steps.size:
        return float("nan")
    return float(np.mean(steps < 0 if rising else steps > 0))


def fractions_against_trend(history: Sequence[EpochRow]) -> dict[str, float]:
    """`fraction_against_trend` of each curve that a run recorded in every epoch, by field.

    Training accuracy is missing if labels are mixed, both evaluation curves if the protocol
    evaluates only at the end, and all curves if there are fewer than two epochs.
    """
    if len(history) < 2:
        return {}
    fractions = {}
    for name, rising in RISING.items():
        values = [value for row in history if (value := getattr(row, name)) is not None]
        if len(values) == len(history):
            fractions[name] = fraction_against_trend(values, rising)
    return fractions


def shares_against_trend(history: Sequence[EpochRow]) -> list[float]:
    """`fractions_against_trend` in the order of `RISING`; NaN where a curve is missing."""
    fractions = fractions_against_trend(history)
    return [fractions.get(name, float("nan")) for name in RISING]


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
