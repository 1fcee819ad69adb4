"""What a run's history says about its curves. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def wrong_way(values: Sequence[float], rising: bool) -> float:
    """Share of steps from one epoch to the next that go down although `rising`, or up
    although not; a step that changes nothing does neither. NaN below two epochs."""
    steps = np.diff(np.asarray(values, float))
    if not steps.size:
        return float("nan")
    return float(np.mean(steps < 0 if rising else steps > 0))


def wrong_ways(history: Sequence[dict[str, Any]], split: str) -> dict[str, float]:
    """`wrong_way` of the four curves of a run.

    Args:
        history: rows of a record.
        split: "test" or "validation", as the record's dataset has it.

    Returns:
        {curve: share} for training and `split` accuracy and loss; empty where the run did not
        record every epoch.
    """
    rising = {
        "train_accuracy": True,
        f"{split}_accuracy": True,
        "train_loss": False,
        f"{split}_loss": False,
    }
    if len(history) < 2 or not all(rising.keys() <= row.keys() for row in history):
        return {}
    return {key: wrong_way([row[key] for row in history], up) for key, up in rising.items()}


# Below this many epochs a mean says too little about where a run had been.
_LEAST = 3


def before(epochs: int) -> int:
    """How many epochs before the last it is held against: a quarter of the run, 0 of short ones.

    At any budget that quarter lies behind the first drop of the learning rate, which lifts
    accuracy by points (by default at 60 % of the run); a longer one would take that lift, and the
    climb before it, for a swing. A fixed number of epochs would hold both at a short budget.
    """
    quarter = epochs // 4
    return quarter if quarter >= _LEAST else 0


def jump(history: Sequence[dict[str, Any]], split: str) -> float:
    """Accuracy after the last epoch minus the mean of the epochs that it is held against, see
    `before`; a fraction. NaN where there are none or not all were recorded."""
    key, epochs = f"{split}_accuracy", before(len(history))
    values = [row[key] for row in history[-epochs - 1 :] if key in row]
    if not epochs or len(values) <= epochs:
        return float("nan")
    return float(values[-1] - np.mean(values[:-1]))


def gap(history: Sequence[dict[str, Any]], accuracy: float) -> float:
    """Training accuracy of the last epoch, as it went along with augmentation and dropout,
    minus the accuracy of the trained network; fractions. NaN without a history."""
    return float(history[-1]["train_accuracy"] - accuracy) if history else float("nan")
