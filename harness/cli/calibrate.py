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
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Make the number found the protocol's.")
    ] = False,
) -> None:
    """Find the smallest number of epochs that reaches 75 % on the validation split.

    Candidates and target stand in the decision file; the test images have no part in it. A
    candidate whose first run is hopeless gets no other seeds. Runs that are there already are
    not trained again.
    """
    from harness import progress
    from harness.analysis import calibration, calibration_record
    from harness.protocol import budget, decision
    from harness.report import tables
    from harness.report.text import markup
    from harness.runs.options import Options, parse_seeds
    from harness.sweep import session

    rule = decision.load()
    numbers = parse_seeds(seeds)
    if len(numbers) < rule.budgets.calibration_seeds:
        raise InputError(f"--seeds {seeds}: the rule wants {rule.budgets.calibration_seeds}.")
    if dataset == "digits":
        raise InputError("--dataset digits: its small protocol has no tuned number of epochs.")
    options = Options(
        dataset=dataset,
        data_dir=data_dir,
        archive=archive,
        device=device,
        results=results,
        validation=True,
        eager=eager,
    )
    reporter = progress.for_terminal()

    def train(epochs: int, seeds: Sequence[int]) -> list[RunRecord]:
        chosen = dataclasses.replace(options, epochs=epochs)
        records = []
        for outcome in session.execute([rule.accuracy.variant], seeds, chosen, reporter):
            reporter.say(outcome.line)
            records.append(outcome.record)
        return records

    found = calibration.search(numbers, train)
    path = calibration_record.save(results, found)
    print(markup.markdown(tables.columns(found)))
    target = f"{100 * found.target:g} %"
    if found.epochs is None:
        print(f"No candidate reaches {target}. The record: {path}")
        return
    print(f"The smallest budget that reaches {target}: {found.epochs} epochs. {path}")
    if adopt:
        if not calibration.is_cifar10(found):
            raise InputError("--adopt: the protocol's number is of CIFAR-10; these are own images.")
        budget.adopt(found.epochs, found.sha256(), found.dataset.title)
        print(f"The protocol has it from now on: {budget.FILE}")
