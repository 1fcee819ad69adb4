"""Tables of what was judged: recall of the classes, the paper's claims, the budget curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from harness.analysis.calibration import Candidate
from harness.analysis.contrasts import Finding, VariantResult
from harness.analysis.groups import VariantRuns
from harness.formatting import EMPTY, interval, p_value, percent, pluralize, signed_points
from harness.paper import reported
from harness.paper.reported import ReportedRun
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.verdict import budget_curve
from harness.verdict.budget_curve import Results
from harness.verdict.claim_status import ClaimResult
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
            for column in _class_columns(group_verdict.rules)
        ]
    return table(f"Recall of each class, {runs.name}", columns, classes)


def _percent(value: float, digits: int = 1) -> Cell:
    return number_cell(percent(value, digits), value)


def _reported_recall(run: ReportedRun, name: str) -> Cell:
    return _percent(run.recall[name])


def _class_columns(rules: Decision) -> list[Column[ClassResult]]:
    return [
        Column(
            "points",
            "ours minus the paper's mean",
            lambda c: number_cell(signed_points(c.difference, 1), c.difference),
        ),
        Column(
            "interval",
            f"{100 * rules.description.level:g} % interval of that difference, not corrected for "
            "the number of classes; takes the paper's runs to vary as ours do, and is too narrow "
            "where its two differ by more",
            lambda c: Cell(interval(c.low, c.high), c.low),
        ),
        Column(
            "p", "after Holm over the classes", lambda c: number_cell(p_value(c.p_holm), c.p_holm)
        ),
        Column(
            "detects",
            f"smallest true difference that the test at look {len(rules.looks.seeds)} would find "
            f"with {100 * rules.description.power:g} % power from this number of runs, points",
            lambda c: _percent(c.detectable),
        ),
    ]


def _of_class(
    tests: dict[str, ClassResult], cell: Callable[[ClassResult], Cell | str]
) -> Callable[[str], Cell | str]:
    return lambda name: cell(tests[name])


def precision_and_f1_table(runs: VariantRuns) -> Table:
    """Return precision and F1 of each class, which claims of the paper are about.

    Args:
        runs: on CIFAR-10's classes, at least one of them finished.
    """
    columns = [Column[str]("class", "", str)]
    note = "ours, mean over seeds, like F1; run 1 and run 2: the paper's, by its confusion matrices"
    for figure, title, its_note in (("precision", "precision", note), ("f1", "F1", "")):
        means = dict(zip(CLASSES, runs.per_class(figure, CLASSES).mean(1), strict=True))
        columns.append(Column(f"{title}, %", its_note, partial(_of, means)))
        columns += [
            Column(f"{title}, run {run.number}", "", partial(_of, run.by_class(figure)))
            for run in reported.REPORTED_RUNS
        ]
    return table(f"Precision and F1 of each class, {runs.name}", columns, CLASSES)


def _of(figures: Mapping[str, float], name: str) -> Cell:
    return _percent(figures[name])


def claims_table(group_verdict: GroupVerdict) -> Table:
    """Return the paper's claims with their status and the evidence from the runs."""
    columns: list[Column[ClaimResult]] = [
        Column("claim", "", lambda c: c.claim.sentence),
        Column("verdict", "", lambda c: Cell(c.status.value, style=c.status.value)),
        Column("evidence", _evidence_note(group_verdict.rules), partial(_evidence, group_verdict)),
        Column("the paper's words", "", lambda c: f"“{c.claim.quote}” ({c.claim.where})"),
    ]
    caption = "The paper's claims and what the runs say"
    return table(caption, columns, group_verdict.claims, prose=True)


def _evidence(group_verdict: GroupVerdict, result: ClaimResult) -> str:
    if result.claim.key == "accuracy" and group_verdict.exceeds_as_tuned:
        return f"{result.evidence}; no evidence against the paper's figure"
    return result.evidence


def _evidence_note(rules: Decision) -> str:
    seeds = ", ".join(f"look {i}: {n} runs" for i, n in enumerate(rules.looks.seeds, start=1))
    return (
        f"of the look that settled the claim, else of the latest ({seeds}); differences without an "
        "ingredient always of the latest, with p over all looks so far"
    )


def budget_table(curve: Sequence[GroupVerdict]) -> Table:
    """Return accuracy and differences of the planned variants at several numbers of epochs."""
    base = curve[0].rules.contrasts.against
    by_variant = budget_curve.results_by_epochs(curve)
    columns = [Column[str]("variant", "", str)]
    columns += [
        Column(
            pluralize(judged.epochs, "epoch"),
            "",
            partial(_at_budget, by_variant, base, judged.epochs),
        )
        for judged in curve
    ]
    return table(
        f"Accuracy of {base}, and points of the others against it (over the latest look of both, "
        "without one over all runs), by number of epochs; finished runs of the row in brackets, * "
        "settled by the planned test",
        columns,
        by_variant,
    )


def _at_budget(by_variant: Results, base: str, epochs: int, name: str) -> Cell:
    row = by_variant[name].get(epochs)
    if row is None:
        return Cell("not run")
    if name != base and row.contrast is None:  # there is no run to compare it with
        return Cell(EMPTY)
    value = row.mean if row.contrast is None else row.contrast.difference
    runs = f"{row.n}, {row.failed} failed" if row.failed else f"{row.n}"
    return number_cell(f"{_budget_figure(row)} ({runs})", value)


def _budget_figure(row: VariantResult) -> str:
    if row.contrast is None:
        return EMPTY if math.isnan(row.mean) else f"{percent(row.mean)} %"
    settled = row.contrast.finding in (Finding.HELPS, Finding.HURTS)
    return signed_points(row.contrast.difference) + ("*" if settled else "")


def candidates_table(candidates: Sequence[Candidate]) -> Table:
    """Return the candidates of a calibration."""
    columns: list[Column[Candidate]] = [
        Column("epochs", "", lambda c: Cell(str(c.epochs), c.epochs)),
        Column("seeds", "", lambda c: Cell(str(len(c.seeds)), len(c.seeds))),
        Column("validation accuracy, %", "", lambda c: _percent(c.mean, 2)),
        Column(
            "standard error",
            "",
            lambda c: _percent(math.nan if c.standard_error is None else c.standard_error, 2),
        ),
        Column("reaches it", "", lambda c: "yes" if c.reaches else "no"),
    ]
    return table("The candidates", columns, candidates)
