"""The training loop: the state of one run, and how an epoch changes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.profiler import record_function
from torch.optim.sgd import sgd

from harness.data.dataset import Dataset
from harness.errors import RunFailedError
from harness.protocol.spec import Protocol
from harness.training import metrics
from harness.training.augmentation import Normalize, PaddedImages, pixel_scaling, sample_params
from harness.training.cuda_graph import capture_graph
from harness.training.mixing import EpochParams, Mixing
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
            None means yes on CUDA.

    Attributes:
        recipe: the protocol with the variant's own optimizer settings and batch size.
    """

    def __init__(
        self,
        variant: Variant,
        protocol: Protocol,
        seed: int,
        data: Dataset,
        *,
        graphs: bool | None = None,
    ) -> None:
        self.variant = variant
        self.protocol = protocol
        self.recipe = protocol.with_overrides(variant.settings())
        self.seed = seed
        self.data = data
        self.device = data.train.labels.device
        self.graphs = self.device.type == "cuda" if graphs is None else graphs
        self.epoch = 0
        # Marks the parts of a step for the profiler.
        self.span: Callable[[str], AbstractContextManager[Any]] = record_function
        self._dropout = torch.Generator(self.device)
        model = build(variant, len(data.classes), generator(seed, "init"), self._dropout)
        self.model = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._normalize = Normalize(*pixel_scaling(variant.pixel_scaling, data), self.device)
        self._images = PaddedImages(data.train.images, protocol.augmentation[variant.augmentation])
        self._mixing = Mixing(variant.mixing, variant.mixing_alpha)
        self._parameters = list(self.model.parameters())
        # From zero, which gives the bits of a first step without momentum: a captured step
        # cannot be another the first time.
        self._momentum = [torch.zeros_like(p) for p in self._parameters]
        # What a captured step reads or counts must be a tensor whose address does not change. The
        # learning rate is one in the eager path too: as a float it can differ in the last bit.
        self._lr = torch.zeros((), device=self.device)
        self._position = torch.zeros((), dtype=torch.int64, device=self.device)
        self._totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        self._batch_offsets = torch.arange(self.recipe.batch_size, device=self.device)
        self._prefetched = (self.epoch, self.sample_epoch(self.epoch))
        self._params = self._prefetched[1].to(self.device)

    def autocast(self, *, cache: bool = False) -> torch.autocast:
        """Autocast to bf16 if the protocol says so; a null context in fp32.

        Args:
            cache: keep converted weights while they do not change; a captured step must not.
        """
        enabled = self.protocol.precision == "bf16"
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=enabled, cache_enabled=cache
        )

    @property
    def batch_sizes(self) -> list[int]:
        """Images of each step of an epoch; the last step takes what is left."""
        full, rest = divmod(len(self.data.train), self.recipe.batch_size)
        return [self.recipe.batch_size] * full + ([rest] if rest else [])

    def train_epoch(self, on_batch: OnBatch = lambda done: None) -> dict[str, float | None]:
        """Train one epoch.

        Args:
            on_batch: called with the number of batches of the epoch given to the device so far.

        Returns:
            train_loss and train_accuracy, means over the epoch as training went along, and lr.
            train_accuracy is None if labels are mixed, since it would say nothing.

        Raises:
            RunFailedError: if the loss is no longer finite.
        """
        lr = self.recipe.learning_rate_at(self.epoch, self.variant.lr_decay)
        self.model.train()
        self._lr.fill_(lr)
        steps = self._steps
        self._begin_epoch()
        for done, size in enumerate(self.batch_sizes, start=1):
            steps[size]()
            on_batch(done)
        self.epoch += 1
        if self.epoch < self.protocol.epochs:
            # While the device works.
            self._prefetched = (self.epoch, self.sample_epoch(self.epoch))
        loss, accuracy = (self._totals / len(self.data.train)).tolist()  # the only wait for it
        if not math.isfinite(loss):
            raise RunFailedError(f"diverged: the training loss is {loss} in epoch {self.epoch}")
        return {
            "train_loss": loss,
            "train_accuracy": None if self._mixing.active else accuracy,
            "lr": lr,
        }

    def sample_epoch(self, epoch: int) -> EpochParams:
        """Sample order, augmentation and mixing of an epoch on the CPU, for any device."""
        n, side = len(self.data.train), self.data.train.images.shape[1]
        order = torch.randperm(n, generator=generator(self.seed, "order", epoch))
        augment = sample_params(n, side, self._images.spec, self.seed, epoch)
        mix = self._mixing.sample(len(self.batch_sizes), side, self.seed, epoch)
        return EpochParams(order, augment, mix)

    def _begin_epoch(self) -> None:
        """Copy the epoch's parameters to the tensors that the steps read, and reset the counts."""
        epoch, params = self._prefetched
        self._params.copy_(params if epoch == self.epoch else self.sample_epoch(self.epoch))
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
        return {size: capture_graph(step, changed, self._dropout) for size, step in steps.items()}

    def _step(self, size: int) -> None:
        """One optimizer step on the epoch's next images; nothing in it waits for the device."""
        params, batch = self._params, self._position // self.recipe.batch_size
        with self.span("augmentation"):
            index = params.order[self._position + self._batch_offsets[:size]]
            labels = self.data.train.labels[index]
            images = self._normalize(self._images.batch(index, params.augment))
            images = self._mixing.images(images, params.mix, batch)
        with self.span("forward"):
            with self.autocast():
                logits = self.model(images)
            loss = self._mixing.loss(logits.float(), labels, params.mix, batch)
        with self.span("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        with self.span("optimizer"):
            self._sgd_step()
        right = (logits.detach().argmax(1) == labels).sum()
        self._totals += torch.stack([loss.detach() * size, right])
        self._position += size

    @torch.no_grad()
    def _sgd_step(self) -> None:
        """SGD as a function: the class imports torch's compiler, which takes a second."""
        sgd(
            self._parameters,
            [p.grad for p in self._parameters],
            self._momentum,  # type: ignore[arg-type]
            fused=True,
            lr=self._lr,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for parameter in self._parameters:
            parameter.grad = None

    def predict(self, images: Tensor | None = None) -> Tensor:
        """Compute logits, without augmentation and dropout.

        Args:
            images: uint8 [N, H, W, 3]; None for those that the run is evaluated on.

        Returns:
            float32 [N, classes] on the device.
        """
        with metrics.eval_mode(self.model):
            chosen = self.data.test.images if images is None else images
            return metrics.predict_logits(self._predict_batch, chosen)

    def _predict_batch(self, images: Tensor) -> Tensor:
        """Logits of a batch, uint8 [B, H, W, 3], by a CUDA graph if it is a full one."""
        if not self.graphs or len(images) != metrics.BATCH:
            return self._logits(images)
        replay, batch, logits = self._captured_predict
        batch.copy_(images)
        replay()
        return logits.clone()

    def _logits(self, images: Tensor) -> Tensor:
        with self.autocast(cache=not self.graphs):
            logits: Tensor = self.model(self._normalize(images.permute(0, 3, 1, 2)))
        return logits.float()

    @cached_property
    def _captured_predict(self) -> tuple[Callable[[], None], Tensor, Tensor]:
        """A function that writes the logits of the images in a tensor to another tensor; both."""
        shape = (metrics.BATCH, *self.data.test.images.shape[1:])
        batch = torch.zeros(shape, dtype=torch.uint8, device=self.device)
        logits = torch.empty(len(batch), len(self.data.classes), device=self.device)

        def predict() -> None:
            logits.copy_(self._logits(batch))

        return capture_graph(predict, []), batch, logits

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "momentum": self._momentum,
            "epoch": self.epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned, into the tensors that a captured step uses."""
        self.model.load_state_dict(state["model"])
        for buffer, stored in zip(self._momentum, state["momentum"], strict=True):
            buffer.copy_(stored)
        self.epoch = state["epoch"]
