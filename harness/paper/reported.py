"""The paper's reported confusion matrices and classification reports.

Y. Zeng, "Enhancing Image Classification Accuracy Based on AlexNet", figure 3: two test runs
on CIFAR-10 with 1,000 images a class, each as a confusion matrix and as a printed report of
precision, recall and F1. For the paper's claims see `claims`, for what it leaves open
`assumptions`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.protocol.datasets import CLASSES


@functools.cache
def recomputed(run: ReportedRun) -> tuple[dict[str, tuple[float, ...]], float]:
    """Classification report and accuracy recomputed from a run's confusion matrix.

    Returns:
        The rows as in `PrintedReport.lines`, and the accuracy; fractions, not rounded.
    """
    matrix = np.array(run.confusion_matrix)
    right, support, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    scores = np.stack([right / predicted, right / support, 2 * right / (support + predicted)], 1)
    lines = {
        name: (*row, float(n))
        for name, row, n in zip(CLASSES, scores.tolist(), support, strict=True)
    }
    for name, weights in zip(AVERAGES, (None, support), strict=True):
        lines[name] = (*np.average(scores, 0, weights).tolist(), float(matrix.sum()))
    return lines, float(right.sum() / matrix.sum())


TITLE = 'Y. Zeng, "Enhancing Image Classification Accuracy Based on AlexNet"'

SELECTION = (
    'the two runs are "the final two sets of test data chosen for presentation" after '
    '"multiple rounds of model testing" (section 4.1): a selection, not a random sample of runs'
)

# Names of the rows below the classes of a printed report, and of its columns.
AVERAGES = ("macro avg", "weighted avg")

COLUMNS = ("precision", "recall", "f1", "support")


@dataclass(frozen=True)
class PrintedReport:
    """A printed classification report.

    Attributes:
        rows: (precision, recall, f1, support) of each class in the order of CLASSES; figures
            are fractions with the two decimals that were printed.
        accuracy: as printed, a fraction.
        averages: the rows "macro avg" and "weighted avg", in the same columns.
    """

    rows: tuple[tuple[float, float, float, int], ...]
    accuracy: float
    averages: tuple[tuple[float, float, float, int], ...]

    def lines(self) -> dict[str, tuple[float, float, float, int]]:
        """Every row that has all four columns, by name."""
        return dict(zip((*CLASSES, *AVERAGES), (*self.rows, *self.averages), strict=True))


@dataclass(frozen=True)
class ReportedRun:
    """One run that the paper reports.

    Attributes:
        number: 1 or 2, in the order printed.
        where: section and figure of the paper.
        confusion_matrix: counts; rows are true classes.
        report: the classification report printed with the matrix.
    """

    number: int
    where: str
    confusion_matrix: tuple[tuple[int, ...], ...]
    report: PrintedReport

    @property
    def name(self) -> str:
        """Row name in tables, such as "reported, run 1"."""
        return f"reported, run {self.number}"

    @property
    def accuracy(self) -> float:
        """From the matrix; a fraction."""
        return recomputed(self)[1]

    def by_class(self, figure: str) -> dict[str, float]:
        """Figure of each class, from the matrix; fractions.

        Args:
            figure: "precision", "recall" or "f1".
        """
        lines, column = recomputed(self)[0], COLUMNS.index(figure)
        return {name: lines[name][column] for name in CLASSES}

    @property
    def recall(self) -> dict[str, float]:
        """From the matrix, by class; fractions."""
        return self.by_class("recall")


REPORTED_RUNS = (
    ReportedRun(
        1,
        "section 4.2, figure 3, first matrix and report",
        (
            (781, 17, 43, 29, 23, 4, 7, 14, 55, 27),
            (16, 876, 3, 5, 2, 3, 9, 6, 25, 55),
            (58, 2, 575, 70, 124, 58, 61, 30, 17, 5),
            (11, 6, 45, 601, 60, 142, 63, 46, 13, 13),
            (9, 2, 40, 65, 761, 24, 30, 63, 6, 0),
            (7, 3, 33, 180, 49, 642, 18, 54, 11, 3),
            (1, 3, 25, 68, 61, 19, 810, 7, 4, 2),
            (4, 2, 30, 42, 50, 44, 6, 815, 3, 4),
            (56, 15, 8, 19, 7, 2, 3, 5, 874, 11),
            (28, 87, 4, 15, 5, 3, 10, 15, 29, 804),
        ),
        PrintedReport(
            (
                (0.80, 0.78, 0.79, 1000),
                (0.96, 0.88, 0.87, 1000),
                (0.71, 0.57, 0.64, 1000),
                (0.55, 0.60, 0.57, 1000),
                (0.67, 0.76, 0.71, 1000),
                (0.68, 0.64, 0.66, 1000),
                (0.80, 0.81, 0.80, 1000),
                (0.77, 0.81, 0.79, 1000),
                (0.84, 0.87, 0.86, 1000),
                (0.87, 0.80, 0.84, 1000),
            ),
            0.75,
            ((0.76, 0.75, 0.75, 10_000), (0.76, 0.75, 0.75, 10_000)),
        ),
    ),
    ReportedRun(
        2,
        "section 4.2, figure 3, second matrix and report",
        (
            (815, 12, 37, 19, 18, 11, 11, 13, 39, 25),
            (16, 882, 3, 5, 1, 7, 11, 2, 13, 60),
            (77, 4, 558, 60, 107, 60, 81, 42, 7, 4),
            (21, 7, 56, 485, 75, 213, 87, 42, 6, 8),
            (20, 4, 38, 34, 733, 25, 60, 81, 1, 4),
            (11, 1, 36, 105, 43, 704, 24, 66, 3, 7),
            (5, 6, 32, 33, 39, 23, 850, 6, 2, 4),
            (19, 1, 24, 30, 44, 44, 10, 819, 1, 8),
            (84, 34, 19, 10, 7, 4, 13, 6, 806, 17),
            (27, 60, 6, 19, 5, 7, 7, 14, 22, 833),
        ),
        PrintedReport(
            (
                (0.74, 0.81, 0.78, 1000),
                (0.87, 0.88, 0.88, 1000),
                (0.69, 0.56, 0.62, 1000),
                (0.61, 0.48, 0.54, 1000),
                (0.68, 0.73, 0.71, 1000),
                (0.64, 0.70, 0.67, 1000),
                (0.74, 0.85, 0.79, 1000),
                (0.75, 0.82, 0.78, 1000),
                (0.90, 0.81, 0.85, 1000),
                (0.86, 0.83, 0.85, 1000),
            ),
            0.75,
            ((0.75, 0.75, 0.75, 10_000), (0.75, 0.75, 0.75, 10_000)),
        ),
    ),
)


def reported_accuracies() -> NDArray[np.float64]:
    """Accuracy of each reported run [runs]; fractions."""
    return np.array([run.accuracy for run in REPORTED_RUNS])


def reported_recalls() -> NDArray[np.float64]:
    """Recall of each class in each reported run [classes, runs]; fractions."""
    return np.array([[run.recall[name] for run in REPORTED_RUNS] for name in CLASSES])


def mean_accuracy() -> float:
    """Mean accuracy of the reported runs; a fraction."""
    return float(reported_accuracies().mean())


def accuracy_deviation() -> float:
    """Standard deviation (n - 1) of the accuracy of the reported runs; a fraction."""
    return float(reported_accuracies().std(ddof=1))


def recall_distance() -> float:
    """Euclidean distance between the recall of the classes in the two reported runs; a fraction."""
    first, second = reported_recalls().T
    return float(np.linalg.norm(first - second))
