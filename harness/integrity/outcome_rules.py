"""Rules on what came out of a run: metrics, predictions, weights, history."""

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

from harness.integrity.stored_run import CLOSE, StoredRun, value_differences
from harness.runs import store
from harness.runs.record import EpochRow, RunRecord
from harness.training.metrics import compute_metrics, metrics_from_predictions
from harness.training.runner import weights_sha256

# Relative, of a probability in single precision.
ROUNDING = 1e-6

HEX = re.compile(r"[0-9a-f]{64}")


def outcome_is_whole(stored: StoredRun) -> Iterator[str]:
    """A finished run has metrics and hashes and no reason; a failed one a reason alone."""
    run = stored.record
    outcome = (run.metrics, run.weights_sha256, run.predictions_sha256)
    if run.status == "finished" and (None in outcome or run.reason is not None):
        yield "finished, but metrics or hashes are missing or a reason is given"
    if run.status == "failed" and (outcome != (None, None, None) or not run.reason):
        yield "failed, but has metrics or hashes or no reason"


def metrics_follow_from_predictions(stored: StoredRun) -> Iterator[str]:
    """Accuracy, F1, precision, recall and matrix are those of predictions.txt and the labels."""
    run = stored.record
    if run.metrics is None or stored.data is None:
        return
    try:
        expected = metrics_from_predictions(
            _predictions(stored), stored.data.test.labels.numpy(), stored.data.classes
        )
    except ValueError as error:
        yield f"{store.PREDICTIONS} does not fit the data ({error})"
        return
    yield from value_differences(expected, run.metrics.model_dump(include=set(expected)), "metrics")


def _predictions(stored: StoredRun) -> NDArray[np.int64]:
    """The predicted classes; raises a ValueError where a line is no number."""
    text = stored.beside(store.PREDICTIONS) or b""
    return np.array([int(line) for line in text.split()], dtype=np.int64)


def train_accuracy_is_a_count(stored: StoredRun) -> Iterator[str]:
    """The accuracy on the training images is a number of them, divided by all."""
    run = stored.record
    if run.metrics and not _counts(run.metrics.train_accuracy, run.dataset.train_size):
        yield f"metrics.train_accuracy: {run.metrics.train_accuracy} of {run.dataset.train_size}"


def hashes_match(stored: StoredRun) -> Iterator[str]:
    """Hashes are SHA-256 and those of the predictions and, where they lie beside, the weights."""
    run = stored.record
    for key in ("weights_sha256", "predictions_sha256", "sources_sha256", "decision_sha256"):
        value = getattr(run, key)
        if value is not None and not HEX.fullmatch(value):
            yield f"{key} is no SHA-256"
    if run.metrics is None:
        return
    predictions = stored.beside(store.PREDICTIONS)
    if predictions is None or hashlib.sha256(predictions).hexdigest() != run.predictions_sha256:
        yield f"predictions_sha256 is not that of {store.PREDICTIONS}"
    weights = stored.beside(store.WEIGHTS)
    if weights is not None:
        try:
            found = weights_sha256(safetensors.torch.load(weights))
        except Exception as error:  # safetensors raises its own, undocumented kinds
            found = f"unreadable ({error})"
        if found != run.weights_sha256:
            yield f"weights_sha256 is not that of {store.WEIGHTS}"


def probabilities_agree(stored: StoredRun) -> Iterator[str]:
    """Where probabilities.npy lies beside, predictions, AUC and loss are those it gives.

    Its rounding makes ties where a network hardly tells images apart, and the AUC may then be
    whatever it is with each tie broken one way or the other.
    """
    run, content = stored.record, stored.beside(store.PROBABILITIES)
    if run.metrics is None or content is None or stored.data is None:
        return
    try:
        probabilities: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        with np.errstate(divide="ignore"):
            logits = np.maximum(np.log(probabilities.astype(np.float64)), -200)
        labels, classes = stored.data.test.labels.numpy(), stored.data.classes
        ties = ROUNDING * np.eye(len(classes))[labels]
        low, middle, high = (
            compute_metrics(logits + shift, labels, classes) for shift in (-ties, 0 * ties, ties)
        )
        chosen = np.take_along_axis(logits, _predictions(stored)[:, None], axis=1)[:, 0]
    except ValueError as error:
        yield f"{store.PROBABILITIES} does not fit the data ({error})"
        return
    if (chosen < logits.max(1) - ROUNDING).any():
        yield f"{store.PREDICTIONS} are not the most probable classes"
    yield from value_differences(middle["loss"], run.metrics.loss, "metrics.loss", close=1e-4)
    auc = run.metrics.auc
    if auc is None or middle["auc"] is None:
        yield from value_differences(middle["auc"], auc, "metrics.auc")
    elif not low["auc"] - 1e-4 <= auc <= high["auc"] + 1e-4:
        yield f"metrics.auc: {auc} recorded, {middle['auc']} follows"


