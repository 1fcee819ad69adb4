"""Register the network with timm, as `alexnet_cifar10`, when this module is imported."""

from __future__ import annotations

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from variants.network import STEMS
from variants.spec import Variant
from variants.timm_network import SIDE, TimmAlexNet

default_cfgs = generate_default_cfgs(
    {
        "alexnet_cifar10": {
            "num_classes": 10,
            "input_size": (3, SIDE, SIDE),
            "fixed_input_size": True,
            "pool_size": (2, 2),
            "crop_pct": 1.0,
            "interpolation": "bicubic",
            # Of the 50,000 training images, by channel, as in runs on the official archive.
            "mean": (0.49139968, 0.48215841, 0.44653091),
            "std": (0.24703223, 0.24348513, 0.26158784),
            "first_conv": "features.0",
            "classifier": "classifier.7",
            "license": "mit",
        }
    }
)


@register_model
def alexnet_cifar10(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Entry point for `timm.create_model("alexnet_cifar10")`.

    Args:
        pretrained: load the weights that `pretrained_cfg_overlay={"file": ...}` names; the project
            publishes none.
        **kwargs: of `TimmAlexNet` and of `timm.models.build_model_with_cfg`.

    Raises:
        RuntimeError: if `pretrained` is set and no file is named.
        ValueError: if a setting is outside its range.
    """
    model: nn.Module = build_model_with_cfg(
        TimmAlexNet,
        "alexnet_cifar10",
        pretrained,
        feature_cfg={"flatten_sequential": True, "out_indices": (0, 1, 2, 3)},
        **kwargs,
    )
    side = STEMS[kwargs.get("stem", Variant.stem)][3]
    model.pretrained_cfg.update(pool_size=(side, side))  # type: ignore[operator, union-attr]
    return model


def model_args(variant: Variant) -> dict[str, Any]:
    """Keywords with which `timm.create_model("alexnet_cifar10")` builds a variant's network.

    Includes the initialization and, if the variant is trained on pixels / 255, the mean and
    deviation that `timm.data` then uses.
    """
    args = {**variant.network_settings(), "initialization": variant.initialization}
    if variant.pixel_scaling == "unit":
        args["pretrained_cfg_overlay"] = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    return args
