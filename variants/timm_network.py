"""AlexNet with the methods that timm expects of a model.

Separate from `variants.network` because runs do not need timm, which is slow to import. Weights
have the same names and shapes in both, so those of a finished run load into either.
"""

# No `from __future__ import annotations`: torch.fx passes the types of `forward` on to TorchScript,
# which does not know their names.
from typing import Any

from timm.models._features import feature_take_indices
from torch import Tensor, nn

from variants import network
from variants.initialization import initialize
from variants.network import Dropout
from variants.spec import Variant
from variants.timm_stages import StagedAlexNet

SIDE = 32


class TimmAlexNet(StagedAlexNet):
    """`AlexNet` as a timm model.

    Dropout is torch's, which TorchScript and torch.fx know; its masks come from the global
    generator.

    Args:
        num_classes: width of the last layer; 0 for none: the output is that of the hidden layers.
        in_chans: color channels of the input.
        img_size: height and width of the input in pixels, 32 only.
        global_pool: "flatten", since feature maps are flattened and not pooled; "" with 0 classes
            for no hidden layers either: the output is the last feature map.
        dropout, drop_rate: two names of the rate on the two hidden layers; 0.5 if neither is given.
        batch_norm, lrn, overlapping_pool, groups, stem, initialization: see
            `variants.spec.Variant`. Initial weights come from the global generator.

    Attributes:
        head_hidden_size: width of the input of the last layer.

    Raises:
        ValueError: if a setting is outside its range.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = SIDE,
        global_pool: str = "flatten",
        dropout: float | None = None,
        drop_rate: float | None = None,
        batch_norm: bool = False,
        lrn: bool = False,
        overlapping_pool: bool = False,
        groups: int = 1,
        stem: str = "3x3",
        initialization: str = "torch",
    ) -> None:
        if {*([img_size] if isinstance(img_size, int) else img_size)} != {SIDE}:
            raise ValueError(f"img_size is {img_size}: the network is for {SIDE}x{SIDE} pixels")
        rates = {rate for rate in (dropout, drop_rate) if rate is not None} or {Variant.dropout}
        if len(rates) > 1:
            raise ValueError(f"dropout is {dropout} and drop_rate {drop_rate}, which are the same")
        variant = Variant(  # checks the values
            name="alexnet_cifar10",
            summary="",
            dropout=rates.pop(),
            batch_norm=batch_norm,
            lrn=lrn,
            overlapping_pool=overlapping_pool,
            groups=groups,
            stem=stem,
            initialization=initialization,
        )
        # A layer of no outputs would warn that it has no weights to draw.
        super().__init__(num_classes or 1, in_chans, **variant.network_settings())
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.drop_rate = variant.dropout
        for index, layer in enumerate(self.classifier):
            if isinstance(layer, Dropout):
                self.classifier[index] = nn.Dropout(layer.p)
        if initialization != Variant.initialization:
            # Without a generator torch uses the global one of the weights' device.
            initialize(self, None, initialization)  # type: ignore[arg-type]
        self.head_hidden_size = network.HIDDEN
        if num_classes == 0 or global_pool != "flatten":
            self.reset_classifier(num_classes, global_pool)

    def forward(self, x: Tensor) -> Tensor:
        """Map images [N, in_chans, 32, 32] to logits [N, num_classes]."""
        return self.forward_head(self.forward_features(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Map the last feature map to logits, or to [N, head_hidden_size] with `pre_logits`."""
        last = len(self.classifier) - 1
        for index, layer in enumerate(self.classifier):  # TorchScript knows no slices of modules
            if index < last or not pre_logits:
                x = layer(x)
        return x

    def prune_intermediate_layers(
        self, indices: int | list[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove the layers that the given feature maps do not need; returns their indices.

        Args:
            indices: see `forward_intermediates`.
            prune_norm: has no effect.
            prune_head: remove the hidden layers and the last one even if all features stay.
        """
        taken, last = feature_take_indices(len(self.feature_info), indices)
        shortened = last < len(self.stages)
        if shortened:
            self.features = self.features[: self.stages[last][1]]
            self.stages = self.stages[: last + 1]
            self.num_features = self.feature_info[last]["num_chs"]
        if prune_head or shortened:
            self.reset_classifier(0, "")
        return list(taken)

    def get_classifier(self) -> nn.Module:
        """The last layer: linear, or the identity if there are no classes."""
        return self.classifier[-1]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer by a new one with torch's default initialization.

        Args:
            num_classes: width of the new layer; 0 for none.
            global_pool: "" removes the hidden layers too; "flatten" and None keep them.

        Raises:
            ValueError: if classes should follow on an unflattened feature map, or on hidden
                layers that were removed before.
        """
        if global_pool not in (None, "flatten", ""):
            raise ValueError(f"global_pool is {global_pool!r}, not one of 'flatten' and ''")
        if num_classes and global_pool == "":
            raise ValueError("global_pool='' has the last feature map as output: no classes")
        if len(self.classifier) == 1 and (num_classes or global_pool == "flatten"):
            raise ValueError("the hidden layers have been removed: create the model again")
        self.num_classes = num_classes
        if global_pool == "":
            self.classifier = nn.Sequential(nn.Identity())
            self.head_hidden_size = self.num_features
        elif num_classes:
            weight = next(self.parameters())
            self.classifier[-1] = nn.Linear(
                self.head_hidden_size, num_classes, device=weight.device, dtype=weight.dtype
            )
        else:
            self.classifier[-1] = nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Patterns of parameter names by depth, for learning rates that differ by layer.

        A convolution and its normalization are a group, and each hidden layer; what matches no
        pattern, the last layer, is timm's last group. With `coarse`, a stage is a group, and both
        hidden layers are.
        """
        convolutions = [i for i, layer in enumerate(self.features) if isinstance(layer, nn.Conv2d)]
        starts = [first for first, _ in self.stages] if coarse else convolutions
        ends = [*starts[1:], len(self.features)]
        layers = ["|".join(map(str, range(*span))) for span in zip(starts, ends, strict=True)]
        stem, *blocks = (rf"^features\.(?:{numbers})(?:\.|$)" for numbers in layers)
        hidden = r"^classifier\.(?:1|4)(?:\.|$)" if coarse else r"^classifier\.(1|4)(?:\.|$)"
        depths = [(pattern, (depth,)) for depth, pattern in enumerate(blocks)]
        return {"stem": stem, "blocks": depths, "hidden": hidden}
