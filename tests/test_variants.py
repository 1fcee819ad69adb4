"""The registry, every registered variant, and the network."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
import timm
import torch

import variants.alexnet
from harness.data.dataset import Dataset
from harness.protocol.spec import Protocol
from harness.training.runner import weights_sha256
from harness.training.seeding import generator
from harness.training.trainer import Trainer
from variants.network import AlexNet, Dropout, build
from variants.spec import Variant

PAPER = variants.get("paper")

DERIVED = [name for name in variants.names() if variants.get(name).parent]


def weights_after(variant: Variant, protocol: Protocol, data: Dataset, seed: int = 0) -> str:
    """Hash of the weights after one epoch of three steps."""
    trainer = Trainer(variant, protocol, seed, data)
    trainer.train_epoch()
    return weights_sha256(trainer.model.state_dict())


def test_the_variants_of_the_study_are_registered() -> None:
    wanted = {"paper", "baseline", "no_augmentation", "no_lr_decay", "batch_norm"}
    assert wanted | {"dropout_0", "dropout_25", "dropout_75"} <= set(variants.names())


@pytest.mark.parametrize("name", DERIVED)
def test_a_variant_differs_from_its_parent_in_one_setting(name: str) -> None:
    variant = variants.get(name)
    assert len(variants.changes(variant, variants.get(variant.parent or ""))) == 1


def test_baseline_has_neither_augmentation_nor_decay() -> None:
    changed = variants.changes(variants.get("baseline"), PAPER)
    assert changed == {"augmentation": "none", "lr_decay": False}


@pytest.mark.parametrize("name", DERIVED)
def test_setting_only_what_it_changes_on_paper_gives_the_variant(
    name: str, protocol: Protocol, data: Dataset
) -> None:
    variant = variants.get(name)
    # Two epochs with a decay between them, so that lr_decay matters too.
    rebuilt = dataclasses.replace(PAPER, **variants.changes(variant, PAPER))
    weights = []
    for one in (variant, rebuilt, PAPER):
        trainer = Trainer(one, dataclasses.replace(protocol, decay_at=(0.5,)), 0, data)
        trainer.train_epoch()
        trainer.train_epoch()
        weights.append(weights_sha256(trainer.model.state_dict()))
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


@pytest.mark.parametrize("name", variants.names())
def test_another_seed_gives_other_weights(name: str, protocol: Protocol, data: Dataset) -> None:
    variant = variants.get(name)
    assert weights_after(variant, protocol, data, 0) != weights_after(variant, protocol, data, 1)


@pytest.mark.parametrize("name", variants.names())
def test_a_network_maps_images_to_finite_logits(name: str) -> None:
    model = build(variants.get(name), 10, generator(0, "init"))
    logits = model(torch.randn(3, 3, 32, 32, generator=generator(0, "input")))
    assert logits.shape == (3, 10)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        ("paper", 10, 23_272_266),
        ("dropout_0", 10, 23_272_266),
        ("paper", 100, 23_272_266 + 90 * 4097),
        # A scale and a shift for each of 64 + 192 + 384 + 256 + 256 channels.
        ("batch_norm", 10, 23_272_266 + 2 * 1152),
    ],
)
def test_parameter_counts(name: str, classes: int, parameters: int) -> None:
    model = build(variants.get(name), classes, generator(0, "init"))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_variants_of_a_seed_share_every_weight_that_both_have() -> None:
    one = build(PAPER, 10, generator(3, "init")).state_dict()
    other = build(variants.get("batch_norm"), 10, generator(3, "init")).state_dict()
    shapes = [sorted(tuple(v.shape) for v in s.values() if v.dim() > 1) for s in (one, other)]
    assert shapes[0] == shapes[1]
    hashes = [
        {hashlib.sha256(v.numpy().tobytes()).hexdigest() for v in s.values() if v.dim() > 1}
        for s in (one, other)
    ]
    assert hashes[0] == hashes[1]


def test_the_initialisation_is_pytorchs_default() -> None:
    model = build(PAPER, 10, generator(0, "init"))
    torch.manual_seed(0)
    default = AlexNet()
    for ours, theirs in zip(model.parameters(), default.parameters(), strict=True):
        if ours.numel() > 10_000:
            assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.02)
        bound = theirs.abs().max().item()
        assert ours.abs().max().item() == pytest.approx(bound, rel=0.2)


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    build(PAPER, 10, generator(0, "init"))
    assert torch.equal(before, torch.random.get_rng_state())


def test_timm_builds_the_network() -> None:
    model = timm.create_model("alexnet_cifar10", num_classes=7, drop_rate=0.1)
    assert isinstance(model, AlexNet)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_timm_has_no_pretrained_weights_to_give() -> None:
    with pytest.raises(ValueError, match="no pretrained weights"):
        variants.alexnet.alexnet_cifar10(pretrained=True)


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.75])
def test_dropout_keeps_its_share_and_the_mean(p: float) -> None:
    layer = Dropout(p, generator(0, "dropout")).train()
    out = layer(torch.ones(1000, 333))
    assert (out == 0).double().mean().item() == pytest.approx(p, abs=0.004)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)
    assert set(out.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}


def test_dropout_is_the_identity_when_judging() -> None:
    x = torch.randn(5, 7, generator=generator(0, "input"))
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_masks_of_units_are_independent() -> None:
    layer = Dropout(0.5, generator(0, "dropout")).train()
    kept = (layer(torch.ones(20_000, 8)) > 0).double()
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert correlation.abs().max() < 0.04


def test_an_unknown_variant_is_named_with_its_nearest_and_all_others() -> None:
    with pytest.raises(variants.UnknownVariantError, match=r"'papr'.*'paper'.*baseline"):
        variants.get("papr")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered already"):
        variants.register(PAPER)


def test_a_misspelt_setting_is_an_error() -> None:
    with pytest.raises(TypeError):
        PAPER.derive("new", "misspelt", drop_out=0.1)


@pytest.mark.parametrize("name", ["../evil", "a/b", "Upper", "", "a b", ".."])
def test_a_name_cannot_leave_the_results_folder(name: str) -> None:
    with pytest.raises(ValueError, match="no variant name"):
        Variant(name=name, summary="")


def test_dropout_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="dropout"):
        PAPER.derive("all_gone", "", dropout=1.0)
