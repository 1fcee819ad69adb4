"""AlexNet's feature maps as timm asks for them: described, computed singly, checkpointed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from timm.models._features import feature_take_indices
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from variants.network import AlexNet


class StagedAlexNet(AlexNet):
    """`AlexNet` whose convolutions are divided into stages, each ended by a pooling.

    Args:
        num_classes, in_chans: see `AlexNet`.
        **settings: other keywords of `AlexNet`.

    Attributes:
        stages: index of the first layer and of the pooling of each stage, in `features`.
        feature_info: channels, reduction and module of the feature maps before each pooling and
            after the last one.
        num_features: channels of the last feature map.
        grad_checkpointing: see `set_grad_checkpointing`.
    """

    def __init__(self, num_classes: int, in_chans: int, **settings: Any) -> None:
        super().__init__(num_classes, in_chans, **settings)
        self.grad_checkpointing = False
        self.stages: list[tuple[int, int]] = []
        self.feature_info: list[dict[str, Any]] = []
        first, channels, reduction = 0, 0, 1
        for index, layer in enumerate(self.features):
            if isinstance(layer, nn.Conv2d):
                channels, reduction = layer.out_channels, reduction * layer.stride[0]
            elif isinstance(layer, nn.MaxPool2d):
                self._add_feature(channels, reduction, index - 1)
                self.stages.append((first, index))
                first, reduction = index + 1, reduction * 2
        self._add_feature(channels, reduction, first - 1)
        self.num_features = channels

    def _add_feature(self, channels: int, reduction: int, layer: int) -> None:
        info = {"num_chs": channels, "reduction": reduction, "module": f"features.{layer}"}
        self.feature_info.append(info)

    def forward_features(self, x: Tensor) -> Tensor:
        """Map images to the last feature map [N, num_features, side, side], pooled as in AlexNet;
        the side is 2, or 1 after the 11x11 stem."""
        if self.grad_checkpointing and not torch.jit.is_scripting():  # type: ignore[attr-defined]
            for stage in range(len(self.stages)):
                x = self._run_stage(stage, x)[1]
            return x
        features: Tensor = self.features(x)
        return features

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only the input of each stage for the backward pass, which computes the rest again.

        Gradients and running statistics are the same.
        """
        self.grad_checkpointing = enable

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Compute the last feature map and those in `feature_info`.

        Args:
            x: images [N, in_chans, 32, 32].
            indices: into `feature_info`; a number n for the last n, None for all.
            norm: has no effect, since no normalization follows the features.
            stop_early: compute nothing after the last feature map asked for.
            output_fmt: "NCHW" only.
            intermediates_only: return the list alone.

        Raises:
            ValueError: if another format is asked for.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt is {output_fmt!r}: the feature maps are NCHW")
        taken, last = feature_take_indices(len(self.feature_info), indices)
        maps: list[Tensor] = []
        for stage in range(len(self.stages)):
            before_pooling, x = self._run_stage(stage, x)
            maps.append(before_pooling)
            if stop_early and stage == last:
                break
        maps.append(x)
        intermediates = [maps[index] for index in taken]
        return intermediates if intermediates_only else (x, intermediates)

    def _run_stage(self, stage: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """The feature maps before and after the pooling that ends a stage."""
        first, pooling = self.stages[stage]

        def layers(x: Tensor) -> tuple[Tensor, Tensor]:
            x = self.features[first:pooling](x)
            return x, self.features[pooling : pooling + 1](x)  # no pooling if it was pruned

        if not self.grad_checkpointing:
            return layers(x)
        contexts = lambda: (nullcontext(), self._keeping_statistics())  # noqa: E731
        before, after = checkpoint(layers, x, use_reentrant=False, context_fn=contexts)
        return before, after

    @contextmanager
    def _keeping_statistics(self) -> Iterator[None]:
        """Leave the running statistics alone: the forward pass has updated them already."""
        layers = [layer for layer in self.features if isinstance(layer, nn.BatchNorm2d)]
        before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
        for layer in layers:
            layer.momentum, layer.num_batches_tracked = 0.0, None
        try:
            yield
        finally:
            for layer, (momentum, batches) in zip(layers, before, strict=True):
                layer.momentum, layer.num_batches_tracked = momentum, batches
