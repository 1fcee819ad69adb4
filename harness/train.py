"""The training loop: one run's mutable state, and how an epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.augment import Draws, Images, Normalise, draw
from harness.data import Data
from harness.errors import RunFailedError
from harness.evaluate import logits_of
from harness.protocol import Protocol
from harness.seeding import derive, generator
from variants.alexnet import build
from variants.spec import Variant

OnBatch = Callable[[int], None]


class Trainer:
    """Network, optimiser and epoch counter of one run.

    Order, crops, mirrors and dropout masks of an epoch follow from (seed, epoch) alone, so
    weights, batch-norm buffers, momentum and the counter are the whole state.

    Args:
        variant, protocol: what is trained and how.
        seed: the run's seed.
        data: images on the device that trains.
    """

    def __init__(self, variant: Variant, protocol: Protocol, seed: int, data: Data) -> None:
        self.variant = variant
        self.protocol = protocol
        self.seed = seed
        self.data = data
        self.device = data.train.labels.device
        self.epoch = 0
        self._dropout = torch.Generator(self.device)
        model = build(variant, len(data.classes), generator(seed, "init"), self._dropout)
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A tensor, since a float and a tensor learning rate can differ in the last bit and a
        # captured CUDA graph can only change a tensor.
        self._rate = torch.zeros((), device=self.device)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=self._rate,
            momentum=protocol.momentum,
            weight_decay=protocol.weight_decay,
            fused=True,
        )
        self.normalise = Normalise(*data.channel_statistics, self.device)
        self._images = Images(data.train.images, protocol.augmentation[variant.augmentation])

    def autocast(self) -> torch.autocast:
        """bf16 where the protocol says so; a null context in fp32."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.protocol.precision == "bf16"
        )

    def batches(self, epoch: int) -> list[Tensor]:
        """The epoch's batches as indices into the training images; the last may be smaller."""
        order = torch.randperm(len(self.data.train), generator=generator(self.seed, "order", epoch))
        return list(torch.split(order.to(self.device), self.protocol.batch_size))

    def train_epoch(self, on_batch: OnBatch = lambda done: None) -> dict[str, float]:
        """Train one epoch.

        Args:
            on_batch: told how many batches of the epoch have been given to the device.

        Returns:
            train_loss and train_accuracy, means over the epoch as it went along, and lr.

        Raises:
            RunFailedError: if the loss is no longer finite.
        """
        rate = self.protocol.learning_rate_at(self.epoch, self.variant.lr_decay)
        self._rate.fill_(rate)
        self._dropout.manual_seed(derive(self.seed, "dropout", self.epoch))
        n, side = len(self.data.train), self.data.train.images.shape[1]
        draws = draw(n, side, self._images.spec, self.seed, self.epoch).to(self.device)
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.model.train()
        for done, index in enumerate(self.batches(self.epoch), start=1):
            totals += self._step(index, draws)
            on_batch(done)
        loss, accuracy = (totals / n).tolist()  # the epoch's only wait for the device
        self.epoch += 1
        if not math.isfinite(loss):
            raise RunFailedError(f"diverged: the training loss is {loss} in epoch {self.epoch}")
        return {"train_loss": loss, "train_accuracy": accuracy, "lr": rate}

    def _step(self, index: Tensor, draws: Draws) -> Tensor:
        """One optimiser step; returns [sum of losses, number right] on the device."""
        labels = self.data.train.labels[index]
        images = self.normalise(self._images.batch(index, draws))
        with self.autocast():
            logits = self.model(images)
        loss = F.cross_entropy(logits.float(), labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        right = (logits.detach().argmax(1) == labels).sum()
        return torch.stack([loss.detach() * len(index), right])

    def judge(self) -> Tensor:
        """Logits of the images judged on: float32 [N, classes], on the device."""
        with self.autocast():
            return logits_of(self.model, self.data.test.images, self.normalise)

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        # Loading replaces the learning-rate tensor; the loop sets the one it holds.
        self.optimizer.param_groups[0]["lr"] = self._rate
        self.epoch = state["epoch"]
