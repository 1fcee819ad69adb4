"""A figure with its caption, and axes with one row for each name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Inches. Narrow enough that 9.5 point text is readable at the width of a phone.
WIDTH = 5.2


@dataclass(frozen=True)
class CaptionedFigure:
    """One figure of the report.

    Attributes:
        name: part of its file name; unique within a section.
        title: the heading above it.
        caption: the text below it: what is drawn, in which unit.
        alt: alternative text: what it shows, with numbers.
        figure: the figure, drawn in `harness.report.figures.style`.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure


def rows(names: Sequence[str], height: float = 0.3) -> tuple[Figure, Axes]:
    """Create axes with one row for each of `names`, from top to bottom at y = 0, 1, 2, ...

    Args:
        names: labels of the rows.
        height: height of a row in inches.
    """
    figure = Figure(figsize=(WIDTH, height * len(names) + 1.0), layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure, axes
