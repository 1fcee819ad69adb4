"""Augmentation: pixel for pixel and draw for draw what torchvision's transforms do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional as vision

from harness.data.dataset import Dataset, Split
from harness.protocol.presets import NATURAL_IMAGES, NO_AUGMENTATION
from harness.protocol.spec import Augmentation
from harness.training import augmentation, seeding
from harness.training.augmentation import AugmentParams, Normalize, PaddedImages, sample_params

SIDE = 32

STANDARD = NATURAL_IMAGES["standard"]

GEOMETRIC = NATURAL_IMAGES["geometric"]

AFFINE_ONLY = dataclasses.replace(GEOMETRIC, padding=0, mirror=False)

# Below this a fixed-seed draw counts as of another distribution. Every p-value here is of
# a fixed seed: a test passes always or never.
P_LIMIT = 1e-3

MANY = 162 * 50  # samples: 50 for each outcome of crop and mirror


def noise(n: int) -> Tensor:
    """uint8 [n, 32, 32, 3] without black pixels, so that black marks what was filled in."""
    g = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (n, SIDE, SIDE, 3), generator=g, dtype=torch.uint8)


def planes(images: Tensor) -> Tensor:
    """[N, H, W, 3] -> [N, 3, H, W], as torchvision has it."""
    return images.permute(0, 3, 1, 2)


def still(n: int) -> AugmentParams:
    """AugmentParams that leave images of no padding as they are."""
    return AugmentParams(
        crop=torch.zeros(n, 2, dtype=torch.int64),
        mirror=torch.zeros(n, dtype=torch.bool),
        inverse=torch.eye(2).repeat(n, 1, 1),
        shift=torch.zeros(n, 2),
    )


def augmented(images: Tensor, spec: Augmentation, params: AugmentParams) -> Tensor:
    return PaddedImages(images, spec).batch(torch.arange(len(images)), params)


def inverse_of(angle: float, zoom: float) -> Tensor:
    """Source offset (y, x) of an output offset, for torchvision's angle (clockwise degrees)."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return torch.tensor([[cos, -sin], [sin, cos]]) / zoom


