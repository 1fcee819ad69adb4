"""Compare an ONNX model in onnxruntime with its network in PyTorch, image by image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import InputError, RunFailedError
from harness.export.finished_run import FinishedRun
from harness.export.onnx_model import INPUT, OUTPUTS
from harness.export.stored_network import Classifier
from harness.runs import store
from harness.training import metrics

# Largest difference that counts as rounding, relative to the largest logit.
TOLERANCE = 1e-5

# Sizes of batches beside that of the evaluation: the model takes any.
_OTHER_BATCHES = (1, 7)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """How the outputs of an ONNX model compare with those of its network in fp32.

    Attributes:
        size: number of images.
        max_difference: largest absolute difference of a logit.
        tolerance: the largest that is allowed, absolute.
        ties: images whose predicted class differs because two logits are closer than rounding.
        different_from_record: images whose predicted class differs from the run's predictions.
        recorded_precision: precision of those predictions.
    """

    size: int
    max_difference: float
    tolerance: float
    ties: int
    different_from_record: int
    recorded_precision: str


def compare(run: FinishedRun, model: bytes, classifier: Classifier, images: Tensor) -> Parity:
    """Compare a model with its network on the images that the run was evaluated on.

    Args:
        run: the run.
        model: the model as written to a file.
        classifier: the network, on the CPU.
        images: uint8 [N, H, W, 3].

    Raises:
        InputError: if the predictions of the run are missing or damaged.
        RunFailedError: if a class or a logit differs by more than rounding.
    """
    recorded = _recorded_predictions(run, len(images))
    with metrics.eval_mode(classifier):
        expected = metrics.predict_logits(classifier, images)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits, probabilities = _outputs(session, images, metrics.BATCH)
    tolerance = TOLERANCE * max(1.0, float(expected.abs().max()))
    ties = compare_outputs(expected.numpy(), logits, tolerance)
    _require_close("probability", expected.softmax(1).numpy(), probabilities, tolerance)
    for batch in _OTHER_BATCHES:
        few, _ = _outputs(session, images[:batch], batch)
        _require_close("logit", expected[:batch].numpy(), few, tolerance)
    return Parity(
        size=len(images),
        max_difference=float(np.abs(expected.numpy() - logits).max()),
        tolerance=tolerance,
        ties=ties,
        different_from_record=int((logits.argmax(1) != recorded).sum()),
        recorded_precision=run.record.protocol.precision,
    )


def compare_outputs(expected: Floats, logits: Floats, tolerance: float) -> int:
    """Compare logits, float32 [N, classes], of two programs.

    Args:
        expected, logits: the logits.
        tolerance: the largest absolute difference allowed.

    Returns:
        The number of ties: images whose largest logits are so close that rounding may choose.

    Raises:
        RunFailedError: if a logit differs by more, or a class differs that is no tie.
    """
    _require_close("logit", expected, logits, tolerance)
    rows = np.flatnonzero(expected.argmax(1) != logits.argmax(1))
    # By how much the network itself prefers its class to the model's.
    margins = expected[rows].max(1) - expected[rows, logits[rows].argmax(1)]
    if (margins > 2 * tolerance).any():
        raise RunFailedError(
            f"the ONNX model predicts another class for image {rows[margins.argmax()]}: nothing "
            "was written."
        )
    return len(rows)


def _require_close(kind: str, expected: Floats, given: Floats, tolerance: float) -> None:
    difference = np.abs(expected - given).max()
    if not difference <= tolerance:  # also if it is not a number
        raise RunFailedError(
            f"the ONNX model is not the network: a {kind} differs by {difference:.2g}, more than "
            f"rounding ({tolerance:.2g}); nothing was written."
        )


def _outputs(
    session: onnxruntime.InferenceSession, images: Tensor, batch: int
) -> tuple[Floats, Floats]:
    """Logits and probabilities, float32 [N, classes], batch by batch."""
    parts = [
        session.run(list(OUTPUTS), {INPUT: part.numpy()}) for part in torch.split(images, batch)
    ]
    logits, probabilities = (np.concatenate(column) for column in zip(*parts, strict=True))
    return logits, probabilities


def _recorded_predictions(run: FinishedRun, size: int) -> NDArray[np.int64]:
    """The predicted classes that the run wrote, int64 [N]."""
    path = run.folder / store.PREDICTIONS
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != run.record.predictions_sha256:
        raise InputError(f"{path} is missing or not that of the record: train the run again.")
    predictions = np.array(content.split(), dtype=np.int64)
    if len(predictions) != size:
        raise InputError(f"{path} has {len(predictions)} predictions of {size} images.")
    return predictions
