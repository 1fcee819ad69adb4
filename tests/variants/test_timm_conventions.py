"""What timm's own tests ask of a convolutional classifier, of narrow networks."""

from __future__ import annotations

import math

import pytest
import timm
import torch
from timm.models import FeatureInfo, group_modules, group_parameters
from torch import Tensor, nn

import variants
from harness.training.seeding import generator
from variants.alexnet import model_args

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

# One for each kind of layer, and the stem that halves the sides once more.
NAMES = ["paper", "batch_norm", "krizhevsky_2012", "stem_11x11"]

of_each_kind = pytest.mark.parametrize("name", NAMES)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(0, "input"))


def create(name: str = "paper", **changed: object) -> nn.Module:
    return timm.create_model("alexnet_cifar10", **{**model_args(variants.get(name)), **changed})


@of_each_kind
def test_forward_with_and_without_checkpointing(name: str) -> None:
    model, x = create(name).eval(), noise(2, 3, 32, 32)
    outputs = model(x)
    assert outputs.shape == (2, 10)
    assert outputs.isfinite().all()
    model.set_grad_checkpointing()
    assert torch.equal(model(x), outputs)


@of_each_kind
def test_backward_reaches_all_parameters(name: str) -> None:
    model = create(name, num_classes=42).train()
    outputs = model(noise(2, 3, 32, 32))
    assert outputs.shape == (2, 42)
    outputs.mean().backward()
    assert all(p.grad is not None for p in model.parameters())


def gradients(model: nn.Module) -> list[Tensor]:
    model.zero_grad()
    model(noise(4, 3, 32, 32)).square().sum().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


@of_each_kind
def test_checkpointing_computes_again_and_changes_nothing(name: str) -> None:
    plain, checkpointed = create(name, dropout=0.0), create(name, dropout=0.0)
    checkpointed.load_state_dict(plain.state_dict())
    checkpointed.set_grad_checkpointing()
    calls: list[nn.Module] = []
    for layer in checkpointed.features:
        layer.register_forward_hook(lambda layer, *_: calls.append(layer))
    assert all(map(torch.equal, gradients(plain.train()), gradients(checkpointed.train())))
    convolutions = [m for m in checkpointed.features if isinstance(m, nn.Conv2d)]
    assert all(calls.count(layer) == 2 for layer in convolutions)
    # The second pass would update the statistics of batch normalization once more.
    assert all(map(torch.equal, plain.buffers(), checkpointed.buffers()))
    calls.clear()
    checkpointed.set_grad_checkpointing(False)
    gradients(checkpointed)
    assert all(calls.count(layer) == 1 for layer in convolutions)


@of_each_kind
def test_sizes_are_those_of_the_configuration(name: str) -> None:
    model, x = create(name).eval(), noise(1, 3, 32, 32)
    sides = model.default_cfg["pool_size"]
    assert model.pretrained_cfg is model.default_cfg
    assert x.shape[1:] == model.default_cfg["input_size"]
    features = model.forward_features(x)
    assert features.shape == (1, model.num_features, *sides)
    hidden = model.forward_head(features, pre_logits=True)
    assert hidden.shape == (1, model.head_hidden_size)
    assert torch.equal(model.get_classifier()(hidden), model(x))
    model.reset_classifier(0)
    assert model.num_classes == 0
    assert torch.equal(model(x), hidden)
    model.reset_classifier(0, "")
    assert torch.equal(model(x), features)
    assert create(name, num_classes=0).eval()(x).shape == hidden.shape
    assert create(name, num_classes=0, global_pool="").eval()(x).shape == features.shape


def test_names_of_first_and_last_layer() -> None:
    model = create()
    modules, config = dict(model.named_modules()), model.default_cfg
    assert modules[config["first_conv"]] is model.features[0]
    assert modules[config["classifier"]] is model.get_classifier()
    assert model.get_classifier().out_features == config["num_classes"] == model.num_classes


def test_a_new_classifier_leaves_all_other_weights() -> None:
    model = create().double()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.reset_classifier(5)
    assert model(noise(1, 3, 32, 32).double()).shape == (1, 5)
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert [k for k in before if not torch.equal(before[k], after[k])] == [
        "classifier.7.weight",
        "classifier.7.bias",
    ]


