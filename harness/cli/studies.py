"""`search` and `cross-validate`: studies of several runs on the training images alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    DatasetOption,
    DeviceOption,
    DryRunOption,
    EagerOption,
    EngineOption,
    EpochsOption,
    PairsOption,
    PrecisionOption,
    ResultsOption,
    RetryFailedOption,
    SettingsOption,
    StatusOption,
    TimeLimitOption,
    VariantsFromOption,
    WorkersOption,
    print_plan,
)
from harness.errors import RunFailedError
from harness.protocol.datasets import MAX_FOLDS
from harness.runs.options import MAX_SEED
from harness.studies.space import DEFAULT

if TYPE_CHECKING:
    from harness.runs.record import RunRecord
    from harness.sweep.grid import Grid

# A seed of 32 bits, as numpy's generators take.
MAX_SAMPLER_SEED = 2**32 - 1

RunSeedOption = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of every run.")]

VariantOption = Annotated[str, typer.Option(help="The name of a variant.")]


def search(
    variant: VariantOption = "paper",
    trials: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="[default: 16, or all points of a grid]"),
    ] = None,
    space: Annotated[
        str,
        typer.Option(
            metavar="SPACE",
            help="What differs: NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE/VALUE/..., "
            "separated by commas.",
        ),
    ] = DEFAULT,
    sampler: Annotated[str, typer.Option(help="qmc (Sobol), random or grid.")] = "qmc",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SAMPLER_SEED, help="Seed of the sampler.")
    ] = 0,
    training_seed: RunSeedOption = 0,
    variants_from: VariantsFromOption = None,
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = None,
    epochs: EpochsOption = None,
    results: ResultsOption = Path("results"),
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
    """Search for better settings of a variant on held-out training images.

    Trials are runs of a variant each, on the validation split; the test images are not used. The
    same command skips finished trials and resumes interrupted ones.
    """
    from harness.analysis.studies import search as searches
    from harness.report.tables import studies, writers
    from harness.report.text.studies import best_trial
    from harness.runs.options import RunOptions
    from harness.studies import proposals
    from harness.studies import search as trial_search
    from harness.studies import space as search_space
    from harness.sweep import settings
    from harness.sweep.grid import Grid

    options = RunOptions(
        dataset=dataset,
        data_dir=data_dir,
        archive=archive,
        device=device,
        precision=precision,
        epochs=epochs,
        validation=True,
        results=results,
        eager=eager,
    )
    varied = search_space.parse(space)
    number = proposals.number_of_trials(varied, sampler, trials)
    plan = trial_search.SearchPlan(variant, varied, sampler, seed, number)
    grid = Grid(
        specs=trial_search.trial_specs(plan, training_seed, options),
        options=options,
        retry_failed=retry_failed,
        workers=workers,
        time_limit=None if time_limit is None else 60 * time_limit,
        settings=settings.read(settings_file, pairs or []),
    )
    if print_plan(grid, engine, status=status, dry_run=dry_run):
        return
    records, failure = _train(grid, engine)
    if records:
        ranked = searches.search_of(records)
        print(f"\n{writers.markdown(studies.trials_table(ranked))}")
        if len(records) < number:
            print(f"\n{_go_on(len(records), number, 'trials')}")
        elif ranked.finished:
            place = variants_from or "variants/catalog.py"
            print(f"\n{best_trial(ranked)} To register its settings, in {place}:\n")
            print(trial_search.catalog_entry(ranked.finished[0], plan))
    if failure is not None:
        raise failure


def cross_validate(
    variant: VariantOption = "paper",
    folds: Annotated[
        int, typer.Option(min=2, max=MAX_FOLDS, help="Parts of the training images.")
    ] = 5,
    seed: RunSeedOption = 0,
    variants_from: VariantsFromOption = None,
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = None,
    epochs: EpochsOption = None,
    results: ResultsOption = Path("results"),
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
    """Cross-validate a variant: each of k stratified folds of the training images is evaluated by
    a network trained on the others.

    The test images are not used. The same command skips finished folds and resumes interrupted
    ones.
    """
    from harness.analysis.studies import cross_validation as analysis
    from harness.protocol import decision
    from harness.report.tables import studies, writers
    from harness.report.text.studies import mean_of_folds
    from harness.runs.options import RunOptions
    from harness.studies import cross_validation
    from harness.sweep import settings
    from harness.sweep.grid import Grid

    options = RunOptions(
        dataset=dataset,
        data_dir=data_dir,
        archive=archive,
        device=device,
        precision=precision,
        epochs=epochs,
        results=results,
        eager=eager,
    )
    grid = Grid(
        specs=cross_validation.fold_specs(variant, folds, seed, options),
        options=options,
        retry_failed=retry_failed,
        workers=workers,
        time_limit=None if time_limit is None else 60 * time_limit,
        settings=settings.read(settings_file, pairs or []),
    )
    if print_plan(grid, engine, status=status, dry_run=dry_run):
        return
    cross_validation.require_images(folds, options)
    records, failure = _train(grid, engine)
    if records:
        study = analysis.cross_validation_of(records)
        print(f"\n{writers.markdown(studies.folds_table(study))}\n")
        if len(records) < folds:
            print(_go_on(len(records), folds, "folds"))
        else:
            print(mean_of_folds(study, decision.load().description.level))
    if failure is not None:
        raise failure


def _train(grid: Grid, engine: str) -> tuple[list[RunRecord], RunFailedError | None]:
    """Train the runs of a study.

    Returns:
        The records of those that have ended, and the error if some failed.
    """
    from harness.runs import status
    from harness.sweep import engines

    failure = None
    try:
        engines.get(engine).run(grid)
    except RunFailedError as error:  # the table comes first
        failure = error
    records = (status.final_record(spec) for spec in grid.specs)
    return [record for record in records if record is not None], failure


def _go_on(ended: int, planned: int, what: str) -> str:
    return f"{ended} of {planned} {what} have ended. The same command goes on with the others."
