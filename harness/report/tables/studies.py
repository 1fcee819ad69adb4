"""Tables of studies: the trials of a search, the folds of a cross-validation."""

from __future__ import annotations

import math
from functools import partial

from harness.analysis.studies.cross_validation import CrossValidation
from harness.analysis.studies.search import Search, index
from harness.formatting import EMPTY, number, percent, printable
from harness.report.tables.table import Cell, Column, Table, number_cell, table
from harness.runs.record import RunRecord


def trials_table(search: Search) -> Table:
    """Return the trials of a search with their settings, best first."""
    columns = [Column[RunRecord]("trial", "", _index)]
    columns += [Column(name, "", partial(_setting, name)) for name in search.varied]
    columns += [
        Column("validation accuracy, %", "", _accuracy),
        Column("loss", "", _loss),
        Column("failed", "", _failure),
    ]
    return table("The trials, best first", columns, search.trials)


def folds_table(study: CrossValidation) -> Table:
    """Return the folds of a cross-validation."""
    columns = [
        Column[RunRecord]("fold", "", _index),
        Column("trained on", "images", lambda run: _size(run.dataset.train_size)),
        Column("evaluated on", "images", lambda run: _size(run.dataset.test_size)),
        Column("accuracy, %", "", _accuracy),
        Column("loss", "", _loss),
        Column("failed", "", _failure),
    ]
    return table("The folds", columns, study.runs)


def _size(images: int) -> Cell:
    return Cell(f"{images:,}", images)


def _failure(run: RunRecord) -> str:
    return EMPTY if run.reason is None else printable(run.reason)


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
