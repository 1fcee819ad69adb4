"""Evaluation: from a network to logits, and from logits to metrics.

scikit-learn and scipy are imported inside functions: a run needs them only after its training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

# Fixed, because the size of a batch can change the last bit of a logit.
BATCH = 500


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; restores the mode of the model afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def predict_logits(forward: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Compute the logits of all images batch by batch, without augmentation.

    Args:
        forward: uint8 [B, H, W, 3] -> float32 [B, classes]; called under `eval_mode`.
        images: uint8 [N, H, W, 3].

    Returns:
        float32 [N, classes] on the same device.
    """
    return torch.cat([forward(batch) for batch in torch.split(images, BATCH)])


def loss_and_accuracy(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (a fraction) of logits [N, C] for labels [N]."""
    loss = F.cross_entropy(logits, labels)
    accuracy = (logits.argmax(1) == labels).double().mean()
    return float(loss), float(accuracy)


def compute_metrics(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Compute the metrics of a record, except `train_accuracy`.

    Args:
        logits: [N, C], finite.
        labels: [N], in 0..C-1.
        classes: C names.

    Returns:
        accuracy, macro_f1, auc (one-vs-rest, macro; None if a class is absent), loss
        (mean cross-entropy, nats), per_class {name: precision, recall, f1} and
        confusion_matrix (rows are true classes). Fractions, not percents.
    """
    from scipy.special import log_softmax

    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    return {
        **metrics_from_predictions(logits.argmax(1), labels, classes),
        "auc": _auc(np.exp(log_probabilities), labels),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
    }


def metrics_from_predictions(
    predictions: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]
) -> dict[str, Any]:
    """Compute the metrics that need predicted classes only.

    Args:
        predictions, labels: [N], in 0..C-1.
        classes: C names.

    Returns:
        accuracy, macro_f1, per_class and confusion_matrix, see `compute_metrics`; a class that
        is never predicted has precision 0.
    """
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        f1_score,
        precision_recall_fscore_support,
    )

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
    from sklearn.metrics import roc_auc_score

    truth = np.eye(probabilities.shape[1], dtype=np.int64)[labels]
    return float(roc_auc_score(truth, probabilities, average="macro"))
