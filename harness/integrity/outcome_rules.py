"""Rules on the outcome of a run: metrics, predictions, weights, history.

The docstring of a rule is what `check --rules` prints.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from numpy.typing import NDArray

from harness.integrity.stored_run import TOLERANCE, StoredRun, value_differences
from harness.runs import store
from harness.runs.record import EpochRow, RunRecord
from harness.training.metrics import compute_metrics, metrics_from_predictions
from harness.training.runner import weights_sha256

# Relative rounding error of a probability in single precision.
ROUNDING = 1e-6

_SHA256 = re.compile(r"[0-9a-f]{64}")


def outcome_is_complete(stored: StoredRun) -> Iterator[str]:
    """A finished run has metrics and hashes and no reason; a failed run has only a reason."""
    run = stored.record
    outcome = (run.metrics, run.weights_sha256, run.predictions_sha256)
    if run.status == "finished" and (None in outcome or run.reason is not None):
        yield "finished, but lacks metrics or hashes, or has a reason"
    if run.status == "failed" and (outcome != (None, None, None) or not run.reason):
        yield "failed, but has metrics or hashes, or lacks a reason"


def metrics_match_predictions(stored: StoredRun) -> Iterator[str]:
    """Accuracy, F1, precision, recall and confusion matrix follow from predictions.txt and the
    labels."""
    run = stored.record
    if run.metrics is None or stored.data is None:
        return
    try:
        expected = metrics_from_predictions(
            _read_predictions(stored), stored.data.test.labels.numpy(), stored.data.classes
        )
    except ValueError as error:
        yield f"{store.PREDICTIONS} does not match the dataset ({error})"
        return
    yield from value_differences(expected, run.metrics.model_dump(include=set(expected)), "metrics")


def _read_predictions(stored: StoredRun) -> NDArray[np.int64]:
    """Read the predicted class of each image, int64 [N].

    Raises:
        ValueError: if a line is not a number.
    """
    text = stored.read_file(store.PREDICTIONS) or b""
    return np.array([int(line) for line in text.split()], dtype=np.int64)


def train_accuracy_is_possible(stored: StoredRun) -> Iterator[str]:
    """The training accuracy is a whole number of training images divided by their number."""
    run = stored.record
    if run.metrics and not _is_image_fraction(run.metrics.train_accuracy, run.dataset.train_size):
        yield f"metrics.train_accuracy: {run.metrics.train_accuracy} of {run.dataset.train_size}"


def hashes_match(stored: StoredRun) -> Iterator[str]:
    """Hashes are SHA-256 and match predictions.txt and, if the run has them, the weights."""
    run = stored.record
    hashes = {
        "weights_sha256": run.weights_sha256,
        "predictions_sha256": run.predictions_sha256,
        "sources_sha256": run.sources_sha256,
        "decision_sha256": run.decision_sha256,
        "code.variants_sha256": run.code.variants_sha256,
    }
    for key, value in hashes.items():
        if value is not None and not _SHA256.fullmatch(value):
            yield f"{key} is not a SHA-256"
    if run.metrics is None:
        return
    predictions = stored.read_file(store.PREDICTIONS)
    if predictions is None or hashlib.sha256(predictions).hexdigest() != run.predictions_sha256:
        yield f"predictions_sha256 is not that of {store.PREDICTIONS}"
    weights = stored.read_file(store.WEIGHTS)
    if weights is not None:
        try:
            actual = weights_sha256(safetensors.torch.load(weights))
        except Exception as error:  # safetensors raises undocumented types
            actual = f"unreadable ({error})"
        if actual != run.weights_sha256:
            yield f"weights_sha256 is not that of {store.WEIGHTS}"


def probabilities_match(stored: StoredRun) -> Iterator[str]:
    """If the run has probabilities.npy, predictions, AUC and loss follow from it.

    Its rounding may create ties: the AUC may have any value between those with every tie broken
    one way and the other.
    """
    run, content = stored.record, stored.read_file(store.PROBABILITIES)
    if run.metrics is None or content is None or stored.data is None:
        return
    try:
        probabilities: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        with np.errstate(divide="ignore"):
            logits = np.maximum(np.log(probabilities.astype(np.float64)), -200)
        labels, classes = stored.data.test.labels.numpy(), stored.data.classes
        expected = compute_metrics(logits, labels, classes)
        chosen = np.take_along_axis(logits, _read_predictions(stored)[:, None], axis=1)[:, 0]
    except ValueError as error:
        yield f"{store.PROBABILITIES} does not match the dataset ({error})"
        return
    if (chosen < logits.max(1) - ROUNDING).any():
        yield f"{store.PREDICTIONS} are not the most probable classes"
    yield from value_differences(expected["loss"], run.metrics.loss, "metrics.loss", 1e-4)
    auc = run.metrics.auc
    if auc is None or expected["auc"] is None or abs(auc - expected["auc"]) <= 1e-4:
        yield from value_differences(expected["auc"], auc, "metrics.auc", 1e-4)
        return
    ties = ROUNDING * np.eye(len(classes))[labels]
    low, high = (compute_metrics(logits + t, labels, classes)["auc"] for t in (-ties, ties))
    if not low - 1e-4 <= auc <= high + 1e-4:
        yield f"metrics.auc: {auc} recorded, {expected['auc']} expected"


def history_is_complete(stored: StoredRun) -> Iterator[str]:
    """The history has every epoch, the figures that protocol and mixing allow, and the recipe's
    learning rate; its last epoch matches the metrics."""
    run, rows = stored.record, stored.record.history
    numbers = [row.epoch for row in rows]
    complete = run.failed or len(rows) == run.protocol.epochs
    if numbers != list(range(1, len(rows) + 1)) or not complete:
        yield f"history has epochs {numbers}"
        return
    recipe, variant = stored.recipe, stored.variant
    for row in rows:
        rate = recipe.learning_rate_at(row.epoch - 1, variant.lr_decay)
        for fault in _epoch_faults(row, run, rate, mixed=variant.mixing != "none"):
            yield f"history, epoch {row.epoch}: {fault}"
    spent = sum(row.seconds for row in rows)
    if not math.isclose(spent, run.train_seconds, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        yield f"train_seconds is {run.train_seconds}, but the epochs took {spent}"
    if run.metrics is not None and run.protocol.evaluate_every_epoch:
        last = {"accuracy": rows[-1].eval_accuracy, "loss": rows[-1].eval_loss}
        for key, value in last.items():
            metric = getattr(run.metrics, key)
            yield from value_differences(
                value, metric, f"metrics.{key} and history", tolerance=1e-4
            )


def _epoch_faults(row: EpochRow, run: RunRecord, rate: float, *, mixed: bool) -> Iterator[str]:
    """Yield what is wrong with an epoch, given its learning rate and whether images are mixed."""
    evaluated = run.protocol.evaluate_every_epoch
    expected_keys = {
        "train_accuracy": not mixed,
        "eval_loss": evaluated,
        "eval_accuracy": evaluated,
    }
    for key, expected in expected_keys.items():
        if (getattr(row, key) is not None) != expected:
            yield f"{key} is {getattr(row, key)}"
    sizes = {"train_accuracy": run.dataset.train_size, "eval_accuracy": run.dataset.test_size}
    for key, size in sizes.items():
        accuracy = getattr(row, key)
        if accuracy is not None and not _is_image_fraction(accuracy, size):
            yield f"{key}: {accuracy} of {size}"
    if row.lr != rate:
        yield f"lr is {row.lr}, but the recipe has {rate}"
    speed = run.dataset.train_size / row.seconds if row.seconds else math.inf
    yield from value_differences(
        speed, row.images_per_second, "images_per_second", TOLERANCE * speed
    )


def _is_image_fraction(accuracy: float, images: int) -> bool:
    """Whether an accuracy is a whole number of images divided by `images`."""
    right = accuracy * images
    return abs(right - round(right)) <= TOLERANCE


def resumes_are_valid(stored: StoredRun) -> Iterator[str]:
    """A run was resumed only after epochs in its history, in order."""
    epochs = stored.record.resumed_at
    possible = range(1, len(stored.record.history) + 1)
    if epochs != sorted(epochs) or not all(e in possible for e in epochs):
        yield f"resumed_at is {epochs}"


def runs_are_distinct(runs: Sequence[StoredRun]) -> Iterator[tuple[Path, str]]:
    """No two runs share their weights unless they were trained identically (as with and without a
    decay that no epoch reached), and each variant and seed of a protocol occurs once on each type
    of device."""
    sharing = defaultdict(list)
    for stored in runs:
        if stored.record.weights_sha256:
            sharing[stored.record.weights_sha256].append(stored.record)
    keys = [
        repr((r.dataset, r.protocol, r.environment.device_type, r.variant, r.seed))
        for r in (stored.record for stored in runs)
    ]
    repeated = Counter(keys)
    for stored, key in zip(runs, keys, strict=True):
        run = stored.record
        others = (other for other in sharing[run.weights_sha256 or ""] if other is not run)
        if not all(must_share_weights(run, other) for other in others):
            yield stored.path, "another run has the same weights_sha256"
        if repeated[key] > 1:
            yield stored.path, "another run has the same variant, seed and type of device"


def must_share_weights(first: RunRecord, second: RunRecord) -> bool:
    """Whether two runs were trained identically, so that their weights must be equal bit for bit.

    They have the same seed, dataset, protocol and type of device, differ in no setting but the
    decay, and had the same learning rate in every epoch (as with a single epoch). Every other
    setting that registered variants differ in changes the first step. A trial of a search may
    repeat the settings of another, or state a value of the protocol explicitly.

    `history_is_complete` compares the learning rates with the recipe, so a copied run is caught.
    """
    same = first.environment.device_type == second.environment.device_type and all(
        getattr(first, key) == getattr(second, key) for key in ("seed", "dataset", "protocol")
    )
    first_settings, second_settings = _trained_settings(first), _trained_settings(second)
    differing = {key for key in first_settings if first_settings[key] != second_settings.get(key)}
    rates = ([row.lr for row in run.history] for run in (first, second))
    return same and differing <= {"lr_decay"} and next(rates) == next(rates)


def _trained_settings(run: RunRecord) -> dict[str, Any]:
    """Return the settings, with the protocol's value for those that the variant leaves open."""
    return {
        key: getattr(run.protocol, key, None) if value is None else value
        for key, value in run.settings.items()
    }
