"""Explanations: known attributions, and the same sheet for the same seed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

import variants
from harness.cli.report import report
from harness.data.dataset import load
from harness.errors import InputError
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.report.explain import attribution, sheet
from harness.report.explain.run import explain_run
from harness.runs.spec import RunSpec
from harness.training.augmentation import Normalize
from harness.training.runner import train_run
from tests.helpers import commands
from tests.helpers.paths import ROOT
from variants.network import build

pytest.importorskip("captum", reason="captum is not installed: pip install -e '.[explain]'")

Harness = Callable[..., subprocess.CompletedProcess[str]]


def halves() -> np.ndarray:
    """A picture that is red on the left and blue on the right."""
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, :16, 0] = image[:, 16:, 2] = 200
    return image


def left_brightness(batch: Tensor) -> Tensor:
    """Two classes; the first depends on the left half alone."""
    value = batch[:, :, :, :16].mean((1, 2, 3))
    return torch.stack([value, 1 - value], 1)


def test_superpixels_divide_an_image_along_its_edge() -> None:
    patches = attribution.superpixels(halves())
    assert patches.shape == (32, 32)
    count = len(np.unique(patches))
    assert 20 <= count <= 36
    assert set(np.unique(patches)) == set(range(count))
    assert not set(np.unique(patches[:, :16])) & set(np.unique(patches[:, 16:]))
    assert np.array_equal(patches, attribution.superpixels(halves()))


@pytest.mark.parametrize("method", [attribution.lime, attribution.shap])
def test_only_patches_that_change_the_output_have_attributions(
    method: Callable[..., np.ndarray],
) -> None:
    torch.manual_seed(0)
    image = torch.ones(1, 3, 32, 32)
    patches = torch.from_numpy(attribution.superpixels(halves()))
    attributions = method(left_brightness, image, patches, torch.zeros_like(image), 0, 600)
    assert attributions.shape == (32, 32)
    assert attributions[:, :16].min() > 10 * np.abs(attributions[:, 16:]).max()
    against = method(left_brightness, image, patches, torch.zeros_like(image), 1, 600)
    assert against[:, :16].max() < 0


def test_shapley_values_add_up_to_what_the_image_adds() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 32, 32)
    patches = torch.from_numpy(attribution.superpixels(halves()))
    hidden = torch.full_like(image, 0.25)
    values = attribution.shap(left_brightness, image, patches, hidden, 0, 600)
    _, first = np.unique(patches.numpy(), return_index=True)
    total = float(left_brightness(image)[0, 0] - left_brightness(hidden)[0, 0])
    assert values.ravel()[first].sum() == pytest.approx(total, abs=1e-4)


def test_patches_are_hidden_by_the_mean_colour_however_pixels_are_scaled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = []

    def attribute(score: Any, image: Tensor, patches: Any, baseline: Tensor, *rest: Any) -> Any:
        hidden.append(baseline)
        return np.zeros((32, 32), np.float32)

    for name in ("lime", "shap"):
        monkeypatch.setattr(attribution, name, attribute)
    model = build(variants.get("paper"), 10, torch.Generator()).eval()
    images, labels = halves()[None], np.zeros(1, np.int64)
    mean, cpu = [51.0, 102.0, 204.0], torch.device("cpu")
    for scaling in (Normalize(mean, [60.0] * 3, cpu), Normalize([0.0] * 3, [255.0] * 3, cpu)):
        attribution.explain(model, images, labels, [0], "abcdefghij", scaling, mean, 0, 50)
    standard, unit = hidden[0], hidden[2]
    assert standard.shape == unit.shape == (1, 3, 32, 32)
    assert not standard.any()
    assert torch.allclose(unit[0, :, 5, 7], torch.tensor([0.2, 0.4, 0.8]))


@pytest.mark.usefixtures("full_network")
def test_grad_cam_is_what_its_paper_defines() -> None:
    model = build(variants.get("paper"), 10, torch.Generator().manual_seed(3)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    targets = torch.tensor([1, 7])
    # By hand: maps before the last pooling, weighted by their mean gradients, what is positive.
    maps = model.features[:-1](images).detach().requires_grad_()
    assert maps.shape == (2, 256, 4, 4)
    chosen = model.classifier(model.features[-1](maps)).gather(1, targets[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, maps)
    small = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).clamp(min=0)
    large = torch.nn.functional.interpolate(small, (32, 32), mode="bilinear")[:, 0].detach()
    expected = large / large.amax((1, 2), keepdim=True).clamp(min=1e-12)
    computed = attribution.grad_cam(model, images, targets)
    assert computed.max() <= 1
    np.testing.assert_allclose(computed, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("pixel", "text"),
    [((0, 0), "at the top left"), ((16, 16), "in the middle"), ((31, 31), "at the bottom right")],
)
def test_positions_are_described_in_words(pixel: tuple[int, int], text: str) -> None:
    values = np.zeros((32, 32), np.float32)
    values[pixel] = 1
    assert sheet.where_largest(values) == text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on a few digits and evaluated on all test digits, with its weights."""
    digits = load("digits", Path())
    few = dataclasses.replace(digits, train=digits.train.take(torch.arange(128)))
    protocol, departures = resolve("digits", epochs=1)
    results = tmp_path_factory.mktemp("explained")
    spec = RunSpec(variants.get("paper"), 0, protocol, departures, results)
    train_run(spec, few, Reporter())
    return spec.directory


