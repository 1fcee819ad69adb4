"""What the paper reports, as data.

Y. Zeng, "Enhancing Image Classification Accuracy Based on AlexNet", figure 3: two test runs
on CIFAR-10 with 1,000 images a class, "the final two sets of test data chosen for
presentation" (section 4.1) out of several.
"""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True)
class ReportedRun:
    """One run of the paper: its name here and its confusion matrix (rows are true classes)."""

    name: str
    confusion_matrix: tuple[tuple[int, ...], ...]


REPORTED_RUNS = (
    ReportedRun(
        "paper, run 1 (reported)",
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
    ),
    ReportedRun(
        "paper, run 2 (reported)",
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
    ),
)
