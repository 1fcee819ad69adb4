"""Records of readings whose figures are the paper's own, or differ from them in one thing."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from harness.paper.reported import REPORTED_RUNS
from harness.protocol.datasets import CLASSES
from harness.runs.record import Metrics, RunRecord
from harness.training.metrics import metrics_from_predictions
from tests.helpers.records import make_history, make_record

EPOCHS = 20


def reading_run(
    variant: str = "low_lr",
    seed: int = 0,
    *,
    extra: int = 0,
    uniform: bool = False,
    gap: float = 0.02,
    epochs: int = EPOCHS,
    history: list[dict[str, Any]] | None = None,
    **about: Any,
) -> RunRecord:
    """A run with the confusion matrix of the paper's first run, which fits the paper.

    Args:
        extra: so many more of the 10,000 test images are right, over all classes.
        uniform: the same recall in every class, as `make_record` has it: 75.1 %.
        gap: of the accuracy on the training images.
        history: rising and falling evenly if None.
        about: of `make_record`.
    """
    protocol = {"epochs": epochs, **about.pop("protocol", {})}
    made = make_record(
        variant,
        seed,
        751,
        protocol=protocol,
        gap=gap,
        history=rising(epochs) if history is None else history,
        **about,
    )
    if uniform or made.failed:
        return made
    return made.model_copy(update={"metrics": _metrics(extra, gap)})


def several_readings() -> list[RunRecord]:
    """Readings at several budgets, `paper` and an ablation; one fits at one budget, and one does
    not train."""
    return [
        reading_run("paper", extra=250),
        reading_run("paper", epochs=40, extra=500),
        reading_run("low_lr", epochs=40, extra=-300),
        reading_run("low_lr", epochs=90),
        reading_run("stem_11x11", epochs=40, gap=0.06),
        make_record("krizhevsky_2012", right=100, protocol={"epochs": 20}),
        make_record("baseline", right=700, protocol={"epochs": 20}),
    ]


def rising(epochs: int, against: int = 0, *curves: str) -> list[dict[str, Any]]:
    """A history of so many epochs whose first steps go the wrong way in these curves."""
    rows = make_history(np.linspace(0.3, 0.75, epochs).tolist())
    for row in rows[1 : 1 + against]:
        for curve in curves:
            # Each epoch beyond the first: lower, or higher, than all before.
            sign = -1 if curve.endswith("accuracy") else 1
            row[curve] = rows[0][curve] + sign * 0.001 * row["epoch"]
    return rows


@functools.cache
def _metrics(extra: int, gap: float) -> Metrics:
    matrix = np.array(REPORTED_RUNS[0].confusion_matrix)
    for number in range(abs(extra)):
        row = number % len(matrix)
        wrong = int(np.argmax(np.where(np.arange(len(matrix)) == row, -1, matrix[row])))
        step = 1 if extra > 0 else -1
        matrix[row, row] += step
        matrix[row, wrong] -= step
    truth, predicted = np.indices(matrix.shape).reshape(2, -1)
    counts = matrix.ravel()
    counted = metrics_from_predictions(predicted.repeat(counts), truth.repeat(counts), CLASSES)
    train_accuracy = counted["accuracy"] + gap
    return Metrics.model_validate(
        {**counted, "auc": 0.96, "loss": 0.8, "train_accuracy": train_accuracy}
    )
