"""`verify`: a twin is equal, and what differs is named first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.data.dataset import Dataset
from harness.integrity import reproduce
from harness.progress import Reporter
from harness.runs.record import RunRecord
from harness.training import sources
from harness.training.augmentation import AugmentParams
from harness.training.trainer import Trainer

Train = Callable[..., RunRecord]

CPU = torch.device("cpu")


@pytest.fixture
def stored(train: Train) -> RunRecord:
    return train("batch_norm", epochs=2, decay_at=(0.5,))


def found(stored: RunRecord, data: Dataset) -> tuple[bool, str]:
    finding = reproduce.verify(stored, data, CPU, Reporter())
    return finding.same, "; ".join(finding.lines)


def test_a_run_is_equal_to_its_repetition(stored: RunRecord, data: Dataset) -> None:
    same, text = found(stored, data)
    assert same
    assert "equal bit for bit" in text


def test_one_altered_batch_is_found_in_its_epoch(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = Trainer.drawn

    def altered(self: Trainer, epoch: int) -> tuple[torch.Tensor, AugmentParams]:
        order, draws = drawn(self, epoch)
        if epoch == 1:
            order[0] = order[1]
        return order, draws

    monkeypatch.setattr(Trainer, "drawn", altered)
    same, text = found(stored, data)
    assert not same
    assert "first difference: epoch 2: train_loss was" in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights_sha256": "0" * 64}, "first difference: weights_sha256"),
        ({"predictions_sha256": "0" * 64}, "first difference: predictions_sha256"),
    ],
)
def test_forged_hashes_are_found(
    changed: dict[str, Any], message: str, stored: RunRecord, data: Dataset
) -> None:
    same, text = found(dataclasses.replace(stored, **changed), data)
    assert not same
    assert message in text


def test_forged_curves_are_found(stored: RunRecord, data: Dataset) -> None:
    history = [{**row} for row in stored.history]
    history[0]["train_loss"] -= 0.01
    same, text = found(dataclasses.replace(stored, history=history), data)
    assert not same
    assert "first difference: epoch 1: train_loss" in text


def test_forged_metrics_are_found(stored: RunRecord, data: Dataset) -> None:
    assert stored.metrics is not None
    forged = dataclasses.replace(stored, metrics={**stored.metrics, "auc": 0.99})
    assert "first difference: metrics.auc was 0.99" in found(forged, data)[1]


def test_other_data_are_found_before_training(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "train_epoch", lambda self: pytest.fail("trained"))
    same, text = found(stored, dataclasses.replace(data, fingerprint="f" * 64))
    assert not same
    assert text.startswith("data differ")


def test_another_environment_promises_no_bits_and_compares_metrics(
    stored: RunRecord, data: Dataset
) -> None:
    there = {**stored.environment, "device": "another CPU"}
    same, text = found(dataclasses.replace(stored, environment=there), data)
    assert same
    assert text.startswith("environment device was another CPU and is")
    assert "same bits are not promised" in text
    assert "accuracy was" in text


def test_metrics_too_far_apart_are_no_repetition(stored: RunRecord, data: Dataset) -> None:
    assert stored.metrics is not None
    forged = dataclasses.replace(
        stored,
        environment={**stored.environment, "threads": 99},
        metrics={**stored.metrics, "accuracy": 1.0},
    )
    assert not found(forged, data)[0]


def test_changed_sources_are_named(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "sources_sha256", lambda: "1" * 64)
    same, text = found(stored, data)
    assert same
    assert "the sources that decide bits have changed" in text
    assert "the same weights" in text


def test_a_failed_run_fails_again(train: Train, data: Dataset) -> None:
    failed = train(learning_rate=1e6, epochs=5)
    same, text = found(failed, data)
    assert same, text
