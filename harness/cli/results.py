"""`compare`, `audit` and `verdict`: read stored records and the paper's tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    FormatOption,
    OutputOption,
    ResultsOption,
    TextFormat,
    TextFormatOption,
    write_output,
)
from harness.errors import InputError
from harness.formatting import pluralize, printable
from harness.report.tables.formats import TableFormat

if TYPE_CHECKING:
    from harness.verdict.study import Study


def compare(
    results: ResultsOption = Path("results"),
    output_format: FormatOption = TableFormat.MARKDOWN,
    output: OutputOption = None,
    baseline: Annotated[str, typer.Option(help="Variant to print differences from.")] = "paper",
    full: Annotated[
        bool, typer.Option("--full", help="Show every column, and recall by class.")
    ] = False,
    family: Annotated[
        str | None,
        typer.Option(help="Only this family: ablations, extensions or readings."),
    ] = None,
) -> None:
    """Print the comparison table of all stored runs; write it in full to the results folder."""
    from harness.analysis.compatibility import reference
    from harness.files import write_atomically
    from harness.report.pages import comparison

    study = _load_study(results)
    shipped = reference.load_csv()
    text = comparison.render(
        study, output_format, baseline, full=full, reference=shipped, family=family
    )
    write_output(text, output)
    for name, form in (
        ("comparison.md", TableFormat.MARKDOWN),
        ("comparison.csv", TableFormat.CSV),
    ):
        # Always from the decision file's variant: these files are part of the generated pages.
        text = comparison.render(study, form, full=True, reference=shipped)
        write_atomically(results / name, text.encode())
    _raise_if_skipped(study)


def audit(output_format: FormatOption = TableFormat.MARKDOWN, output: OutputOption = None) -> None:
    """Recompute the paper's tables and list what disagrees."""
    from harness.report.pages import audit as audit_page
    from harness.verdict import audit as verdict_audit

    write_output(audit_page.render(verdict_audit.audit(), output_format), output)


def verdict(
    results: ResultsOption = Path("results"),
    output_format: TextFormatOption = TextFormat.markdown,
    output: OutputOption = None,
) -> None:
    """Judge the paper's claims from stored records, by the rules of the decision file."""
    from harness.report.pages import verdict as verdict_page

    study = _load_study(results)
    is_json = output_format is TextFormat.json
    text = verdict_page.as_json(study) if is_json else verdict_page.as_markdown(study)
    write_output(text, output)
    _raise_if_skipped(study)


def _load_study(results: Path) -> Study:
    """Load and judge all readable records; print a line for each one that is not."""
    from harness.verdict.study import load_study

    study = load_study(results)
    for fault in study.faults:
        print(printable(f"skipped: {fault}", limit=None), file=sys.stderr)
    return study


def _raise_if_skipped(study: Study) -> None:
    if study.faults:
        raise InputError(
            f"{pluralize(len(study.faults), 'file')} skipped (listed above): "
            "repair or remove them, then run this command again."
        )
