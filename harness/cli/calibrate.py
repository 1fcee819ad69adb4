"""`calibrate`: choose the number of epochs on the validation split."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.option_groups import PlaceOptions, spread
from harness.cli.options import RetryFailedOption, WorkersOption
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.runs.record import RunRecord


NOT_OFFICIAL = "--budget: only for a calibration on the official CIFAR-10 images."


@spread
def calibrate(
    *,
    place: PlaceOptions,
    retry_failed: RetryFailedOption = False,
    workers: WorkersOption = None,
    budget_file: Annotated[
        Path | None,
        typer.Option(
            "--budget",
            metavar="FILE",
            help="Write the chosen number to this budget file; a checkout has it in "
            "harness/protocol/budget.toml.",
        ),
    ] = None,
) -> None:
    """Find the smallest number of epochs that reaches 75 % on the validation split.

    Candidates and target are in the decision file; the test images are not used. A candidate
    whose first run is far below the target gets no further seeds. Stored runs are not trained
    again.
    """
    from harness.analysis import calibration, calibration_record
    from harness.protocol import budget, decision
    from harness.report.tables import judged, writers
    from harness.runs import status
    from harness.runs.spec import run_specs
    from harness.sweep import engines
    from harness.sweep.grid import Grid

    rule = decision.load()
    if place.dataset == "digits":
        raise InputError("--dataset digits: its number of epochs is not tuned; choose another.")
    if budget_file is not None and place.dataset != "cifar10":
        raise InputError(NOT_OFFICIAL)
    options = place.run_options(validation=True)

    def train(runs: Sequence[tuple[int, int]]) -> list[RunRecord]:
        specs = tuple(
            spec
            for epochs, seed in runs
            for spec in run_specs(
                [rule.accuracy.variant], [seed], dataclasses.replace(options, epochs=epochs)
            )
        )
        grid = Grid(specs=specs, options=options, retry_failed=retry_failed, workers=workers)
        engines.get("local").run(grid)
        records = [status.final_record(spec) for spec in specs]
        return [record for record in records if record is not None]

    result = calibration.search(train, at_once=workers or 1)
    path = calibration_record.save(place.results, result)
    print(writers.markdown(judged.candidates_table(result.candidates)))
    target = f"{100 * result.target:g} %"
    if result.epochs is None:
        print(f"No candidate reaches {target}. Record: {path}")
        return
    print(f"The smallest budget that reaches {target}: {result.epochs} epochs. Record: {path}")
    if budget_file is not None:
        if not result.dataset.official:
            raise InputError(NOT_OFFICIAL)
        title = result.dataset.title
        budget.write(budget_file, budget.load().replaced_by(result.epochs, result.sha256(), title))
        print(f"Wrote {budget_file}")
