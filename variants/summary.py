"""Layers, parameters and multiply-adds of a variant's network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from variants.network import Dropout, LocalResponseNorm, build
from variants.spec import Variant

# Layers to list; activations and reshapes are left out.
_LISTED = (nn.Conv2d, nn.BatchNorm2d, LocalResponseNorm, nn.MaxPool2d, nn.Linear, Dropout)


@dataclass(frozen=True)
class Summary:
    """Size and cost of a network.

    Attributes:
        layers: (layer, output shape without the batch, number of parameters) of each.
        parameters: total number of parameters.
        multiply_adds: of a forward pass of one image, in convolutions and linear layers.
    """

    layers: list[tuple[str, str, int]]
    parameters: int
    multiply_adds: int


def summarise(variant: Variant, num_classes: int = 10, side: int = 32) -> Summary:
    """Summarize a variant's network, measured in a forward pass of one black image.

    Args:
        variant: the variant.
        num_classes: number of classes.
        side: height and width of the image in pixels.
    """
    model = build(variant, num_classes, torch.Generator().manual_seed(0)).eval()
    layers: list[tuple[str, str, int]] = []
    multiply_adds = 0

    def record_layer(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal multiply_adds
        shape = " x ".join(map(str, output.shape[1:]))
        layers.append((repr(module), shape, sum(p.numel() for p in module.parameters())))
        if isinstance(module, nn.Conv2d | nn.Linear):  # each weight once per output position
            multiply_adds += module.weight.numel() * math.prod(output.shape[2:])

    for module in model.modules():
        if isinstance(module, _LISTED):
            module.register_forward_hook(record_layer)
    with torch.no_grad():
        model(torch.zeros(1, 3, side, side))
    parameters = sum(p.numel() for p in model.parameters())
    return Summary(layers, parameters, multiply_adds)
