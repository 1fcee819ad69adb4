"""Draw explained images as one sheet, and describe it in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.files import write_atomically
from harness.report.explain.attribution import LAYER, ExplainedImage
from harness.report.figures import style
from harness.runs.record import RunRecord

IMAGE, TEXT = "explain.png", "explain.json"

_TITLES = ("image", "Grad-CAM", "LIME", "SHAP")


def sheet(explained: Sequence[ExplainedImage], record: RunRecord) -> Figure:
    """Draw a row for each image: the image, Grad-CAM, LIME, SHAP."""
    with style.applied():
        figure = Figure(figsize=(6.4, 1.42 * len(explained) + 1.1), layout="constrained")
        grid = figure.subplots(len(explained), len(_TITLES), squeeze=False)
        for axes in grid.ravel():
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, title in zip(grid[0], _TITLES, strict=True):
            axes.set_title(title, loc="center")
        for item, row in zip(explained, grid, strict=True):
            _row(row, item)
        figure.suptitle(f"{record.variant}, seed {record.seed}: evidence for its predictions")
        figure.supxlabel(
            "Grad-CAM: bright is attended. LIME, SHAP: blue is for the prediction, orange against.",
            fontsize=9,
            color=style.MUTED,
        )
    return figure


def _row(row: Sequence[Axes], item: ExplainedImage) -> None:
    is_right = item.guess == item.truth
    mark, colour = ("✓", style.OURS) if is_right else ("✗", style.REPORTED)
    label = f"{mark} {item.guess}\n{item.probability:.0%}"
    label += "" if is_right else f"\nis {item.truth}"
    row[0].imshow(item.image, interpolation="nearest")
    row[0].set_ylabel(
        f"{label}\nno. {item.index}", rotation=0, ha="right", va="center", color=colour
    )
    grey = item.image.mean(-1)
    for axes in row[1:]:
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    row[1].imshow(item.cam, cmap="viridis", vmin=0, vmax=1, alpha=0.55, interpolation="bilinear")
    for axes, values in ((row[2], item.lime), (row[3], item.shap)):
        _signed(axes, values)


def _signed(axes: Axes, values: NDArray[np.float32]) -> None:
    """Draw signed values [H, W]: larger magnitudes are more opaque."""
    scaled = values / max(float(np.abs(values).max()), 1e-12)
    colours = [style.REPORTED, style.PAGE, style.OURS]
    signed = LinearSegmentedColormap.from_list("signed", colours)
    strength = 0.05 + 0.8 * np.abs(scaled)
    axes.imshow(scaled, cmap=signed, vmin=-1.1, vmax=1.1, alpha=strength, interpolation="nearest")


def describe(
    explained: Sequence[ExplainedImage], record: RunRecord, **settings: Any
) -> dict[str, Any]:
    """Describe a sheet: its settings, alternative text, and predictions, for `explain.json`."""
    descriptions = [
        f"no. {item.index}, {item.truth}, predicted {item.guess} ({item.probability:.0%}): "
        f"Grad-CAM is strongest {where_largest(item.cam)}, SHAP {where_largest(item.shap)}"
        for item in explained
    ]
    return {
        "variant": record.variant,
        "seed": record.seed,
        "weights_sha256": record.weights_sha256,
        "grad_cam_layer": LAYER,
        **settings,
        "alt": f"Explanations of {len(explained)} images. {'; '.join(descriptions)}.",
        "images": [
            {name: getattr(item, name) for name in ("index", "truth", "guess", "probability")}
            for item in explained
        ],
    }


def where_largest(values: NDArray[np.float32]) -> str:
    """Describe where a map [H, W] is largest: the mean position of its largest values."""
    if values.min() == values.max():
        return "nowhere"
    y, x = np.argwhere(values == values.max()).mean(0) / values.shape
    down = ("at the top", "in the middle", "at the bottom")[int(3 * y)]
    across = (" left", "", " right")[int(3 * x)]
    return down + across


def save(folder: Path, figure: Figure, description: dict[str, Any]) -> None:
    """Write a sheet and its description to a run's folder."""
    write_atomically(folder / IMAGE, style.png(figure))
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / TEXT, text.encode() + b"\n")
