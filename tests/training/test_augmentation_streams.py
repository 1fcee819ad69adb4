"""Augmentation: what is drawn depends on the seed and the epoch alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from harness.protocol.spec import Augmentation
from harness.training import augmentation, seeding
from harness.training.augmentation import AugmentParams, sample_params
from tests.helpers.noise_images import AFFINE_ONLY, GEOMETRIC, SIDE, STANDARD


def assert_equal(first: AugmentParams, second: AugmentParams, *names: str) -> None:
    for name in names or [f.name for f in dataclasses.fields(AugmentParams)]:
        assert torch.equal(getattr(first, name), getattr(second, name)), name


def test_the_same_seed_and_epoch_give_the_same_draws() -> None:
    assert_equal(
        sample_params(100, SIDE, GEOMETRIC, 3, 4), sample_params(100, SIDE, GEOMETRIC, 3, 4)
    )


def test_draws_do_not_depend_on_global_randomness() -> None:
    torch.manual_seed(1)
    first = sample_params(100, SIDE, GEOMETRIC, 3, 4)
    torch.manual_seed(2)
    assert_equal(sample_params(100, SIDE, GEOMETRIC, 3, 4), first)


@pytest.mark.parametrize("name", ["crop", "mirror", "inverse", "shift"])
@pytest.mark.parametrize(("seed", "epoch"), [(3, 5), (4, 4), (4, 3)])
def test_another_seed_or_epoch_gives_other_draws(name: str, seed: int, epoch: int) -> None:
    first, second = (
        sample_params(100, SIDE, GEOMETRIC, 3, 4),
        sample_params(100, SIDE, GEOMETRIC, seed, epoch),
    )
    assert not torch.equal(getattr(first, name), getattr(second, name))


def test_crop_mirror_and_affine_map_have_streams_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def noted(seed: int, purpose: str, epoch: int) -> torch.Generator:
        asked.append(purpose)
        return seeding.generator(seed, purpose, epoch)

    monkeypatch.setattr(augmentation, "generator", noted)
    sample_params(1, SIDE, GEOMETRIC, 0, 0)
    assert len(asked) == len(set(asked)) == 3


def test_crops_do_not_depend_on_what_else_is_drawn() -> None:
    alone = sample_params(100, SIDE, Augmentation(padding=4), 0, 0)
    for spec in (STANDARD, GEOMETRIC):
        assert_equal(sample_params(100, SIDE, spec, 0, 0), alone, "crop")


def test_mirrors_do_not_depend_on_what_else_is_drawn() -> None:
    alone = sample_params(100, SIDE, Augmentation(mirror=True), 0, 0)
    for spec in (STANDARD, GEOMETRIC):
        assert_equal(sample_params(100, SIDE, spec, 0, 0), alone, "mirror")


def test_affine_maps_do_not_depend_on_what_else_is_drawn() -> None:
    alone = sample_params(100, SIDE, AFFINE_ONLY, 0, 0)
    assert_equal(sample_params(100, SIDE, GEOMETRIC, 0, 0), alone, "inverse", "shift")
