"""Recompute the paper's own tables from its printed confusion matrices. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis import stats
from harness.paper.claims import RANGES, Range
from harness.paper.reported import COLUMNS, REPORTED_RUNS, SELECTION, ReportedRun, recomputed
from harness.protocol.datasets import CLASSES

LEVEL = 0.95

# Figures are printed with two decimals. A tie such as 0.815 may be printed as 0.81 or 0.82.
_HALF_DIGIT = 0.005 + 1e-9


@dataclass(frozen=True)
class Disagreement:
    """A printed figure that differs from the one its confusion matrix gives.

    Attributes:
        run: number of the reported run.
        row, column: of the printed report.
        printed, from_matrix: fractions, or images for the support.
    """

    run: int
    row: str
    column: str
    printed: float
    from_matrix: float


@dataclass(frozen=True)
class RangeCheck:
    """A claimed range of a figure of every class, compared with the printed figures.

    Attributes:
        figure: column of the reports.
        low, high: ends of the claimed range, fractions.
        smallest, largest: of the printed figures.
        largest_from_matrix: recomputed from the matrices, thus without misprints.
        outside: (run, class, printed) of each figure out of range; empty if the claim holds.
    """

    figure: str
    low: float
    high: float
    smallest: float
    largest: float
    largest_from_matrix: float
    outside: tuple[tuple[int, str, float], ...]

    @property
    def has_misprint(self) -> bool:
        """Whether the largest printed figure is above all that follow from the matrices."""
        return self.largest - self.largest_from_matrix > 0.01


@dataclass(frozen=True)
class Summary:
    """Figures of one reported run, recomputed from its matrix.

    Attributes:
        run: its number.
        right, total: test images classified correctly, and all.
        rows_of: the distinct numbers of images in a class.
        accuracy, macro_f1: fractions.
        low, high: Wilson's interval of the accuracy.
    """

    run: int
    right: int
    total: int
    rows_of: tuple[int, ...]
    accuracy: float
    macro_f1: float
    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """Result of `audit`.

    Attributes:
        summaries: one for each run.
        disagreements: printed figures that the matrices contradict.
        ranges: the claims on ranges.
        z, p: of the test that the first two runs have the same accuracy; None for fewer runs.
        distinguishable: whether p is below 5 %.
        selection: how the paper selected its runs, as far as it says.
    """

    summaries: tuple[Summary, ...]
    disagreements: tuple[Disagreement, ...]
    ranges: tuple[RangeCheck, ...]
    z: float | None
    p: float | None
    distinguishable: bool | None
    selection: str

    @property
    def contradictions(self) -> tuple[RangeCheck, ...]:
        """The claims that the paper's own tables contradict."""
        return tuple(check for check in self.ranges if check.outside)


def audit(runs: Sequence[ReportedRun] = REPORTED_RUNS, ranges: Sequence[Range] = RANGES) -> Audit:
    """Compare printed reports with printed matrices, and claimed ranges with both.

    Args:
        runs: the reported runs.
        ranges: the claimed ranges.
    """
    summaries = tuple(_summary(run) for run in runs)
    z = p = distinguishable = None
    if len(summaries) > 1:
        a, b = summaries[:2]
        z, p = stats.two_proportions((a.right, b.right), (a.total, b.total))
        distinguishable = p < 1 - LEVEL
    return Audit(
        summaries=summaries,
        disagreements=tuple(d for run in runs for d in _disagreements(run)),
        ranges=tuple(check_range(bounds, runs) for bounds in ranges),
        z=z,
        p=p,
        distinguishable=distinguishable,
        selection=SELECTION,
    )


def _disagreements(run: ReportedRun) -> list[Disagreement]:
    lines, accuracy = recomputed(run)
    cells = [
        (row, column, printed, value)
        for row, figures in run.report.lines().items()
        for column, printed, value in zip(COLUMNS, figures, lines[row], strict=True)
    ]
    cells.append(("accuracy", "accuracy", run.report.accuracy, accuracy))
    return [
        Disagreement(run.number, row, column, printed, value)
        for row, column, printed, value in cells
        if abs(printed - value) > _HALF_DIGIT
    ]


def check_range(bounds: Range, runs: Sequence[ReportedRun] = REPORTED_RUNS) -> RangeCheck:
    """Compare a claimed range with the printed figures of every class."""
    column = COLUMNS.index(bounds.figure)
    printed = [
        (run.number, name, float(row[column]))
        for run in runs
        for name, row in zip(CLASSES, run.report.rows, strict=True)
    ]
    outside = tuple(cell for cell in printed if not bounds.low <= cell[2] <= bounds.high)
    figures = [figure for _, _, figure in printed]
    from_matrix = [value for run in runs for value in run.by_class(bounds.figure).values()]
    return RangeCheck(
        bounds.figure,
        bounds.low,
        bounds.high,
        min(figures),
        max(figures),
        max(from_matrix),
        outside,
    )


def _summary(run: ReportedRun) -> Summary:
    matrix = np.array(run.confusion_matrix)
    right, total = int(np.trace(matrix)), int(matrix.sum())
    lines, accuracy = recomputed(run)
    low, high = stats.wilson(right, total, LEVEL)
    rows = tuple(int(n) for n in np.unique(matrix.sum(1)))
    return Summary(
        run.number, right, total, rows, accuracy, float(lines["macro avg"][2]), low, high
    )
