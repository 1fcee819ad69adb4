"""Tables of studies: the trials of a search, the folds of a cross-validation."""

from __future__ import annotations

import math
from functools import partial

from harness.analysis.studies.search import Search, index
from harness.formatting import EMPTY, number, percent
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.runs.record import RunRecord


def trials_table(search: Search) -> Table:
    """Return the trials of a search with their settings, best first."""
    columns = [Column[RunRecord]("trial", "", _index)]
    columns += [Column(name, "", partial(_setting, name)) for name in search.varied]
    columns += [
        Column("validation accuracy, %", "", _accuracy),
        Column("loss", "", _loss),
        Column("failed", "", lambda trial: EMPTY if trial.reason is None else trial.reason),
    ]
    return table("The trials, best first", columns, search.trials)


def _index(run: RunRecord) -> Cell:
    return Cell(str(index(run)), index(run))


def _setting(name: str, trial: RunRecord) -> Cell:
    value = trial.settings[name]
    return Cell(f"{value:g}", value)


def _accuracy(run: RunRecord) -> Cell:
    value = math.nan if run.metrics is None else run.metrics.accuracy
    return number_cell(percent(value), value)


def _loss(run: RunRecord) -> Cell:
    value = math.nan if run.metrics is None else run.metrics.loss
    return number_cell(number(value, 4), value)
