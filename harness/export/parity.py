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
        tolerance: the largest that counts as rounding, absolute.
        ties: images whose predicted class differs; its logit and that of the network's class are
            then within twice the tolerance, because all logits are close.
        different_from_record: images whose predicted class is not the recorded one.
    """

    size: int
    max_difference: float
    tolerance: float
    ties: int
    different_from_record: int


def recorded_predictions(run: FinishedRun) -> NDArray[np.int64]:
    """Read the predicted classes that a run wrote, int64 [N].

    Raises:
        InputError: if the file is missing, damaged or not that of the record.
    """
    path = run.folder / store.PREDICTIONS
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != run.record.predictions_sha256:
        raise InputError(f"{path} is missing or not that of the record: train the run again.")
    try:
        predictions = np.array([int(line) for line in content.split()], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path} is damaged ({error}): train the run again.") from error
    if len(predictions) != run.record.dataset.test_size:
        raise InputError(f"{path} has {len(predictions)} lines, not one for each image.")
    return predictions


def compare(
    model: bytes, classifier: Classifier, images: Tensor, recorded: NDArray[np.int64]
) -> Parity:
    """Compare a model with its network, in batches of several sizes.

    Args:
        model: the model as written to a file.
        classifier: the network, on the CPU.
        images: uint8 [N, H, W, 3].
        recorded: recorded predictions of these images, int64 [N].

    Raises:
        RunFailedError: if an output differs by more than rounding.
    """
    with metrics.eval_mode(classifier):
        expected = metrics.predict_logits(classifier, images)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits, probabilities = _outputs(session, images, metrics.BATCH)
    tolerance = TOLERANCE * max(1.0, float(expected.abs().max()))
    _require_close("logit", expected.numpy(), logits, tolerance)
    _require_close("probability", expected.softmax(1).numpy(), probabilities, tolerance)
    for batch in _OTHER_BATCHES:
        few, _ = _outputs(session, images[:batch], batch)
        _require_close("logit", expected[:batch].numpy(), few, tolerance)
    predictions = logits.argmax(1)
    return Parity(
        size=len(images),
        max_difference=float(np.abs(expected.numpy() - logits).max()),
        tolerance=tolerance,
        ties=int((predictions != expected.numpy().argmax(1)).sum()),
        different_from_record=int((predictions != recorded).sum()),
    )


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
