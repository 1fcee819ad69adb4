"""What the device can do at most, as a measured process: a large matrix product, a large copy.

By hand: `echo | python -m tests.benchmarks.roof --work product --precision bf16`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import variants
from harness.protocol.spec import PRECISIONS
from harness.training.device import choose_device, reuse_freed_heap
from harness.training.seeding import generator, make_deterministic
from variants.network import build

from .process import serve

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

# Side of the matrices, bytes of the copy, repetitions a round.
SIZES = {"cpu": (2048, 2**28, 4), "cuda": (8192, 2**30, 20)}

# Traffic of a step per parameter, in bytes. SGD with momentum reads weight, gradient and
# momentum and writes weight and momentum, and the backward pass writes the gradient: six times
# four. Autocast adds a cast of the weight (4 + 2), its two reads (2 + 2) and the gradient in
# bf16, written and cast (2 + 2).
BYTES_A_PARAMETER = {"fp32": 24, "bf16": 38}


def product(precision: str, device: torch.device) -> tuple[float, Callable[[], Tensor]]:
    """Floating-point operations of a round, and the round."""
    side, _, times = SIZES[device.type]
    a, b = (torch.randn(side, side, device=device).to(DTYPES[precision]) for _ in range(2))
    return 2.0 * side**3 * times, lambda: [a @ b for _ in range(times)][-1]


def copy(precision: str, device: torch.device) -> tuple[float, Callable[[], Tensor]]:
    """Bytes that a round reads and writes, and the round."""
    _, size, times = SIZES[device.type]
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2.0 * size * times, lambda: [target.copy_(source) for _ in range(times)][-1]


WORKS = {work.__name__: work for work in (product, copy)}


def work_of_a_step(variant: str, precision: str, batch: int) -> tuple[float, float]:
    """Floating-point operations and bytes of one training step; see `BYTES_A_PARAMETER`."""
    model = build(variants.get(variant), 10, generator(0, "init"), generator(0, "dropout"))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(2, 3, 32, 32)).sum().backward()
    parameters = sum(p.numel() for p in model.parameters())
    return counter.get_total_flops() / 2 * batch, float(BYTES_A_PARAMETER[precision] * parameters)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.roof")
    parser.add_argument("--work", choices=WORKS, default="product")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    options = parser.parse_args()
    make_deterministic()
    reuse_freed_heap()
    device = choose_device("auto")
    amount, work = WORKS[options.work](options.precision, device)
    serve(work, device, amount)


if __name__ == "__main__":
    main()
