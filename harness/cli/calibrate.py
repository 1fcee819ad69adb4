"""`calibrate`: the one tuned number."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    ArchiveOption,
    DataDirOption,
    DatasetOption,
    DeviceOption,
    EagerOption,
    ResultsOption,
)
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.runs.record import RunRecord


def calibrate(
    dataset: DatasetOption = "cifar10",
    data_dir: DataDirOption = None,
    archive: ArchiveOption = None,
    device: DeviceOption = "auto",
    results: ResultsOption = Path("results"),
    seeds: Annotated[str, typer.Option(help="At least three.")] = "0-2",
    eager: EagerOption = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at once. [default: one a GPU, or one on the CPU]"),
    ] = None,
    budget_file: Annotated[
        Path | None,
        typer.Option(
            "--budget",
            metavar="FILE",
            help="Write the number found as a budget file; a checkout's own is "
            "harness/protocol/budget.toml.",
        ),
    ] = None,
) -> None:
    """Find the smallest number of epochs that reaches 75 % on the validation split.

    Candidates and target are in the decision file; the test images have no part in it. A
    candidate whose first run is hopeless gets no other seeds. Runs that are there already are
    not trained again.
    """
    from harness.analysis import calibration, calibration_record
    from harness.protocol import budget, decision
    from harness.report import tables
    from harness.report.text import markup
    from harness.runs import status
    from harness.runs.options import RunOptions, parse_seeds
    from harness.runs.spec import run_specs
    from harness.sweep import engines
    from harness.sweep.grid import Grid

    rule = decision.load()
    numbers = parse_seeds(seeds)
    if len(numbers) < rule.budgets.calibration_seeds:
        raise InputError(f"--seeds {seeds}: the rule wants {rule.budgets.calibration_seeds}.")
    if dataset == "digits":
        raise InputError("--dataset digits: its small protocol has no tuned number of epochs.")
    options = RunOptions(
        dataset=dataset,
        data_dir=data_dir,
        archive=archive,
        device=device,
        results=results,
        validation=True,
        eager=eager,
    )

    def train(runs: Sequence[tuple[int, int]]) -> list[RunRecord]:
        chosen = tuple(
            spec
            for epochs, seed in runs
            for spec in run_specs(
                [rule.accuracy.variant], [seed], dataclasses.replace(options, epochs=epochs)
            )
        )
        grid = Grid(specs=chosen, options=options, workers=workers)
        engines.get("local").run(grid)
        records = [status.final_record(spec) for spec in chosen]
        return [record for record in records if record is not None]

    found = calibration.search(numbers, train, at_once=workers or 1)
    path = calibration_record.save(results, found)
    print(markup.markdown(tables.columns(found)))
    target = f"{100 * found.target:g} %"
    if found.epochs is None:
        print(f"No candidate reaches {target}. The record: {path}")
        return
    print(f"The smallest budget that reaches {target}: {found.epochs} epochs. {path}")
    if budget_file is not None:
        if not found.dataset.official:
            raise InputError("--budget: the number is tuned on the official CIFAR-10 images alone.")
        title = found.dataset.title
        budget.write(budget_file, budget.load().replaced_by(found.epochs, found.sha256(), title))
        print(f"Written: {budget_file}")