def angles_and_zooms(params: AugmentParams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`inverse_of` backwards, for all rows."""
    inverse = params.inverse.double()
    angles = torch.rad2deg(torch.atan2(inverse[:, 1, 0], inverse[:, 0, 0]))
    return angles.numpy(), (1 / torch.linalg.det(inverse).sqrt()).numpy()


def crop_and_flip(image: Tensor, crop: Tensor, mirror: Tensor) -> Tensor:
    """torchvision's padding, crop and mirror of one image [3, 32, 32]."""
    top, left = crop.tolist()
    cut = vision.crop(vision.pad(image, [4]), top, left, SIDE, SIDE)
    return vision.hflip(cut) if mirror else cut


def test_crop_and_mirror_equal_torchvision_for_every_draw() -> None:
    # Every one of the 162 outcomes, in turn.
    every = torch.cartesian_prod(torch.arange(9), torch.arange(9), torch.arange(2))
    images = noise(len(every))
    params = dataclasses.replace(
        still(len(every)), crop=every[:, :2].contiguous(), mirror=every[:, 2].bool()
    )
    wanted = map(crop_and_flip, planes(images), params.crop, params.mirror)
    assert torch.equal(augmented(images, STANDARD, params), torch.stack(list(wanted)))


def test_rows_of_a_batch_follow_the_index() -> None:
    images, index = noise(50), torch.tensor([7, 0, 49, 7])
    params = sample_params(50, SIDE, GEOMETRIC, seed=0, epoch=0)
    whole = augmented(images, GEOMETRIC, params)
    assert torch.equal(PaddedImages(images, GEOMETRIC).batch(index, params), whole[index])


def position_image() -> Tensor:
    """uint8 [32, 32, 3]: red is the row and green the column, both counted from 1."""
    line = torch.arange(1, SIDE + 1, dtype=torch.uint8)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([rows, columns, rows], 2)


def outcomes(batch: Tensor) -> NDArray[np.int64]:
    """How often each (top, left, mirrored) was applied to `position_image`: counts [162]."""
    row, column = batch[:, :2, 16, 15].long().unbind(1)
    mirrored = (batch[:, 1, 16, 16] < batch[:, 1, 16, 15]).long()
    # Pixel (16, 15) of a crop is column 15 of the padded image, or 16 if mirrored.
    top, left = row + 3 - 16, column + 3 - 15 - mirrored
    assert ((top >= 0) & (top <= 8) & (left >= 0) & (left <= 8)).all()
    return torch.bincount((top * 9 + left) * 2 + mirrored, minlength=162).numpy()


def by_harness() -> NDArray[np.int64]:
    images = position_image().expand(MANY, -1, -1, -1)
    return outcomes(
        augmented(images, STANDARD, sample_params(MANY, SIDE, STANDARD, seed=0, epoch=0))
    )


def by_torchvision() -> NDArray[np.int64]:
    torch.manual_seed(0)
    both = transforms.Compose(
        [transforms.RandomCrop(SIDE, padding=4), transforms.RandomHorizontalFlip()]
    )
    image = position_image().permute(2, 0, 1)
    return outcomes(torch.stack([both(image) for _ in range(MANY)]))


@pytest.mark.parametrize("source", [by_harness, by_torchvision])
def test_every_crop_and_mirror_is_equally_likely(source: Callable[[], NDArray[np.int64]]) -> None:
    assert stats.chisquare(source()).pvalue > P_LIMIT


def test_half_of_all_images_are_mirrored() -> None:
    share = sample_params(100_000, SIDE, STANDARD, seed=0, epoch=0).mirror.float().mean().item()
    assert share == pytest.approx(0.5, abs=0.006)


def test_crops_and_mirrors_are_distributed_as_by_torchvision() -> None:
    table = np.stack([by_harness(), by_torchvision()])
    assert stats.chi2_contingency(table).pvalue > P_LIMIT


def test_a_crop_shows_black_beyond_the_image() -> None:
    params = dataclasses.replace(still(1), crop=torch.tensor([[0, 8]]))
    batch = augmented(noise(1), STANDARD, params)[0]
    black = (batch == 0).all(0)
    wanted = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    wanted[:4] = wanted[:, -4:] = True
    assert torch.equal(black, wanted)


def agreement(batch: Tensor, wanted: Tensor) -> float:
    """Share of pixels with the same colour."""
    return (batch == wanted).all(-3).float().mean().item()


@pytest.mark.parametrize("angle", [-90, -15, -7.3, 0, 4.1, 15, 45, 180])
@pytest.mark.parametrize("zoom", [0.93, 1.0, 1.07, 2.0])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 0), (0, 3), (-2, 1)])
def test_the_affine_map_is_that_of_torchvision(
    angle: float, zoom: float, right: int, down: int
) -> None:
    images = noise(1)
    params = dataclasses.replace(
        still(1),
        inverse=inverse_of(angle, zoom)[None],
        shift=torch.tensor([[float(down), float(right)]]),
    )
    wanted = vision.affine(
        planes(images),
        angle,
        [right, down],
        zoom,
        [0.0],
        interpolation=transforms.InterpolationMode.NEAREST,
        fill=[0.0],
    )
    # Not all: where a source falls between two pixels, rounding decides. (No zoom of 1.1:
    # unturned, it puts whole rows there.)
    assert agreement(augmented(images, AFFINE_ONLY, params), wanted) >= 0.99


def test_drawn_affine_map_crop_and_mirror_are_applied_in_torchvisions_order() -> None:
    images = noise(50)
    params = sample_params(50, SIDE, GEOMETRIC, seed=0, epoch=0)
    wanted = []
    for i, (angle, zoom) in enumerate(zip(*angles_and_zooms(params), strict=True)):
        down, right = params.shift[i].tolist()
        turned = vision.affine(
            planes(images)[i], angle, [int(right), int(down)], zoom, [0.0], fill=[0.0]
        )
        wanted.append(crop_and_flip(turned, params.crop[i], params.mirror[i]))
    assert agreement(augmented(images, GEOMETRIC, params), torch.stack(wanted)) >= 0.99


def test_the_affine_map_shows_black_beyond_the_image() -> None:
    params = dataclasses.replace(still(1), shift=torch.tensor([[5.0, -2.0]]))
    black = (augmented(noise(1), AFFINE_ONLY, params)[0] == 0).all(0)
    wanted = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    wanted[:5] = wanted[:, -2:] = True
    assert torch.equal(black, wanted)


@dataclasses.dataclass(frozen=True)
class Affine:
    """Samples of an affine map's parameters, one row a draw."""

    angle: NDArray[np.float64]
    zoom: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]


@pytest.fixture(scope="module")
def ours() -> Affine:
    params = sample_params(5000, SIDE, GEOMETRIC, seed=0, epoch=0)
    angle, zoom = angles_and_zooms(params)
    down, right = params.shift.double().numpy().T
    return Affine(angle, zoom, right, down)


@pytest.fixture(scope="module")
def theirs() -> Affine:
    torch.manual_seed(0)
    spec = transforms.RandomAffine(
        degrees=GEOMETRIC.rotation, translate=[GEOMETRIC.translation] * 2, scale=GEOMETRIC.scale
    )
    rows = [
        spec.get_params(spec.degrees, spec.translate, spec.scale, None, [SIDE, SIDE])
        for _ in range(5000)
    ]
    angle, shift, zoom, _ = zip(*rows, strict=True)
    right, down = np.array(shift, dtype=np.float64).T
    return Affine(np.array(angle), np.array(zoom), right, down)


