"""Evaluate stored weights on a dataset, by the evaluation that runs use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.data.dataset import Dataset, Split
from harness.errors import InputError
from harness.export.finished_run import FinishedRun
from harness.export.stored_network import Classifier
from harness.formatting import printable
from harness.runs import store
from harness.training import metrics
from harness.training.device import require_precision

SPLITS = ("test", "validation", "train")


@dataclass(frozen=True)
class Evaluation:
    """Metrics of stored weights on the images of a dataset.

    Attributes:
        run: the run that the weights are of.
        dataset, title, fingerprint: name, title and SHA-256 of the dataset.
        split: "test", "validation" or "train".
        size: number of images.
        precision: "fp32" or "bf16".
        device: such as "cpu" or "cuda:0".
        metrics: see `harness.training.metrics.compute_metrics`.
        differences: what differs from the record, empty if every figure is equal; None if the
            record has no metrics of these images at this precision.
    """

    run: FinishedRun
    dataset: str
    title: str
    fingerprint: str
    split: str
    size: int
    precision: str
    device: str
    metrics: dict[str, Any]
    differences: tuple[str, ...] | None


def evaluate(
    run: FinishedRun,
    load_data: Callable[[], Dataset],
    device: torch.device,
    precision: str | None = None,
    split: str | None = None,
) -> Evaluation:
    """Evaluate the stored weights of a run; its own figures are repeated on its own data.

    Args:
        run: the run.
        load_data: returns any dataset with the classes of the network, whole, on the CPU. It may
            take long, so it is called once the weights and all else are known to be good.
        device: where the network is evaluated.
        precision: "fp32" or "bf16"; None for the run's own.
        split: "test", "validation" or "train"; None for the images that the run was evaluated on
            if this is its own dataset, else for the test images.

    Raises:
        InputError: if classes, weights, split or precision do not fit, or an output is not finite.
    """
    record = run.record
    own_precision = record.protocol.precision
    protocol = dataclasses.replace(record.protocol, precision=precision or own_precision)
    require_precision(device, protocol.precision)
    if split not in (None, *SPLITS):
        raise InputError(f"unknown split {split!r}: use {', '.join(SPLITS)}.")
    classifier = Classifier(run, device)
    data = load_data()
    _require_classes(run, data)
    own_data = data.fingerprint == record.dataset.fingerprint
    split = split or (record.dataset.split if own_data else "test")
    evaluated = _choose(run, data, split).to(device)
    with metrics.eval_mode(classifier):
        forward = _forward(classifier, device, protocol.precision)
        logits = metrics.predict_logits(forward, evaluated.images)
    logits = logits.cpu()
    if not logits.isfinite().all():
        raise InputError(f"the outputs of {run.title} on these images are not finite.")
    computed = metrics.compute_metrics(logits.numpy(), evaluated.labels.cpu().numpy(), data.classes)
    comparable = own_data and split == record.dataset.split and protocol.precision == own_precision
    return Evaluation(
        run=run,
        dataset=data.name,
        title=data.title,
        fingerprint=data.fingerprint,
        split=split,
        size=len(evaluated),
        precision=protocol.precision,
        device=str(device),
        metrics=computed,
        differences=_differences(run, computed) if comparable else None,
    )


def _require_classes(run: FinishedRun, data: Dataset) -> None:
    trained, given = run.record.dataset.classes, list(data.classes)
    if trained != given:
        listed = [printable(", ".join(names), limit=120) for names in (given, trained)]
        raise InputError(
            f"the dataset has {len(given)} classes ({listed[0]}), the network {len(trained)} "
            f"({listed[1]}): give a dataset with the same classes in the same order."
        )


def _choose(run: FinishedRun, data: Dataset, split: str) -> Split:
    """The images of a split: of the run's own dataset as its protocol splits it."""
    if split == "test":
        return data.test
    own_data = data.fingerprint == run.record.dataset.fingerprint
    as_trained = data.split_by(run.record.protocol) if own_data else data
    if split == "train":
        return as_trained.train
    if not own_data or run.record.dataset.split != "validation":
        raise InputError(
            f"--split validation: {run.title} held out no images of this dataset; runs with "
            "--validation and those of a cross-validation do, of their own."
        )
    return as_trained.test


def _forward(
    classifier: Classifier, device: torch.device, precision: str
) -> Callable[[Tensor], Tensor]:
    """Logits in float32 of a batch, as the trainer computes them."""

    def forward(images: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            logits: Tensor = classifier(images)
        return logits.float()

    return forward


def _differences(run: FinishedRun, computed: dict[str, Any]) -> tuple[str, ...]:
    recorded = run.metrics.model_dump(mode="json", exclude={"train_accuracy"})
    return tuple(store.diff(recorded, {key: computed[key] for key in recorded}))
