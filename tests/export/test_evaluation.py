"""`evaluate`: the record's own figures, and figures on other images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.export import evaluation, finished_run
from harness.runs import store
from harness.training.metrics import compute_metrics
from tests.helpers.exported_runs import train_digits
from tests.helpers.in_process import run_command
from variants.network import build

CPU = torch.device("cpu")


def evaluated(path: Path, *options: str) -> dict[str, Any]:
    done = run_command("evaluate", str(path), "--format", "json", *options)
    assert (done.status, done.err) == (0, "")
    return dict(json.loads(done.out))


def recorded(folder: Path) -> dict[str, Any]:
    """The metrics of a record that `evaluate` gives too."""
    metrics = json.loads((folder / store.FILE).read_bytes())["metrics"]
    return {key: value for key, value in metrics.items() if key != "train_accuracy"}


def test_own_weights_on_own_data_give_the_figures_of_the_record(stored: Path) -> None:
    for path in (stored, stored / store.WEIGHTS):
        result = evaluated(path)
        assert result["metrics"] == recorded(stored)
        assert (result["equal_to_record"], result["differences"]) == (True, [])
        assert (result["split"], result["images"], result["precision"]) == ("test", 360, "fp32")
    # Of a network that tells the digits apart.
    assert recorded(stored)["accuracy"] > 0.3


def test_a_validation_run_is_evaluated_on_what_it_held_out(tmp_path: Path) -> None:
    folder = train_digits(tmp_path, validation=True)
    result = evaluated(folder)
    assert (result["split"], result["images"]) == ("validation", 144)
    assert (result["metrics"], result["equal_to_record"]) == (recorded(folder), True)
    test = evaluated(folder, "--split", "test")
    assert (test["images"], test["equal_to_record"]) == (360, None)
    # Of 1437 training images: 144 are not among those that it was trained on.
    train = evaluated(folder, "--split", "train")
    assert train["images"] == 1293
    record = json.loads((folder / store.FILE).read_bytes())
    assert train["metrics"]["accuracy"] == pytest.approx(record["metrics"]["train_accuracy"])


def test_another_precision_is_not_compared_with_the_record(stored: Path) -> None:
    result = evaluated(stored, "--precision", "bf16")
    assert (result["precision"], result["equal_to_record"]) == ("bf16", None)
    assert result["metrics"]["loss"] != recorded(stored)["loss"]
    assert result["metrics"]["loss"] == pytest.approx(recorded(stored)["loss"], rel=0.05)


def test_other_images_are_normalized_as_the_record_says(stored: Path, data: Dataset) -> None:
    run = finished_run.load(stored)
    result = evaluation.evaluate(run, lambda: data, CPU)
    assert (result.split, result.size, result.differences) == ("test", 20, None)

    def loss(mean: list[float], std: list[float]) -> float:
        network = build(variants.get("batch_norm"), 10, torch.Generator())
        network.load_state_dict(evaluation.Classifier(run, CPU).network.state_dict())
        scaled = (data.test.images.numpy() - np.array(mean)) / np.array(std)
        with torch.no_grad():
            logits = network.eval()(torch.from_numpy(scaled).float().permute(0, 3, 1, 2))
        metrics = compute_metrics(logits.numpy(), data.test.labels.numpy(), data.classes)
        return float(metrics["loss"])

    scaling = run.record.normalization
    assert result.metrics["loss"] == pytest.approx(loss(scaling.mean, scaling.std), rel=1e-5)
    assert result.metrics["loss"] != pytest.approx(loss(*data.channel_statistics), rel=1e-2)


def test_a_figure_that_differs_from_the_record_is_named(copied: Path) -> None:
    path = copied / store.FILE
    path.write_text(path.read_text().replace('"loss": ', '"loss": 1'))
    done = run_command("evaluate", str(copied))
    assert done.status == 0
    assert "1 figure not equal to the record's" in done.out
    assert "the first: loss was 1" in done.out


def test_the_text_has_the_figures_of_every_class(stored: Path, tmp_path: Path) -> None:
    done = run_command("evaluate", str(stored), "--output", str(tmp_path / "figures.md"))
    assert (done.status, done.out) == (0, "")
    text = (tmp_path / "figures.md").read_text()
    assert text.startswith("batch_norm, seed 0: 360 test images of digits")
    assert f"{100 * recorded(stored)['accuracy']:.2f} %" in text
    for name, of_class in recorded(stored)["per_class"].items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} "))
        assert f"{100 * of_class['recall']:.2f}" in row
    assert "every figure is equal to that of the record" in text
