"""A list of runs to train, an engine's capacity, and the status of each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import InputError, RunFailedError
from harness.runs import spec as runs_spec
from harness.runs import status
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, run_status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.runs.record import RunRecord

# Called with the record of a run that has just finished, its folder, and the images and labels
# that it was evaluated on.
AfterRun: TypeAlias = "Callable[[RunRecord, Path, NDArray[np.uint8], NDArray[np.int64]], None]"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The runs of a sweep and how to train them; every engine takes a grid.

    The runs may have different protocols, such as the folds of a cross-validation, but all have the
    dataset of `options`.

    Attributes:
        specs: the runs, in the order in which they start.
        options: options of all runs.
        retry_failed: train runs again that failed before.
        after_run: called for each finished run by the process that trained it; must be picklable.
        workers: number of processes; None lets the engine choose.
        time_limit: seconds after which no run may train; None for no limit.
        settings: settings of the engine, as {name: value}.
    """

    specs: tuple[RunSpec, ...]
    options: RunOptions
    retry_failed: bool = False
    after_run: AfterRun | None = None
    workers: int | None = None
    time_limit: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Capacity:
    """What an engine trains a grid on.

    Attributes:
        device: model of the device, as in records; None if it is not known in advance.
        slots: number of runs at once.
        threads: threads of each run on a CPU.
        load: number of runs that share a device.
    """

    device: str | None
    slots: int
    threads: int | None = None
    load: float = 1.0


def seeds_first(
    names: Sequence[str], seeds: Sequence[int], options: RunOptions
) -> tuple[RunSpec, ...]:
    """Specify every combination of variant and seed, ordered by seed.

    A sweep that is stopped early thus has the same seeds of every variant.

    Raises:
        InputError: if an option is invalid.
        UnknownVariantError: if a variant is not registered.
    """
    return tuple(spec for seed in seeds for spec in runs_spec.run_specs(names, [seed], options))


@dataclass(frozen=True)
class GridState:
    """The runs of a grid by what their folders say.

    Attributes:
        done: finished runs.
        failed: failed runs with the reason.
        refused: error messages of runs that cannot be trained, by folder.
        open: runs to train, in order; another process may be training them.
    """

    done: list[RunSpec] = field(default_factory=list)
    failed: list[tuple[RunSpec, str]] = field(default_factory=list)
    refused: dict[Path, str] = field(default_factory=dict)
    open: list[RunSpec] = field(default_factory=list)


def read_state(grid: Grid) -> GridState:
    """Sort the runs of a grid by their status in the results folder.

    With the grid's `retry_failed`, failed runs are open.
    """
    state = GridState()
    for spec in grid.specs:
        try:
            if grid.retry_failed:
                spec = status.as_retry(spec)
            record = status.final_record(spec)
        except InputError as error:
            state.refused[spec.directory] = str(error)
            continue
        if record is None:
            state.open.append(spec)
        elif record.failed:
            state.failed.append((spec, str(record.reason)))
        else:
            state.done.append(spec)
    return state


def raise_errors(refused: Collection[str], failed: Sequence[str], advice: str = "") -> None:
    """Raise one error for all runs without a result, which decides the exit status.

    Args:
        refused: error messages of runs that could not be trained.
        failed: titles of the others, with the reason.
        advice: what to do about those.

    Raises:
        InputError: if runs were refused.
        RunFailedError: if runs only failed.
    """
    also = f"{len(failed)} of the runs have no result: {'; '.join(failed)}. {advice}".strip()
    if refused:
        said = f"{len(refused)} of the runs were refused: {' '.join(refused)}"
        raise InputError(f"{said} {also}" if failed else said)
    if failed:
        raise RunFailedError(also)


def status_lines(grid: Grid, queued: Mapping[Path, str]) -> list[str]:
    """Format the status of each run, and the totals.

    Args:
        grid: the runs.
        queued: the engine's phrase about a run, by the run's folder; see `Engine.queued`.
    """
    lines, count = [], Counter[RunStatus]()
    for spec in grid.specs:
        status, problem = run_status(spec)
        line = f"{spec.title}: {status}"
        if spec.directory in queued:
            line += f" ({queued[spec.directory]})"
        if problem:
            line += f": {problem}"
        lines.append(line)
        count[status] += 1
    totals = (
        f"{count[status]} {status}"
        for status in RunStatus
        if count[status] or status is not RunStatus.conflict
    )
    return [*lines, f"{len(lines)} runs: {', '.join(totals)}"]
