"""What the harness does, as a measured process.

By hand: `echo | python -m tests.benchmarks.ours --work training --variant paper`, where every
further line of input is a further round.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

import variants
from harness import checkpoint, protocols
from harness.augment import Images, draw
from harness.data import Data
from harness.device import choose_device, keep_freed_memory
from harness.protocol import PRECISIONS, Protocol
from harness.seeding import make_deterministic
from harness.train import Trainer
from variants.spec import Variant

from .process import serve, synthetic

Work = Callable[[], Tensor]


def training(variant: Variant, protocol: Protocol, data: Data) -> Work:
    """A round is an epoch and returns its mean loss."""
    trainer = Trainer(variant, protocol, seed=0, data=data)
    return lambda: torch.tensor(trainer.train_epoch()["train_loss"])


def evaluation(variant: Variant, protocol: Protocol, data: Data) -> Work:
    """A round judges all images and returns their logits."""
    return Trainer(variant, protocol, seed=0, data=data).judge


def augmentation(variant: Variant, protocol: Protocol, data: Data) -> Work:
    """A round augments all images batch by batch and returns the last batch."""
    n, side = data.train.images.shape[:2]
    spec = protocol.augmentation[variant.augmentation]
    images = Images(data.train.images, spec)
    draws = draw(n, side, spec, seed=0, epoch=0).to(data.train.labels.device)
    order = torch.randperm(n).to(data.train.labels.device)
    batches = torch.split(order, protocol.batch_size)
    return lambda: [images.batch(index, draws) for index in batches][-1]


def checkpointing(variant: Variant, protocol: Protocol, data: Data) -> Work:
    """A round writes a checkpoint of a run after an epoch and returns its weights' sum."""
    trainer = Trainer(variant, protocol, seed=0, data=data)
    trainer.train_epoch()
    folder = TemporaryDirectory()

    def save() -> Tensor:
        checkpoint.save(Path(folder.name), {}, trainer.state())
        return sum((p.detach().sum() for p in trainer.model.parameters()), torch.zeros(()))

    return save


def let_go() -> None:
    """Take back what `make_deterministic` forbids, to see what it costs."""
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False
    torch.backends.mkldnn.deterministic = False


WORKS = {work.__name__: work for work in (training, evaluation, augmentation, checkpointing)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.ours")
    parser.add_argument("--work", choices=WORKS, default="training")
    parser.add_argument("--variant", choices=variants.names(), default="paper")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--switches", choices=("strict", "loose"), default="strict")
    options = parser.parse_args()

    make_deterministic()
    if options.switches == "loose":
        let_go()
    keep_freed_memory()
    device = choose_device("auto")
    protocol, _ = protocols.resolve("cifar10", precision=options.precision)
    data = synthetic(options.images).to(device)
    serve(WORKS[options.work](variants.get(options.variant), protocol, data), device)


if __name__ == "__main__":
    main()
