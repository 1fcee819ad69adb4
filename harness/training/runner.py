"""Train one run, evaluate it and write its record."""

from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from harness.data.dataset import Dataset
from harness.errors import RunFailedError
from harness.files import make_directory, write_atomically
from harness.progress import Reporter, Row
from harness.runs import store
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.training import checkpoint, device, environment, metrics, sources
from harness.training.trainer import Trainer


def train_run(
    spec: RunSpec,
    data: Dataset,
    reporter: Reporter,
    *,
    assert_lock_held: Callable[[], None] = lambda: None,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> RunRecord:
    """Train and evaluate one run and write its record; resumes from a checkpoint if possible.

    Args:
        spec: the run.
        data: the dataset, on the device that trains.
        reporter: receives every batch and epoch.
        assert_lock_held: called after each batch and before results are written; raises if another
            process has taken over the run.
        on_epoch: called with the row of each epoch trained; an error that it raises ends the run.

    Returns:
        The record as written; for a failed run it has the reason.

    Raises:
        InputError: if the checkpoint belongs to another run, the folder cannot be written, or the
            device does not support the protocol's precision.
        RunFailedError: if the GPU's memory ran out in this process before; nothing is recorded.
    """
    run_device = data.train.labels.device
    device.require_precision(run_device, spec.protocol.precision)
    device.require_clean_process(run_device)
    if device.lacks_instructions(run_device, spec.protocol.precision):
        reporter.say(
            f"{spec.title}: this CPU has no {spec.protocol.precision} instructions, so training "
            "takes many times as long as with --precision fp32, whose runs have separate tables"
        )
    make_directory(spec.directory)
    data = data.split_by(spec.protocol)
    trainer: Trainer | None = None
    history: list[dict[str, Any]] = []
    resumed_at: list[int] = []
    try:
        graphs = False if spec.eager else None
        trainer = Trainer(spec.variant, spec.protocol, spec.seed, data, graphs=graphs)
        _fit(trainer, spec, history, resumed_at, reporter, assert_lock_held, on_epoch)
        results = _evaluate_and_save(trainer, spec.directory, assert_lock_held)
    except (RunFailedError, MemoryError, RuntimeError) as error:
        if not isinstance(error, RunFailedError) and not device.is_out_of_memory(error):
            raise
        results = {**_NO_RESULTS, "reason": _reason(error)}
    finally:
        reporter.end()
    parameters = sum(p.numel() for p in trainer.model.parameters()) if trainer else 0
    record = _record(spec, data, results, history, resumed_at, parameters)
    assert_lock_held()
    store.save(spec.directory, record)
    if not record.failed:  # else a retry goes on from them
        checkpoint.clear(spec.directory)
    return record


def record_failure(spec: RunSpec, data: Dataset, reason: str) -> RunRecord:
    """Record a run that cannot be trained as failed; its checkpoints are kept for a retry.

    Args:
        spec, data: see `train_run`.
        reason: the reason, for the record and messages.

    Returns:
        The record as written.

    Raises:
        UnwritableError: if the folder cannot be written.
    """
    record = _record(spec, data.split_by(spec.protocol), {**_NO_RESULTS, "reason": reason})
    store.save(spec.directory, record)
    return record


def _record(
    spec: RunSpec,
    data: Dataset,
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    resumed_at: Sequence[int] = (),
    parameters: int = 0,
) -> RunRecord:
    return RunRecord.model_validate(
        {
            **environment.describe_run(spec, data),
            "parameters": parameters,
            "resumed_at": list(resumed_at),
            "train_seconds": float(sum(row["seconds"] for row in history)),
            "history": list(history),
            **results,
        }
    )


def _fit(
    trainer: Trainer,
    spec: RunSpec,
    history: list[dict[str, Any]],
    resumed_at: list[int],
    reporter: Reporter,
    assert_lock_held: Callable[[], None],
    on_epoch: Callable[[Row], None],
) -> None:
    """Train to the last epoch, writing checkpoints; appends to `history` and `resumed_at`."""

    def on_batch(done: int) -> None:
        assert_lock_held()
        reporter.batch(done)

    data, protocol = trainer.data, spec.protocol
    identity = {
        **spec.identity(data.fingerprint),
        "sources": sources.sources_sha256(),
        "environment": environment.describe(trainer.device, eager=spec.eager),
    }
    state = checkpoint.load(spec.directory, identity)
    if state:
        trainer.restore(state)
        history += state["history"]
        resumed_at += [*state["resumed_at"], trainer.epoch]
    reporter.begin(spec.title, protocol.epochs, len(trainer.batch_sizes), history)
    with checkpoint.Writer(spec.directory, identity) as writer:
        while trainer.epoch < protocol.epochs:
            row = _epoch(trainer, on_batch)
            device.raise_if_oom_hidden(trainer.device)  # before the epoch is saved
            history.append(row)
            writer.offer({**trainer.state(), "history": history, "resumed_at": resumed_at})
            reporter.epoch(row)
            on_epoch(row)


def _epoch(trainer: Trainer, on_batch: Callable[[int], None]) -> dict[str, Any]:
    """Train one epoch, evaluate if the protocol says so, and return the row of the history."""
    protocol, data = trainer.protocol, trainer.data
    start = time.perf_counter()
    trained = trainer.train_epoch(on_batch)
    seconds = time.perf_counter() - start
    loss = accuracy = None
    if protocol.evaluate_every_epoch:
        loss, accuracy = metrics.loss_and_accuracy(trainer.predict(), data.test.labels)
        if not math.isfinite(loss):  # of the last step, which no training loss has seen yet
            raise RunFailedError(
                f"diverged: the {protocol.split} loss is {loss} in epoch {trainer.epoch}"
            )
    return {
        "epoch": trainer.epoch,
        "train_loss": trained["train_loss"],
        "train_accuracy": trained["train_accuracy"],
        "eval_loss": loss,
        "eval_accuracy": accuracy,
        "lr": trained["lr"],
        "seconds": seconds,
        "images_per_second": len(data.train) / seconds,
    }


def _evaluate_and_save(
    trainer: Trainer, directory: Path, assert_lock_held: Callable[[], None]
) -> dict[str, Any]:
    """Evaluate the trained network; write weights, predictions and probabilities.

    Returns:
        The fields of the record that are known after training.
    """
    logits = trainer.predict().cpu()
    train = trainer.data.train
    _, train_accuracy = metrics.loss_and_accuracy(trainer.predict(train.images), train.labels)
    device.raise_if_oom_hidden(trainer.device)
    if not logits.isfinite().all():
        raise RunFailedError("diverged: the trained network's outputs are not finite")
    labels = trainer.data.test.labels.cpu().numpy()
    predictions = "".join(f"{label}\n" for label in logits.argmax(1).tolist()).encode()
    weights = {k: v.cpu().contiguous() for k, v in trainer.model.state_dict().items()}
    probabilities = io.BytesIO()
    np.save(probabilities, logits.softmax(1).numpy())
    assert_lock_held()
    write_atomically(directory / store.WEIGHTS, safetensors.torch.save(weights))
    write_atomically(directory / store.PROBABILITIES, probabilities.getvalue())
    write_atomically(directory / store.PREDICTIONS, predictions)
    return {
        "status": "finished",
        "reason": None,
        "metrics": {
            **metrics.compute_metrics(logits.numpy(), labels, trainer.data.classes),
            "train_accuracy": train_accuracy,
        },
        "weights_sha256": weights_sha256(weights),
        "predictions_sha256": hashlib.sha256(predictions).hexdigest(),
    }


_NO_RESULTS: dict[str, Any] = {
    "status": "failed",
    "metrics": None,
    "weights_sha256": None,
    "predictions_sha256": None,
}


def weights_sha256(weights: dict[str, torch.Tensor]) -> str:
    """SHA-256 of a state dict on the CPU: names, dtypes, shapes and bytes, sorted by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _reason(error: BaseException) -> str:
    if isinstance(error, RunFailedError):
        return str(error)
    return f"out of memory: {(str(error).splitlines() or ['no detail'])[0]}"
