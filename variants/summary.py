"""One variant resolved: its layers, parameters and cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from variants.network import Dropout, LocalResponseNorm, build
from variants.spec import Variant

# Layers that a reader counts; activations and reshapes are left out.
_SHOWN = (nn.Conv2d, nn.BatchNorm2d, LocalResponseNorm, nn.MaxPool2d, nn.Linear, Dropout)


@dataclass(frozen=True)
class Summary:
    """Layer rows (layer, output shape without the batch, parameters), parameters in all, and
    multiply-adds of one image forward."""

    layers: list[tuple[str, str, int]]
    parameters: int
    multiply_adds: int


def summarise(variant: Variant, num_classes: int = 10, side: int = 32) -> Summary:
    """Build the network and run one black image through it."""
    model = build(variant, num_classes, torch.Generator().manual_seed(0)).eval()
    layers: list[tuple[str, str, int]] = []

    def note(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        shape = " x ".join(map(str, output.shape[1:]))
        layers.append((repr(module), shape, sum(p.numel() for p in module.parameters())))

    for module in model.modules():
        if isinstance(module, _SHOWN):
            module.register_forward_hook(note)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, side, side))
    parameters = sum(p.numel() for p in model.parameters())
    return Summary(layers, parameters, counter.get_total_flops() // 2)
