"""`report`, `explain` and `docs`: results as pages and pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import ArchiveOption, DataDirOption, ResultsOption
from harness.errors import missing_extra


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
    from harness.verdict import study

    found = study.load_study(results)

    # After the records, so that a folder without any is refused at once.
    from harness.files import write_output_file
    from harness.formatting import pluralize
    from harness.report import drawings, export
    from harness.report import samples as report_samples
    from harness.report.pages import html

    drawn = drawings.draw(found)
    pictures, problems = report_samples.gallery(found.primary, results, data_dir, archive)
    found = dataclasses.replace(found, warnings=(*found.warnings, *problems))
    write_output_file(output, html.page(found, drawn, pictures))
    groups = pluralize(len(found.group_verdicts), "group")
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {groups} of runs")
    if figures is not None:
        print(f"{figures}: {export.save(figures, found, drawn)} files")
    for problem in found.warnings:
        print(f"note: {problem.sentence}")


def explain(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a stored run with its weights.")],
    images: Annotated[
        str | None,
        typer.Option(help="Test images, such as 0,17. [default: the first of each class]"),
    ] = None,
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the patches that are hidden.")] = 0,
    samples: Annotated[
        int, typer.Option(min=50, help="Images with hidden patches, each for LIME and SHAP.")
    ] = 1000,
) -> None:
    """Show what a trained network looks at: Grad-CAM, LIME and SHAP of test images."""
    try:
        import captum  # noqa: F401
    except ImportError as error:
        raise missing_extra("explain", "captum", "explain") from error
    from harness.report.explain.run import explain_run
    from harness.training.seeding import make_deterministic

    make_deterministic()
    print(explain_run(run_dir, images, data_dir, archive, seed, samples))


def docs(
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Write docs/statistics.md, from a simulation of minutes."),
    ] = False,
) -> None:
    """Write the generated parts of README, docs and results of a checkout."""
    from harness.report import docs as report_docs

    written = [report_docs.write_statistics()] if simulate else report_docs.write()
    for path in written:
        print(path)
    if not written:
        print("every page is up to date")
