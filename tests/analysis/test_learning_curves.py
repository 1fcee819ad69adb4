"""Learning curves against their trend, last-epoch jumps and the generalization gap, by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

from harness.analysis import learning_curves
from harness.protocol import presets
from harness.runs.record import EpochRow
from tests.helpers.records import make_history as rows_of
from tests.helpers.records import make_record


def curve(accuracies: list[float], **changed: float | None) -> list[EpochRow]:
    """Rows of a history with these accuracies and some values replaced in all of them."""
    return [EpochRow.model_validate({**row, **changed}) for row in rows_of(accuracies)]


def of(history: list[EpochRow]) -> dict[str, float]:
    """The recorded curves' fractions, by name."""
    fractions = learning_curves.fractions_against_trend(history)
    by_name = dict(zip(learning_curves.RISING, fractions, strict=True))
    return {name: fraction for name, fraction in by_name.items() if not math.isnan(fraction)}


def test_steps_the_wrong_way_are_counted_and_zero_steps_are_not() -> None:
    # Losses are made of the accuracies, so that all four curves go the wrong way at once.
    assert of(curve([0.1, 0.2, 0.2, 0.1, 0.3])) == dict.fromkeys(learning_curves.RISING, 0.25)
    assert of(curve([0.3, 0.2, 0.2, 0.4, 0.1])) == dict.fromkeys(learning_curves.RISING, 0.5)


def test_a_curve_that_was_not_recorded_has_no_share() -> None:
    assert "train_accuracy" not in of(curve([0.1, 0.2], train_accuracy=None))
    assert len(of(curve([0.1, 0.2], train_accuracy=None))) == 3
    first, second = curve([0.1, 0.2])
    gap = [first.model_copy(update={"eval_loss": None}), second]
    assert "eval_loss" not in of(gap)
    assert of(curve([0.1])) == of([]) == {}


def test_the_gap_is_between_training_and_evaluated_images() -> None:
    metrics = make_record(right=700, gap=0.05).metrics
    assert metrics is not None
    assert learning_curves.generalization_gap(metrics) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("epochs", "before"), [(1, 0), (10, 0), (11, 0), (12, 3), (20, 5), (40, 10), (90, 22)]
)
def test_the_last_epoch_is_compared_with_a_quarter_of_the_run(epochs: int, before: int) -> None:
    assert learning_curves.reference_epochs(epochs) == before
    jump = learning_curves.last_epoch_jump(
        curve([0.1] * (epochs - before - 1) + [0.7] * before + [0.75])
    )
    assert math.isnan(jump) if not before else jump == pytest.approx(0.05)


@pytest.mark.parametrize("epochs", [12, 20, 40, 90])
def test_that_quarter_comes_after_the_first_drop_of_the_learning_rate(epochs: int) -> None:
    protocol = dataclasses.replace(presets.PROTOCOLS["cifar10"], epochs=epochs)
    first = epochs - 1 - learning_curves.reference_epochs(epochs)
    assert protocol.learning_rate_at(first, decay=True) < protocol.learning_rate


def test_if_an_accuracy_is_missing_there_is_no_jump() -> None:
    rows = curve([0.7] * 20)
    assert learning_curves.last_epoch_jump(rows) == pytest.approx(0)
    rows[15] = rows[15].model_copy(update={"eval_accuracy": None})
    assert math.isnan(learning_curves.last_epoch_jump(rows))
    assert math.isnan(learning_curves.last_epoch_jump([]))