def history_is_complete(stored: StoredRun) -> Iterator[str]:
    """The history has every epoch, the figures that the protocol and the mixing allow, the recipe's
    learning rate, and ends in the metrics."""
    run, rows = stored.record, stored.record.history
    numbers = [row.epoch for row in rows]
    complete = run.failed or len(rows) == run.protocol.epochs
    if numbers != list(range(1, len(rows) + 1)) or not complete:
        yield f"history has epochs {numbers}"
        return
    recipe, variant = stored.recipe, stored.variant
    for row in rows:
        rate = recipe.learning_rate_at(row.epoch - 1, variant.lr_decay)
        for fault in _row_faults(row, run, rate, mixed=variant.mixing != "none"):
            yield f"history, epoch {row.epoch}: {fault}"
    spent = sum(row.seconds for row in rows)
    if not math.isclose(spent, run.train_seconds, rel_tol=CLOSE, abs_tol=CLOSE):
        yield f"train_seconds is {run.train_seconds}, the epochs took {spent}"
    if run.metrics is not None and run.protocol.evaluate_every_epoch:
        last = {"accuracy": rows[-1].eval_accuracy, "loss": rows[-1].eval_loss}
        for key, value in last.items():
            found = getattr(run.metrics, key)
            yield from value_differences(value, found, f"metrics.{key} and history", close=1e-4)


def _row_faults(row: EpochRow, run: RunRecord, rate: float, *, mixed: bool) -> Iterator[str]:
    evaluated = run.protocol.evaluate_every_epoch
    wanted = {"train_accuracy": not mixed, "eval_loss": evaluated, "eval_accuracy": evaluated}
    for key, there in wanted.items():
        if (getattr(row, key) is not None) != there:
            yield f"{key} is {getattr(row, key)}"
    sizes = {"train_accuracy": run.dataset.train_size, "eval_accuracy": run.dataset.test_size}
    for key, size in sizes.items():
        accuracy = getattr(row, key)
        if accuracy is not None and not _counts(accuracy, size):
            yield f"{key}: {accuracy} of {size}"
    if row.lr != rate:
        yield f"lr is {row.lr}, the recipe says {rate}"
    speed = run.dataset.train_size / row.seconds if row.seconds else math.inf
    yield from value_differences(speed, row.images_per_second, "images_per_second", CLOSE * speed)


def _counts(accuracy: float, images: int) -> bool:
    """Whether an accuracy is a whole number of images, divided by all."""
    right = accuracy * images
    return 0 <= accuracy <= 1 and abs(right - round(right)) <= CLOSE


def resumes_are_possible(stored: StoredRun) -> Iterator[str]:
    """A run goes on only after epochs that it has, in order."""
    epochs = stored.record.resumed_at
    possible = range(1, len(stored.record.history) + 1)
    if epochs != sorted(epochs) or not all(e in possible for e in epochs):
        yield f"resumed_at is {epochs}"


def runs_are_distinct(runs: Sequence[StoredRun]) -> Iterator[tuple[Path, str]]:
    """No two runs share their weights unless they were trained alike, such as with and without a
    decay that came in no epoch, and each variant and seed of a protocol is there once."""
    sharing = defaultdict(list)
    for stored in runs:
        if stored.record.weights_sha256:
            sharing[stored.record.weights_sha256].append(stored.record)
    keys = [
        repr((s.record.dataset, s.record.protocol, s.record.variant, s.record.seed)) for s in runs
    ]
    repeated = Counter(keys)
    for stored, key in zip(runs, keys, strict=True):
        run = stored.record
        others = (other for other in sharing[run.weights_sha256 or ""] if other is not run)
        if not all(must_share_weights(run, other) for other in others):
            yield stored.path, "weights_sha256 is that of another run too"
        if repeated[key] > 1:
            yield stored.path, "variant and seed are there twice"


def must_share_weights(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs are rightly equal to the bit: nothing sets them apart, or the decay alone,
    and no epoch had another learning rate, as where there is one epoch.

    Of the registered variants only those that differ in the decay can be: every other setting
    changes the first step. A trial of a search may have another's settings, or write out what the
    protocol says anyway.

    `history_is_complete` holds the learning rates to the recipe, so that no copy gets by.
    """
    same = all(getattr(one, key) == getattr(other, key) for key in ("seed", "dataset", "protocol"))
    settings, others = _trained_settings(one), _trained_settings(other)
    differing = {key for key in settings if settings[key] != others.get(key)}
    rates = ([row.lr for row in run.history] for run in (one, other))
    return same and differing <= {"lr_decay"} and next(rates) == next(rates)


def _trained_settings(run: RunRecord) -> dict[str, Any]:
    """The settings, with the protocol's value where a variant leaves it."""
    return {
        key: getattr(run.protocol, key, None) if value is None else value
        for key, value in run.settings.items()
    }
