"""Figures of one run: training curves, confusion matrix, sample predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.files import write_atomically
from harness.paper import reported
from harness.protocol import datasets
from harness.report.figures import panels, style
from harness.runs import store
from harness.runs.record import RunRecord


def draw(
    record: RunRecord, folder: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> None:
    """Draw the figures of a finished run into its folder.

    Args:
        record: the record of the run.
        folder: the folder of the run, with its `probabilities.npy`.
        images: the images that it was evaluated on, uint8 [N, H, W, 3].
        labels: their classes, int64 [N].
    """
    probabilities = np.load(folder / store.PROBABILITIES)
    save(folder, figures_of_run(record, images, labels, probabilities))


def curves(record: RunRecord) -> Figure:
    """Draw loss and accuracy by epoch, in training and evaluation."""
    history, split = record.history, record.dataset.split
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, name in ((left, "loss"), (right, "accuracy")):
        for part in (None, split):
            panels.curve(axes, [history], name, part)
        axes.set_title(name.capitalize())
    panels.mark_lr_drops(left, history)
    right.legend(loc="lower right")
    figure.suptitle(_title(record))
    return figure


def confusion(record: RunRecord) -> Figure:
    """Draw the confusion matrix, next to the paper's two if the classes are CIFAR-10's."""
    assert record.metrics is not None
    classes = record.dataset.classes
    matrices: list[tuple[str, Sequence[Sequence[int]]]] = [
        (f"{record.variant}, seed {record.seed}", record.metrics.confusion_matrix)
    ]
    if tuple(classes) == datasets.CLASSES:
        matrices += [(run.name, run.confusion_matrix) for run in reported.REPORTED_RUNS]
    size = 4.6 if len(classes) <= 12 else 8
    figure = Figure(figsize=(size * len(matrices), size + 0.4), layout="constrained")
    for axes, (name, counts) in zip(
        figure.subplots(1, len(matrices), squeeze=False)[0], matrices, strict=True
    ):
        panels.matrix(axes, panels.shares(counts), classes)
        axes.set_title(f"{name}: {np.trace(counts) / np.sum(counts):.2%}")
    figure.suptitle(f"{_title(record)}; percent of the true class")
    return figure


def samples(
    record: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> Figure:
    """Draw randomly chosen images with their predictions, marked as right or wrong.

    Args:
        record: gives the class names and the seed of the choice.
        images: the images that the run was evaluated on, uint8 [N, H, W, 3].
        labels: their classes, int64 [N].
        probabilities: the predictions, float32 [N, C].
    """
    classes = record.dataset.classes
    chosen = np.random.default_rng(record.seed).choice(len(labels), min(32, len(labels)), False)
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    grid = figure.subplots(4, 8).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, index in zip(grid, np.sort(chosen), strict=False):
        guess = int(probabilities[index].argmax())
        right = guess == labels[index]
        text = f"{classes[guess]} {probabilities[index, guess]:.0%}"
        truth = "right" if right else f"is {classes[labels[index]]}"
        axes.imshow(images[index], interpolation="nearest")
        mark, colour = ("✓", style.OURS) if right else ("✗", style.REPORTED)
        axes.set_title(
            f"{mark} {text}\n{truth}", fontsize=8.5, color=colour, loc="center", weight="normal"
        )
    figure.suptitle(f"{_title(record)}: random {record.dataset.split} images")
    return figure


def save(folder: Path, figures: dict[str, Figure]) -> None:
    """Write each figure as a PNG file of its name."""
    for name, figure in figures.items():
        write_atomically(folder / f"{name}.png", style.png(figure))


def figures_of_run(
    record: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> dict[str, Figure]:
    """Draw all figures of a finished run, by name; the arguments are those of `samples`."""
    with style.applied():
        return {
            "curves": curves(record),
            "confusion": confusion(record),
            "samples": samples(record, images, labels, probabilities),
        }


def _title(record: RunRecord) -> str:
    return (
        f"{record.variant}, seed {record.seed}, {record.dataset.title}, "
        f"{record.protocol.epochs} epochs, {record.protocol.precision}"
    )
