"""The trainer: repeatability, and what weights must not depend on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.errors import RunFailedError
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord
from harness.training import metrics
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer

Train = Callable[..., RunRecord]

PAPER = variants.get("paper")


def hash_of(trainer: Trainer) -> str:
    return weights_sha256(trainer.model.state_dict())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_global_generator_does_not_matter(
    precision: str, protocol: Protocol, data: Dataset
) -> None:
    # That fresh processes agree, for every variant, is in test_repeatability.
    applied = dataclasses.replace(protocol, precision=precision)
    hashes = []
    for noise in (0, 1):
        torch.manual_seed(noise)
        trainer = Trainer(PAPER, applied, 0, data)
        trainer.train_epoch()
        hashes.append(hash_of(trainer))
    assert hashes[0] == hashes[1]


def test_bf16_is_really_in_use(protocol: Protocol, data: Dataset) -> None:
    hashes = set()
    for precision in ("fp32", "bf16"):
        trainer = Trainer(PAPER, dataclasses.replace(protocol, precision=precision), 0, data)
        trainer.train_epoch()
        hashes.add(hash_of(trainer))
        assert all(p.dtype == torch.float32 for p in trainer.model.parameters())
    assert len(hashes) == 2


def test_weights_do_not_depend_on_evaluation(train: Train) -> None:
    every = train("batch_norm", results="every")
    last = train("batch_norm", results="last", evaluate_every_epoch=False)
    assert every.weights_sha256 == last.weights_sha256
    assert every.predictions_sha256 == last.predictions_sha256
    assert every.history[0].eval_accuracy is not None
    assert last.history[0].eval_accuracy is None


def test_evaluation_uses_neither_dropout_nor_augmentation_nor_batch_statistics(
    protocol: Protocol, data: Dataset
) -> None:
    trainer = Trainer(variants.get("batch_norm"), protocol, 0, data)
    trainer.train_epoch()
    together = trainer.predict()
    assert torch.equal(together, trainer.predict())
    alone = trainer.predict(data.test.images[:1])
    torch.testing.assert_close(alone[0], together[0], rtol=1e-4, atol=1e-5)
    assert trainer.model.training


def test_the_figure_of_a_run_is_its_last_epochs(train: Train) -> None:
    record = train(epochs=3)
    assert record.metrics is not None
    assert record.metrics.accuracy == record.history[-1].eval_accuracy


@pytest.mark.usefixtures("full_network")
def test_a_small_set_is_learned_by_heart(protocol: Protocol, data: Dataset) -> None:
    applied = dataclasses.replace(protocol, epochs=20, batch_size=20)
    plain = PAPER.derive("plain", "nothing between the images and the weights", dropout=0.0)
    plain = dataclasses.replace(plain, augmentation="none", batch_norm=True)
    seen = dataclasses.replace(data, test=data.train)
    trainer = Trainer(plain, applied, 0, seen)
    rows = [trainer.train_epoch() for _ in range(applied.epochs)]
    loss, accuracy = metrics.loss_and_accuracy(trainer.predict(), seen.test.labels)
    assert accuracy >= 0.9  # chance is 0.1
    assert loss < 0.5 < rows[0]["train_loss"]


def test_training_loss_is_the_mean_over_images_not_over_batches(
    protocol: Protocol, data: Dataset
) -> None:
    still = dataclasses.replace(protocol, learning_rate=0.0)
    plain = PAPER.derive("plain", "the same images and weights in every step", dropout=0.0)
    trainer = Trainer(dataclasses.replace(plain, augmentation="none"), still, 0, data)
    row = trainer.train_epoch()
    logits = trainer.predict(data.train.images)
    loss, accuracy = metrics.loss_and_accuracy(logits, data.train.labels)
    assert row["train_loss"] == pytest.approx(loss, rel=1e-5)
    assert row["train_accuracy"] == pytest.approx(accuracy)


def test_the_learning_rate_of_the_history_is_the_one_in_use(train: Train) -> None:
    decayed = train(epochs=3, decay_at=(0.5,))
    constant = train("no_lr_decay", epochs=3, decay_at=(0.5,))
    assert [row.lr for row in decayed.history] == pytest.approx([0.01, 0.01, 0.001])
    assert [row.lr for row in constant.history] == [0.01, 0.01, 0.01]
    assert decayed.weights_sha256 != constant.weights_sha256


def test_a_loss_that_is_not_finite_ends_the_run(protocol: Protocol, data: Dataset) -> None:
    trainer = Trainer(PAPER, dataclasses.replace(protocol, learning_rate=1e6), 0, data)
    with pytest.raises(RunFailedError, match="diverged"):
        for _ in range(5):
            trainer.train_epoch()


def test_a_diverged_run_is_recorded_as_failed(train: Train) -> None:
    record = train(learning_rate=1e6, epochs=5)
    assert record.failed
    assert record.status == "failed"
    assert "diverged" in (record.reason or "")
    assert record.weights_sha256 is None
    assert all(math.isfinite(row.train_loss) for row in record.history)


def test_fp32_means_no_tf32() -> None:
    assert torch.backends.cudnn.allow_tf32 is False
    assert torch.backends.cuda.matmul.allow_tf32 is False
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
