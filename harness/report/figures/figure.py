"""A figure with its words, and the frame that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Inches. So narrow that text of 9.5 points can still be read on a telephone's width.
WIDTH = 5.2


@dataclass(frozen=True)
class CaptionedFigure:
    """One figure of the report.

    Attributes:
        name: of its file; unlike the others of its group.
        title: above it.
        caption: below it: what is drawn, in which unit.
        alt: what it shows, with the figures, for people who do not see it.
        figure: drawn in `harness.report.figures.style`.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure


def rows(names: Sequence[str], height: float = 0.3) -> tuple[Figure, Axes]:
    """An axis with one named row for each of `names`, from top to bottom at 0, 1, 2, ..."""
    figure = Figure(figsize=(WIDTH, height * len(names) + 1.0), layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure, axes
