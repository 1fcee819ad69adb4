"""`verify`: an equal repetition passes, and the first difference is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.data.dataset import Dataset
from harness.integrity import reproduce
from harness.progress import Reporter
from harness.runs.record import Normalization, RunRecord
from harness.training import sources
from harness.training.trainer import EpochParams, Trainer

Train = Callable[..., RunRecord]

CPU = torch.device("cpu")


@pytest.fixture
def stored(train: Train) -> RunRecord:
    return train("batch_norm", epochs=2, decay_at=(0.5,))


def repeated(stored: RunRecord, data: Dataset) -> tuple[bool, str]:
    repetition = reproduce.verify(stored, data, CPU, Reporter())
    return repetition.same, "; ".join(repetition.lines)


def test_a_run_is_equal_to_its_repetition(stored: RunRecord, data: Dataset) -> None:
    same, text = repeated(stored, data)
    assert same
    assert "equal bit for bit" in text


def test_an_altered_batch_is_reported_with_its_epoch(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample_epoch = Trainer.sample_epoch

    def altered(self: Trainer, epoch: int) -> EpochParams:
        params = sample_epoch(self, epoch)
        if epoch == 1:
            params.order[0] = params.order[1]
        return params

    monkeypatch.setattr(Trainer, "sample_epoch", altered)
    same, text = repeated(stored, data)
    assert not same
    assert "first difference: epoch 2: train_loss was" in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights_sha256": "0" * 64}, "first difference: weights_sha256"),
        ({"predictions_sha256": "0" * 64}, "first difference: predictions_sha256"),
        ({"parameters": 7}, "first difference: parameters was 7 and is 11962"),
        (
            {"normalization": Normalization(mean=[0.0] * 3, std=[255.0] * 3)},
            "first difference: normalization.mean was [0.0, 0.0, 0.0]",
        ),
    ],
)
def test_forged_results_are_reported(
    changed: dict[str, Any], message: str, stored: RunRecord, data: Dataset
) -> None:
    same, text = repeated(stored.model_copy(update=changed), data)
    assert not same
    assert message in text


def test_forged_curves_are_reported(stored: RunRecord, data: Dataset) -> None:
    first, *later = stored.history
    forged = first.model_copy(update={"train_loss": first.train_loss - 0.01})
    same, text = repeated(stored.model_copy(update={"history": [forged, *later]}), data)
    assert not same
    assert "first difference: epoch 1: train_loss" in text


def test_a_history_with_other_epochs_is_reported(stored: RunRecord, data: Dataset) -> None:
    short = stored.model_copy(update={"history": stored.history[:1]})
    assert repeated(short, data) == (
        False,
        "first difference: the stored history ends before epoch 2",
    )
    long = stored.model_copy(update={"history": [*stored.history, stored.history[-1]]})
    assert repeated(long, data) == (False, "the stored history goes on after epoch 2")


def test_forged_metrics_are_reported(stored: RunRecord, data: Dataset) -> None:
    assert stored.metrics is not None
    for key in ("auc", "train_accuracy"):
        metrics = stored.metrics.model_copy(update={key: 0.99})
        forged = stored.model_copy(update={"metrics": metrics})
        assert f"first difference: metrics.{key} was 0.99" in repeated(forged, data)[1]


def test_a_mixed_run_is_equal_to_its_repetition(train: Train, data: Dataset) -> None:
    same, text = repeated(train("cutmix"), data)
    assert same, text


def test_other_data_are_reported_before_training(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "train_epoch", lambda self: pytest.fail("trained"))
    same, text = repeated(stored, dataclasses.replace(data, fingerprint="f" * 64))
    assert not same
    assert text.startswith("data differ")


def test_in_another_environment_metrics_are_compared(stored: RunRecord, data: Dataset) -> None:
    environment = stored.environment.model_copy(update={"device": "another CPU"})
    same, text = repeated(stored.model_copy(update={"environment": environment}), data)
    assert same
    assert text.startswith("environment device was another CPU and is")
    assert "equal bits are not guaranteed" in text
    assert "accuracy was" in text


def test_metrics_too_far_apart_are_no_repetition(stored: RunRecord, data: Dataset) -> None:
    assert stored.metrics is not None
    forged = stored.model_copy(
        update={
            "environment": stored.environment.model_copy(update={"threads": 99}),
            "metrics": stored.metrics.model_copy(update={"accuracy": 1.0}),
        }
    )
    assert not repeated(forged, data)[0]


def test_changed_sources_are_named(
    stored: RunRecord, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "sources_sha256", lambda: "1" * 64)
    same, text = repeated(stored, data)
    assert same
    assert "the sources that decide bits have changed" in text
    assert "the same weights" in text


def test_a_failed_run_fails_again(train: Train, data: Dataset) -> None:
    failed = train(learning_rate=1e6, epochs=5)
    same, text = repeated(failed, data)
    assert same, text
