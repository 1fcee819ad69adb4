"""Tables of the readings of the paper's unstated settings, and of public figures by others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from harness import formatting
from harness.analysis.learning_curves import RISING
from harness.formatting import EMPTY, percent, signed_points
from harness.paper import reported
from harness.paper.public_figures import BY_LETTER, NOT_STATED, PublicFigure
from harness.protocol.decision import Decision
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.verdict import readings
from harness.verdict.readings import Fit, ReadingResult

# Text of a badge, and the name of its colour.
_BADGES = {
    Fit.FITS: ("yes", None, "confirmed"),
    Fit.DOES_NOT_FIT: ("no", None, "refuted"),
    Fit.CANNOT_BE_JUDGED: ("cannot be judged", None, "open"),
}


def fits_table(results: Sequence[ReadingResult], rules: Decision) -> Table:
    """Return each reading's figures at each number of epochs, and whether it fits the paper.

    Args:
        results: of `harness.verdict.readings.judge`.
        rules: the decision file.
    """
    several_devices = len({result.device_type for result in results}) > 1
    return table("Which readings fit the paper", _columns(rules), results, full=several_devices)


def _columns(rules: Decision) -> list[Column[ReadingResult]]:
    accuracy = percent(reported.mean_accuracy())
    between = percent(reported.recall_distance(), 1)
    limit = percent(rules.readings.recall_distance * reported.recall_distance(), 1)
    wrong_way = f"{100 * rules.ranges.wrong_way_confirms:g} %"
    return [
        Column("variant", "", lambda r: r.variant),
        Column("device", "", lambda r: r.device_type, full=True),
        Column("epochs", "", lambda r: Cell(str(r.epochs), r.epochs)),
        Column(
            "n",
            "finished runs, of the latest complete look or all before the first",
            lambda r: Cell(formatting.count_runs(r.n, r.failed), r.n),
        ),
        Column(
            "accuracy, %",
            f"mean over n; within {100 * rules.readings.accuracy:g} point of the paper's mean, "
            f"{accuracy}, it fits",
            lambda r: number_cell(percent(r.accuracy), r.accuracy),
        ),
        Column(
            "wrong way, %",
            "steps from epoch to epoch that go the wrong way in the curves of training accuracy, "
            f"test accuracy, training loss and test loss; at most {wrong_way} each fits",
            _wrong_way,
        ),
        Column(
            "gap",
            "training minus test accuracy of the last epoch's network, points; at most "
            f"{100 * rules.ranges.gap_confirms:g} fits",
            lambda r: number_cell(signed_points(r.gap), r.gap),
        ),
        Column(
            "recall",
            "Euclidean distance of the recall of the classes from the mean of the paper's two "
            f"runs, points; those two are {between} apart, and at most {limit} fits",
            lambda r: number_cell(percent(r.recall_distance, 1), r.recall_distance),
        ),
        Column(
            "fits",
            "yes if all four do; cannot be judged where a figure is missing or too many runs "
            "failed",
            lambda r: Cell(*_BADGES[r.fit]),
        ),
        Column("not by", "which of the four do not, or cannot be judged", _exceptions),
    ]


def _wrong_way(result: ReadingResult) -> Cell:
    shares = result.wrong_way.values()
    if all(map(math.isnan, shares)):
        return Cell(EMPTY)
    known = max(share for share in shares if not math.isnan(share))
    return Cell("/".join(percent(share, 1) for share in shares), known)


def _exceptions(result: ReadingResult) -> str:
    of = {fit: [n for n, found in result.criteria.items() if found is fit] for fit in Fit}
    parts = [", ".join(of[Fit.DOES_NOT_FIT])]
    if unjudged := of[Fit.CANNOT_BE_JUDGED]:
        parts.append(f"not judged: {', '.join(unjudged)}")
    return "; ".join(part for part in parts if part) or EMPTY


def fits_frame(results: Sequence[ReadingResult]) -> pd.DataFrame:
    """Return the results as raw numbers, one row for each.

    Returns:
        Columns variant, fits, fits_<criterion> for each criterion, wrong_way_<curve> for each
        curve, gap and recall_distance; fractions, NaN if missing.
    """
    columns = [
        *("variant", "fits", *(f"fits_{name}" for name in readings.CRITERIA)),
        *(f"wrong_way_{name}" for name in RISING),
        *("gap", "recall_distance"),
    ]
    rows = [
        {
            "variant": result.variant,
            "fits": result.fit.value,
            **{f"fits_{name}": fit.value for name, fit in result.criteria.items()},
            **{f"wrong_way_{name}": share for name, share in result.wrong_way.items()},
            "gap": result.gap,
            "recall_distance": result.recall_distance,
        }
        for result in results
    ]
    return pd.DataFrame(rows, columns=columns)


def public_table() -> Table:
    """Return public figures by others, by the letters of the plot."""
    columns: list[Column[tuple[str, PublicFigure]]] = [
        Column("figure", "letter in the plot", lambda row: row[0]),
        Column("repository", "on GitHub", lambda row: row[1].name),
        Column(
            "accuracy, %", "on the test images", lambda row: Cell(row[1].text, row[1].accuracies[0])
        ),
        Column("note", "", lambda row: row[1].note or EMPTY),
        Column("epochs", "", lambda row: _stated(row[1].epochs)),
        Column("batch", "", lambda row: _stated(row[1].batch_size)),
        Column("optimizer", "", lambda row: row[1].optimizer),
        Column("augmentation", "", lambda row: row[1].augmentation),
        Column("network", "", lambda row: row[1].network),
    ]
    caption = "Public figures of AlexNets on CIFAR-10, by others and not run again here"
    return table(caption, columns, BY_LETTER.items())


def _stated(value: int | None) -> Cell:
    return Cell(NOT_STATED) if value is None else Cell(str(value), value)