@pytest.mark.parametrize("name", ["angle", "zoom"])
def test_angle_and_zoom_are_distributed_as_by_torchvision(
    ours: Affine, theirs: Affine, name: str
) -> None:
    assert stats.ks_2samp(getattr(ours, name), getattr(theirs, name)).pvalue > P_LIMIT


@pytest.mark.parametrize("name", ["right", "down"])
def test_shifts_are_distributed_as_by_torchvision(ours: Affine, theirs: Affine, name: str) -> None:
    ours_counts, theirs_counts = (
        np.unique(getattr(x, name), return_counts=True) for x in (ours, theirs)
    )
    assert ours_counts[0].tolist() == theirs_counts[0].tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert stats.chi2_contingency(np.stack([ours_counts[1], theirs_counts[1]])).pvalue > P_LIMIT


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("angle", -GEOMETRIC.rotation, GEOMETRIC.rotation),
        ("zoom", *GEOMETRIC.scale),
    ],
)
def test_angle_and_zoom_fill_their_range(ours: Affine, name: str, low: float, high: float) -> None:
    values = getattr(ours, name)
    assert values.min() == pytest.approx(low, abs=(high - low) / 500)
    assert values.max() == pytest.approx(high, abs=(high - low) / 500)
    assert low - 1e-4 <= values.min() and values.max() <= high + 1e-4


def test_angle_zoom_shift_crop_and_mirror_are_drawn_independently(ours: Affine) -> None:
    params = sample_params(5000, SIDE, GEOMETRIC, seed=0, epoch=0)
    columns = [*dataclasses.astuple(ours), *params.crop.T.numpy(), params.mirror.numpy()]
    correlation = np.corrcoef(np.stack(columns).astype(np.float64)) - np.eye(7)
    assert np.abs(correlation).max() < 4.5 / math.sqrt(5000)  # in standard errors


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


def test_without_mirror_nothing_is_mirrored() -> None:
    assert not sample_params(100, SIDE, Augmentation(padding=4), 0, 0).mirror.any()


def test_no_augmentation_leaves_images_untouched() -> None:
    images = noise(20)
    batch = augmented(images, NO_AUGMENTATION, sample_params(20, SIDE, NO_AUGMENTATION, 0, 0))
    assert torch.equal(batch, planes(images))


@pytest.mark.parametrize("spec", NATURAL_IMAGES.values(), ids=NATURAL_IMAGES)
def test_a_batch_is_uint8_and_channels_last(spec: Augmentation) -> None:
    batch = augmented(noise(20), spec, sample_params(20, SIDE, spec, 0, 0))
    assert (batch.dtype, batch.shape) == (torch.uint8, (20, 3, SIDE, SIDE))
    assert batch.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("spec", NATURAL_IMAGES.values(), ids=NATURAL_IMAGES)
def test_augmentation_leaves_the_stored_images_alone(spec: Augmentation) -> None:
    images = noise(20)
    before = images.clone()
    augmented(images, spec, sample_params(20, SIDE, spec, 0, 0)).zero_()
    assert torch.equal(images, before)


def tinted() -> Dataset:
    """Noise whose three channels differ in mean and deviation."""
    images = (noise(100).float() * torch.tensor([0.9, 0.5, 0.2]) + 10).byte()
    split = Split(images, torch.zeros(100, dtype=torch.int64))
    return Dataset("folder", "noise", ("a", "b"), split, split, "")


def test_normalised_training_images_have_mean_0_and_deviation_1() -> None:
    data = tinted()
    normalise = Normalize(*data.channel_statistics, torch.device("cpu"))
    out = normalise(planes(data.train.images)).double()
    zeros, ones = torch.zeros(3).double(), torch.ones(3).double()
    torch.testing.assert_close(out.mean((0, 2, 3)), zeros, atol=1e-5, rtol=0)
    torch.testing.assert_close(out.std((0, 2, 3), correction=0), ones, atol=1e-5, rtol=0)


def test_normalisation_is_that_of_torchvision() -> None:
    data = tinted()
    mean, deviation = data.channel_statistics
    images = planes(data.train.images)
    wanted = vision.normalize(
        images.float() / 255, [m / 255 for m in mean], [d / 255 for d in deviation]
    )
    out = Normalize(mean, deviation, torch.device("cpu"))(images)
    torch.testing.assert_close(out, wanted, atol=1e-5, rtol=1e-5)


def test_normalised_images_are_float32_and_channels_last() -> None:
    out = Normalize([1.0] * 3, [2.0] * 3, torch.device("cpu"))(planes(noise(4)))
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