def test_removed_hidden_layers_do_not_come_back() -> None:
    model = create(num_classes=0, global_pool="")
    assert not any(name.startswith("classifier") for name in model.state_dict())
    with pytest.raises(ValueError, match="hidden layers have been removed"):
        model.reset_classifier(10)
    with pytest.raises(ValueError, match="no classes"):
        create().reset_classifier(10, "")


@of_each_kind
def test_torchscript(name: str) -> None:
    model, x = create(name).eval(), noise(2, 3, 32, 32)
    torch.testing.assert_close(torch.jit.script(model)(x), model(x))


@of_each_kind
@pytest.mark.parametrize("extractor", ["list", "getter", "fx"])
def test_features_have_the_stated_channels_and_reductions(name: str, extractor: str) -> None:
    model = create(name, features_only=True, feature_cls=extractor).eval()
    info, outputs = model.feature_info, model(noise(2, 3, 32, 32))
    assert len(info.channels()) == len(outputs) == 4
    for channels, reduction, output in zip(info.channels(), info.reduction(), outputs, strict=True):
        side = math.ceil(32 / reduction)
        assert output.shape == (2, channels, side, side)


@of_each_kind
def test_features_are_those_of_the_layers(name: str) -> None:
    model, x = create(name).eval(), noise(2, 3, 32, 32)
    outputs: dict[str, Tensor] = {}
    for path, layer in model.named_modules():
        layer.register_forward_hook(lambda _, __, out, path=path: outputs.update({path: out}))
    model(x)
    expected = [outputs[info["module"]] for info in model.feature_info]
    last, intermediates = model.forward_intermediates(x)
    assert all(map(torch.equal, intermediates, expected))
    assert torch.equal(last, model.forward_features(x))
    model.set_grad_checkpointing()
    assert all(map(torch.equal, model.forward_intermediates(x, intermediates_only=True), expected))
    assert FeatureInfo(model.feature_info, 4).reduction() == sorted(
        info["reduction"] for info in model.feature_info
    )


def test_intermediates_by_index() -> None:
    model, x = create().eval(), noise(2, 3, 32, 32)
    every = model.forward_intermediates(x, intermediates_only=True)
    calls: list[nn.Module] = []
    for layer in model.features:
        layer.register_forward_hook(lambda layer, *_: calls.append(layer))
    two = model.forward_intermediates(x, [0, 1], stop_early=True, intermediates_only=True)
    assert all(map(torch.equal, two, every[:2]))
    assert model.features[6] not in calls  # the third convolution
    (last,) = model.forward_intermediates(x, 1, intermediates_only=True)
    assert torch.equal(last, every[-1])
    with pytest.raises(ValueError, match="NCHW"):
        model.forward_intermediates(x, output_fmt="NLC")


@pytest.mark.parametrize(("indices", "layers"), [([0], 2), ([0, 1], 5), ([3], 13)])
def test_pruning_keeps_what_the_features_need(indices: list[int], layers: int) -> None:
    model, x = create().eval(), noise(2, 3, 32, 32)
    expected = model.forward_intermediates(x, indices, intermediates_only=True)
    assert model.prune_intermediate_layers(indices) == indices
    assert len(model.features) == layers
    assert all(
        map(torch.equal, model.forward_intermediates(x, indices, intermediates_only=True), expected)
    )
    assert torch.equal(model(x), expected[-1])
    assert model.num_features == expected[-1].shape[1]


@of_each_kind
@pytest.mark.parametrize("training", [False, True])
def test_fx_forward_and_backward(name: str, training: bool) -> None:
    model, x = create(name, num_classes=42, dropout=0.0).train(training), noise(2, 3, 32, 32)
    graph = torch.fx.symbolic_trace(model)
    outputs = graph(x)
    assert torch.equal(outputs, model(x))
    outputs.mean().backward()
    assert all(p.grad is not None for p in model.parameters())
    torch.testing.assert_close(torch.jit.script(graph)(x), outputs)


@of_each_kind
@pytest.mark.parametrize(("coarse", "depth"), [(False, 8), (True, 5)])
def test_groups_are_in_the_order_of_the_layers(name: str, coarse: bool, depth: int) -> None:
    model = create(name)
    for divide, members in (
        (group_parameters, [n for n, _ in model.named_parameters()]),
        (group_modules, [n for n, m in model.named_modules() if list(m.parameters(recurse=False))]),
    ):
        groups = divide(model, model.group_matcher(coarse=coarse))
        assert list(groups) == list(range(depth))
        assert [name for group in groups.values() for name in group] == members
    assert groups[depth - 1] == ["classifier.7"]
