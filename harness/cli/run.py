"""`run`: train and evaluate variants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.option_groups import TrainingOptions, spread
from harness.cli.options import VARIANTS_HELP, FiguresOption, ValidationOption, draw_figures
from harness.errors import InputError, RunFailedError

if TYPE_CHECKING:
    from harness.runs.options import RunOptions
    from harness.runs.spec import RunSpec


@spread
def run(
    *,
    variant: Annotated[str, typer.Option("--variant", "--variants", help=VARIANTS_HELP)],
    seed: Annotated[int | None, typer.Option(min=0, help="One seed. [default: 0]")] = None,
    seeds: Annotated[str | None, typer.Option(help="Several seeds, such as 0-19,30.")] = None,
    training: TrainingOptions,
    validation: ValidationOption = False,
    figures: FiguresOption = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Measure where the time goes; write no record.")
    ] = False,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard: the figures of each epoch.")
    ] = None,
) -> None:
    """Train and evaluate variants; skip finished runs and resume interrupted ones."""
    if seed is not None and seeds is not None:
        raise InputError("give --seed or --seeds, not both.")
    from harness import progress
    from harness.runs import status
    from harness.runs.options import parse_seeds, parse_variants
    from harness.runs.spec import run_specs
    from harness.sweep import loop

    options = training.run_options(validation=validation)
    seed_list = parse_seeds(seeds if seeds is not None else str(seed or 0))
    specs = run_specs(parse_variants(variant), seed_list, options)
    if profile:
        _print_profile(specs, options)
        return
    if training.retry_failed:
        specs = [status.as_retry(spec) for spec in specs]
    failures = 0
    reporter = progress.for_terminal()
    if tensorboard is not None:
        from harness.sweep.tensorboard import TensorBoardReporter

        reporter = progress.Several(reporter, TensorBoardReporter(tensorboard, training.results))
    after_run = draw_figures(figures)
    for result in loop.train_open_runs(specs, loop.prepare(options), reporter, after_run=after_run):
        reporter.say(result.line)
        failures += result.record.failed
    if failures:
        raise RunFailedError(f"{failures} of the runs failed; --retry-failed trains them again.")


def _print_profile(specs: Sequence[RunSpec], options: RunOptions) -> None:
    from tabulate import tabulate

    from harness.sweep import loop
    from harness.training import profiler

    data = loop.prepare(options)
    start_up = profiler.age()
    for spec in specs:
        profile = profiler.measure(spec, data, start_up)
        total = sum(profile.parts.values())
        rows = [(part, s, f"{s / total:.1%}") for part, s in profile.parts.items()]
        print(f"{spec.title}: {profile.images_per_second:,.0f} images/s in training")
        if data.train.labels.is_cuda:
            print("parts of a step are timed one by one, without its graph: compare their shares")
        print(tabulate(rows, headers=("part", "seconds per run", "share"), floatfmt=",.1f"))
        print(f"\n{profile.costs}\ntrace: {profile.trace}")
