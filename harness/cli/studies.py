"""`search` and `cross-validate`: studies of several runs on the training images alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.option_groups import EngineOptions, TrainingOptions, spread
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


@spread
def search(
    *,
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
    training: TrainingOptions,
    engine: EngineOptions,
) -> None:
    """Search for better settings of a variant on held-out training images.

    Trials are runs of a variant each, on the validation split; the test images are not used. The
    same command skips finished trials and resumes interrupted ones.
    """
    from harness.analysis.studies import search as searches
    from harness.report.tables import studies, writers
    from harness.report.text.studies import best_trial
    from harness.studies import proposals
    from harness.studies import search as trial_search
    from harness.studies import space as search_space

    options = training.run_options(validation=True)
    varied = search_space.parse(space)
    number = proposals.number_of_trials(varied, sampler, trials)
    plan = trial_search.SearchPlan(variant, varied, sampler, seed, number)
    specs = trial_search.trial_specs(plan, training_seed, options)
    grid = engine.grid(specs, options, retry_failed=training.retry_failed)
    if engine.print_plan(grid):
        return
    records, failure = _train(grid, engine)
    if records:
        ranked = searches.search_of(records)
        print(f"\n{writers.markdown(studies.trials_table(ranked))}")
        if len(records) < number:
            print(f"\n{_go_on(len(records), number, 'trials')}")
        elif ranked.finished:
            best = ranked.finished[0]
            own = best.code.variants_sha256 is not None
            place = training.variants_from if own else "variants/catalog.py"
            print(f"\n{best_trial(ranked)} To register its settings, in {place}:\n")
            print(trial_search.catalog_entry(best, plan))
    if failure is not None:
        raise failure


@spread
def cross_validate(
    *,
    variant: VariantOption = "paper",
    folds: Annotated[
        int, typer.Option(min=2, max=MAX_FOLDS, help="Parts of the training images.")
    ] = 5,
    seed: RunSeedOption = 0,
    training: TrainingOptions,
    engine: EngineOptions,
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
    from harness.studies import cross_validation
    from harness.sweep.grid import read_state

    options = training.run_options()
    specs = cross_validation.fold_specs(variant, folds, seed, options)
    grid = engine.grid(specs, options, retry_failed=training.retry_failed)
    if engine.print_plan(grid):
        return
    if read_state(grid).open:  # else no image is needed
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


def _train(grid: Grid, engine: EngineOptions) -> tuple[list[RunRecord], RunFailedError | None]:
    """Train the runs of a study.

    Returns:
        The records of those that have ended, and the error if some failed.
    """
    from harness.runs import status

    failure = None
    try:
        engine.train(grid)
    except RunFailedError as error:  # the table comes first
        failure = error
    records = (status.final_record(spec) for spec in grid.specs)
    return [record for record in records if record is not None], failure


def _go_on(ended: int, planned: int, what: str) -> str:
    return f"{ended} of {planned} {what} have ended. The same command goes on with the others."