def test_the_same_seed_gives_the_same_sheet(run: Path, harness: Harness, tmp_path: Path) -> None:
    done = harness("explain", str(run), "--images", "0,5", "--samples", "50")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / sheet.IMAGE)
    first = (run / sheet.IMAGE).read_bytes()
    # This is another process, with another hash seed and generators that were used before.
    again, other = (explain_run(run, "0,5", None, None, seed, 50).read_bytes() for seed in (0, 1))
    assert again == first
    assert other != first
    description = json.loads((run / sheet.TEXT).read_text())
    assert [image["index"] for image in description["images"]] == [0, 5]
    assert "no. 5" in description["alt"]
    assert "4x4" in description["grad_cam_layer"]
    # The report shows it with the sample predictions; digits need no --data-dir.
    report(run.parents[3], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "What the network looks at" in page
    assert "The most confident mistakes" in page
    assert page.count('src="data:image/png') > 24


def refused(run: Path, images: str | None = None) -> str:
    """Return the error of `explain_run`, in this process, since starting one takes seconds."""
    with pytest.raises(InputError) as error:
        explain_run(run, images, None, None, 0, 100)
    return str(error.value)


def test_without_weights_it_says_what_to_do(run: Path, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.safetensors", "explain.*")
    bare = shutil.copytree(run, tmp_path / "bare", ignore=ignored)
    assert "Train it again" in refused(bare)
    assert not (bare / sheet.IMAGE).exists()


def test_weights_of_another_run_are_refused(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run, tmp_path / "other")
    path = other / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    weights["classifier.7.bias"][0] += 1
    path.write_bytes(safetensors.torch.save(weights))
    assert "not the weights" in refused(other)
    path.write_bytes(b"no weights")
    assert "cannot be read" in refused(other)


def test_images_that_are_not_there_are_refused(run: Path) -> None:
    assert "no image 100000: choose from 0 to 359" in refused(run, "100000")
    assert "--images 'x' does not parse" in refused(run, "x")


def test_more_images_than_a_sheet_holds_are_refused_before_anything_is_loaded(
    run: Path, tmp_path: Path
) -> None:
    bare = shutil.copytree(run, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    assert "has 1000 images: a sheet shows at most 50" in refused(bare, "0-999")
    assert "Train it again" in refused(bare, "0-49")


def test_without_captum_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "captum.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = commands.run_fresh(tmp_path, "explain", "a_run", PYTHONPATH=path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install" in done.stderr
