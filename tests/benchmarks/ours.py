"""What the harness does, as a measured process.

By hand: `echo | python -m tests.benchmarks.ours --work training --variant paper`, where every
further line of input is a further round.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

import variants
from harness.data.dataset import Dataset
from harness.protocol import presets
from harness.protocol.spec import PRECISIONS, Protocol
from harness.training import checkpoint
from harness.training import trainer as training_trainer
from harness.training.device import choose_device, reuse_freed_heap
from harness.training.seeding import make_deterministic
from harness.training.trainer import Trainer
from variants.spec import Variant

from .process import serve, synthetic

Work = Callable[[], Tensor]


def training(trainer: Trainer) -> Work:
    """A round is an epoch and returns its loss."""
    return lambda: torch.tensor(trainer.train_epoch()["train_loss"])


def evaluation(trainer: Trainer) -> Work:
    """A round evaluates all images and returns their logits."""
    return trainer.predict


def augmentation(trainer: Trainer) -> Work:
    """A round augments all images batch by batch and returns the last batch."""
    images, params = trainer._images, trainer.sample_epoch(0).to(trainer.device)
    batches = torch.split(params.order, trainer.recipe.batch_size)
    return lambda: [images.batch(index, params.augment) for index in batches][-1]


def checkpointing(trainer: Trainer) -> Work:
    """A round writes a checkpoint of a run after an epoch and returns its weights' sum."""
    trainer.train_epoch()
    folder = TemporaryDirectory()

    def save() -> Tensor:
        checkpoint.save(Path(folder.name), {}, trainer.state())
        return sum((p.detach().sum() for p in trainer.model.parameters()), torch.zeros(()))

    return save


WORKS = {work.__name__: work for work in (training, evaluation, augmentation, checkpointing)}

# What the harness does for speed or repeatability, each to be left out to see what it is worth.
PARTS = ("determinism", "fused", "channels_last", "kept_memory", "graphs")


def set_up(without: str | None) -> None:
    """This process as a run's, but for one part."""
    make_deterministic()
    if without == "determinism":
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False
        torch.backends.mkldnn.deterministic = False
    if without == "fused":
        training_trainer.sgd = partial(_unfused, training_trainer.sgd)
    if without != "kept_memory":
        reuse_freed_heap()


def _unfused(sgd: Callable[..., None], *lists: list[Tensor], **settings: object) -> None:
    # torch's own choice: foreach on a GPU, which would read a rate on the device at every step, and
    # that a graph forbids. What the rate is makes no difference to the time.
    sgd(*lists, **{**settings, "fused": None, "lr": 0.01})


def trainer_without(
    part: str | None, variant: Variant, protocol: Protocol, data: Dataset
) -> Trainer:
    """A trainer as a run has it, but for one part."""
    trainer = Trainer(variant, protocol, 0, data, graphs=False if part == "graphs" else None)
    if part == "channels_last":
        trainer.model.to(memory_format=torch.contiguous_format)
        trainer._momentum = [torch.zeros_like(p) for p in trainer.model.parameters()]
        normalize = trainer._normalize
        trainer._normalize = lambda images: normalize(images.contiguous())  # type: ignore[assignment]
    return trainer


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.ours")
    parser.add_argument("--work", choices=WORKS, default="training")
    parser.add_argument("--variant", choices=variants.names(), default="paper")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--without", choices=PARTS)
    options = parser.parse_args()

    set_up(options.without)
    device = choose_device("auto")
    # More epochs than rounds: a run draws the next epoch's random numbers while it works.
    protocol, _ = presets.resolve("cifar10", precision=options.precision, epochs=1000)
    data = synthetic(options.images).to(device)
    variant = variants.get(options.variant)
    trainer = trainer_without(options.without, variant, protocol, data)
    serve(WORKS[options.work](trainer), device)


if __name__ == "__main__":
    main()
