"""What `compare` prints and writes: the answer, and the table of each group of runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pandas as pd

from harness.analysis import comparison as analysis_comparison
from harness.analysis import contrasts
from harness.analysis.compatibility import prediction, sentences
from harness.analysis.compatibility.prediction import Outcome
from harness.analysis.compatibility.reference import ReferenceRuns
from harness.errors import InputError
from harness.report import markdown, sections
from harness.report.answer import answer
from harness.report.tables import comparison, writers
from harness.report.tables.formats import TableFormat
from harness.report.tables.table import Table, legend
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict

# Characters; a terminal's or a page's.
WIDTH = 120

# Columns that only the full table shows.
_FULL_ONLY = ("accuracy_optimistic", "recall_difference_")

_COMPARED = (Outcome.COMPATIBLE, Outcome.NOT_COMPATIBLE)


def render(
    study: Study,
    form: TableFormat,
    baseline: str | None = None,
    *,
    full: bool = False,
    reference: ReferenceRuns | None = None,
) -> str:
    """Return all groups in one text, each in a table of its own.

    Args:
        study: the judged records.
        form: of the text. CSV and JSON hold raw fractions and seconds.
        baseline: the variant that differences are taken from; that of the decision file if None.
        full: every column and the classes, at any width.
        reference: runs of others, to say in Markdown whether these runs are compatible with them.

    Raises:
        InputError: if no group has the baseline.
    """
    planned = study.verdict.rules.contrasts.against
    baseline = baseline or planned
    present = {r.variant for j in study.group_verdicts for r in j.group.records}
    if baseline not in present and baseline != planned:
        raise InputError(
            f"--baseline {baseline}: no stored run of that variant. "
            f"There are: {', '.join(sorted(present))}."
        )
    if form in (TableFormat.CSV, TableFormat.JSON):
        frames = [_identified(study, j, baseline, full) for j in study.group_verdicts]
        frame = pd.concat(frames, ignore_index=True)
        if form == TableFormat.CSV:
            return writers.csv(frame)
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    tables = [_tables(study, j, baseline, full) for j in study.group_verdicts]
    notes = legend(table for of_group in tables for table in of_group)
    groups = list(zip(study.group_verdicts, tables, strict=True))
    if form == TableFormat.LATEX:
        parts = [part for j, of_group in groups for part in _latex(study, j, of_group)]
        return "\n".join([*parts, f"% {notes}"]) + "\n"
    width = None if full else WIDTH
    parts = [part for j, of_group in groups for part in _markdown(study, j, of_group, width)]
    title = [_title(baseline, planned)] if full else []
    opening = [markdown.opening(answer(study)), _compatibility(study, reference)]
    return markdown.join([*title, *opening, *parts, notes])


def _compatibility(study: Study, reference: ReferenceRuns | None) -> str:
    """Say whether the runs are compatible with reference runs; nothing where none is comparable."""
    if not reference:
        return ""
    records = (r for j in study.group_verdicts for r in j.group.records)
    comparisons = prediction.compare_runs(records, reference)
    if not any(c is not None and c.outcome in _COMPARED for c in comparisons):
        return ""
    return f"{sentences.summary(comparisons)}. Each run: `check --against reference`."


def primary_block(study: Study) -> Iterator[str]:
    """Yield the comparison of the primary group in Markdown, without the recall of classes."""
    first, *_ = _tables(study, study.primary, study.verdict.rules.contrasts.against, full=False)
    yield from _markdown(study, study.primary, [first], WIDTH)
    yield legend([first])


def _markdown(
    study: Study, group_verdict: GroupVerdict, tables: Sequence[Table], width: int | None
) -> Iterator[str]:
    first, *others = tables
    yield f"## {group_verdict.title}"
    yield writers.markdown(first, width)
    yield " ".join(sections.notes(group_verdict, study.primary.group))
    for table in others:
        yield f"### {table.caption}"
        yield writers.markdown(table)


def _latex(study: Study, group_verdict: GroupVerdict, tables: Sequence[Table]) -> Iterator[str]:
    yield f"% {group_verdict.title}"
    for table in tables:
        yield f"% {table.caption}\n{writers.latex(table)}"
    for note in sections.notes(group_verdict, study.primary.group):
        yield f"% {note}"


def numbers(study: Study, group_verdict: GroupVerdict, baseline: str) -> pd.DataFrame:
    """Return the figures of a group, see `harness.analysis.comparison.table`.

    Against another variant than the decision file's, nothing is tested.
    """
    rules = study.verdict.rules
    if baseline == rules.contrasts.against:
        return group_verdict.numbers
    results = contrasts.results(group_verdict.group, baseline, rules, planned=False)
    return analysis_comparison.table(group_verdict.group, results, baseline, rules)


def _tables(study: Study, group_verdict: GroupVerdict, baseline: str, full: bool) -> list[Table]:
    frame, rules = numbers(study, group_verdict, baseline), study.verdict.rules
    tables = [
        comparison.comparison_table(group_verdict, rules, frame, baseline, full=full),
        comparison.recall_by_variant(group_verdict, frame),
    ]
    differences = comparison.recall_differences(group_verdict, frame, baseline)
    return [*tables, differences] if full and differences.rows else tables


def _title(baseline: str, planned: str) -> str:
    option = f" --baseline {baseline}" if baseline != planned else ""
    return (
        "# Every column of every comparison\n\n"
        f"What `python -m harness compare --full{option}` prints of the stored records: tables for "
        "each data and protocol. Empty columns are left out."
    )


def _identified(
    study: Study, group_verdict: GroupVerdict, baseline: str, full: bool
) -> pd.DataFrame:
    group, frame = group_verdict.group, numbers(study, group_verdict, baseline).copy()
    if not full:
        frame = frame[[c for c in frame.columns if not c.startswith(_FULL_ONLY)]]
    about: dict[str, str | int] = {
        "dataset": group.dataset.title,
        "fingerprint": group.dataset.fingerprint,
        "official": group.dataset.official,
        "split": group.dataset.split,
        "epochs": group.protocol.epochs,
        "precision": group.protocol.precision,
        "device_type": group.device_type,
    }
    for position, (name, value) in enumerate(about.items()):
        frame.insert(position, name, value)
    return frame
