"""The trainer against a plain PyTorch loop that shares no code with it, step by step.

Only what is random is taken from the trainer: initial weights, order, crops, mirrors, mixing
weights and dropout masks. The rest is done again by torchvision and torch.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import functional as vision

import variants
from harness.data.dataset import Dataset
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.training.trainer import Trainer
from tests.helpers import plain_training
from tests.helpers.datasets import noise_dataset
from variants import network
from variants.spec import Variant

# Of a layer's change. Rounding can switch a unit near zero or the winner of a pooling, which
# changes a layer by up to 0.02; another recipe changes one by more than 0.2.
SAME, ANOTHER = 0.05, 0.2

pytestmark = pytest.mark.usefixtures("full_network_in_module")

HIDDEN = 256  # units of the hidden fully connected layers: with 4096 these tests take 20 seconds

SETTINGS = ("batch_norm", "lrn", "overlapping_pool", "groups", "stem", "dropout")

PROTOCOL: Protocol = dataclasses.replace(
    presets.PROTOCOLS["cifar10"], epochs=2, precision="fp32", batch_size=16
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network trained by the harness, and what was random in it.

    Attributes:
        variant: what was trained.
        start, end: state dicts without the names.
        losses: mean training loss of each epoch.
        batches: images and labels (classes, or their shares if mixed) of each step of each epoch.
        masks: of the dropout layers, in the order of use.
    """

    variant: Variant
    start: list[Tensor]
    end: list[Tensor]
    losses: list[float]
    batches: list[list[tuple[Tensor, Tensor]]]
    masks: list[Tensor]


def small() -> Dataset:
    """24 training images: two steps an epoch, the second of them smaller."""
    data = noise_dataset()
    return dataclasses.replace(data, train=data.train.take(torch.arange(24)))


def batches(trainer: Trainer, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of an epoch, made from the same random numbers by torchvision."""
    params, variant = trainer.sample_epoch(epoch), trainer.variant
    images = trainer.data.train.images
    scale = images.numpy().reshape(-1, 3) / 255
    unit = variant.pixel_scaling == "unit"
    mean, std = ([0.0] * 3, [1.0] * 3) if unit else (scale.mean(0), scale.std(0))
    for number, rows in enumerate(params.order.split(trainer.recipe.batch_size)):
        batch = []
        for row in rows.tolist():
            image = images[row].permute(2, 0, 1)
            if variant.augmentation == "standard":
                top, left = params.augment.crop[row].tolist()
                image = vision.crop(vision.pad(image, [4]), top, left, 32, 32)
                image = vision.hflip(image) if params.augment.mirror[row] else image
            batch.append(vision.normalize(image / 255, list(mean), list(std)))
        mixed, labels = torch.stack(batch), trainer.data.train.labels[rows]
        if variant.mixing != "none":
            weight = params.mix.weight[number]
            top, bottom, left, right = params.mix.box[number].tolist()
            partner = torch.arange(len(rows)) - 1
            original = mixed.clone()
            if variant.mixing == "mixup":
                mixed = torch.lerp(original[partner], original, weight)
            else:
                patch = (slice(None), slice(None), slice(top, bottom), slice(left, right))
                mixed[patch] = original[partner][patch]
            one_hot = F.one_hot(labels, 10).float()
            labels = torch.lerp(one_hot[partner], one_hot, weight)
        yield mixed, labels


@cache
def trained(name: str) -> Trained:
    """Train a variant for two epochs of two steps; the learning rate drops between them."""
    variant = dataclasses.replace(variants.get(name), batch_size=None)
    if variant.augmentation == "geometric":  # torchvision rounds a few pixels to other neighbours
        variant = dataclasses.replace(variant, augmentation="standard")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(network, "HIDDEN", HIDDEN)
        trainer = Trainer(variant, PROTOCOL, 0, small())
    masks: list[Tensor] = []
    for layer in trainer.model.classifier:
        if type(layer).__name__ == "Dropout":
            layer.register_forward_hook(lambda _layer, _inputs, output: masks.append(output != 0))
    start = [value.clone() for value in trainer.model.state_dict().values()]
    drawn = [list(batches(trainer, epoch)) for epoch in range(PROTOCOL.epochs)]
    losses = [trainer.train_epoch()["train_loss"] or 0.0 for _ in range(PROTOCOL.epochs)]
    end = list(trainer.model.state_dict().values())
    return Trained(variant, start, end, losses, drawn, masks)


class RecordedDropout(nn.Module):
    """Dropout with predefined masks."""

    def __init__(self, p: float, masks: Iterator[Tensor]) -> None:
        super().__init__()
        self.p, self.masks = p, masks

    def forward(self, x: Tensor) -> Tensor:
        return x * next(self.masks) / (1 - self.p)


def plain(
    run: Trained, *, decay: bool = True, **changed: float
) -> tuple[list[Tensor], list[float]]:
    """State and mean losses of a plain loop over the same batches.

    Args:
        run: of the harness.
        decay: whether the learning rate drops.
        changed: arguments of torch.optim.SGD that are to differ from the harness's.
    """
    variant = run.variant
    settings = {name: getattr(variant, name) for name in SETTINGS}
    model = plain_training.network(hidden=HIDDEN, **settings)
    model.load_state_dict(dict(zip(model.state_dict(), run.start, strict=True)))
    masks = iter(run.masks)
    for position, layer in enumerate(model):
        if isinstance(layer, nn.Dropout):
            model[position] = RecordedDropout(layer.p, masks)
    options = {"lr": variant.learning_rate, "momentum": variant.momentum}
    options |= {"weight_decay": variant.weight_decay}
    standard = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    options = {name: standard[name] if value is None else value for name, value in options.items()}
    optimizer = torch.optim.SGD(model.parameters(), **{**options, **changed})
    steps = plain_training.schedule(optimizer, PROTOCOL.epochs)
    means = []
    for epoch in run.batches:
        rows = list(plain_training.train_epoch(model, epoch, optimizer, bf16=False))
        losses, sizes = np.array(rows).T
        means.append(float(np.average(losses, weights=sizes)))
        if decay and variant.lr_decay:
            steps.step()
    return list(model.state_dict().values()), means


def distance(run: Trained, state: list[Tensor]) -> float:
    """Largest difference of a tensor between harness and plain loop, relative to its change."""
    return max(
        float((ours - theirs).norm() / (theirs - start).norm())
        for ours, theirs, start in zip(run.end, state, run.start, strict=True)
        if start.is_floating_point()
    )


@pytest.mark.parametrize(
    "name", ["paper", "batch_norm", "mixup", "cutmix", "keras_sgd", "krizhevsky_2012"]
)
def test_steps_are_those_of_a_plain_loop(name: str) -> None:
    run = trained(name)
    state, losses = plain(run)
    assert distance(run, state) < SAME
    assert run.losses == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(run.end, state, strict=True):
        if not ours.is_floating_point():  # batches that batch normalization has seen
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "changed",
    [
        {"weight_decay": 0.0},
        {"momentum": 0.0},
        {"nesterov": True},
        {"decay": False},
    ],
    ids=str,
)
def test_another_recipe_gives_other_steps(changed: dict[str, float]) -> None:
    run = trained("paper")
    assert distance(run, plain(run, **changed)[0]) > ANOTHER


def test_the_plain_loop_shares_no_code_with_the_project() -> None:
    tree = ast.parse(Path(plain_training.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [
            *(alias.name for alias in node.names if isinstance(node, ast.Import)),
            *([node.module or "."] if isinstance(node, ast.ImportFrom) else []),
        ]
    }
    assert not imported & {"harness", "variants", "tests", ""}
