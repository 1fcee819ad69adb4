"""Initial weights: bounds, deviations and biases of each scheme, from the generator alone."""

from __future__ import annotations

import hashlib
import math

import pytest
import torch
from torch import nn

import variants
from harness.training.seeding import generator
from variants.initialization import initialize
from variants.network import AlexNet, build

pytestmark = pytest.mark.usefixtures("full_network_in_module")

SCHEMES = ("torch", "glorot", "gaussian")

# Fan-in and fan-out of each convolution and linear layer of `paper`.
FANS = [
    (3 * 9, 64 * 9),
    (64 * 9, 192 * 9),
    (192 * 9, 384 * 9),
    (384 * 9, 256 * 9),
    (256 * 9, 256 * 9),
    (1024, 4096),
    (4096, 4096),
    (4096, 10),
]


def layers_of(scheme: str, seed: int = 0, **settings: object) -> list[nn.Conv2d | nn.Linear]:
    model = AlexNet(**settings)  # type: ignore[arg-type]
    initialize(model, generator(seed, "init"), scheme)
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def assert_uniform(values: torch.Tensor, bound: float) -> None:
    """Within the bound, up to it, and with the deviation of a uniform distribution."""
    extreme = values.abs().max().item()
    assert bound * (1 - 20 / values.numel()) <= extreme <= bound * (1 + 1e-6)
    # The standard error of the deviation is 0.45 / sqrt(n) of it.
    error = 4 * 0.45 / math.sqrt(values.numel())
    assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=error)


def test_torchs_default_is_uniform_within_one_over_the_root_of_the_inputs() -> None:
    for layer, (inputs, _) in zip(layers_of("torch"), FANS, strict=True):
        assert_uniform(layer.weight, 1 / math.sqrt(inputs))
        assert 0 < layer.bias.abs().max().item() <= 1 / math.sqrt(inputs)


def test_the_scheme_torch_is_pytorchs_own() -> None:
    torch.manual_seed(0)
    default = AlexNet()
    ours = build(variants.get("paper"), 10, generator(0, "init"))
    for parameter, expected in zip(ours.parameters(), default.parameters(), strict=True):
        if parameter.numel() > 10_000:
            assert parameter.std().item() == pytest.approx(expected.std().item(), rel=0.02)
        bound = expected.abs().max().item()
        assert parameter.abs().max().item() == pytest.approx(bound, rel=0.2)


def test_glorot_is_uniform_within_its_bound_and_has_no_biases() -> None:
    for layer, fans in zip(layers_of("glorot"), FANS, strict=True):
        assert_uniform(layer.weight, math.sqrt(6 / sum(fans)))
        assert not layer.bias.any()


def test_glorots_bounds_by_hand() -> None:
    convolution, *_, hidden, last = layers_of("glorot")
    assert convolution.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 603), rel=0.01)
    assert hidden.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 8192), rel=1e-5)
    assert last.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 4106), rel=1e-3)


def test_glorot_counts_the_inputs_of_one_group() -> None:
    second = layers_of("glorot", groups=2)[1]
    assert_uniform(second.weight, math.sqrt(6 / (32 * 9 + 192 * 9)))


@pytest.mark.parametrize("groups", [1, 2])
def test_gaussian_has_a_deviation_of_one_hundredth(groups: int) -> None:
    for layer in layers_of("gaussian", groups=groups):
        n = layer.weight.numel()
        assert layer.weight.std().item() == pytest.approx(0.01, rel=4 / math.sqrt(2 * n))
        assert layer.weight.mean().item() == pytest.approx(0, abs=4 * 0.01 / math.sqrt(n))
        # A uniform distribution of that deviation ends at 0.0173.
        assert layer.weight.abs().max().item() > 0.025


def test_biases_of_2012_are_one_in_convolutions_2_4_5_and_the_hidden_layers() -> None:
    biases = [layer.bias.unique().tolist() for layer in layers_of("gaussian")]
    assert biases == [[0], [1], [0], [1], [1], [1], [1], [0]]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_batch_normalization_starts_as_the_identity(scheme: str) -> None:
    model = AlexNet(batch_norm=True)
    initialize(model, generator(0, "init"), scheme)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all() and not layer.bias.any()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weights_come_from_the_generator_alone(scheme: str) -> None:
    weights = []
    for noise in (0, 1):
        torch.manual_seed(noise)  # also gives `AlexNet` other weights before
        weights.append([layer.weight for layer in layers_of(scheme)])
    others = [layer.weight for layer in layers_of(scheme, seed=1)]
    assert all(map(torch.equal, *weights))
    assert not any(map(torch.equal, weights[0], others))


def test_the_variants_have_their_schemes() -> None:
    schemes = {name: variants.get(name).initialization for name in variants.names()}
    assert {n: s for n, s in schemes.items() if s != "torch"} == {
        "keras_sgd": "glorot",
        "krizhevsky_2012": "gaussian",
    }
    for name, scheme in [("keras_sgd", "glorot"), ("krizhevsky_2012", "gaussian")]:
        built = build(variants.get(name), 10, generator(0, "init"))
        last = [m for m in built.modules() if isinstance(m, nn.Linear)][-1]
        if scheme == "glorot":
            assert_uniform(last.weight, math.sqrt(6 / 4106))
        assert not last.bias.any()


def test_variants_of_a_seed_share_every_weight_that_both_have() -> None:
    first, second = (
        build(variants.get(name), 10, generator(3, "init")).state_dict()
        for name in ("paper", "batch_norm")
    )
    hashes = [
        [hashlib.sha256(v.numpy().tobytes()).hexdigest() for v in s.values() if v.dim() > 1]
        for s in (first, second)
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == 8


@pytest.mark.parametrize("name", ["lrn", "overlapping_pool", "mixup", "low_lr"])
def test_a_variant_of_the_same_layers_starts_from_papers_weights(name: str) -> None:
    first, second = (
        build(variants.get(n), 10, generator(0, "init")).state_dict() for n in ("paper", name)
    )
    assert all(map(torch.equal, first.values(), second.values()))
