"""Mixup and CutMix: pixel for pixel and in distribution what torchvision's transforms do."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2

import variants
from harness.data import dataset
from harness.data.dataset import Dataset
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.training import metrics
from harness.training.mixing import Mixing, MixParams
from harness.training.trainer import Trainer

SIDE, CLASSES, MANY = 32, 10, 5000

KINDS = {"mixup": v2.MixUp, "cutmix": v2.CutMix}

ALPHAS = (0.4, 1.0)

# Below this a fixed-seed sample counts as of another distribution. Every p-value here is of a
# fixed seed: a test passes always or never.
P_LIMIT = 1e-3

FIRST = torch.zeros((), dtype=torch.int64)


def images(n: int) -> Tensor:
    """float32 [n, 3, 32, 32] in channels_last, as `Normalize` returns them."""
    source = torch.Generator().manual_seed(0)
    pixels = torch.randn(n, 3, SIDE, SIDE, generator=source)
    return pixels.contiguous(memory_format=torch.channels_last)


def params(weight: float, box: tuple[int, int, int, int] = (0, 0, 0, 0)) -> MixParams:
    """Parameters of an epoch of one batch; the box is top, bottom, left, right."""
    return MixParams(torch.tensor([weight]), torch.tensor([box]))


def by_torchvision(
    kind: str, batch: Tensor, labels: Tensor, chosen: MixParams
) -> tuple[Tensor, Tensor]:
    """What torchvision makes of images and labels by parameters that are given to it."""
    transform = KINDS[kind](num_classes=CLASSES)
    weight = chosen.weight[0].item()
    top, bottom, left, right = chosen.box[0].tolist()
    parameters = {"lam": weight, "box": (left, top, right, bottom), "lam_adjusted": weight}
    transform.make_params = lambda _: parameters
    return transform(batch, labels)


@dataclasses.dataclass(frozen=True)
class Samples:
    """Samples of the parameters, one row a batch: share that stays, and the box of CutMix."""

    weight: NDArray[np.float64]
    box: NDArray[np.int64]


@functools.cache
def sampled(kind: str, alpha: float) -> Samples:
    params = Mixing(kind, alpha).sample(MANY, SIDE, seed=0, epoch=0)
    return Samples(params.weight.double().numpy(), params.box.numpy())


@functools.cache
def sampled_by_torchvision(kind: str, alpha: float) -> Samples:
    torch.manual_seed(0)
    transform = KINDS[kind](alpha=alpha, num_classes=CLASSES)
    rows = [transform.make_params([torch.empty(1, 3, SIDE, SIDE)]) for _ in range(MANY)]
    weight = [row.get("lam_adjusted", row.get("lam")) for row in rows]
    boxes = np.array([row.get("box", (0, 0, 0, 0)) for row in rows])
    return Samples(np.array(weight), boxes[:, [1, 3, 0, 2]])


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_distributed_as_by_torchvision(kind: str, alpha: float) -> None:
    ours, theirs = sampled(kind, alpha), sampled_by_torchvision(kind, alpha)
    assert stats.ks_2samp(ours.weight, theirs.weight).pvalue > P_LIMIT


@pytest.mark.parametrize("alpha", ALPHAS)
def test_weights_of_mixup_are_beta_distributed(alpha: float) -> None:
    weight = sampled("mixup", alpha).weight
    assert stats.kstest(weight, stats.beta(alpha, alpha).cdf).pvalue > P_LIMIT


def test_another_alpha_gives_another_distribution() -> None:
    ours, theirs = sampled("mixup", 0.4), sampled_by_torchvision("mixup", 1.0)
    assert stats.ks_2samp(ours.weight, theirs.weight).pvalue < P_LIMIT


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("edge", range(4), ids=["top", "bottom", "left", "right"])
def test_edges_of_the_box_are_distributed_as_by_torchvision(edge: int, alpha: float) -> None:
    both = [draw("cutmix", alpha).box[:, edge] for draw in (sampled, sampled_by_torchvision)]
    table = np.stack([np.bincount(values, minlength=SIDE + 1) for values in both])
    table = table[:, table.sum(0) > 0]
    assert stats.chi2_contingency(table).pvalue > P_LIMIT


@pytest.mark.parametrize("alpha", ALPHAS)
def test_sizes_of_the_box_are_distributed_as_by_torchvision(alpha: float) -> None:
    def shape(samples: Samples) -> NDArray[np.int64]:
        """Height and width, which are clipped apart from each other, in steps of 4 pixels."""
        top, bottom, left, right = samples.box.T
        return np.bincount((bottom - top) // 4 * 9 + (right - left) // 4, minlength=81)

    both = [shape(draw("cutmix", alpha)) for draw in (sampled, sampled_by_torchvision)]
    table = np.stack(both)
    table = table[:, table.sum(0) >= 10]
    assert stats.chi2_contingency(table).pvalue > P_LIMIT


def test_the_weight_is_the_share_of_the_image_outside_of_the_clipped_box() -> None:
    params = sampled("cutmix", 1.0)
    rows, line = params.box[:, :, None], np.arange(SIDE)
    down = (line >= rows[:, 0]) & (line < rows[:, 1])
    across = (line >= rows[:, 2]) & (line < rows[:, 3])
    pasted = (down[:, :, None] & across[:, None, :]).mean((1, 2))
    np.testing.assert_array_equal(params.weight, 1 - pasted)


def test_boxes_are_clipped_at_the_edge_and_lie_in_the_image() -> None:
    box = sampled("cutmix", 1.0).box
    top, bottom, left, right = box.T
    assert ((top >= 0) & (top <= bottom) & (bottom <= SIDE)).all()
    assert ((left >= 0) & (left <= right) & (right <= SIDE)).all()
    clipped = (bottom - top) != (right - left)  # before that a box is a square
    assert 0.2 < clipped.mean() < 0.9


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_mixup_equals_torchvision(n: int, weight: float) -> None:
    labels, chosen = torch.arange(n), params(weight)
    mixed, _ = by_torchvision("mixup", images(n), labels, chosen)
    assert torch.equal(Mixing("mixup", 1.0).images(images(n), chosen, FIRST), mixed)


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (0, 32, 0, 32), (3, 10, 20, 32), (31, 32, 0, 1)])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_cutmix_equals_torchvision(n: int, box: tuple[int, int, int, int]) -> None:
    labels, chosen = torch.arange(n), params(0.5, box)
    mixed, _ = by_torchvision("cutmix", images(n), labels, chosen)
    assert torch.equal(Mixing("cutmix", 1.0).images(images(n), chosen, FIRST), mixed)


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_batches_equal_torchvision(kind: str) -> None:
    mixing, labels = Mixing(kind, 1.0), torch.arange(6)
    params = mixing.sample(8, SIDE, seed=0, epoch=0)
    for number in range(8):
        row = MixParams(params.weight[number : number + 1], params.box[number : number + 1])
        mixed, _ = by_torchvision(kind, images(6), labels, row)
        assert torch.equal(mixing.images(images(6), params, torch.tensor(number)), mixed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 5, 16])
def test_the_loss_is_the_cross_entropy_of_torchvisions_labels(kind: str, n: int) -> None:
    source = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(n, CLASSES, generator=source)
    labels = torch.randint(0, CLASSES, (n,), generator=source)
    mixing = Mixing(kind, 1.0)
    params = mixing.sample(3, SIDE, seed=0, epoch=0)
    for number in range(3):
        row = MixParams(params.weight[number : number + 1], params.box[number : number + 1])
        _, shares = by_torchvision(kind, images(n), labels, row)
        ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
        loss = mixing.loss(ours, labels, params, torch.tensor(number))
        wanted = F.cross_entropy(theirs, shares)
        torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=1e-6)
        loss.backward()
        wanted.backward()
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def test_without_mixing_images_and_loss_are_untouched() -> None:
    mixing, batch, labels = Mixing("none", 1.0), images(5), torch.arange(5)
    logits = torch.randn(5, CLASSES, generator=torch.Generator().manual_seed(0))
    params = mixing.sample(3, SIDE, seed=0, epoch=0)
    assert (len(params.weight), len(params.box)) == (0, 0)
    assert mixing.images(batch, params, FIRST) is batch
    loss = mixing.loss(logits, labels, params, FIRST)
    assert torch.equal(loss, F.cross_entropy(logits, labels))


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_images_stay_channels_last(kind: str) -> None:
    mixed = Mixing(kind, 1.0).images(images(4), params(0.4, (3, 10, 20, 32)), FIRST)
    assert mixed.dtype == torch.float32
    assert mixed.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_key_gives_the_same_parameters_and_another_gives_others(kind: str) -> None:
    mixing = Mixing(kind, 1.0)
    first = mixing.sample(50, SIDE, 3, 4)
    np.random.seed(1)
    torch.manual_seed(1)
    again = mixing.sample(50, SIDE, 3, 4)
    assert torch.equal(first.weight, again.weight) and torch.equal(first.box, again.box)
    for seed, epoch in [(3, 5), (4, 4), (4, 3)]:
        other = mixing.sample(50, SIDE, seed, epoch)
        assert not torch.equal(first.weight, other.weight)
        assert not torch.equal(first.box, other.box)


def test_sampling_leaves_the_global_generators_alone() -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    Mixing("cutmix", 1.0).sample(50, SIDE, 3, 4)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_batch_of_an_epoch_has_a_row_of_its_own(
    kind: str, protocol: Protocol, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(variants.get(kind), protocol, 0, data)
    seen: list[tuple[int, int]] = []
    mix = Mixing.images

    def spy(self: Mixing, batch: Tensor, chosen: MixParams, number: Tensor) -> Tensor:
        seen.append((len(batch), int(number)))
        return mix(self, batch, chosen, number)

    monkeypatch.setattr(Mixing, "images", spy)
    trainer.train_epoch()
    assert seen == [(16, 0), (16, 1), (8, 2)]
    assert len(trainer._params.mix.weight) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_with_a_last_batch_of_one_trains_and_reports_no_accuracy(
    kind: str, protocol: Protocol, data: Dataset
) -> None:
    few = dataclasses.replace(data, train=data.train.take(torch.arange(17)))
    trainer = Trainer(variants.get(kind), protocol, 0, few)
    before = trainer.model.classifier[-1].weight.clone()
    row = trainer.train_epoch()
    assert row["train_accuracy"] is None
    assert row["train_loss"] is not None and 1 < row["train_loss"] < 4
    assert not torch.equal(trainer.model.classifier[-1].weight, before)


@pytest.mark.parametrize("kind", KINDS)
def test_training_with_mixing_learns_the_digits(kind: str) -> None:
    digits = dataset.load("digits")
    few = dataclasses.replace(digits, train=digits.train.take(torch.arange(384)))
    protocol = dataclasses.replace(presets.PROTOCOLS["digits"], epochs=8)
    # Batch normalization makes so few steps enough.
    variant = dataclasses.replace(variants.get(kind), batch_norm=True, dropout=0.0)
    trainer = Trainer(variant, protocol, 0, few)
    losses = [trainer.train_epoch()["train_loss"] or 0.0 for _ in range(protocol.epochs)]
    unseen = digits.test.take(torch.arange(120))
    _, accuracy = metrics.loss_and_accuracy(trainer.predict(unseen.images), unseen.labels)
    assert losses[-1] < 0.9 * losses[0]
    assert accuracy > 0.3  # chance is 0.1
