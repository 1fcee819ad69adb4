"""The comparison of the variants of a group, and their recall of each class."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from harness import formatting
from harness.analysis import contrasts, sequential
from harness.analysis.contrasts import Finding
from harness.analysis.sequential import Effect
from harness.formatting import EMPTY, enumerate_words, number, p_value, percent, signed_points
from harness.protocol.decision import Decision
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.verdict.verdict import GroupVerdict

Figures = Mapping[Hashable, Any]

# The notes on n, accuracy and difference where no look is complete and nothing is tested.
_PLAIN_NOTES = (
    "finished runs",
    "of each run, or the range or mean of several",
    "over all runs of both",
)


def comparison_table(
    group_verdict: GroupVerdict,
    rules: Decision,
    frame: pd.DataFrame | None = None,
    baseline: str | None = None,
    *,
    full: bool = True,
    looks: bool | None = None,
) -> Table:
    """Return the comparison of the variants of a group, without its empty columns.

    Args:
        group_verdict: the group.
        rules: the decision file.
        frame: its figures, see `harness.analysis.comparison.table`; those of the verdict if None.
        baseline: the variant that differences are taken from; that of the decision file if None.
        full: whether to show every column.
        looks: whether the notes explain the planned looks; as the group needs it if None.
    """
    looks = group_verdict.has_looks if looks is None else looks
    split, base = group_verdict.group.dataset.split, baseline or rules.contrasts.against
    return table(
        f"Variants, {split} images",
        _columns(rules, base, split, full, looks),
        (group_verdict.numbers if frame is None else frame).to_dict("records"),
        full=full,
    )


def _columns(
    rules: Decision, base: str, split: str, full: bool, looks: bool
) -> list[Column[Figures]]:
    level = f"{100 * rules.description.level:g} %"
    n_note, accuracy_note, difference_note = _look_notes(rules, level) if looks else _PLAIN_NOTES
    # Name, note and cell of the columns that only the full table has.
    details: list[tuple[str, str, Callable[[Figures], Cell]]] = [
        (
            "P(>)",
            f"share of the pairs of runs in which it beats {base}; ties count half",
            _number("p_better", number),
        ),
        ("look", "of the difference", _look("difference_look")),
        ("settled", "look that settled it", _look("settled_look")),
        ("p raw", "Welch's t at the look", _number("p", p_value)),
        ("q", "smallest p / weight of the looks so far", _tested("q", p_value)),
        (
            "detects",
            f"smallest difference found with {100 * rules.description.power:g} % power, points",
            _number("detectable", percent),
        ),
        (
            "r",
            f"correlation with {base} over the seeds of both, which share their batches; hardly "
            "known from 5",
            _number("correlation", number),
        ),
        ("SD", "standard deviation over seeds, points", _number("accuracy_sd", percent)),
        (
            "optimistic, %",
            f"best epoch, chosen by the {split} images themselves (decides nothing)",
            _number("accuracy_optimistic", percent),
        ),
        (
            "AUC",
            "one class against the rest, mean over classes",
            _number("auc", partial(number, digits=4)),
        ),
        (
            "train, %",
            "accuracy of the trained network on its training images, without augmentation and "
            "dropout",
            _number("train_accuracy", percent),
        ),
        ("loss", f"cross-entropy on the {split} images, nats", _number("loss", number)),
        (
            "training",
            "time per run at the pace of its fastest epoch",
            _number("undisturbed_seconds", formatting.duration),
        ),
    ]
    return [
        Column("variant", "", lambda r: r["variant"]),
        Column(
            "n",
            n_note,
            lambda r: Cell(formatting.count_runs(r["n"], r["failed"]), float(r["n"])),
        ),
        Column(
            "accuracy, %",
            accuracy_note,
            partial(_accuracy, full=full),
        ),
        Column("F1, %", "macro F1", _number("macro_f1", percent)),
        Column(
            f"vs our {base}",
            f"the row's mean minus that of our variant {base}, in points, {difference_note}",
            _difference,
        ),
        Column(
            "finding",
            f"whether the variant helps or hurts against {base}: p below "
            f"{rules.contrasts.alpha:g}; if no_augmentation hurts, augmentation helps",
            _finding,
        ),
        Column(
            "p",
            f"sequential over the looks, after Holm over the {len(rules.contrasts.variants)} "
            "planned contrasts",
            _tested("p_holm", p_value),
        ),
        *(Column(name, note, cell, full=True) for name, note, cell in details),
        Column("changes", "", lambda r: r["changes"] or EMPTY),
    ]


def _look_notes(rules: Decision, level: str) -> tuple[str, str, str]:
    """The notes on n, accuracy and difference where the planned looks matter."""
    first, *later = (f"0-{seeds - 1}" for seeds in rules.looks.seeds)
    return (
        f"finished runs: before look 1 (seeds {first}) all, afterwards only those of the latest "
        f"complete look (later: {' and '.join(later)})",
        f"mean over n, ± half of its {level} interval, or the runs if no look is complete",
        "over the seeds of the latest look that both have, or without one over all runs that n "
        f"counts; ± half of its Bonferroni interval ({_test_levels(rules)} % at the looks), or of "
        f"its {level} interval where nothing is tested",
    )


def _test_levels(rules: Decision) -> str:
    """The levels of the intervals of the planned contrasts, in percent."""
    levels = sequential.contrast_levels(rules, len(rules.contrasts.variants))
    return enumerate_words(f"{100 * level:.4g}" for level in levels)


def _number(name: str, to_text: Callable[[float], str]) -> Callable[[Figures], Cell]:
    return lambda row: number_cell(to_text(row[name]), row[name])


def _look(name: str) -> Callable[[Figures], Cell]:
    return lambda row: Cell(str(row[name]), float(row[name])) if row[name] else Cell(EMPTY)


def _tested(name: str, to_text: Callable[[float], str]) -> Callable[[Figures], Cell]:
    """Return a function that fills a cell if its contrast is planned and has a look."""
    return lambda row: (
        number_cell(to_text(row[name]), row[name]) if row["difference_look"] else Cell(EMPTY)
    )


def _finding(row: Figures) -> str:
    # pandas stores a missing effect as None or NaN.
    effect = Effect(row["effect"]) if isinstance(row["effect"], str) else None
    finding = contrasts.finding(effect, row["difference_look"])
    return EMPTY if finding is Finding.NOT_TESTED else finding.value


def _difference(row: Figures) -> Cell:
    half = (row["difference_high"] - row["difference_low"]) / 2
    text = formatting.plus_minus(signed_points(row["difference"]), half)
    return number_cell(text, row["difference"])


def _accuracy(row: Figures, full: bool) -> Cell:
    runs = [float(value) for value in row["runs"].split()]
    half = (row["accuracy_high"] - row["accuracy_low"]) / 2
    text = formatting.plus_minus(percent(row["accuracy"]), half)
    if 0 < len(runs) < 5:
        text = ", ".join(map(percent, runs))
        if len(runs) > 2 and not full:  # all of them would leave no room for the rest
            text = f"{percent(min(runs))} to {percent(max(runs))}"
    return number_cell(text, row["accuracy"])


def recall_by_variant(group_verdict: GroupVerdict, frame: pd.DataFrame) -> Table:
    """Return the recall of each class, one row for each variant."""
    return _by_class(group_verdict, frame, "Recall of each class, %", "recall_", percent)


def recall_differences(group_verdict: GroupVerdict, frame: pd.DataFrame, baseline: str) -> Table:
    """Return the recall of each class minus the baseline's; rows only where both are there."""
    names = [f"recall_difference_{c}" for c in group_verdict.group.dataset.classes]
    with_difference = frame[frame[names].notna().any(axis=1)]
    caption = f"Recall against {baseline}, points"
    return _by_class(group_verdict, with_difference, caption, "recall_difference_", signed_points)


def _by_class(
    group_verdict: GroupVerdict,
    frame: pd.DataFrame,
    caption: str,
    prefix: str,
    to_text: Callable[..., str],
) -> Table:
    classes = [
        Column(name, "", _number(prefix + name, partial(to_text, digits=1)))
        for name in group_verdict.group.dataset.classes
    ]
    return table(
        caption, [Column("variant", "", lambda r: r["variant"]), *classes], frame.to_dict("records")
    )
