"""Which images a step sees: order, crops, and what they must not depend on."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.protocol.spec import Protocol
from harness.training.augmentation import AugmentParams, PaddedImages
from harness.training.trainer import Trainer

PAPER = variants.get("paper")


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


@pytest.mark.gpu
def test_cpu_and_cuda_see_the_same_batches(protocol: Protocol, data: Dataset) -> None:
    on_cpu = Trainer(PAPER, protocol, 0, data)
    on_gpu = Trainer(PAPER, protocol, 0, data.to(torch.device("cuda")))
    for trainer in (on_cpu, on_gpu):
        trainer.train_epoch()
    assert torch.equal(on_cpu._params.order, on_gpu._params.order.cpu())
    assert torch.equal(on_cpu._params.augment.crop, on_gpu._params.augment.crop.cpu())
