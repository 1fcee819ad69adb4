"""The timm form is the same network: weights, logits, settings, and the images that it expects."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

import variants
from harness.training.seeding import generator
from variants.alexnet import model_args
from variants.network import AlexNet, LocalResponseNorm, build


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(0, "input"))


def both(name: str, **changed: object) -> tuple[AlexNet, nn.Module]:
    """The network of the harness and timm's, with the same weights."""
    variant = variants.get(name).derive("changed", "", **changed)
    ours = build(variant, 10, generator(0, "init"))
    model = timm.create_model("alexnet_cifar10", **model_args(variant))
    model.load_state_dict(ours.state_dict())
    return ours, model


@pytest.mark.parametrize("name", variants.names())
def test_the_same_weights_give_the_same_logits(name: str) -> None:
    ours, model = both(name)
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (ours, model)]
    assert shapes[0] == shapes[1]
    assert list(shapes[0]) == list(shapes[1])
    x = noise(8, 3, 32, 32)
    assert torch.equal(ours.eval()(x), model.eval()(x))


@pytest.mark.parametrize("name", ["paper", "batch_norm", "krizhevsky_2012"])
def test_a_training_step_has_the_same_gradients_and_statistics(name: str) -> None:
    results = []
    for model in both(name, dropout=0.0):
        model.train()(noise(8, 3, 32, 32)).square().sum().backward()
        results.append([*(p.grad for p in model.parameters()), *model.buffers()])
    assert len(results[0]) == len(results[1])
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("name", ["paper", "batch_norm", "stem_11x11", "krizhevsky_2012"])
@pytest.mark.usefixtures("full_network")
def test_published_sizes_have_the_same_weights(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model("alexnet_cifar10", **variants.get(name).network_settings())
        ours = AlexNet(**variants.get(name).network_settings())
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in ours.state_dict().items()
    }


def test_every_setting_is_a_keyword() -> None:
    model = timm.create_model(
        "alexnet_cifar10",
        num_classes=7,
        in_chans=1,
        drop_rate=0.1,
        batch_norm=True,
        lrn=True,
        overlapping_pool=True,
        groups=2,
        stem="11x11",
    )
    assert isinstance(model, AlexNet)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
    layers = list(model.modules())
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.1, 0.1]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 5
    assert sum(isinstance(layer, LocalResponseNorm) for layer in layers) == 2
    pools = [layer.kernel_size for layer in layers if isinstance(layer, nn.MaxPool2d)]
    assert pools == [3, 3, 3]
    groups = [layer.groups for layer in layers if isinstance(layer, nn.Conv2d)]
    assert groups == [1, 2, 1, 2, 2]


@pytest.mark.parametrize("keyword", ["dropout", "drop_rate"])
def test_dropout_has_two_names(keyword: str) -> None:
    model = timm.create_model("alexnet_cifar10", **{keyword: 0.0})
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.0, 0.0]
    default = timm.create_model("alexnet_cifar10")
    assert [m.p for m in default.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]


def test_initial_weights_follow_the_initialization_and_the_global_seed() -> None:
    torch.manual_seed(0)
    glorot, gaussian, again = (
        timm.create_model("alexnet_cifar10", initialization=name)
        for name in ("glorot", "gaussian", "gaussian")
    )
    biases = [
        [bool(layer.bias.any()) for layer in model.features if isinstance(layer, nn.Conv2d)]
        for model in (glorot, gaussian)
    ]
    assert biases == [[False] * 5, [False, True, False, True, True]]
    assert not torch.equal(gaussian.features[0].weight, again.features[0].weight)
    torch.manual_seed(0)
    repeated = timm.create_model("alexnet_cifar10", initialization="glorot")
    assert torch.equal(repeated.features[0].weight, glorot.features[0].weight)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"stem": "5x5"}, "stem is '5x5', not one of 3x3, 11x11"),
        ({"groups": 3}, "groups is 3, not one of 1, 2"),
        ({"dropout": 1.0}, r"dropout is 1.0, not in \[0, 1\)"),
        ({"dropout": 0.1, "drop_rate": 0.2}, "dropout is 0.1 and drop_rate 0.2"),
        ({"img_size": 224}, "img_size is 224: the network is for 32x32 pixels"),
        ({"global_pool": "avg"}, "global_pool is 'avg', not one of 'flatten' and ''"),
        ({"global_pool": ""}, "no classes"),
    ],
)
def test_a_setting_outside_its_range_is_named(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        timm.create_model("alexnet_cifar10", **keywords)


@pytest.mark.parametrize("features_only", [False, True])
def test_images_are_prepared_as_cifar10(
    features_only: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = timm.create_model("alexnet_cifar10", features_only=features_only)
    assert not caplog.records  # timm warns of a model without a configuration
    assert timm.data.resolve_model_data_config(model) == {
        "input_size": (3, 32, 32),
        "interpolation": "bicubic",
        "mean": (0.49139968, 0.48215841, 0.44653091),
        "std": (0.24703223, 0.24348513, 0.26158784),
        "crop_pct": 1.0,
        "crop_mode": "center",
    }


def test_a_variant_on_unit_pixels_expects_those() -> None:
    model = timm.create_model("alexnet_cifar10", **model_args(variants.get("keras_sgd")))
    config = timm.data.resolve_model_data_config(model)
    assert (config["mean"], config["std"]) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    image = torch.arange(3072, dtype=torch.uint8).view(32, 32, 3).numpy()
    transform = timm.data.create_transform(**config, is_training=False)
    expected = torch.from_numpy(image).permute(2, 0, 1) / 255
    torch.testing.assert_close(transform(Image.fromarray(image)), expected)


def test_weights_of_a_file_are_adapted_to_classes_channels_and_features(tmp_path: Path) -> None:
    weights = timm.create_model("alexnet_cifar10").state_dict()
    save_file(weights, tmp_path / "model.safetensors")
    overlay = {"file": str(tmp_path / "model.safetensors")}
    model, features = (
        timm.create_model("alexnet_cifar10", True, pretrained_cfg_overlay=overlay, **keywords)
        for keywords in ({"num_classes": 3, "in_chans": 1}, {"features_only": True})
    )
    assert model(torch.zeros(1, 1, 32, 32)).shape == (1, 3)
    assert torch.equal(model.classifier[4].weight, weights["classifier.4.weight"])
    summed = weights["features.0.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(model.features[0].weight.data, summed)
    assert torch.equal(features.features_0.weight, weights["features.0.weight"])


def test_no_weights_are_published() -> None:
    with pytest.raises(RuntimeError, match="No pretrained weights exist for alexnet_cifar10"):
        timm.create_model("alexnet_cifar10", pretrained=True)
