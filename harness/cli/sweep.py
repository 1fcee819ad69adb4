"""`sweep`: train a grid of variants and seeds, on this machine or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import (
    VARIANTS_HELP,
    ArchiveOption,
    DataDirOption,
    DatasetOption,
    DeviceOption,
    EagerOption,
    EpochsOption,
    FiguresOption,
    PrecisionOption,
    ResultsOption,
    RetryFailedOption,
    ValidationOption,
    VariantsFromOption,
)


def sweep(
    variant_names: Annotated[
        str, typer.Option("--variants", "--variant", help=VARIANTS_HELP)
    ] = "all",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-19,30.")] = "0",
    variants_from: VariantsFromOption = None,
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = None,
    epochs: EpochsOption = None,
    validation: ValidationOption = False,
    results: ResultsOption = Path("results"),
    figures: FiguresOption = True,
    retry_failed: RetryFailedOption = False,
    eager: EagerOption = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Worker processes; they share the CPU's cores or the GPUs. "
            "[default: one per GPU, or one on the CPU]",
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0, metavar="MIN", help="Start no run that would end later than this."),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Print the status of each run; train nothing.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the runs and their estimated cost; train nothing."),
    ] = False,
    engine: Annotated[str, typer.Option(help="local or slurm.")] = "local",
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="TOML file with settings for the engine.")
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting for the engine, such as time=120."
        ),
    ] = None,
) -> None:
    """Train variants x seeds; skip finished runs and resume interrupted ones."""
    from harness.runs.options import RunOptions, parse_seeds, parse_variants
    from harness.sweep import engines, estimates
    from harness.sweep.grid import Grid, seeds_first, status_lines

    options = RunOptions(
        dataset=dataset,
        data_dir=data_dir,
        archive=archive,
        device=device,
        precision=precision,
        epochs=epochs,
        validation=validation,
        results=results,
        eager=eager,
    )
    after_run = None
    if figures:
        from harness.report.figures import of_run

        after_run = of_run.draw
    grid = Grid(
        specs=seeds_first(parse_variants(variant_names), parse_seeds(seeds), options),
        options=options,
        retry_failed=retry_failed,
        after_run=after_run,
        workers=workers,
        time_limit=None if time_limit is None else 60 * time_limit,
        settings=engines.read(settings_file, pairs or []),
    )
    chosen = engines.get(engine)
    if status:
        print("\n".join(status_lines(grid, chosen.queued(grid))))
    elif dry_run:
        print("\n".join(estimates.dry_run_report(grid, chosen.capacity(grid))))
    else:
        chosen.run(grid)
