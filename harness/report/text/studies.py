"""Sentences on searches and cross-validations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.analysis.studies.cross_validation import CrossValidation
from harness.analysis.studies.search import Search, index
from harness.formatting import percent, pluralize, printable

# Characters of a setting of a study; records may hold any.
_LIMIT = 300


def best_trial(search: Search) -> str:
    """Say which trial is the best, of how many, and what its accuracy is worth as an estimate."""
    total = len(search.trials)
    if not search.finished:
        return f"None of the {pluralize(total, 'trial')} finished."
    best = search.finished[0]
    assert best.metrics is not None
    planned = search.planned
    of = f" of {planned} planned" if planned is not None and planned != total else ""
    failed = total - len(search.finished)
    return (
        f"Best of {pluralize(total, 'trial')}{of}{f' ({failed} failed)' if failed else ''}: trial "
        f"{index(best)}, {percent(best.metrics.accuracy)} % on the validation split. The best of "
        "several is chosen partly by luck, so this figure is too high on average."
    )


def mean_of_folds(study: CrossValidation, level: float) -> str:
    """State the mean over the folds with its corrected interval, or that it is not known yet.

    Args:
        study: the cross-validation.
        level: of the interval.
    """
    estimate = study.estimate(level)
    if estimate is None:
        finished = sum(run.metrics is not None for run in study.runs)
        return f"{finished} of {study.folds} folds have finished: no mean yet."
    corrected, plain = (
        f"{percent(max(low, 0))} to {percent(min(high, 1))} %"
        for low, high in (estimate.corrected, estimate.plain)
    )
    return (
        f"Mean accuracy over {study.folds} folds: {percent(estimate.mean)} %, corrected "
        f"{100 * level:g} % interval {corrected} (as if folds were independent: {plain})."
    )


def plan(settings: Mapping[str, Any]) -> str:
    """List the settings of a study in one line."""
    return printable(_listed(settings), _LIMIT)


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} ({_listed(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in settings.items()
    )
