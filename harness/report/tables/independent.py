"""Table of the runs of an independent program."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.compatibility import sentences
from harness.analysis.compatibility.independent import IndependentRun
from harness.formatting import number, percent
from harness.report.tables.table import Cell, Column, Table, number_cell, table


def runs_table(runs: Sequence[IndependentRun]) -> Table:
    """Return the figures of each independent run, and how they compare with the suite's runs."""
    columns = [
        Column[IndependentRun](
            "run", "", lambda run: f"{run.setting.variant}, seed {run.setting.seed}"
        ),
        Column("epochs", "", lambda run: Cell(str(run.setting.epochs), run.setting.epochs)),
        Column("precision", "", lambda run: run.setting.precision),
        Column("torch", "", lambda run: run.setting.torch),
        Column("accuracy, %", "on the test images", lambda run: _percent(run, "accuracy")),
        Column(
            "train, %",
            "accuracy of the last epoch's network on the training images",
            lambda run: _percent(run, "train_accuracy"),
        ),
        Column("loss", "on the test images, nats", _loss),
        Column("compared", "", lambda run: sentences.line(run.comparison)),
    ]
    return table("Runs of the independent program", columns, runs, prose=True)


def _percent(run: IndependentRun, name: str) -> Cell:
    return number_cell(percent(run.values[name]), run.values[name])


def _loss(run: IndependentRun) -> Cell:
    return number_cell(number(run.values["loss"], 3), run.values["loss"])
