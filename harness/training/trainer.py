"""The training loop: one run's mutable state, and how an epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.profiler import record_function
from torch.optim.sgd import sgd

from harness.data.dataset import Data
from harness.errors import RunFailedError
from harness.protocol.spec import Protocol
from harness.training import metrics
from harness.training.augmentation import Draws, Images, Normalise, draw
from harness.training.cuda_graph import capture
from harness.training.seeding import derive, generator
from variants.network import build
from variants.spec import Variant

OnBatch = Callable[[int], None]


class Trainer:
    """Network, momentum and epoch counter of one run.

    Order, crops, mirrors and dropout masks of an epoch follow from (seed, epoch) alone, so
    weights, batch-norm buffers, momentum and the counter are the whole state.

    Args:
        variant, protocol: what is trained and how.
        seed: the run's seed.
        data: images on the device that trains.
        graphs: replay each step as a CUDA graph instead of launching its kernels one by one;
            None means on CUDA yes.
    """

    def __init__(
        self,
        variant: Variant,
        protocol: Protocol,
        seed: int,
        data: Data,
        *,
        graphs: bool | None = None,
    ) -> None:
        self.variant = variant
        self.protocol = protocol
        self.seed = seed
        self.data = data
        self.device = data.train.labels.device
        self.graphs = self.device.type == "cuda" if graphs is None else graphs
        self.epoch = 0
        # Marks the parts of a step, for whoever measures them.
        self.span: Callable[[str], AbstractContextManager[Any]] = record_function
        self._dropout = torch.Generator(self.device)
        model = build(variant, len(data.classes), generator(seed, "init"), self._dropout)
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.normalise = Normalise(*data.channel_statistics, self.device)
        self._images = Images(data.train.images, protocol.augmentation[variant.augmentation])
        self._parameters = list(self.model.parameters())
        # From zero, which gives the bits of a first step without momentum: a captured step
        # cannot be another the first time.
        self._momentum = [torch.zeros_like(p) for p in self._parameters]
        # What a captured step reads or counts must be a tensor that stays where it is. The
        # learning rate is one in the eager path too: as a float it can differ in the last bit.
        self._rate = torch.zeros((), device=self.device)
        self._position = torch.zeros((), dtype=torch.int64, device=self.device)
        self._totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        self._line = torch.arange(protocol.batch_size, device=self.device)
        order, draws = self.drawn(self.epoch)
        self._ahead = (self.epoch, order, draws)
        self._order, self._draws = order.to(self.device), draws.to(self.device)

    def autocast(self, *, cache: bool = False) -> torch.autocast:
        """bf16 where the protocol says so; a null context in fp32.

        Args:
            cache: keep converted weights while they do not change; a captured step may not.
        """
        enabled = self.protocol.precision == "bf16"
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=enabled, cache_enabled=cache
        )

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each step of an epoch; the last step takes what is left."""
        full, rest = divmod(len(self.data.train), self.protocol.batch_size)
        return [self.protocol.batch_size] * full + [rest] * (rest > 0)

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
        self.model.train()
        self._rate.fill_(rate)
        steps = self._steps
        self._begin_epoch()
        for done, size in enumerate(self.batch_sizes, start=1):
            steps[size]()
            on_batch(done)
        self.epoch += 1
        if self.epoch < self.protocol.epochs:
            self._ahead = (self.epoch, *self.drawn(self.epoch))  # while the device works
        loss, accuracy = (self._totals / len(self.data.train)).tolist()  # the only wait for it
        if not math.isfinite(loss):
            raise RunFailedError(f"diverged: the training loss is {loss} in epoch {self.epoch}")
        return {"train_loss": loss, "train_accuracy": accuracy, "lr": rate}

    def drawn(self, epoch: int) -> tuple[Tensor, Draws]:
        """Order (int64 [N]) and augmentation of an epoch, on the CPU: the same for any device."""
        n, side = len(self.data.train), self.data.train.images.shape[1]
        order = torch.randperm(n, generator=generator(self.seed, "order", epoch))
        return order, draw(n, side, self._images.spec, self.seed, epoch)

    def _begin_epoch(self) -> None:
        """Put the epoch's random numbers where the steps read them, and count from zero."""
        epoch, order, draws = self._ahead
        if epoch != self.epoch:
            order, draws = self.drawn(self.epoch)
        self._order.copy_(order)
        self._draws.copy_(draws)
        self._dropout.manual_seed(derive(self.seed, "dropout", self.epoch))
        self._position.zero_()
        self._totals.zero_()

    @cached_property
    def _steps(self) -> dict[int, Callable[[], None]]:
        """A step for each size of batch."""
        steps = {size: partial(self._step, size) for size in dict.fromkeys(self.batch_sizes)}
        if not self.graphs:
            return dict(steps)
        changed = [*self.model.state_dict().values(), *self._momentum]
        changed += [self._position, self._totals]
        return {size: capture(step, changed, self._dropout) for size, step in steps.items()}

    def _step(self, size: int) -> None:
        """One optimiser step on the epoch's next images; nothing in it waits for the device."""
        with self.span("augmentation"):
            index = self._order[self._position + self._line[:size]]
            labels = self.data.train.labels[index]
            images = self.normalise(self._images.batch(index, self._draws))
        with self.span("forward"):
            with self.autocast():
                logits = self.model(images)
            loss = F.cross_entropy(logits.float(), labels)
        with self.span("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        with self.span("optimizer"):
            self._descend()
        right = (logits.detach().argmax(1) == labels).sum()
        self._totals += torch.stack([loss.detach() * size, right])
        self._position += size

    @torch.no_grad()
    def _descend(self) -> None:
        """SGD by its function: the class imports torch's compiler, which takes a second."""
        sgd(
            self._parameters,
            [p.grad for p in self._parameters],
            self._momentum,  # type: ignore[arg-type]
            fused=True,
            lr=self._rate,
            momentum=self.protocol.momentum,
            weight_decay=self.protocol.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for parameter in self._parameters:
            parameter.grad = None

    def judge(self, images: Tensor | None = None) -> Tensor:
        """Logits of images, uint8 [N, H, W, 3]: float32 [N, classes], on the device.

        Args:
            images: None for those that the run is judged on.
        """
        with metrics.judging(self.model):
            chosen = self.data.test.images if images is None else images
            return metrics.logits_of(self._judged, chosen)

    def _judged(self, images: Tensor) -> Tensor:
        """Logits of a batch, uint8 [B, H, W, 3], by a CUDA graph where it is a full one."""
        if not self.graphs or len(images) != metrics.BATCH:
            return self._logits(images)
        replay, batch, logits = self._captured_judge
        batch.copy_(images)
        replay()
        return logits.clone()

    def _logits(self, images: Tensor) -> Tensor:
        with self.autocast(cache=not self.graphs):
            logits: Tensor = self.model(self.normalise(images.permute(0, 3, 1, 2)))
        return logits.float()

    @cached_property
    def _captured_judge(self) -> tuple[Callable[[], None], Tensor, Tensor]:
        """What judges the images in the first tensor and leaves their logits in the second."""
        shape = (metrics.BATCH, *self.data.test.images.shape[1:])
        batch = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        logits = torch.empty(len(batch), len(self.data.classes), device=self.device)

        def judge() -> None:
            logits.copy_(self._logits(batch))

        return capture(judge, []), batch, logits

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on."""
        return {
            "model": self.model.state_dict(),
            "momentum": self._momentum,
            "epoch": self.epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in the tensors that a captured step knows."""
        self.model.load_state_dict(state["model"])
        for buffer, stored in zip(self._momentum, state["momentum"], strict=True):
            buffer.copy_(stored)
        self.epoch = state["epoch"]
