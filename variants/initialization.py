"""Initial weights of a network, drawn from a generator of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import nn

Layer: TypeAlias = nn.Conv2d | nn.Linear

# Krizhevsky et al. 2012, section 5: standard deviation of all weights, and the layers whose biases
# start at 1, counted over all eight: convolutions 2, 4 and 5 and the two hidden fully connected.
GAUSSIAN_SD = 0.01
BIASED = (False, True, False, True, True, True, True, False)


def initialize(model: nn.Module, generator: torch.Generator, scheme: str = "torch") -> None:
    """Draw the weights of all convolutions and linear layers, in the order of the network.

    Two networks of one seed and scheme share every weight up to the first layer that differs.

    Args:
        model: a network on the generator's device.
        generator: the only source of randomness.
        scheme: "torch", "glorot" or "gaussian", see `variants.spec.Variant`.
    """
    layers = [module for module in model.modules() if isinstance(module, Layer)]
    for index, layer in enumerate(layers):
        _SCHEMES[scheme](layer, index, generator)


def _torch(layer: Layer, index: int, generator: torch.Generator) -> None:
    """PyTorch's default, written out because torch's own takes no generator: kaiming_uniform with
    a = sqrt(5) for weights and the same bound for biases, so uniform within 1 / sqrt(fan_in)."""
    bound = 1 / math.sqrt(layer.weight[0].numel())
    for parameter in (layer.weight, layer.bias):
        if parameter is not None:
            nn.init.uniform_(parameter, -bound, bound, generator=generator)


def _glorot(layer: Layer, index: int, generator: torch.Generator) -> None:
    """The default of Keras (Glorot and Bengio 2010): uniform, zero biases."""
    receptive = layer.weight[0, 0].numel()
    fans = layer.weight.shape[0] * receptive + layer.weight.shape[1] * receptive
    bound = math.sqrt(6 / fans)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _gaussian(layer: Layer, index: int, generator: torch.Generator) -> None:
    """Krizhevsky et al. 2012, section 5; biases of the other layers are zero."""
    nn.init.normal_(layer.weight, 0.0, GAUSSIAN_SD, generator=generator)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, float(BIASED[index]))


_SCHEMES: dict[str, Callable[[Layer, int, torch.Generator], None]] = {
    "torch": _torch,
    "glorot": _glorot,
    "gaussian": _gaussian,
}
