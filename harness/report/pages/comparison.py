"""What `compare` prints and writes: the answer, and the table of each group of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

import variants
from harness.analysis import comparison as analysis_comparison
from harness.analysis import contrasts
from harness.analysis.compatibility import prediction, sentences
from harness.analysis.compatibility.prediction import Outcome
from harness.analysis.compatibility.reference import ReferenceRuns
from harness.errors import InputError
from harness.paper.reported import REPORTED_RUNS
from harness.report import markdown, sections
from harness.report.answer import answer
from harness.report.tables import comparison, writers
from harness.report.tables import readings as tables_readings
from harness.report.tables.formats import TableFormat
from harness.report.tables.table import Table, legend
from harness.report.text import readings as text_readings
from harness.verdict import readings
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
    family: str | None = None,
) -> str:
    """Return all groups in one text, each in a table of its own.

    Args:
        study: the judged records.
        form: of the text. CSV and JSON hold raw fractions and seconds.
        baseline: the variant that differences are taken from; that of the decision file if None.
        full: every column and the classes, at any width.
        reference: runs of others, to say in Markdown whether these runs are compatible with them.
        family: only variants of this family, and what they are compared with; all if None. For
            "readings" whether they fit the paper, too.

    Raises:
        InputError: if no group has the baseline, or runs of the family, or there is no such family.
    """
    planned = study.verdict.rules.contrasts.against
    baseline = baseline or planned
    present = {r.variant for judged in study.group_verdicts for r in judged.group.records}
    if baseline not in present and baseline != planned:
        raise InputError(
            f"--baseline {baseline}: no stored run of that variant. "
            f"There are: {', '.join(sorted(present))}."
        )
    shown = _with_family(study, family)
    if form in (TableFormat.CSV, TableFormat.JSON):
        frames = [_identified(study, judged, baseline, full, family) for judged in shown]
        frame = pd.concat(frames, ignore_index=True)
        if form == TableFormat.CSV:
            return writers.csv(frame)
        return writers.as_json(frame.to_dict("records"))
    tables = [_tables(study, judged, baseline, full, family) for judged in shown]
    notes = legend(table for of_group in tables for table in of_group)
    groups = list(zip(shown, tables, strict=True))
    width = None if full else WIDTH
    fits = _fits(study, form) if family == readings.FAMILY else []
    if form == TableFormat.LATEX:
        parts = [
            *fits,
            *(part for judged, of_group in groups for part in _latex(study, judged, of_group)),
        ]
        return "\n".join([*parts, f"% {notes}"]) + "\n"
    parts = [
        part for judged, of_group in groups for part in _markdown(study, judged, of_group, width)
    ]
    title = [_title(baseline, planned, family)] if full else []
    opening = [markdown.opening(answer(study)), _compatibility(study, reference)]
    return markdown.join([*title, *opening, *fits, *parts, notes])


def _with_family(study: Study, family: str | None) -> list[GroupVerdict]:
    """The groups that have runs of a family, or all groups."""
    if family is None:
        return list(study.group_verdicts)
    if family not in variants.FAMILIES:
        known = ", ".join(variants.FAMILIES)
        raise InputError(f"--family {family}: unknown family. Families: {known}.")
    shown = [judged for judged in study.group_verdicts if _members(judged, family)]
    if not shown:
        present = sorted(
            {r.family for judged in study.group_verdicts for r in judged.group.records}
        )
        raise InputError(
            f"--family {family}: no stored run of that family yet. There are: {', '.join(present)}."
        )
    return shown


def _members(group_verdict: GroupVerdict, family: str) -> set[str]:
    return {r.variant for r in group_verdict.group.records if r.family == family}


def _fits(study: Study, form: TableFormat) -> list[str]:
    """Return which readings fit the paper: a sentence, and the table if any can be judged."""
    rules, results = study.verdict.rules, study.readings
    sentence = text_readings.sentence(results, rules)
    if not results:
        return [f"% {sentence}" if form == TableFormat.LATEX else sentence]
    fits = tables_readings.fits_table(results, rules)
    if form == TableFormat.LATEX:
        return [f"% {sentence}", f"% {fits.caption}\n{writers.latex(fits)}\n% {legend([fits])}"]
    return [sentence, f"## {fits.caption}", writers.markdown(fits), legend([fits])]


def _compatibility(study: Study, reference: ReferenceRuns | None) -> str:
    """Say whether the runs are compatible with reference runs; nothing where none is comparable."""
    if not reference:
        return ""
    records = (r for judged in study.group_verdicts for r in judged.group.records)
    comparisons = prediction.compare_runs(records, reference)
    if not any(c is not None and c.outcome in _COMPARED for c in comparisons):
        return ""
    return f"{sentences.summary(comparisons)}. Each run: `check --against reference`."


def primary_block(study: Study) -> Iterator[str]:
    """Yield the comparison of the primary group in Markdown, without the recall of classes."""
    first, *_ = _tables(study, study.primary, study.verdict.rules.contrasts.against, full=False)
    yield from _markdown(study, study.primary, [first], None)
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
    runs = group_verdict.runs
    results = contrasts.results(runs, baseline, rules, planned=False)
    return analysis_comparison.table(group_verdict.group, runs, results, baseline)


def _numbers(
    study: Study, group_verdict: GroupVerdict, baseline: str, family: str | None
) -> pd.DataFrame:
    """The figures of a group, of a family alone beside the baseline and the paper's runs."""
    frame = numbers(study, group_verdict, baseline)
    if family is None:
        return frame
    reported = (run.name for run in REPORTED_RUNS)
    return frame[frame["variant"].isin({*_members(group_verdict, family), baseline, *reported})]


def _tables(
    study: Study,
    group_verdict: GroupVerdict,
    baseline: str,
    full: bool,
    family: str | None = None,
) -> list[Table]:
    frame, rules = _numbers(study, group_verdict, baseline, family), study.verdict.rules
    # Those of all groups, which share one legend.
    looks = any(judged.has_looks for judged in study.group_verdicts)
    tables = [
        comparison.comparison_table(group_verdict, rules, frame, baseline, full=full, looks=looks),
        comparison.recall_by_variant(group_verdict, frame),
    ]
    differences = comparison.recall_differences(group_verdict, frame, baseline)
    return [*tables, differences] if full and differences.rows else tables


def _title(baseline: str, planned: str, family: str | None) -> str:
    option = f" --baseline {baseline}" if baseline != planned else ""
    option += f" --family {family}" if family else ""
    return (
        "# Every column of every comparison\n\n"
        f"What `python -m harness compare --full{option}` prints of the stored records: tables for "
        "each data and protocol. Empty columns are left out."
    )


def _identified(
    study: Study, group_verdict: GroupVerdict, baseline: str, full: bool, family: str | None
) -> pd.DataFrame:
    group = group_verdict.group
    frame = _numbers(study, group_verdict, baseline, family).copy()
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
    if family == readings.FAMILY:
        results = readings.judge_group(group_verdict)
        return frame.merge(tables_readings.fits_frame(results), how="left", on="variant")
    return frame
