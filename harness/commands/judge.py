"""Commands that read stored records and the paper's own tables; none of them trains."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import (
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
    from harness.grouping import Group


def compare(
    results: ResultsOption = Path("results"),
    form: FormatOption = Format.markdown,
    output: OutputOption = None,
    baseline: Annotated[str, typer.Option(help="Variant to take differences from.")] = "paper",
    full: Annotated[bool, typer.Option("--full", help="Every column, and the classes.")] = False,
) -> None:
    """Print the comparison table of all stored runs; write it in full beside them."""
    from harness import tables
    from harness.files import write_atomically

    groups, faults = _stored(results)
    deliver(tables.render(groups, form.value, baseline, full=full), output)
    for name, kind in (("comparison.md", "markdown"), ("comparison.csv", "csv")):
        text = tables.render(groups, kind, baseline, full=True)
        write_atomically(results / name, text.encode())
    _refuse(faults)


def audit(form: FormatOption = Format.markdown, output: OutputOption = None) -> None:
    """The paper's own tables, recomputed: what disagrees, and what they say."""
    from harness import audit, audit_text

    deliver(audit_text.render(audit.audit(), form.value), output)


def verdict(
    results: ResultsOption = Path("results"),
    form: TextFormatOption = TextFormat.markdown,
    output: OutputOption = None,
) -> None:
    """The paper's claims against stored records, by the decision file."""
    from harness import calibration, calibration_file, verdict, verdict_text

    groups, faults = _stored(results)
    found, unread = calibration_file.stored(results)
    groups = calibration.without_tuning(groups, found.values())
    deliver(verdict_text.render(verdict.judge(groups, len(faults)), form.value), output)
    _refuse(faults)
    if unread:
        raise InputError(f"{unread[0]} Until then its runs are judged like all others.")


def _stored(results: Path) -> tuple[list[Group], list[str]]:
    """Groups of all readable records, and a line for each that was left out, also printed."""
    from harness import grouping, record

    records, damaged = record.load_all(results)
    groups, doubled = grouping.group(records)
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
