"""The network of every variant: parameters, sizes, groups, normalization, pooling, dropout."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import variants
from harness.training.seeding import generator
from variants.network import AlexNet, Dropout, LocalResponseNorm, build

pytestmark = pytest.mark.usefixtures("full_network_in_module")

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]

# At 10 classes. By hand, weights and biases of `paper`:
#   convolutions  3*9*64 + 64         =      1,792
#                 64*9*192 + 192      =    110,784
#                 192*9*384 + 384     =    663,936
#                 384*9*256 + 256     =    884,992
#                 256*9*256 + 256     =    590,080
#   linear        256*2*2*4096 + 4096 =  4,198,400
#                 4096*4096 + 4096    = 16,781,312
#                 4096*10 + 10        =     40,970
PAPER = 23_272_266
PARAMETERS = {
    # A scale and a shift for each of 64 + 192 + 384 + 256 + 256 channels.
    "batch_norm": PAPER + 2 * 1152,
    # The first kernel has 121 weights and not 9 for each of 3 channels; one pixel of 256 channels,
    # and not four, is left for the first linear layer.
    "stem_11x11": PAPER + 3 * (121 - 9) * 64 - 3 * 256 * 4096,
    # Half the weights of convolutions 2, 4 and 5.
    "krizhevsky_2012": PAPER - (64 * 192 + 384 * 256 + 256 * 256) * 9 // 2,
}


def network(name: str, seed: int = 0) -> AlexNet:
    return build(variants.get(name), 10, generator(seed, "init"), generator(seed, "dropout"))


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(0, "input"))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", variants.names())
def test_parameter_counts(name: str) -> None:
    assert count(network(name)) == PARAMETERS.get(name, PAPER)


def test_parameter_counts_as_numbers() -> None:
    counts = [PARAMETERS[name] for name in ("batch_norm", "stem_11x11", "krizhevsky_2012")]
    assert counts == [23_274_570, 20_148_042, 22_479_690]


def test_a_class_costs_a_row_of_weights_and_a_bias() -> None:
    model = build(variants.get("paper"), 100, generator(0, "init"))
    assert count(model) == PAPER + 90 * 4097


@pytest.mark.parametrize("name", variants.names())
def test_a_network_maps_images_to_finite_logits(name: str) -> None:
    logits = network(name)(noise(3, 3, 32, 32))
    assert logits.shape == (3, 10)
    assert logits.isfinite().all()


def sides(name: str) -> list[int]:
    """Side of the feature map after each convolution and pooling."""
    sides, x = [], noise(1, 3, 32, 32)
    for layer in network(name).features:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            assert x.shape[2] == x.shape[3]
            sides.append(x.shape[2])
    return sides


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("paper", [16, 8, 8, 4, 4, 4, 4, 2]),
        ("overlapping_pool", [16, 8, 8, 4, 4, 4, 4, 2]),
        ("krizhevsky_2012", [16, 8, 8, 4, 4, 4, 4, 2]),
        # (32 + 2 * 5 - 11) / 4 + 1 = 8, rounded down.
        ("stem_11x11", [8, 4, 4, 2, 2, 2, 2, 1]),
    ],
)
def test_sides_of_the_feature_maps(name: str, expected: list[int]) -> None:
    assert sides(name) == expected


def test_kernel_stride_and_padding_of_the_stems() -> None:
    paper, reading = (network(name).features[0] for name in ("paper", "stem_11x11"))
    assert (paper.kernel_size, paper.stride, paper.padding) == ((3, 3), (2, 2), (1, 1))
    assert (reading.kernel_size, reading.stride, reading.padding) == ((11, 11), (4, 4), (5, 5))


def test_overlapping_pools_see_their_neighbours_pixels() -> None:
    pools = [m for m in network("overlapping_pool").modules() if isinstance(m, nn.MaxPool2d)]
    assert len(pools) == 3
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 3, 3] = 1.0  # in the last column of one window and the first of the next
    assert [int(pool(x).sum()) for pool in pools] == [4, 4, 4]
    plain = next(m for m in network("paper").modules() if isinstance(m, nn.MaxPool2d))
    assert int(plain(x).sum()) == 1


@pytest.mark.parametrize("name", ["krizhevsky_2012", "paper"])
def test_two_groups_do_not_see_each_others_channels(name: str) -> None:
    convolutions = [m for m in network(name).modules() if isinstance(m, nn.Conv2d)]
    split = []
    for layer in convolutions:
        x = noise(2, layer.in_channels, 8, 8).requires_grad_()
        layer(x)[:, : layer.out_channels // 2].square().sum().backward()
        assert x.grad is not None
        first, second = x.grad.split([(layer.in_channels + 1) // 2, layer.in_channels // 2], 1)
        assert first.any()
        split.append(not second.any())
    assert split == ([False, True, False, True, True] if name != "paper" else [False] * 5)


def test_normalization_follows_the_first_two_activations() -> None:
    kinds = [type(layer).__name__ for layer in network("krizhevsky_2012").features]
    block = ["Conv2d", "ReLU"]
    normalized = [*block, "LocalResponseNorm", "MaxPool2d"]
    assert kinds == [*normalized, *normalized, *block, *block, *block, "MaxPool2d"]
    assert [type(layer).__name__ for layer in network("lrn").features] == kinds
    batch_norm = [type(layer).__name__ for layer in network("batch_norm").features]
    assert batch_norm.count("BatchNorm2d") == 5
    assert batch_norm[:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]


def by_torch(x: Tensor) -> Tensor:
    """The same by torch, which divides alpha by the number of channels that are summed."""
    return F.local_response_norm(x, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


@pytest.mark.parametrize("channels", [1, 2, 5, 64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_lrn_equals_torchs_forward_and_backward(channels: int, layout: torch.memory_format) -> None:
    # Large enough that the sums weigh as much as k does.
    values = (100 * noise(3, channels, 6, 6)).contiguous(memory_format=layout)
    weights, results, gradients = noise(3, channels, 6, 6), [], []
    for normalize in (LocalResponseNorm(), by_torch):
        x = values.clone().requires_grad_()
        results.append(normalize(x))
        (results[-1] * weights).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(results[0], values * 2**-0.75, rtol=0.05)


def test_lrn_by_hand() -> None:
    x = torch.tensor([1.0, 20.0, 300.0, 40.0, 5.0, 6.0]).view(1, 6, 1, 1)
    # Channel i sums channels i - 2 to i + 2, as far as there are any.
    squares = [90_401, 92_001, 92_026, 92_061, 91_661, 1661]
    expected = x.flatten() / (2 + 1e-4 * torch.tensor(squares)) ** 0.75
    torch.testing.assert_close(LocalResponseNorm()(x).flatten(), expected)


def test_lrn_computes_bf16_in_float32() -> None:
    x = (100 * noise(3, 64, 6, 6)).bfloat16()
    result = LocalResponseNorm()(x)
    assert result.dtype == torch.bfloat16
    # At most the last bit of bf16 differs.
    torch.testing.assert_close(result, by_torch(x.float()).bfloat16(), rtol=2**-8, atol=0)
    x = x.requires_grad_()
    LocalResponseNorm()(x).float().sum().backward()
    reference = x.detach().float().requires_grad_()
    by_torch(reference).sum().backward()
    torch.testing.assert_close(x.grad, reference.grad.bfloat16(), rtol=2**-6, atol=1e-3)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_lrn_keeps_the_memory_format(layout: torch.memory_format) -> None:
    x = noise(2, 8, 6, 6).contiguous(memory_format=layout).requires_grad_()
    result = LocalResponseNorm()(x)
    result.sum().backward()
    assert x.grad is not None
    assert result.is_contiguous(memory_format=layout)
    assert x.grad.is_contiguous(memory_format=layout)


def test_lrn_has_the_gradient_of_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    # In float64, since differences of float32 are too coarse: the layer asks for `float`.
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    x = (30 * noise(2, 7, 2, 2).to(torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(LocalResponseNorm(), (x,))


@pytest.mark.parametrize("device", DEVICES)
def test_lrn_is_deterministic_forward_and_backward(device: str) -> None:
    assert torch.are_deterministic_algorithms_enabled()
    gradients = []
    for _ in range(2):
        x = noise(16, 64, 16, 16).to(device).requires_grad_()
        LocalResponseNorm()(x).square().sum().backward()
        gradients.append(x.grad)
    assert torch.equal(*gradients)


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    for name in ("paper", "keras_sgd", "krizhevsky_2012"):
        network(name)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.75])
def test_dropout_keeps_its_share_and_the_mean(p: float) -> None:
    layer = Dropout(p, generator(0, "dropout")).train()
    out = layer(torch.ones(1000, 333))
    assert (out == 0).double().mean().item() == pytest.approx(p, abs=0.004)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)
    assert set(out.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}


def test_dropout_is_the_identity_in_evaluation() -> None:
    x = noise(5, 7)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_masks_of_units_are_independent() -> None:
    layer = Dropout(0.5, generator(0, "dropout")).train()
    nonzero = (layer(torch.ones(20_000, 8)) > 0).double()
    correlation = torch.corrcoef(nonzero.T) - torch.eye(8)
    assert correlation.abs().max() < 0.04


def test_dropout_acts_on_the_outputs_of_the_hidden_layers() -> None:
    kinds = [type(layer).__name__ for layer in network("paper").classifier]
    hidden = ["Linear", "ReLU", "Dropout"]
    assert kinds == ["Flatten", *hidden, *hidden, "Linear"]


@pytest.mark.parametrize("name", ["dropout_0", "dropout_25", "dropout_75", "krizhevsky_2012"])
def test_both_dropouts_have_the_variants_rate_and_one_generator(name: str) -> None:
    masks = generator(0, "dropout")
    model = build(variants.get(name), 10, generator(0, "init"), masks)
    layers = [layer for layer in model.modules() if isinstance(layer, Dropout)]
    assert [layer.p for layer in layers] == [variants.get(name).dropout] * 2
    assert all(layer.generator is masks for layer in layers)
