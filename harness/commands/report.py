"""`report` and `explain`: results as people look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import ArchiveOption, ResultsOption


def report(
    results: ResultsOption = Path("results"),
    output: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    figures: Annotated[
        Path | None,
        typer.Option(help="Also write figures (SVG, PNG) and table (LaTeX) here."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where the dataset lies, to show sample predictions as well."),
    ] = None,
    archive: ArchiveOption = None,
) -> None:
    """Turn a results folder into one HTML file that opens offline."""
    from harness.files import write_atomically
    from harness.report import output as files
    from harness.report import page, reading, samples, sections

    found = reading.read(results)
    shown = sections.sections(found)
    pictures = None if data_dir is None else samples.gallery(found.lead, results, data_dir, archive)
    write_atomically(output, page.page(found, shown, pictures))
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {len(found.judgements)} groups of runs")
    if figures is not None:
        print(f"{figures}: {files.save(figures, found, shown)} files")
    for problem in found.problems:
        print(f"note: {problem.sentence}")
