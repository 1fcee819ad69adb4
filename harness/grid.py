"""A grid of runs: what a sweep is to do, and how far the results folder says it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness import lease
from harness import plan as planning
from harness.plan import Options, Plan


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What a sweep is asked to do; every engine takes one.

    Attributes:
        plans: the runs, in the order in which they are to start.
        options: those of `run`, the same for all.
        retry_failed: train again what failed before.
        figures: draw pictures of each run.
        workers: processes at once; None lets the engine choose.
        runs_per_gpu: runs that one GPU trains at once; None for what its free memory holds.
        time_limit: seconds after which nothing may still train; None for no limit.
        settings: what only one engine understands, by name.
    """

    plans: tuple[Plan, ...]
    options: Options
    retry_failed: bool = False
    figures: bool = True
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


class State(StrEnum):
    """How far a run is."""

    done = "done"
    failed = "failed"
    running = "running"
    open = "open"


def state(plan: Plan) -> State:
    """What the run's folder says about it.

    Raises:
        InputError: if the folder holds a record that is damaged or of another run.
    """
    record = planning.stored(plan)
    if record is not None:
        return State.failed if record.failed else State.done
    return State.running if lease.held(plan.directory) else State.open


def seeds_first(names: Sequence[str], seeds: Sequence[int], options: Options) -> tuple[Plan, ...]:
    """The plans of a grid, seed by seed: one that is stopped early is balanced all the same.

    Raises:
        InputError, UnknownVariantError: if a name or an option is wrong.
    """
    return tuple(p for seed in seeds for p in planning.plans(names, [seed], options))


def status_lines(grid: Grid, queued: Mapping[Path, str]) -> list[str]:
    """How far each run is, and the totals, for people.

    Args:
        grid: the runs.
        queued: what the engine adds, by the run's folder.

    Raises:
        InputError: if a folder holds a record that is damaged or of another run.
    """
    found = [(plan, state(plan)) for plan in grid.plans]
    lines = []
    for plan, how in found:
        more = queued.get(plan.directory)
        lines.append(f"{plan.title}: {how}{f' ({more})' if more else ''}")
    count = Counter(how for _, how in found)
    totals = ", ".join(f"{count[how]} {how}" for how in State)
    return [*lines, f"{len(found)} runs: {totals}"]
