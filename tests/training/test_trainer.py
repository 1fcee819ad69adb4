"""The trainer: batches, repeatability, resuming, and what weights must not depend on."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.errors import RunFailedError
from harness.progress import Reporter
from harness.protocol.spec import Protocol
from harness.runs.record import RunRecord
from harness.runs.store import CHECKPOINTS
from harness.training import checkpoint, metrics
from harness.training.augmentation import AugmentParams, PaddedImages
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer

Train = Callable[..., RunRecord]

PAPER = variants.get("paper")


def hash_of(trainer: Trainer) -> str:
    return weights_sha256(trainer.model.state_dict())


class Interrupt(Reporter):
    """Interrupts a run as Ctrl-C would, in the batch after `epochs` epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def epoch(self, row: Any) -> None:
        self.left -= 1

    def batch(self, done: int) -> None:
        if self.left == 0:
            raise KeyboardInterrupt


class Count(Reporter):
    """Counts the epochs that were trained."""

    def __init__(self) -> None:
        self.epochs = 0

    def epoch(self, row: Any) -> None:
        self.epochs += 1


def seen_by(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The indices of each batch of an epoch."""
    batches: list[torch.Tensor] = []
    batch = PaddedImages.batch

    def spy(self: PaddedImages, index: torch.Tensor, params: AugmentParams) -> torch.Tensor:
        batches.append(index)
        return batch(self, index, params)

    with monkeypatch.context() as patched:
        patched.setattr(PaddedImages, "batch", spy)
        trainer.train_epoch()
    return batches


def test_every_image_is_seen_once_an_epoch_and_no_batch_is_dropped(
    protocol: Protocol, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = seen_by(Trainer(PAPER, protocol, 0, data), monkeypatch)
    assert [len(b) for b in batches] == [16, 16, 8]
    assert sorted(torch.cat(batches).tolist()) == list(range(40))


def test_50000_images_make_391_batches_of_which_the_last_has_80(
    protocol: Protocol, data: Dataset
) -> None:
    trainer = Trainer(PAPER, dataclasses.replace(protocol, batch_size=128), 0, data)
    labels = torch.zeros(50_000, dtype=torch.int64)
    trainer.data = dataclasses.replace(data, train=dataclasses.replace(data.train, labels=labels))
    assert trainer.batch_sizes == [128] * 390 + [80]


def test_the_order_changes_with_epoch_and_seed(
    protocol: Protocol, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers = [Trainer(PAPER, protocol, seed, data) for seed in (0, 1)]
    orders = [torch.cat(seen_by(t, monkeypatch)).tolist() for t in trainers for _ in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_an_epoch_has_its_order_whatever_was_trained_before_it(
    protocol: Protocol, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(PAPER, protocol, 0, data)
    start = copy.deepcopy(trainer.state())
    trainer.restore({**start, "epoch": protocol.epochs - 1})
    last = torch.cat(seen_by(trainer, monkeypatch))
    trainer.restore(start)
    first = torch.cat(seen_by(trainer, monkeypatch))
    assert torch.equal(first, Trainer(PAPER, protocol, 0, data).sample_epoch(0).order)
    assert not torch.equal(first, last)


def test_two_variants_of_a_seed_see_the_same_batches_with_the_same_crops(
    protocol: Protocol, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    batch = PaddedImages.batch

    def spy(self: PaddedImages, index: torch.Tensor, params: AugmentParams) -> torch.Tensor:
        seen.append(batch(self, index, params))
        return seen[-1]

    monkeypatch.setattr(PaddedImages, "batch", spy)
    for name in ("paper", "dropout_75", "batch_norm", "no_lr_decay"):
        Trainer(variants.get(name), protocol, 0, data).train_epoch()
    first = seen[:3]
    assert len(seen) == 12
    assert all(torch.equal(a, b) for i in (3, 6, 9) for a, b in zip(first, seen[i:], strict=False))


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


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("name", ["paper", "batch_norm"])
def test_a_run_that_was_cut_off_ends_with_the_same_bits(
    name: str, epochs: int, train: Train
) -> None:
    whole = train(name, epochs=3, decay_at=(0.5,), results="whole")
    with pytest.raises(KeyboardInterrupt):
        train(name, epochs=3, decay_at=(0.5,), results="cut", reporter=Interrupt(epochs))
    count = Count()
    resumed = train(name, epochs=3, decay_at=(0.5,), results="cut", reporter=count)
    assert resumed.resumed_at == [epochs]
    assert count.epochs == 3 - epochs
    assert resumed.weights_sha256 == whole.weights_sha256
    assert resumed.predictions_sha256 == whole.predictions_sha256
    assert _without_times(resumed) == _without_times(whole)


# What a run that has not begun has in each field of its state, given the one it has later.
FRESH: dict[str, Callable[[Any], Any]] = {
    "model": lambda model: {k: torch.full_like(v, 0.01) for k, v in model.items()},
    "momentum": lambda momentum: [torch.zeros_like(m) for m in momentum],
    "epoch": lambda epoch: 0,
    "history": lambda history: [],
    "resumed_at": lambda resumed_at: [],
}


@pytest.mark.parametrize("lost", FRESH)
def test_a_field_left_out_of_a_checkpoint_shows(lost: str, train: Train, tmp_path: Path) -> None:
    def cut_twice(results: str) -> Path:
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train("batch_norm", epochs=4, results=results, reporter=Interrupt(1))
        return next((tmp_path / results).rglob(CHECKPOINTS))

    cut_twice("whole")
    whole = train("batch_norm", epochs=4, results="whole")
    folder = cut_twice("lossy")
    (newest,) = folder.glob("epoch-00002-*.pt")
    content = torch.load(newest, weights_only=True)
    assert set(content["state"]) == set(FRESH)
    shutil.rmtree(folder)
    fresh = FRESH[lost](content["state"][lost])
    checkpoint.save(folder.parent, content["identity"], {**content["state"], lost: fresh})
    lossy = train("batch_norm", epochs=4, results="lossy")
    assert whole.resumed_at == [1, 2]
    seen = [
        (r.weights_sha256, r.resumed_at, [row.epoch for row in r.history]) for r in (whole, lossy)
    ]
    assert seen[0] != seen[1]


def test_an_interrupted_run_loses_no_finished_epoch(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "MIN_INTERVAL_SECONDS", 3600.0)  # epochs far shorter than that
    with pytest.raises(KeyboardInterrupt):
        train(epochs=4, reporter=Interrupt(3))
    assert train(epochs=4).resumed_at == [3]


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


@pytest.mark.gpu
def test_cpu_and_cuda_see_the_same_batches(protocol: Protocol, data: Dataset) -> None:
    on_cpu = Trainer(PAPER, protocol, 0, data)
    on_gpu = Trainer(PAPER, protocol, 0, data.to(torch.device("cuda")))
    for trainer in (on_cpu, on_gpu):
        trainer.train_epoch()
    assert torch.equal(on_cpu._params.order, on_gpu._params.order.cpu())
    assert torch.equal(on_cpu._params.augment.crop, on_gpu._params.augment.crop.cpu())


def _without_times(record: RunRecord) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"seconds", "images_per_second"}) for row in record.history]
