"""The variant `keras_sgd` against a network and an optimizer that Keras builds.

Taken from the trainer are the initial weights and the order of the images; augmentation and
dropout are off. Keras computes the rest, with the torch backend and the default SGD.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import variants
from harness.data.dataset import Dataset
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.training.seeding import generator
from harness.training.trainer import Trainer
from variants import network
from variants.network import build

pytestmark = [
    pytest.mark.keras,
    pytest.mark.usefixtures("full_network_in_module"),
    # Keras makes arrays of tensors, which numpy 2 comments on.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

EPOCHS = 5  # of two steps each; the learning rate decays after the third and the fourth

PROTOCOL: Protocol = dataclasses.replace(
    presets.PROTOCOLS["cifar10"], epochs=EPOCHS, precision="fp32"
)
VARIANT = variants.get("keras_sgd").derive("keras_sgd", "", augmentation="none", dropout=0.0)

# Largest difference of a layer's weights, as a share of its largest change in training: 0.0002 as
# measured; up to 0.02 if rounding switches a unit near zero; more than 1 under another recipe.
SAME, ANOTHER = 0.02, 1.0


@pytest.fixture(scope="module")
def keras() -> Iterator[ModuleType]:
    """Keras on torch and the CPU; it reads its settings when it is imported."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KERAS_BACKEND", "torch")
        patched.setenv("KERAS_TORCH_DEVICE", "cpu")
        module = pytest.importorskip("keras")
    assert module.backend.backend() == "torch"
    yield module


@pytest.fixture(scope="module")
def layout(keras: ModuleType) -> ModuleType:
    """The helpers for networks and weights in Keras, which import it."""
    from tests.helpers import keras_network

    return keras_network


@pytest.fixture
def model(layout: ModuleType) -> Any:
    """The network in Keras, of the same sizes, with Keras' own initial weights."""
    return layout.network(network.CHANNELS, network.HIDDEN)


def test_the_same_weights_give_the_same_logits(layout: ModuleType, model: Any) -> None:
    ours = build(VARIANT, 10, generator(0, "init")).eval()
    model.set_weights(layout.to_keras(ours.state_dict()))
    images = torch.rand(16, 3, 32, 32, generator=generator(0, "input"))
    with torch.no_grad():
        expected = ours(images)
    logits = model.predict_on_batch(layout.images_last(images))
    np.testing.assert_allclose(logits, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert model.count_params() == sum(p.numel() for p in ours.parameters())


@pytest.mark.parametrize(
    ("momentum", "same"), [(0.0, True), (0.9, False)], ids=["as in Keras", "with momentum"]
)
def test_training_gives_the_same_weights(
    momentum: float, same: bool, keras: ModuleType, layout: ModuleType, model: Any, data: Dataset
) -> None:
    trainer = Trainer(dataclasses.replace(VARIANT, momentum=momentum), PROTOCOL, 0, data)
    start = layout.to_keras({k: v.clone() for k, v in trainer.model.state_dict().items()})
    model.set_weights(start)
    optimizer = keras.optimizers.SGD()
    assert float(optimizer.learning_rate) == pytest.approx(VARIANT.learning_rate)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    pixels = data.train.images.permute(0, 3, 1, 2) / 255
    for epoch in range(EPOCHS):
        order = trainer.sample_epoch(epoch).order
        row = trainer.train_epoch()
        optimizer.learning_rate = row["lr"]
        losses = []
        for rows in order.split(32):
            model.reset_metrics()
            value = model.train_on_batch(
                layout.images_last(pixels[rows]), data.train.labels[rows].numpy()
            )
            losses.append(float(value) * len(rows))
        if same:
            assert row["train_loss"] == pytest.approx(sum(losses) / len(pixels), rel=1e-5)
    ours = layout.to_keras(trainer.model.state_dict())
    shares = [
        float(np.abs(a - b).max() / np.abs(b - before).max())
        for a, b, before in zip(ours, layout.weights(model), start, strict=True)
    ]
    assert (max(shares) < SAME) if same else (min(shares) > ANOTHER)


def test_initial_weights_have_the_bounds_of_keras(layout: ModuleType, model: Any) -> None:
    ours = layout.to_keras(build(VARIANT, 10, generator(0, "init")).state_dict())
    for theirs, drawn in zip(layout.weights(model), ours, strict=True):
        assert theirs.shape == drawn.shape
        if theirs.ndim == 1:
            assert not theirs.any()
            assert not drawn.any()
            continue
        receptive = math.prod(theirs.shape[:-2])
        bound = math.sqrt(6 / (receptive * (theirs.shape[-2] + theirs.shape[-1])))
        for values in (theirs, drawn):
            assert 0.995 * bound < np.abs(values).max() <= np.float32(bound)
            # Of a uniform distribution; five standard errors of the estimate.
            error = 5 * math.sqrt(0.2 / values.size)
            assert values.std() == pytest.approx(bound / math.sqrt(3), rel=error)


def test_same_padding_with_a_stride_is_another_network(keras: ModuleType) -> None:
    images = torch.rand(2, 3, 32, 32, generator=generator(0, "input"))
    layer = keras.layers.Conv2D(8, 3, strides=2, padding="same")
    output = torch.as_tensor(layer(images.permute(0, 2, 3, 1))).permute(0, 3, 1, 2).detach()
    kernel = torch.as_tensor(np.array(layer.get_weights()[0])).permute(3, 2, 0, 1)
    # Keras pads one pixel at the bottom and on the right; the network of this project, all around.
    torch.testing.assert_close(output, F.conv2d(F.pad(images, (0, 1, 0, 1)), kernel, stride=2))
    around = F.conv2d(images, kernel, stride=2, padding=1)
    assert output.shape == around.shape
    assert not torch.allclose(output, around, atol=1e-2)
