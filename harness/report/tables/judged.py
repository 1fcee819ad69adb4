"""Tables of what was judged: recall of the classes, the paper's claims, the budget curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from harness.analysis.calibration import Candidate
from harness.analysis.contrasts import Finding, VariantResult
from harness.analysis.groups import VariantRuns
from harness.formatting import EMPTY, interval, p_value, percent, pluralize, signed_points
from harness.paper import reported
from harness.paper.reported import ReportedRun, recomputed
from harness.protocol.decision import Decision
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.verdict import budget_curve
from harness.verdict.budget_curve import Line
from harness.verdict.outcomes import ClassResult
from harness.verdict.verdict import GroupVerdict


def recall_table(group_verdict: GroupVerdict, runs: VariantRuns) -> Table:
    """Return the recall of each class, with tests at the last look.

    Args:
        group_verdict: the group of the runs.
        runs: a variant with a finished run.
    """
    classes = group_verdict.group.dataset.classes
    means = dict(zip(classes, runs.per_class("recall", classes).mean(1), strict=True))
    columns = [
        Column[str]("class", "", str),
        Column("ours, %", "mean over seeds", lambda c: _percent(means[c])),
    ]
    if group_verdict.group.comparable_to_paper:
        columns += [
            Column(f"run {run.number}, %", "of the paper", partial(_reported_recall, run))
            for run in reported.REPORTED_RUNS
        ]
    if group_verdict.classes and runs.name == group_verdict.claim_runs.name:
        tests = {result.name: result for result in group_verdict.classes}
        columns += [
            Column(column.name, column.note, _of_class(tests, column.cell))
            for column in _CLASS_COLUMNS
        ]
    return table(f"Recall of each class, {runs.name}", columns, classes)


def _percent(value: float) -> Cell:
    return number_cell(percent(value, 1), value)


def _reported_recall(run: ReportedRun, name: str) -> Cell:
    return _percent(recomputed(run)[0][name][1])


_CLASS_COLUMNS: list[Column[ClassResult]] = [
    Column(
        "points",
        "ours minus the paper's mean",
        lambda c: number_cell(signed_points(c.difference, 1), c.difference),
    ),
    Column(
        "interval",
        "of that difference, exploratory",
        lambda c: Cell(interval(c.low, c.high), c.low),
    ),
    Column("p", "after Holm over the classes", lambda c: number_cell(p_value(c.p_holm), c.p_holm)),
    Column("detects", "smallest detectable difference, points", lambda c: _percent(c.detectable)),
]


def _of_class(
    tests: dict[str, ClassResult], cell: Callable[[ClassResult], Cell | str]
) -> Callable[[str], Cell | str]:
    return lambda name: cell(tests[name])


def claims_table(group_verdict: GroupVerdict) -> Table:
    """Return the paper's claims with their status and the evidence from the runs."""
    rows = tuple(
        (
            Cell(s.claim.sentence),
            Cell(s.status.value, style=s.status.value),
            Cell(s.evidence),
            Cell(f"“{s.claim.quote}” ({s.claim.where})"),
        )
        for s in group_verdict.claims
    )
    headers = ("claim", "verdict", "evidence", "the paper's words")
    return Table(
        "The paper's claims and what the runs say", tuple((h, "") for h in headers), rows, True
    )


def budget_table(curve: Sequence[GroupVerdict], rules: Decision) -> Table:
    """Return accuracy and differences of the planned variants at several numbers of epochs."""
    base = rules.contrasts.against
    columns = [Column[Line]("variant", "", lambda line: line.variant)]
    columns += [
        Column(pluralize(j.epochs, "epoch"), "", partial(_at_budget, j.epochs)) for j in curve
    ]
    return table(
        f"Accuracy of {base}, and points of the others against it, by number of epochs; finished "
        "runs in brackets, * settled by the planned test",
        columns,
        budget_curve.lines(curve, rules),
    )


def _at_budget(epochs: int, line: Line) -> Cell:
    row = line.rows.get(epochs)
    if row is None:
        return Cell("not run")
    value = row.mean if row.contrast is None else row.contrast.difference
    return number_cell(f"{_budget_figure(row)} ({_runs(row)})", value)


def _budget_figure(row: VariantResult) -> str:
    if row.contrast is None:
        return EMPTY if math.isnan(row.mean) else f"{percent(row.mean)} %"
    settled = row.contrast.finding in (Finding.HELPS, Finding.HURTS)
    return signed_points(row.contrast.difference) + ("*" if settled else "")


def _runs(row: VariantResult) -> str:
    return f"{row.n}, {row.failed} failed" if row.failed else f"{row.n}"


def candidates_table(candidates: Sequence[Candidate]) -> Table:
    """Return the candidates of a calibration."""
    columns: list[Column[Candidate]] = [
        Column("epochs", "", lambda c: Cell(str(c.epochs), c.epochs)),
        Column("seeds", "", lambda c: Cell(str(len(c.seeds)), len(c.seeds))),
        Column("validation accuracy, %", "", lambda c: number_cell(percent(c.mean), c.mean)),
        Column("standard error", "", lambda c: _standard_error(c.standard_error)),
        Column("reaches it", "", lambda c: "yes" if c.reaches else "no"),
    ]
    return table("The candidates", columns, candidates)


def _standard_error(value: float | None) -> Cell:
    return Cell(EMPTY) if value is None else number_cell(percent(value), value)
