"""Monotonicity of learning curves, last-epoch jumps and the generalization gap. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.runs.record import EpochRow, Metrics

# The four curves of a run by their fields in a history: whether each is claimed to rise.
RISING = {
    "train_accuracy": True,
    "eval_accuracy": True,
    "train_loss": False,
    "eval_loss": False,
}


def fraction_against_trend(values: Sequence[float], rising: bool) -> float:
    """Share of steps from one epoch to the next that go down although `rising`, or up
    although not; a step that changes nothing does neither. NaN below two epochs."""
    steps = np.diff(np.asarray(values, float))
    if not steps.size:
        return float("nan")
    return float(np.mean(steps < 0 if rising else steps > 0))


def fractions_against_trend(history: Sequence[EpochRow]) -> dict[str, float]:
    """`fraction_against_trend` of each curve that a run recorded in every epoch, by its field.

    Training accuracy is missing where labels are mixed, both evaluation curves where the protocol
    evaluates once at the end, and all where there are fewer than two epochs.
    """
    if len(history) < 2:
        return {}
    shares = {}
    for name, rising in RISING.items():
        values = [value for row in history if (value := getattr(row, name)) is not None]
        if len(values) == len(history):
            shares[name] = fraction_against_trend(values, rising)
    return shares


# Below this many epochs a mean says too little about where a run had been.
_LEAST = 3


def reference_epochs(epochs: int) -> int:
    """How many epochs before the last it is compared with: a quarter of the run, 0 of short ones.

    At any budget that quarter lies behind the first drop of the learning rate, which lifts
    accuracy by points (by default at 60 % of the run); a longer one would take that lift, and the
    climb before it, for a swing. A fixed number of epochs would hold both at a short budget.
    """
    quarter = epochs // 4
    return quarter if quarter >= _LEAST else 0


def last_epoch_jump(history: Sequence[EpochRow]) -> float:
    """Accuracy after the last epoch minus the mean of the epochs that it is compared with, see
    `before`; a fraction. NaN where there are none or not all were recorded."""
    epochs = reference_epochs(len(history))
    rows = history[-epochs - 1 :]
    values = [row.eval_accuracy for row in rows if row.eval_accuracy is not None]
    if not epochs or len(values) <= epochs:
        return float("nan")
    return float(values[-1] - np.mean(values[:-1]))


def generalization_gap(metrics: Metrics) -> float:
    """Accuracy on the training images minus that on the images evaluated; a fraction.

    Both are of the last epoch's network, without augmentation and dropout.
    """
    return metrics.train_accuracy - metrics.accuracy
