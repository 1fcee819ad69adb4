"""A grid on this machine: long-lived workers, one for each GPU or sharing the cores.

This process holds neither torch nor data. What it knows of the runs is in the results
folder, so that a sweep that was killed at any moment goes on when it is started again, and
several sweeps may work on one grid.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError, RunFailedError
from harness.files import make_directory
from harness.runs import cleanup
from harness.runs import threads as runs_threads
from harness.sweep.estimates import RuntimeEstimator, records_near
from harness.sweep.grid import Capacity, Grid
from harness.sweep.jobs import JobQueue, queue_from_results
from harness.sweep.local import display, machine
from harness.sweep.local.machine import Place
from harness.sweep.local.pool import Crew
from harness.sweep.local.scheduler import Dispatcher


def queued(grid: Grid) -> Mapping[Path, str]:
    """Nothing: this engine has no queue, and living claims show what runs."""
    return {}


def capacity(grid: Grid) -> Capacity:
    """This machine's device, and how many runs it would train at once."""
    found = machine.look(grid.options.device)
    return machine.capacity(found, machine.places(found, grid))


def run(grid: Grid) -> None:
    """Train what is not done yet.

    Raises:
        InputError: if data or device are missing, results cannot be written, or runs were
            refused, such as one whose folder holds another run; all others were trained.
        RunFailedError: if runs failed, naming them; all others were trained.
    """
    if grid.settings:
        raise InputError(f"--engine local has no setting {', '.join(grid.settings)}.")
    deadline = time.monotonic() + (math.inf if grid.time_limit is None else grid.time_limit)
    make_directory(grid.options.results)
    ledger = queue_from_results(grid)
    cleanup.remove_leftovers(ledger.done_before)
    shown = display.for_terminal()
    if ledger.pending:
        found = machine.look(grid.options.device)
        layout = machine.places(found, grid)
        shown.say(f"{len(ledger.pending)} runs on {found.name}: {_words(layout)}")
        with Crew(grid) as crew:
            room = machine.capacity(found, layout)
            costs = RuntimeEstimator(records_near(grid), found.name, room.threads, room.load)
            dispatcher = Dispatcher(ledger, crew, layout, shown, costs, deadline)
            if dispatcher.begin():
                with shown:
                    dispatcher.work()
    _summarise(grid, ledger, shown)


def _words(layout: Sequence[Place]) -> str:
    first = layout[0]
    slots = f", {first.slots} runs each" if first.slots > 1 else ""
    threads = first.variables.get(runs_threads.THREADS)
    share = (
        f", {threads} threads each ({runs_threads.THREADS}={threads} repeats them)"
        if threads
        else ""
    )
    return f"{len(layout)} worker{'s' * (len(layout) > 1)}{slots}{share}"


def _summarise(grid: Grid, ledger: JobQueue, shown: display.PlainBoard) -> None:
    """Say what became of the grid, and raise what the exit status is to tell."""
    settled = len(ledger.done) + len(ledger.failed) + len(ledger.refused)
    rest = len(grid.specs) - settled
    shown.say(
        f"{len(grid.specs)} runs: {len(ledger.done)} done, {len(ledger.failed)} failed"
        + (f", {len(ledger.refused)} refused" if ledger.refused else "")
        + (f", {rest} left for the next time: the time limit" if rest else "")
    )
    failed = "; ".join(f"{spec.title} ({reason})" for spec, reason in ledger.failed)
    if ledger.refused:
        also = f" Failed: {failed}." if failed else ""
        raise InputError(
            f"{len(ledger.refused)} of the runs were refused: {' '.join(ledger.refused)}{also}"
        )
    if failed:
        raise RunFailedError(
            f"{len(ledger.failed)} of the runs failed: {failed}. --retry-failed trains them again."
        )
