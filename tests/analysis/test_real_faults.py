"""Faults in real training on the digits: each is found by comparison with sound reference runs.

The faults leave no trace in the record's settings: only the figures can show them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import variants
from harness.analysis.compatibility import prediction, reference, sentences
from harness.analysis.compatibility.prediction import Compatibility, Outcome
from harness.analysis.compatibility.reference import ReferenceRuns
from harness.data import dataset
from harness.data.dataset import Dataset
from harness.progress import Reporter
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.training import checkpoint
from harness.training.augmentation import AugmentParams, PaddedImages
from harness.training.runner import train_run

pytestmark = pytest.mark.slow

# Fewer than the protocol's 12, but enough for 92 % accuracy; each takes more than ten seconds.
EPOCHS = 8

SEEDS = range(6)

Train = Callable[[int, Dataset], RunRecord]

Inject = Callable[[pytest.MonkeyPatch, Dataset], Dataset]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return dataset.load("digits")


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Train]:
    """Train `paper` on the digits with a seed, and return its record."""
    protocol = dataclasses.replace(presets.PROTOCOLS["digits"], epochs=EPOCHS)

    def run(seed: int, data: Dataset) -> RunRecord:
        folder: Path = tmp_path_factory.mktemp("run")
        spec = RunSpec(variants.get("paper"), seed, protocol, {"epochs": EPOCHS}, folder)
        record = train_run(spec, data, Reporter())
        (spec.directory / "model.safetensors").unlink(missing_ok=True)
        return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "MIN_INTERVAL_SECONDS", math.inf)
        yield run


@pytest.fixture(scope="module")
def sound(train: Train, digits: Dataset) -> ReferenceRuns:
    return reference.from_records(train(seed, digits) for seed in SEEDS)


def compare(record: RunRecord, sound: ReferenceRuns) -> Compatibility:
    (comparison,) = prediction.compare_runs([record], sound)
    assert comparison is not None
    assert comparison.n_reference == len(SEEDS)
    print(sentences.line(comparison))
    return comparison


def upside_down(patch: pytest.MonkeyPatch, data: Dataset) -> Dataset:
    """The augmentation turns every training image upside down."""
    batch = PaddedImages.batch

    def turned(self: PaddedImages, index: torch.Tensor, params: AugmentParams) -> torch.Tensor:
        return batch(self, index, params).flip(2)

    patch.setattr(PaddedImages, "batch", turned)
    return data


def learning_rate_times(factor: float) -> Inject:
    def inject(patch: pytest.MonkeyPatch, data: Dataset) -> Dataset:
        scheduled = Protocol.learning_rate_at
        patch.setattr(Protocol, "learning_rate_at", lambda *a: factor * scheduled(*a))
        return data

    return inject


def shuffled_labels(patch: pytest.MonkeyPatch, data: Dataset) -> Dataset:
    """The training images of one class have random labels."""
    labels = data.train.labels.clone()
    chosen = labels == 3
    random = torch.randint(0, 10, (int(chosen.sum()),), generator=torch.Generator().manual_seed(0))
    labels[chosen] = random
    return dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))


def test_a_sound_run_with_a_new_seed_is_compatible(
    train: Train, digits: Dataset, sound: ReferenceRuns
) -> None:
    assert compare(train(100, digits), sound).outcome is Outcome.COMPATIBLE


@pytest.mark.parametrize(
    ("inject", "names"),
    [
        (upside_down, {"accuracy", "loss", "train_accuracy"}),
        (learning_rate_times(0.1), {"accuracy", "loss", "train_accuracy"}),
        (learning_rate_times(10), {"accuracy", "loss", "train_accuracy"}),
        (shuffled_labels, {"train_accuracy", "recall.3"}),
    ],
    ids=["augmentation", "learning rate / 10", "learning rate * 10", "labels"],
)
def test_a_fault_is_found(
    inject: Inject,
    names: set[str],
    train: Train,
    digits: Dataset,
    sound: ReferenceRuns,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparison = compare(train(100, inject(monkeypatch, digits)), sound)
    assert comparison.outcome is Outcome.NOT_COMPATIBLE
    assert names <= {outlier.name for outlier in comparison.outside}
