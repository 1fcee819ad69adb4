"""Train a grid on this machine, by one worker for each GPU or by workers that share the CPU cores.

This process has neither torch nor data. All it knows about the runs is in the results folder, so
that a sweep that was killed at any moment continues when it is started again, and several sweeps
may train one grid.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.files import make_directory
from harness.formatting import pluralize
from harness.runs import cleanup
from harness.runs.threads import THREADS
from harness.sweep.grid import Capacity, Grid, GridState, raise_errors, read_state
from harness.sweep.local import machine
from harness.sweep.local.display import PlainDisplay, for_terminal
from harness.sweep.local.machine import Placement
from harness.sweep.local.pool import Pool
from harness.sweep.local.runs import OpenRuns
from harness.sweep.local.supervisor import Supervisor


def queued(grid: Grid) -> Mapping[Path, str]:
    """Nothing: this engine has no queue, and locks show what runs."""
    return {}


def capacity(grid: Grid) -> Capacity:
    """This machine's device, and how many runs it would train at once."""
    device = machine.detect_device(grid.options.device)
    return machine.capacity(device, machine.plan_placements(device, grid))


def run(grid: Grid) -> None:
    """Train all runs that are not done.

    Raises:
        InputError: if data or device are missing, results cannot be written, or runs were
            refused, such as one whose folder holds another run; all others were trained.
        RunFailedError: if runs failed, naming them; all others were trained.
    """
    if grid.settings:
        raise InputError(f"--engine local has no setting {', '.join(grid.settings)}.")
    deadline = time.monotonic() + (math.inf if grid.time_limit is None else grid.time_limit)
    make_directory(grid.options.results)
    state = read_state(grid)
    cleanup.remove_leftovers(state.done)
    display = for_terminal()
    if not state.open:
        _conclude(grid, state, display)
        return
    device = machine.detect_device(grid.options.device)
    placements = machine.plan_placements(device, grid)
    display.say(f"{pluralize(len(state.open), 'run')} on {device.name}: {_workers(placements)}")
    capacity = machine.capacity(device, placements)
    supervisor = Supervisor(grid, state, placements, capacity, display, deadline, Pool())
    with display:
        supervisor.train()
    after = read_state(dataclasses.replace(grid, retry_failed=False))
    _conclude(grid, after, display, supervisor.runs)


def _workers(placements: Sequence[Placement]) -> str:
    threads = placements[0].variables.get(THREADS)
    share = f", {threads} threads each ({THREADS}={threads} repeats them)" if threads else ""
    return pluralize(len(placements), "worker") + share


def _conclude(
    grid: Grid, state: GridState, display: PlainDisplay, runs: OpenRuns | None = None
) -> None:
    """Print the totals, and raise the error that decides the exit status."""
    refused = dict(state.refused)
    failed = {spec.directory: (spec, reason) for spec, reason in state.failed}
    if runs is not None:
        refused |= runs.refused
        # Another worker may have recorded or even finished such a run meanwhile.
        open_ = {spec.directory for spec in state.open}
        failed |= {run[0].directory: run for run in runs.unrecorded if run[0].directory in open_}
    failures = [run for folder, run in failed.items() if folder not in refused]
    done = [spec for spec in state.done if spec.directory not in refused]
    rest = len(grid.specs) - len(done) - len(failures) - len(refused)
    display.say(
        f"{len(grid.specs)} runs: {len(done)} done, {len(failures)} failed"
        + (f", {len(refused)} refused" if refused else "")
        + (f", {rest} left for the next time: the time limit" if rest else "")
    )
    raise_errors(
        refused.values(),
        [f"{spec.title} ({reason})" for spec, reason in failures],
        "--retry-failed trains them again.",
    )
