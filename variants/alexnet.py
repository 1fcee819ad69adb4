"""Register the network with timm, as `alexnet_cifar10`, when this module is imported.

Separate from `variants.network` because runs do not need timm, which is slow to import.
"""

from __future__ import annotations

from typing import Any

from timm.models import register_model

from variants.network import AlexNet


@register_model
def alexnet_cifar10(
    pretrained: bool = False,
    pretrained_cfg: Any = None,
    pretrained_cfg_overlay: Any = None,
    cache_dir: Any = None,
    drop_rate: float = 0.5,
    **kwargs: Any,
) -> AlexNet:
    """Entry point for `timm.create_model("alexnet_cifar10")`.

    Raises:
        ValueError: if `pretrained` is set; the project publishes no weights.
    """
    if pretrained:
        raise ValueError("alexnet_cifar10 has no pretrained weights: train it with the harness")
    return AlexNet(dropout=drop_rate, **kwargs)
