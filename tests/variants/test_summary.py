"""The summary of a network agrees with torch's own count."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import variants
from variants.network import build
from variants.summary import summarise


@pytest.mark.parametrize("name", ["paper", "batch_norm", "stem_11x11", "krizhevsky_2012"])
def test_multiply_adds_are_half_the_operations_that_torch_counts(name: str) -> None:
    variant = variants.get(name)
    model = build(variant, 7, torch.Generator().manual_seed(0)).eval()
    image = torch.zeros(1, 3, 32, 32)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    summary = summarise(variant, 7)
    assert 2 * summary.multiply_adds == counter.get_total_flops()
    assert summary.parameters == sum(p.numel() for p in model.parameters())
    assert summary.parameters == sum(count for _, _, count in summary.layers)
