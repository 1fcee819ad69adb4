"""`sweep`: train a grid of variants and seeds, on this machine or a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.option_groups import EngineOptions, TrainingOptions, spread
from harness.cli.options import VARIANTS_HELP, FiguresOption, ValidationOption, draw_figures


@spread
def sweep(
    *,
    variant_names: Annotated[
        str, typer.Option("--variants", "--variant", help=VARIANTS_HELP)
    ] = "all",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0-19,30.")] = "0",
    training: TrainingOptions,
    validation: ValidationOption = False,
    figures: FiguresOption = True,
    engine: EngineOptions,
) -> None:
    """Train variants x seeds; skip finished runs and resume interrupted ones."""
    from harness.runs.options import parse_seeds, parse_variants
    from harness.sweep.grid import seeds_first

    options = training.run_options(validation=validation)
    specs = seeds_first(parse_variants(variant_names), parse_seeds(seeds), options)
    grid = engine.grid(
        specs, options, retry_failed=training.retry_failed, after_run=draw_figures(figures)
    )
    if not engine.print_plan(grid):
        engine.train(grid)
