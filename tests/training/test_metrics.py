"""Metrics against matrices computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from harness.training import metrics

CLASSES = ("a", "b", "c")

# True class: 0 0 0 1 1 2; predicted: 0 0 1 1 2 2.
LABELS = np.array([0, 0, 0, 1, 1, 2])

PREDICTED = np.array([0, 0, 1, 1, 2, 2])


def logits_for(predicted: np.ndarray, classes: int = 3) -> np.ndarray:
    """Logits that say `predicted` with odds of 4 to 1 against each other class."""
    return (np.log(4) * np.eye(classes)[predicted]).astype(np.float32)


def test_counts_by_hand() -> None:
    result = metrics.compute_metrics(logits_for(PREDICTED), LABELS, CLASSES)
    assert result["confusion_matrix"] == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert result["accuracy"] == pytest.approx(4 / 6)
    assert result["per_class"]["a"] == pytest.approx({"precision": 1, "recall": 2 / 3, "f1": 0.8})
    assert result["per_class"]["b"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5})
    assert result["per_class"]["c"] == pytest.approx({"precision": 0.5, "recall": 1, "f1": 2 / 3})
    assert result["macro_f1"] == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_loss_by_hand() -> None:
    result = metrics.compute_metrics(logits_for(PREDICTED), LABELS, CLASSES)
    # The predicted class has probability 4/6, each other one 1/6; four of six are right.
    assert result["loss"] == pytest.approx(-(4 * math.log(4 / 6) + 2 * math.log(1 / 6)) / 6)


def test_loss_and_accuracy_of_the_curve_agree_with_the_metrics() -> None:
    result = metrics.compute_metrics(logits_for(PREDICTED), LABELS, CLASSES)
    loss, accuracy = metrics.loss_and_accuracy(
        torch.from_numpy(logits_for(PREDICTED)), torch.from_numpy(LABELS)
    )
    assert (loss, accuracy) == pytest.approx((result["loss"], result["accuracy"]))


def test_auc_by_hand() -> None:
    # Class 0 against class 1 by one score: of the 2 x 2 pairs three are in the right order.
    scores = np.array([3.0, 1.0, 2.0, 0.0], dtype=np.float32)
    logits = np.stack([scores, np.zeros(4, dtype=np.float32)], 1)
    result = metrics.compute_metrics(logits, np.array([0, 0, 1, 1]), ("a", "b"))
    assert result["auc"] == pytest.approx(0.75)


def test_auc_is_left_out_where_a_class_is_absent() -> None:
    result = metrics.compute_metrics(logits_for(PREDICTED[:5]), LABELS[:5], CLASSES)
    assert result["auc"] is None


def test_a_class_never_predicted_has_precision_zero_and_no_warning() -> None:
    result = metrics.compute_metrics(logits_for(np.zeros(6, dtype=int)), LABELS, CLASSES)
    assert result["per_class"]["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_large_logits_give_a_finite_loss() -> None:
    logits = np.array([[1000.0, -1000.0]], dtype=np.float32)
    assert metrics.compute_metrics(logits, np.array([1]), ("a", "b"))["loss"] == pytest.approx(2000)
