"""A grid of runs: what a sweep is to do, and how far the results folder says it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.runs import spec as runs_spec
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
    """What a sweep is asked to do; every engine takes one.

    Attributes:
        specs: the runs, in the order in which they are to start.
        options: those of `run`, the same for all.
        retry_failed: train again what failed before.
        after_run: called for each run that finishes, by the process that trained it; must pickle.
        workers: processes at once; None lets the engine choose.
        runs_per_gpu: runs that one GPU trains at once; None for what its free memory holds.
        time_limit: seconds after which nothing may still train; None for no limit.
        settings: what only one engine understands, by name.
    """

    specs: tuple[RunSpec, ...]
    options: RunOptions
    retry_failed: bool = False
    after_run: AfterRun | None = None
    workers: int | None = None
    runs_per_gpu: int | None = None
    time_limit: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Capacity:
    """What an engine would train a grid on.

    Attributes:
        device: its model, as records have it; None where that is not known beforehand.
        slots: runs at once.
        threads: of each run, where it trains on a CPU.
        load: runs that share what a run alone would have, such as one GPU.
    """

    device: str | None
    slots: int
    threads: int | None = None
    load: float = 1.0


def seeds_first(
    names: Sequence[str], seeds: Sequence[int], options: RunOptions
) -> tuple[RunSpec, ...]:
    """The runs of a grid, seed by seed: one that is stopped early is balanced all the same.

    Raises:
        InputError, UnknownVariantError: if a name or an option is wrong.
    """
    return tuple(p for seed in seeds for p in runs_spec.run_specs(names, [seed], options))


def status_lines(grid: Grid, queued: Mapping[Path, str]) -> list[str]:
    """How far each run is, and the totals, for people.

    Args:
        grid: the runs.
        queued: what the engine adds, by the run's folder.
    """
    lines, count = [], Counter[RunStatus]()
    for spec in grid.specs:
        how, why = run_status(spec)
        more = queued.get(spec.directory)
        lines.append(
            f"{spec.title}: {how}{f' ({more})' if more else ''}{f': {why}' if why else ''}"
        )
        count[how] += 1
    totals = (
        f"{count[how]} {how}" for how in RunStatus if count[how] or how is not RunStatus.conflict
    )
    return [*lines, f"{len(lines)} runs: {', '.join(totals)}"]
