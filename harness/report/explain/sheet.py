"""Explained images as one sheet, and what it shows in words."""

from __future__ import annotations

import dataclasses
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
from harness.report.explain.attribution import LAYER, Explained
from harness.report.figures import style
from harness.runs.record import RunRecord

IMAGE, TEXT = "explain.png", "explain.json"

_TITLES = ("image", "Grad-CAM", "LIME", "SHAP")


def sheet(found: Sequence[Explained], record: RunRecord) -> Figure:
    """A row for each image: itself, Grad-CAM, LIME, SHAP."""
    with style.applied():
        figure = Figure(figsize=(6.4, 1.42 * len(found) + 1.1), layout="constrained")
        grid = figure.subplots(len(found), len(_TITLES), squeeze=False)
        for axes in grid.ravel():
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, title in zip(grid[0], _TITLES, strict=True):
            axes.set_title(title, loc="center")
        for one, row in zip(found, grid, strict=True):
            _row(row, one)
        figure.suptitle(f"{record.variant}, seed {record.seed}: what speaks for its guess")
        figure.supxlabel(
            "Grad-CAM: bright is attended. LIME, SHAP: blue speaks for the guess, orange against.",
            fontsize=9,
            color=style.MUTED,
        )
    return figure


def _row(row: Sequence[Axes], one: Explained) -> None:
    right = one.guess == one.truth
    mark, colour = ("✓", style.OURS) if right else ("✗", style.REPORTED)
    label = f"{mark} {one.guess}\n{one.probability:.0%}"
    label += "" if right else f"\nis {one.truth}"
    row[0].imshow(one.image, interpolation="nearest")
    row[0].set_ylabel(
        f"{label}\nno. {one.index}", rotation=0, ha="right", va="center", color=colour
    )
    grey = one.image.mean(-1)
    for axes in row[1:]:
        axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    row[1].imshow(one.cam, cmap="viridis", vmin=0, vmax=1, alpha=0.55, interpolation="bilinear")
    for axes, values in ((row[2], one.lime), (row[3], one.shap)):
        _signed(axes, values)


def _signed(axes: Axes, values: NDArray[np.float32]) -> None:
    """Patches the stronger the more they count."""
    scaled = values / max(float(np.abs(values).max()), 1e-12)
    colours = [style.REPORTED, style.PAGE, style.OURS]
    signed = LinearSegmentedColormap.from_list("signed", colours)
    strength = 0.05 + 0.8 * np.abs(scaled)
    axes.imshow(scaled, cmap=signed, vmin=-1.1, vmax=1.1, alpha=strength, interpolation="nearest")


def about(found: Sequence[Explained], record: RunRecord, **settings: Any) -> dict[str, Any]:
    """What was done and what it shows, for people who do not see it, and for programs."""
    told = [
        f"no. {one.index}, {one.truth}, taken for {one.guess} ({one.probability:.0%}): "
        f"Grad-CAM is strongest {place(one.cam)}, SHAP {place(one.shap)}"
        for one in found
    ]
    return {
        "variant": record.variant,
        "seed": record.seed,
        "weights_sha256": record.weights_sha256,
        "grad_cam_layer": LAYER,
        **settings,
        "alt": f"Explanations of {len(found)} images. {'; '.join(told)}.",
        "images": [
            {
                field.name: getattr(one, field.name)
                for field in dataclasses.fields(one)
                if field.name in ("index", "truth", "guess", "probability")
            }
            for one in found
        ],
    }


def place(values: NDArray[np.float32]) -> str:
    """Where a map [H, W] is largest, in words: the middle of all its largest values."""
    y, x = np.argwhere(values == values.max()).mean(0) / values.shape
    down = ("at the top", "in the middle", "at the bottom")[int(3 * y)]
    across = (" left", "", " right")[int(3 * x)]
    return down + across


def save(folder: Path, figure: Figure, told: dict[str, Any]) -> None:
    """Write the sheet and its words into a run's folder."""
    write_atomically(folder / IMAGE, style.png(figure))
    text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / TEXT, text.encode() + b"\n")
