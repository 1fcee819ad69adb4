"""Confusion matrices: ours, the paper's two, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.analysis.groups import VariantRuns
from harness.paper import reported
from harness.report.figures import panels
from harness.report.figures.figure import WIDTH, CaptionedFigure
from harness.verdict.verdict import GroupVerdict

Matrix = NDArray[np.float64]

_N_LARGEST = 3


def confusion_matrices(
    group_verdict: GroupVerdict, runs: VariantRuns, *, with_reported: bool = True
) -> list[CaptionedFigure]:
    """Draw the mean matrix of a variant and, if they compare, the paper's and the difference.

    Args:
        group_verdict: a group.
        runs: those of one variant.
        with_reported: whether the paper's two are drawn, too.
    """
    if not runs.n_finished:
        return []
    classes = group_verdict.group.dataset.classes
    ours = np.mean([panels.shares(m.confusion_matrix) for m in runs.finished], axis=0)
    count = f"mean of {runs.n_finished} runs" if runs.n_finished > 1 else "one run"
    figures = [_matrix("ours", f"Ours: {runs.name}, {count}", ours, classes)]
    if not group_verdict.group.comparable_to_paper:
        return figures
    theirs = [panels.shares(run.confusion_matrix) for run in reported.REPORTED_RUNS]
    if with_reported:
        figures += [
            _matrix(f"reported-{run.number}", f"The paper's run {run.number}", shares, classes)
            for run, shares in zip(reported.REPORTED_RUNS, theirs, strict=True)
        ]
    return [*figures, _difference(ours - np.mean(theirs, axis=0), classes)]


def _matrix(name: str, title: str, shares: Matrix, classes: Sequence[str]) -> CaptionedFigure:
    errors = shares * (1 - np.eye(len(shares)))
    pairs = zip(classes, np.diag(shares), strict=True)
    right = ", ".join(f"{class_name} {share:.0f}" for class_name, share in pairs)
    return CaptionedFigure(
        name=f"confusion-{name}",
        title=title,
        caption="Percent of each true class; rows sum to 100. Values below 1 are not printed.",
        alt=f"Confusion matrix. {_diagonal(shares, classes)}. Right by class, in percent: "
        f"{right}. "
        f"Most frequent errors: {_largest(errors, classes, '{:.0f}')}.",
        figure=_draw(panels.matrix, shares, classes),
    )


def _difference(points: Matrix, classes: Sequence[str]) -> CaptionedFigure:
    return CaptionedFigure(
        name="confusion-difference",
        title="Ours minus the mean of the paper's two",
        caption="Percentage points of the true class. Blue: more frequent in our runs; orange: "
        "less frequent. Differences below one point are not shown.",
        alt=f"Differences of the confusion matrices. On the diagonal ours is higher for "
        f"{(np.diag(points) > 0).sum()} of {len(points)} classes. Largest: "
        f"{_largest(points, classes, '{:+.1f} points')}.",
        figure=_draw(panels.difference, points, classes),
    )


def _draw(
    panel: Callable[[Axes, Matrix, Sequence[str]], None], values: Matrix, classes: Sequence[str]
) -> Figure:
    figure = Figure(figsize=(WIDTH, WIDTH * 0.92), layout="constrained")
    panel(figure.subplots(), values, classes)
    return figure


def _diagonal(shares: Matrix, classes: Sequence[str]) -> str:
    """Say whether the diagonal stands out."""
    wrong = [name for row, name in enumerate(classes) if shares[row].argmax() != row]
    if wrong:
        return f"A wrong class is the most frequent prediction for {', '.join(wrong)}"
    return "The diagonal stands out: the right class is the most frequent in every row"


def _largest(values: Matrix, classes: Sequence[str], form: str) -> str:
    """Describe the cells with the largest absolute values."""
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:_N_LARGEST]
    cells = zip(*np.unravel_index(order, values.shape), strict=True)
    return ", ".join(f"{classes[i]} as {classes[j]} {form.format(values[i, j])}" for i, j in cells)
