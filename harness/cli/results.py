"""`compare`, `audit` and `verdict`: read stored records and the paper's tables."""

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
    write_output,
)
from harness.errors import InputError
from harness.formatting import pluralize

if TYPE_CHECKING:
    from harness.analysis.groups import RunGroup


def compare(
    results: ResultsOption = Path("results"),
    output_format: FormatOption = Format.markdown,
    output: OutputOption = None,
    baseline: Annotated[str, typer.Option(help="Variant to take differences from.")] = "paper",
    full: Annotated[
        bool, typer.Option("--full", help="Show every column, and recall by class.")
    ] = False,
) -> None:
    """Print the comparison table of all stored runs; write it in full to the results folder."""
    from harness.files import write_atomically
    from harness.report.text import comparison
    from harness.verdict import verdict as verdict_verdict

    groups, faults = _load_groups(results)
    group_verdicts = verdict_verdict.judge_groups(groups).group_verdicts
    write_output(
        comparison.render(group_verdicts, output_format.value, baseline, full=full), output
    )
    for name, kind in (("comparison.md", "markdown"), ("comparison.csv", "csv")):
        text = comparison.render(group_verdicts, kind, baseline, full=True)
        write_atomically(results / name, text.encode())
    _raise_if_skipped(faults)


def audit(output_format: FormatOption = Format.markdown, output: OutputOption = None) -> None:
    """Recompute the paper's tables and list what disagrees."""
    from harness.report.text import audit as text_audit
    from harness.verdict import audit as verdict_audit

    write_output(text_audit.render(verdict_audit.audit(), output_format.value), output)


def verdict(
    results: ResultsOption = Path("results"),
    output_format: TextFormatOption = TextFormat.markdown,
    output: OutputOption = None,
) -> None:
    """Judge the paper's claims from stored records, by the rules of the decision file."""
    from harness.analysis import calibration, calibration_record
    from harness.report.text import verdict as text_verdict
    from harness.verdict import verdict as verdict_verdict

    groups, faults = _load_groups(results)
    calibrations, damaged = calibration_record.load_calibrations(results)
    groups = calibration.drop_calibration_groups(groups, calibrations.values())
    write_output(
        text_verdict.render(verdict_verdict.judge_groups(groups, len(faults)), output_format.value),
        output,
    )
    _raise_if_skipped(faults)
    if damaged:
        raise InputError(f"{damaged[0]} Until then its runs are treated like all others.")


def _load_groups(results: Path) -> tuple[list[RunGroup], list[str]]:
    """Load and group all readable records.

    Returns:
        The groups, and a line for each record that was skipped, which is also printed.

    Raises:
        InputError: if no record is readable.
    """
    from harness.analysis import groups as analysis_groups
    from harness.runs import store

    records, damaged = store.load_all(results)
    groups, doubled = analysis_groups.group(records)
    faults = damaged + doubled
    for fault in faults:
        print(f"skipped: {fault}", file=sys.stderr)
    if not groups:
        raise InputError(f"no readable record below {results}: train something with run first.")
    return groups, faults


def _raise_if_skipped(faults: list[str]) -> None:
    if faults:
        raise InputError(
            f"{pluralize(len(faults), 'record')} skipped (listed above): "
            "repair or remove them, then run this command again."
        )
