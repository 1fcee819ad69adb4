"""Figures: drawn, labelled, and the same file for the same run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import variants
from harness.data.dataset import Dataset
from harness.paper import reported
from harness.progress import Reporter
from harness.protocol.spec import Protocol
from harness.report.figures import of_run, style
from harness.runs import store
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.training.runner import train_run
from tests.helpers.records import make_record


@pytest.fixture(scope="module")
def spec(data: Dataset, protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> RunSpec:
    """A finished run of two epochs on the small data, with its files."""
    applied = dataclasses.replace(protocol, decay_at=(0.5,))
    spec = RunSpec(variants.get("paper"), 0, applied, {}, tmp_path_factory.mktemp("results"))
    train_run(spec, data, Reporter())
    return spec


@pytest.fixture(scope="module")
def trained(spec: RunSpec) -> RunRecord:
    return store.load(spec.directory / store.FILE)


@pytest.fixture(scope="module")
def draw(
    spec: RunSpec, trained: RunRecord, data: Dataset
) -> Callable[[], dict[str, of_run.Figure]]:
    images, labels = data.test.images.numpy(), data.test.labels.numpy()
    probabilities = np.load(spec.directory / store.PROBABILITIES)
    return lambda: of_run.figures_of_run(trained, images, labels, probabilities)


@pytest.fixture(scope="module")
def figures(draw: Callable[[], dict[str, of_run.Figure]]) -> dict[str, of_run.Figure]:
    return draw()


def test_curves_hold_training_and_test_by_epoch(figures: dict[str, of_run.Figure]) -> None:
    for axes in figures["curves"].axes:
        lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 2]
        assert [line.get_label() for line in lines[:2]] == ["training (during the epoch)", "test"]
        assert "(" in axes.get_ylabel()


def test_the_matrix_is_shown_with_the_papers_two_on_its_classes() -> None:
    figure = of_run.confusion(make_record(right=700))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "paper, seed 0: 70.00%",
        f"{reported.REPORTED_RUNS[0].name}: 75.39%",
        f"{reported.REPORTED_RUNS[1].name}: 74.85%",
    ]


def test_the_matrix_is_shown_alone_on_other_classes(figures: dict[str, of_run.Figure]) -> None:
    assert len(figures["confusion"].axes) == 1


def test_samples_say_right_and_wrong(trained: RunRecord, data: Dataset) -> None:
    labels = data.test.labels.numpy()
    probabilities = np.eye(10, dtype=np.float32)[labels]
    probabilities[0] = np.roll(probabilities[0], 1)
    figure = of_run.samples(trained, data.test.images.numpy(), labels, probabilities)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert sum(title.startswith("✓") for title in titles) == 19
    assert sum(title.startswith("✗") for title in titles) == 1


def test_dollar_signs_in_names_of_classes_are_no_formulas(
    trained: RunRecord, data: Dataset
) -> None:
    classes = ["$a^$", *trained.dataset.classes[1:]]
    per_class = dict(zip(classes, trained.metrics.per_class.values(), strict=True))
    named = trained.model_copy(
        update={
            "dataset": trained.dataset.model_copy(update={"classes": classes}),
            "metrics": trained.metrics.model_copy(update={"per_class": per_class}),
        }
    )
    images, labels = data.test.images.numpy(), data.test.labels.numpy()
    probabilities = np.eye(len(classes), dtype=np.float32)[labels]
    for figure in of_run.figures_of_run(named, images, labels, probabilities).values():
        assert style.png(figure)


def test_the_same_run_gives_the_same_files(
    draw: Callable[[], dict[str, of_run.Figure]], tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        of_run.save(tmp_path / folder, draw())
    for name in ("curves", "confusion", "samples"):
        first, second = (tmp_path / f / f"{name}.png" for f in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
        with Image.open(first) as image:
            assert min(image.size) > 300
