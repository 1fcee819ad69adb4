"""Protocols, options and seeds."""

from __future__ import annotations

import dataclasses

import pytest

import variants
from harness.errors import InputError
from harness.protocol.presets import PROTOCOLS, resolve
from harness.protocol.spec import Protocol
from harness.runs.options import parse_seeds, parse_variants
from harness.training.seeding import derive


def test_the_image_protocol_follows_the_2012_recipe() -> None:
    protocol = PROTOCOLS["cifar10"]
    assert (protocol.batch_size, protocol.momentum, protocol.weight_decay) == (128, 0.9, 5e-4)
    assert protocol.learning_rate == 0.01


def test_folder_and_official_images_share_everything_but_the_name() -> None:
    assert dataclasses.replace(PROTOCOLS["folder"], dataset="cifar10") == PROTOCOLS["cifar10"]


def test_digits_are_shifted_but_never_mirrored() -> None:
    for augmentation in PROTOCOLS["digits"].augmentation.values():
        assert not augmentation.mirror
    assert PROTOCOLS["digits"].augmentation["standard"].padding > 0


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.01), (11, 0.01), (12, 0.001), (16, 0.001), (17, 1e-4), (19, 1e-4)]
)
def test_the_learning_rate_steps_down_at_60_and_85_percent(epoch: int, rate: float) -> None:
    protocol = dataclasses.replace(PROTOCOLS["cifar10"], epochs=20)
    assert protocol.learning_rate_at(epoch, decay=True) == pytest.approx(rate)
    assert protocol.learning_rate_at(epoch, decay=False) == 0.01


def test_options_that_depart_are_named_and_others_are_not() -> None:
    standard = PROTOCOLS["digits"]
    protocol, departures = resolve("digits", epochs=3, precision=standard.precision)
    assert departures == {"epochs": 3}
    assert protocol == dataclasses.replace(standard, epochs=3)


@pytest.mark.parametrize("changed", [{"epochs": 3}, {"precision": "bf16"}, {"validation": True}])
def test_every_option_leads_to_a_folder_of_its_own(changed: dict[str, object]) -> None:
    protocol, _ = resolve("digits", **changed)
    assert protocol.name != PROTOCOLS["digits"].name


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        ("cifar100", {}, "unknown dataset 'cifar100'.*cifar10, folder, digits"),
        ("digits", {"precision": "fp16"}, "unknown precision 'fp16'"),
        ("digits", {"epochs": 0}, "--epochs is 0"),
    ],
)
def test_bad_options_are_refused(dataset: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(dataset, **options)


def test_a_protocol_cannot_be_changed_in_passing() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROTOCOLS["digits"].epochs = 1  # type: ignore[misc]
    assert isinstance(PROTOCOLS["digits"], Protocol)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-1,30", [0, 1, 30]), ("2,0-2", [2, 0, 1])],
)
def test_seeds_parse(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["", "a", "3-1", "-1", "0-", "1.5", "0--2", "0,,1", "0-99999999", "\u0663", "9" * 5_000],
)
def test_seeds_that_do_not_parse_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot be parsed"):
        parse_seeds(text)


def test_the_largest_seed_is_named() -> None:
    assert parse_seeds("999999999") == [999_999_999]
    with pytest.raises(InputError, match="the largest is 999999999"):
        parse_seeds("1000000000")


def test_variant_lists_parse() -> None:
    assert parse_variants("paper, baseline,paper") == ["paper", "baseline"]
    assert parse_variants("all") == variants.names()


def test_a_family_stands_for_its_variants_in_their_order() -> None:
    extensions = ["geometric", "mixup", "cutmix", "lrn", "overlapping_pool"]
    assert parse_variants("extensions") == extensions
    assert parse_variants("cutmix, extensions, paper") == [
        "cutmix",
        *(name for name in extensions if name != "cutmix"),
        "paper",
    ]
    assert parse_variants("ablations,readings,extensions") == [
        *variants.names("ablations"),
        *variants.names("readings"),
        *extensions,
    ]


def test_streams_of_purposes_seeds_and_epochs_are_apart() -> None:
    streams = [
        derive(seed, purpose, epoch)
        for seed in range(5)
        for purpose in ("init", "order", "dropout")
        for epoch in range(5)
    ]
    assert len(set(streams)) == len(streams)
    assert derive(0, "init") == 7615695542073086227
