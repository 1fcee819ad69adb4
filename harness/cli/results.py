"""Commands that read stored records and the paper's own tables; none of them trains."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    Format,
    FormatOption,
    OutputOption,
    ResultsOption,
    TextFormat,
    TextFormatOption,
    deliver,
)
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.analysis.groups import RunGroup


def compare(
    results: ResultsOption = Path("results"),
    form: FormatOption = Format.markdown,
    output: OutputOption = None,
    baseline: Annotated[str, typer.Option(help="Variant to take differences from.")] = "paper",
    full: Annotated[bool, typer.Option("--full", help="Every column, and the classes.")] = False,
) -> None:
    """Print the comparison table of all stored runs; write it in full beside them."""
    from harness.files import write_atomically
    from harness.report.text import comparison
    from harness.verdict import verdict as verdict_verdict

    groups, faults = _stored(results)
    judgements = verdict_verdict.judge_groups(groups).group_verdicts
    deliver(comparison.render(judgements, form.value, baseline, full=full), output)
    for name, kind in (("comparison.md", "markdown"), ("comparison.csv", "csv")):
        text = comparison.render(judgements, kind, baseline, full=True)
        write_atomically(results / name, text.encode())
    _refuse(faults)


def audit(form: FormatOption = Format.markdown, output: OutputOption = None) -> None:
    """The paper's own tables, recomputed: what disagrees, and what they say."""
    from harness.report.text import audit as text_audit
    from harness.verdict import audit as verdict_audit

    deliver(text_audit.render(verdict_audit.audit(), form.value), output)


def verdict(
    results: ResultsOption = Path("results"),
    form: TextFormatOption = TextFormat.markdown,
    output: OutputOption = None,
) -> None:
    """The paper's claims against stored records, by the decision file."""
    from harness.analysis import calibration, calibration_record
    from harness.report.text import verdict as text_verdict
    from harness.verdict import verdict as verdict_verdict

    groups, faults = _stored(results)
    found, unread = calibration_record.load_calibrations(results)
    groups = calibration.drop_calibration_groups(groups, found.values())
    deliver(
        text_verdict.render(verdict_verdict.judge_groups(groups, len(faults)), form.value), output
    )
    _refuse(faults)
    if unread:
        raise InputError(f"{unread[0]} Until then its runs are judged like all others.")


def _stored(results: Path) -> tuple[list[RunGroup], list[str]]:
    """Groups of all readable records, and a line for each that was left out, also printed."""
    from harness.analysis import groups as analysis_groups
    from harness.runs import store

    records, damaged = store.load_all(results)
    groups, doubled = analysis_groups.group(records)
    faults = damaged + doubled
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)
    if not groups:
        raise InputError(f"no readable record below {results}: train something with run first.")
    return groups, faults


def _refuse(faults: list[str]) -> None:
    if faults:
        raise InputError(
            f"{len(faults)} records were left out (named above): "
            "repair or remove them, then start this command again."
        )
