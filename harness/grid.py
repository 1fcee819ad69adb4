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
from harness.errors import InputError
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
    refused = "refused"


def state(plan: Plan) -> tuple[State, str]:
    """How far a run is by its folder, and why it would be refused, else nothing.

    A new try at a run that has failed is running, though the old record stands until it ends.
    """
    try:
        # Looked at first: who holds a run writes the record before letting go.
        held = lease.held(plan.directory)
        record = planning.settled(plan)
    except InputError as error:
        return State.refused, str(error)
    if record is not None and not record.failed:
        return State.done, ""
    if held:
        return State.running, ""
    return (State.open if record is None else State.failed), ""


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
    """
    lines, count = [], Counter[State]()
    for plan in grid.plans:
        how, why = state(plan)
        more = queued.get(plan.directory)
        lines.append(
            f"{plan.title}: {how}{f' ({more})' if more else ''}{f': {why}' if why else ''}"
        )
        count[how] += 1
    totals = (f"{count[how]} {how}" for how in State if count[how] or how is not State.refused)
    return [*lines, f"{len(lines)} runs: {', '.join(totals)}"]
