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
    DryRunOption,
    EagerOption,
    EngineOption,
    EpochsOption,
    FiguresOption,
    PairsOption,
    PrecisionOption,
    ResultsOption,
    RetryFailedOption,
    SettingsOption,
    StatusOption,
    TimeLimitOption,
    ValidationOption,
    VariantsFromOption,
    WorkersOption,
    print_plan,
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
    workers: WorkersOption = None,
    time_limit: TimeLimitOption = None,
    status: StatusOption = False,
    dry_run: DryRunOption = False,
    engine: EngineOption = "local",
    settings_file: SettingsOption = None,
    pairs: PairsOption = None,
) -> None:
    """Train variants x seeds; skip finished runs and resume interrupted ones."""
    from harness.runs.options import RunOptions, parse_seeds, parse_variants
    from harness.sweep import engines, settings
    from harness.sweep.grid import Grid, seeds_first

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
        settings=settings.read(settings_file, pairs or []),
    )
    if not print_plan(grid, engine, status=status, dry_run=dry_run):
        engines.get(engine).run(grid)
