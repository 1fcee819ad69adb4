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

from harness.integrity.stored_run import CLOSE, Stored, apart
from harness.runs import record, store
from harness.runs.record import RunRecord
from harness.training.metrics import compute_metrics, metrics_from_predictions
from harness.training.runner import weights_sha256

HEX = re.compile(r"[0-9a-f]{64}")


def outcome_is_whole(stored: Stored) -> Iterator[str]:
    """A finished run has metrics and hashes and no reason; a failed one a reason alone."""
    run = stored.record
    outcome = (run.metrics, run.weights_sha256, run.predictions_sha256)
    if run.status == "finished":
        if None in outcome or run.reason is not None:
            yield "finished, but metrics or hashes are missing or a reason is given"
    elif run.status == "failed":
        if outcome != (None, None, None) or not run.reason:
            yield "failed, but has metrics or hashes or no reason"
    else:
        yield f"status is {run.status!r}"


def metrics_follow_from_predictions(stored: Stored) -> Iterator[str]:
    """Accuracy, F1, precision, recall and matrix are those of predictions.txt and the labels."""
    run = stored.record
    if run.metrics is None or stored.data is None:
        return
    try:
        text = stored.beside(store.PREDICTIONS) or b""
        predicted = np.array([int(line) for line in text.split()])
        found = metrics_from_predictions(
            predicted, stored.data.test.labels.numpy(), stored.data.classes
        )
    except ValueError as error:
        yield f"{store.PREDICTIONS} does not fit the data ({error})"
        return
    yield from apart(found, {key: run.metrics.get(key) for key in found}, "metrics")


def hashes_match(stored: Stored) -> Iterator[str]:
    """Hashes are SHA-256 and those of the predictions and, where they lie beside, the weights."""
    run = stored.record
    for key in ("weights_sha256", "predictions_sha256", "sources_sha256"):
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


def probabilities_agree(stored: Stored) -> Iterator[str]:
    """Where probabilities.npy lies beside, predictions, AUC and loss are those it gives."""
    run, content = stored.record, stored.beside(store.PROBABILITIES)
    if run.metrics is None or content is None or stored.data is None:
        return
    try:
        probabilities: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        with np.errstate(divide="ignore"):
            logits = np.maximum(np.log(probabilities), -200).astype(np.float32)
        labels = stored.data.test.labels.numpy()
        found = compute_metrics(logits, labels, stored.data.classes)
    except ValueError as error:
        yield f"{store.PROBABILITIES} does not fit the data ({error})"
        return
    written = b"".join(b"%d\n" % label for label in probabilities.argmax(1))
    if written != stored.beside(store.PREDICTIONS):
        yield f"{store.PREDICTIONS} are not the most probable classes"
    for key in ("auc", "loss"):
        yield from apart(found[key], run.metrics[key], f"metrics.{key}", close=1e-4)


def history_is_complete(stored: Stored) -> Iterator[str]:
    """The history has every epoch, finite figures, the protocol's learning rate, and ends in the
    metrics."""
    run = stored.record
    protocol = record.protocol_of(run)
    rows = run.history
    numbers = [row.get("epoch") for row in rows]
    if numbers != list(range(1, len(rows) + 1)) or not (run.failed or len(rows) == protocol.epochs):
        yield f"history has epochs {numbers}"
        return
    decay = bool(run.settings.get("lr_decay"))
    for row in rows:
        yield from _row_faults(row, run, protocol.learning_rate_at(row["epoch"] - 1, decay))
    spent = sum(row.get("seconds") or 0.0 for row in rows)
    if not math.isclose(spent, run.train_seconds, rel_tol=CLOSE, abs_tol=CLOSE):
        yield f"train_seconds is {run.train_seconds}, the epochs took {spent}"
    if run.metrics is not None and protocol.evaluate_every_epoch:
        for key in ("accuracy", "loss"):
            last = rows[-1].get(f"{protocol.split}_{key}")
            yield from apart(last, run.metrics[key], f"metrics.{key} and history", close=1e-4)


def _row_faults(row: dict[str, Any], run: RunRecord, rate: float) -> Iterator[str]:
    split = run.dataset["split"]
    keys = {"epoch", "train_loss", "train_accuracy", "lr", "seconds", "images_per_second"}
    if run.protocol.get("evaluate_every_epoch"):
        keys |= {f"{split}_loss", f"{split}_accuracy"}
    place = f"history, epoch {row['epoch']}"
    if set(row) != keys:
        yield f"{place}: fields are {', '.join(sorted(row))}"
        return
    if not all(isinstance(v, int | float) and math.isfinite(v) and v >= 0 for v in row.values()):
        yield f"{place}: a figure is not a number or negative"
        return
    if any(row[key] > 1 for key in keys if key.endswith("accuracy")):
        yield f"{place}: an accuracy is over 1"
    if row["lr"] != rate:
        yield f"{place}: lr is {row['lr']}, the protocol says {rate}"
    speed = run.dataset["train_size"] / row["seconds"] if row["seconds"] else math.inf
    yield from apart(speed, row["images_per_second"], f"{place}: images_per_second", CLOSE * speed)


def resumes_are_possible(stored: Stored) -> Iterator[str]:
    """A run goes on only after epochs that it has, in order."""
    epochs = stored.record.resumed_at
    possible = range(1, len(stored.record.history) + 1)
    if epochs != sorted(epochs) or not all(e in possible for e in epochs):
        yield f"resumed_at is {epochs}"


def runs_are_distinct(runs: Sequence[Stored]) -> Iterator[tuple[Path, str]]:
    """No two runs share their weights unless a decay that came in no epoch is all that sets them
    apart, and each variant and seed of a protocol is there once."""
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
        if not all(trained_alike(run, other) for other in others):
            yield stored.path, "weights_sha256 is that of another run too"
        if repeated[key] > 1:
            yield stored.path, "variant and seed are there twice"


def trained_alike(one: RunRecord, other: RunRecord) -> bool:
    """Whether two variants are rightly equal to the bit: they differ in the decay alone, and no
    epoch had a learning rate that tells them apart, as where there is one epoch.

    `history_is_complete` holds the learning rates to the protocol, so that no copy gets by.
    """
    same = all(getattr(one, key) == getattr(other, key) for key in ("seed", "dataset", "protocol"))
    differing = {key for key in one.settings if one.settings[key] != other.settings.get(key)}
    rates = ([row["lr"] for row in run.history] for run in (one, other))
    return same and differing == {"lr_decay"} and next(rates) == next(rates)
