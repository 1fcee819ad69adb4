"""Pictures of one run: curves, confusion matrix, sample predictions."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness import paper
from harness.files import write_atomically
from harness.record import RunRecord

# Okabe and Ito's colours, told apart by colour-blind readers.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "savefig.dpi": 110,
}


def curves(record: RunRecord) -> Figure:
    """Loss and accuracy by epoch, in training and on the images judged on."""
    history, split = record.history, record.dataset["split"]
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, name, unit, factor in zip(
        panels, ("loss", "accuracy"), ("cross-entropy, nats", "%"), (1, 100), strict=True
    ):
        for part, colour in (("train", ORANGE), (split, BLUE)):
            values = [factor * row[f"{part}_{name}"] for row in history if f"{part}_{name}" in row]
            label = "training (as it went along)" if part == "train" else part
            axes.plot(epochs[: len(values)], values, "o-", ms=3, color=colour, label=label)
        axes.set(xlabel="epoch", ylabel=f"{name} ({unit})", title=name.capitalize())
        axes.xaxis.get_major_locator().set_params(integer=True)
    _mark_decay(panels[0], history)
    panels[1].legend(loc="lower right")
    figure.suptitle(_title(record))
    return figure


def _mark_decay(axes: Axes, history: Sequence[dict[str, Any]]) -> None:
    """Dotted lines where the learning rate changed."""
    for before, after in itertools.pairwise(history):
        if after["lr"] != before["lr"]:
            place = after["epoch"] - 0.5
            axes.axvline(place, color=GREY, ls=":", lw=1)
            axes.annotate(
                f"lr {after['lr']:g}",
                (place, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(3, 0),
                textcoords="offset points",
                va="top",
                fontsize=8,
                color=GREY,
            )


def confusion(record: RunRecord) -> Figure:
    """The confusion matrix, beside the paper's two where the classes are CIFAR-10's."""
    assert record.metrics is not None
    classes = record.dataset["classes"]
    panels = [(f"{record.variant}, seed {record.seed}", record.metrics["confusion_matrix"])]
    if tuple(classes) == paper.CLASSES:
        panels += [(run.name, run.confusion_matrix) for run in paper.REPORTED_RUNS]
    size = 4.6 if len(classes) <= 12 else 8
    figure = Figure(figsize=(size * len(panels), size + 0.4), layout="constrained")
    for axes, (name, matrix) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _matrix(axes, np.array(matrix), classes, name)
    figure.suptitle(_title(record))
    return figure


def _matrix(axes: Axes, counts: NDArray[Any], classes: Sequence[str], name: str) -> None:
    shares = 100 * counts / counts.sum(1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    axes.grid(False)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    accuracy = np.trace(counts) / counts.sum()
    axes.set(xlabel="predicted", ylabel="true class", title=f"{name}: {accuracy:.2%}")
    for (row, column), share in np.ndenumerate(shares):
        if share >= 1:
            colour = "white" if share > 50 else "black"
            axes.text(
                column, row, f"{share:.0f}", ha="center", va="center", fontsize=8, color=colour
            )


def samples(
    record: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> Figure:
    """Randomly chosen images with what the network says of them, right and wrong marked.

    Args:
        record: gives the class names and the seed of the choice.
        images: [N, H, W, 3] that were judged on; labels [N]; probabilities [N, C].
    """
    classes = record.dataset["classes"]
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
        mark, colour = ("✓", BLUE) if right else ("✗", ORANGE)
        axes.set_title(f"{mark} {text}\n{truth}", fontsize=8.5, color=colour)
    figure.suptitle(f"{_title(record)}: random {record.dataset['split']} images")
    return figure


def save(folder: Path, figures: dict[str, Figure]) -> None:
    """Write each figure as a PNG file of its name."""
    for name, figure in figures.items():
        buffer = io.BytesIO()
        # Without the version of matplotlib in it, the same picture is the same file.
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            figure.savefig(buffer, format="png", metadata={"Software": None})
        write_atomically(folder / f"{name}.png", buffer.getvalue())


def of_run(
    record: RunRecord,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
) -> dict[str, Figure]:
    """All figures of a finished run; the arguments are those of `samples`."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        return {
            "curves": curves(record),
            "confusion": confusion(record),
            "samples": samples(record, images, labels, probabilities),
        }


def _title(record: RunRecord) -> str:
    return (
        f"{record.variant}, seed {record.seed}, {record.dataset['title']}, "
        f"{record.protocol['epochs']} epochs, {record.protocol['precision']}"
    )
