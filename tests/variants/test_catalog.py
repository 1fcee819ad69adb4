"""The registry, its families and every registered variant; networks are in test_network."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.protocol.presets import PROTOCOLS
from harness.protocol.spec import Protocol
from harness.training.runner import weights_sha256
from harness.training.trainer import Trainer
from tests.helpers.datasets import noise_dataset
from variants.spec import CHOICES, FAMILIES, RANGES, Variant

PAPER = variants.get("paper")

NAMES = {
    "ablations": [
        *("paper", "no_augmentation", "no_lr_decay", "baseline", "batch_norm"),
        *("dropout_0", "dropout_25", "dropout_75"),
    ],
    "extensions": ["geometric", "mixup", "cutmix", "lrn", "overlapping_pool"],
    "readings": ["keras_sgd", "low_lr", "stem_11x11", "krizhevsky_2012"],
    "own": [],
}

# All that each reading changes on `paper`.
READINGS: dict[str, dict[str, Any]] = {
    "keras_sgd": {
        "augmentation": "geometric",
        "pixel_scaling": "unit",
        "learning_rate": 0.01,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "batch_size": 32,
        "initialization": "glorot",
    },
    "low_lr": {"learning_rate": 0.001},
    "stem_11x11": {"stem": "11x11"},
    "krizhevsky_2012": {
        "lrn": True,
        "overlapping_pool": True,
        "groups": 2,
        "initialization": "gaussian",
    },
}

OTHERS = [name for name in variants.names() if name != "paper"]


def test_the_variants_of_the_study_are_registered_in_three_families() -> None:
    assert {family: variants.names(family) for family in FAMILIES} == NAMES
    assert len(variants.names()) == 17


@pytest.mark.parametrize("name", [*NAMES["ablations"][1:], *NAMES["extensions"]])
def test_an_ablation_or_extension_differs_from_its_parent_in_one_setting(name: str) -> None:
    variant = variants.get(name)
    assert len(variants.changes(variant, variants.get(variant.parent or ""))) == 1


@pytest.mark.parametrize("name", NAMES["extensions"])
def test_an_extension_is_derived_from_paper(name: str) -> None:
    assert variants.get(name).parent == "paper"


@pytest.mark.parametrize("name", NAMES["readings"])
def test_a_reading_changes_what_it_lists(name: str) -> None:
    assert variants.changes(variants.get(name), PAPER) == READINGS[name]


def test_baseline_has_neither_augmentation_nor_decay() -> None:
    changed = variants.changes(variants.get("baseline"), PAPER)
    assert changed == {"augmentation": "none", "lr_decay": False}


@pytest.mark.parametrize("name", OTHERS)
def test_setting_only_what_it_changes_on_paper_gives_the_variant(name: str) -> None:
    variant = variants.get(name)
    rebuilt = dataclasses.replace(PAPER, **variants.changes(variant, PAPER))
    assert rebuilt.settings() == variant.settings()


@pytest.mark.parametrize("name", variants.names())
@pytest.mark.parametrize("dataset", PROTOCOLS)
def test_every_protocol_has_the_augmentation_of_every_variant(dataset: str, name: str) -> None:
    assert variants.get(name).augmentation in PROTOCOLS[dataset].augmentation


@functools.cache
def weights_of(variant: Variant, seed: int = 0) -> str:
    """Hash of the weights after two epochs of one step each, with a decay between them."""
    whole = noise_dataset()
    data = dataclasses.replace(whole, train=whole.train.take(torch.arange(8)))
    protocol = dataclasses.replace(
        PROTOCOLS["cifar10"], dataset="digits", epochs=2, precision="fp32", decay_at=(0.5,)
    )
    trainer = Trainer(variant, protocol, seed, data)
    for _ in range(protocol.epochs):
        trainer.train_epoch()
    return weights_sha256(trainer.model.state_dict())


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_variant_changes_shows_in_its_weights(name: str) -> None:
    assert weights_of(variants.get(name)) != weights_of(PAPER)


@pytest.mark.parametrize("name", variants.names())
def test_another_seed_gives_other_weights(name: str) -> None:
    assert weights_of(variants.get(name), 0) != weights_of(variants.get(name), 1)


def test_name_summary_parent_and_family_change_no_weights() -> None:
    other = Variant(name="other", summary="another", parent="lrn", family="readings")
    assert weights_of(other) == weights_of(PAPER)


@pytest.mark.parametrize("name", ["keras_sgd", "low_lr"])
def test_a_variants_own_recipe_replaces_the_protocols(
    name: str, protocol: Protocol, data: Dataset
) -> None:
    variant = variants.get(name)
    trainer = Trainer(variant, protocol, 0, data)
    for field in ("learning_rate", "momentum", "weight_decay", "batch_size"):
        override = getattr(variant, field)
        expected = getattr(protocol, field) if override is None else override
        assert getattr(trainer.recipe, field) == expected
    assert trainer.batch_sizes == ([32, 8] if name == "keras_sgd" else [16, 16, 8])
    row = trainer.train_epoch()
    assert row["lr"] == variant.learning_rate
    # Without momentum nothing is kept from one step to the next.
    assert all(bool(m.any()) == (name == "low_lr") for m in trainer._momentum)
    assert trainer.protocol == protocol


def test_sgd_without_momentum_subtracts_the_gradient_times_the_rate(
    protocol: Protocol, data: Dataset
) -> None:
    still = dataclasses.replace(variants.get("keras_sgd"), dropout=0.0, augmentation="none")
    one_batch = dataclasses.replace(data, train=data.train.take(torch.arange(8)))
    trainer = Trainer(still, protocol, 0, one_batch)
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    batch = trainer._normalize(one_batch.train.images.permute(0, 3, 1, 2))
    loss = trainer._mixing.loss(
        trainer.model(batch), one_batch.train.labels, trainer._params.mix, trainer._position
    )
    loss.backward()  # type: ignore[no-untyped-call]
    expected = {n: before[n] - 0.01 * p.grad for n, p in trainer.model.named_parameters()}
    trainer.model.zero_grad()
    trainer.train_epoch()
    for name, parameter in trainer.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), expected[name], rtol=1e-5, atol=1e-7)


def test_geometric_turns_shifts_and_zooms_the_training_images(data: Dataset) -> None:
    trainer = Trainer(variants.get("geometric"), PROTOCOLS["cifar10"], 0, data)
    spec, params = trainer._images.spec, trainer._params
    assert (spec.rotation, spec.translation, spec.scale) == (15.0, 0.1, (0.9, 1.1))
    assert (spec.padding, spec.mirror) == (4, True)
    images = trainer._images.batch(params.order, params.augment)
    without = dataclasses.replace(
        params.augment,
        inverse=torch.eye(2).expand_as(params.augment.inverse),
        shift=torch.zeros_like(params.augment.shift),
    )
    changed = images != trainer._images.batch(params.order, without)
    assert changed.flatten(1).any(1).all()


def test_every_setting_is_checked() -> None:
    variant = {f.name for f in dataclasses.fields(Variant)}
    assert set(CHOICES) | set(RANGES) <= variant
    # What is left is text: the name is checked, and an augmentation is one of the protocol's.
    text = {"name", "summary", "parent", "augmentation", "file_sha256"}
    assert variant - set(CHOICES) - set(RANGES) == text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, "other") for field in CHOICES),
        *((field, "other") for field in RANGES),
        *(("groups", value) for value in (0, 3, True, 2.0)),
        *((field, 1) for field in ("batch_norm", "lrn", "overlapping_pool", "lr_decay")),
        *(("dropout", value) for value in (-0.1, 1.0, float("nan"), None, False)),
        *(("mixing_alpha", value) for value in (0.0, -1.0, float("inf"), float("nan"), None)),
        *(("learning_rate", value) for value in (0.0, -1.0, float("inf"), float("nan"), True)),
        *(("momentum", value) for value in (-0.1, 1.0, float("nan"))),
        *(("weight_decay", value) for value in (-1e-4, float("inf"), float("nan"))),
        *(("batch_size", value) for value in (0, -1, 32.0, True)),
    ],
)
def test_a_value_outside_its_range_is_refused_in_one_line(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^new: {field} is .*, not .*$") as error:
        PAPER.derive("new", "", **{field: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("field", [*CHOICES, *RANGES])
def test_a_value_within_its_range_is_taken(field: str) -> None:
    values = CHOICES.get(field, (1,) if field == "batch_size" else (0.5,))
    for value in values:
        assert getattr(PAPER.derive("new", "", **{field: value}), field) == value


def test_an_unknown_variant_is_named_with_its_nearest_and_all_others() -> None:
    with pytest.raises(variants.UnknownVariantError, match=r"'papr'.*'paper'.*baseline"):
        variants.get("papr")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="already registered"):
        variants.register(PAPER)


def test_a_misspelt_setting_is_an_error() -> None:
    with pytest.raises(TypeError):
        PAPER.derive("new", "misspelt", drop_out=0.1)


@pytest.mark.parametrize("name", ["../evil", "a/b", "Upper", "", "a b", ".."])
def test_a_name_cannot_leave_the_results_folder(name: str) -> None:
    with pytest.raises(ValueError, match="not a variant name"):
        Variant(name=name, summary="")
