"""Panels shared by several figures: confusion matrix, training curve, learning-rate marks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from harness.report.figures import style
from harness.runs.record import EpochRow

# Name of a metric in a run's history -> its axis: label with unit, factor.
AXES = {"accuracy": ("accuracy (%)", 100.0), "loss": ("cross-entropy (nats)", 1.0)}

TRAINING = "training (during the epoch)"

# Difference of a confusion matrix that has the strongest colour, in points.
MAX_DIFFERENCE = 15.0


def shares(counts: ArrayLike) -> NDArray[np.float64]:
    """Convert counts [C, C] to percentages of each row; a row without images becomes zero."""
    table = np.asarray(counts, float)
    result: NDArray[np.float64] = 100 * table / table.sum(1, keepdims=True).clip(min=1)
    return result


def matrix(axes: Axes, percentages: NDArray[np.float64], classes: Sequence[str]) -> None:
    """Draw a confusion matrix [C, C] in percent of the true class; rows are true classes."""
    _draw_cells(axes, percentages, percentages / 100, "{:.0f}", classes)


def difference(axes: Axes, points: NDArray[np.float64], classes: Sequence[str]) -> None:
    """Draw the difference of two confusion matrices [C, C], in points."""
    shown = np.where(np.abs(points) >= 1, points, 0)
    _draw_cells(axes, points, shown / MAX_DIFFERENCE, "{:+.0f}", classes)


def _draw_cells(
    axes: Axes,
    values: NDArray[np.float64],
    strengths: NDArray[np.float64],
    cell_format: str,
    classes: Sequence[str],
) -> None:
    """Draw squares coloured by strength, -1 to 1, with their value if its magnitude is over 1."""
    steps = range(len(values))
    # Small strengths are spread out, because most are small.
    spread = np.sign(strengths) * np.abs(strengths).clip(max=1) ** 0.7
    axes.pcolormesh(
        steps, steps, spread, cmap=style.CELLS, vmin=-1, vmax=1, edgecolors=style.PAGE, lw=1.2
    )
    for (row, column), value in np.ndenumerate(values):
        if abs(value) >= 1:
            ink = style.text_on(style.CELLS(float(1 + spread[row, column]) / 2))
            text = cell_format.format(value)
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.invert_yaxis()
    axes.set(aspect="equal")
    axes.set_xticks(steps, classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(steps, classes)
    axes.set(xlabel="predicted", ylabel="true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(False)


def curve(axes: Axes, histories: Sequence[Sequence[EpochRow]], key: str, split: str | None) -> None:
    """Draw a metric by epoch: the mean over runs, and the band between minimum and maximum.

    Nothing is drawn if an epoch lacks the metric.

    Args:
        axes: the axes to draw on.
        histories: the epochs of each run; all of the same length.
        key: "accuracy" or "loss".
        split: "test" or "validation", for the label; None for the training curve.
    """
    name = f"eval_{key}" if split else f"train_{key}"
    rows = [[getattr(row, name) for row in history] for history in histories]
    if any(value is None for row in rows for value in row):
        return
    values = AXES[key][1] * np.array(rows)
    epochs = [row.epoch for row in histories[0]]
    colour, dashes = (style.OURS, (None, None)) if split else (style.TRAINING, (4, 1.5))
    if len(histories) > 1:
        axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.22, lw=0)
    mark = "o" if len(epochs) < 3 else None
    label = split or TRAINING
    axes.plot(epochs, values.mean(0), color=colour, dashes=dashes, marker=mark, label=label)
    axes.set(xlabel="epoch", ylabel=AXES[key][0])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def mark_lr_drops(axes: Axes, history: Sequence[EpochRow], *, labelled: bool = True) -> None:
    """Draw a dotted line at each change of the learning rate, labelled with the new rate or not."""
    drops = [after for before, after in itertools.pairwise(history) if after.lr != before.lr]
    for number, row in enumerate(drops):
        x = row.epoch - 0.5
        axes.axvline(x, color=style.MUTED, ls=":", lw=1)
        if not labelled:
            continue
        axes.annotate(
            f"lr {row.lr:.2g}",
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            # One line lower each, and in front of the next line: in short runs they are close.
            xytext=(2, -1 - 10 * number),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
            color=style.MUTED,
            bbox={"fc": style.PAGE, "ec": "none", "pad": 0.4},
        )
