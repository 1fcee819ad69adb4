"""Logits to metrics. scikit-learn does the counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
)
from torch import Tensor, nn

# Fixed, because the size of a batch can change the last bit of a logit.
BATCH = 500


@torch.no_grad()
def logits_of(model: nn.Module, images: Tensor, normalise: Callable[[Tensor], Tensor]) -> Tensor:
    """Logits of a network in evaluation mode, without augmentation.

    Args:
        model: left in the mode in which it came.
        images: uint8 [N, H, W, 3] on the model's device.
        normalise: uint8 [B, 3, H, W] -> float32.

    Returns:
        float32 [N, classes] on the same device.
    """
    training = model.training
    model.eval()
    batches = torch.split(images.permute(0, 3, 1, 2), BATCH)
    parts = [model(normalise(batch)).float() for batch in batches]
    model.train(training)
    return torch.cat(parts)


def curve_point(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (a fraction) of logits [N, C] for labels [N]."""
    loss = F.cross_entropy(logits, labels)
    accuracy = (logits.argmax(1) == labels).double().mean()
    return float(loss), float(accuracy)


def metrics(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """All metrics of the record.

    Args:
        logits: [N, C], finite.
        labels: [N], in 0..C-1.
        classes: C names.

    Returns:
        accuracy, macro_f1, auc (one-vs-rest, macro; None where a class is absent), loss
        (mean cross-entropy, nats), per_class {name: precision, recall, f1} and
        confusion_matrix (rows are true classes). Fractions, not percents.
    """
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return {
        **counted(logits.argmax(1), labels, classes),
        "auc": _auc(np.exp(log_probabilities), labels),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
    }


def counted(
    predictions: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]
) -> dict[str, Any]:
    """The metrics that follow from predicted classes alone; a class never predicted has
    precision 0."""
    index = np.arange(len(classes))
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predictions, labels=index, zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(labels, predictions)),
        "macro_f1": float(
            f1_score(labels, predictions, labels=index, average="macro", zero_division=0)
        ),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f)}
            for name, p, r, f in zip(classes, precision, recall, f1, strict=True)
        },
        "confusion_matrix": confusion_matrix(labels, predictions, labels=index).tolist(),
    }


def _auc(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float | None:
    if len(np.unique(labels)) < probabilities.shape[1]:
        return None
    truth = np.eye(probabilities.shape[1], dtype=np.int64)[labels]
    return float(roc_auc_score(truth, probabilities, average="macro"))
