"""A grid on a Slurm cluster: one job array, started through submitit.

Slurm decides what runs where and when; the results folder, which all nodes share, says what
is done. Nothing but the two is needed to follow a sweep or to go on with it.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError, RunFailedError
from harness.files import make_directory
from harness.runs import cleanup
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, run_status
from harness.sweep.grid import Capacity, Grid
from harness.sweep.jobs import queue_from_results
from harness.sweep.slurm import queue
from harness.sweep.slurm.request import Request

# Seconds between two looks at the queue: each is work for the whole cluster's controller.
POLL = 5.0

# Looks in a row that may go without an answer, as while the controller restarts.
SILENT = 12


def capacity(grid: Grid) -> Capacity:
    """As many runs at once as jobs may be; on what is known only when they have started."""
    request = Request.of(grid.settings)
    jobs = -(-len(grid.specs) // request.chunk)
    return Capacity(None, min(grid.workers or request.width or jobs, jobs) or 1)


def queued(grid: Grid) -> Mapping[Path, str]:
    """What the queue says about runs, and which have left it without an end.

    Raises:
        InputError: if Slurm does not answer.
    """
    jobs = queue.jobs_of(grid)
    words = {}
    for spec in grid.specs:
        how, _ = run_status(spec)
        if how not in (RunStatus.pending, RunStatus.running):
            continue  # its job may have other runs
        if spec.directory in jobs:
            words[spec.directory] = jobs[spec.directory].words
        elif how is RunStatus.pending and (log := queue.log(grid, spec)):
            words[spec.directory] = f"its job has ended, see {log}"
    return words


def run(grid: Grid) -> None:
    """Queue what is neither done nor queued.

    Raises:
        InputError: if Slurm or submitit is missing or refuses the request, or runs were
            refused, such as one whose folder holds another run; all others are queued.
        RunFailedError: with the setting `wait`, if runs failed or their jobs ended early.
    """
    request = Request.of(grid.settings)
    if grid.time_limit is not None:
        raise InputError("--time-limit is this machine's: --set time=MIN limits a Slurm job.")
    if (grid.runs_per_gpu or 1) > 1:
        raise InputError("--runs-per-gpu is this machine's: a Slurm job trains one run at a time.")
    make_directory(grid.options.results)
    ledger = queue_from_results(grid)
    cleanup.remove_leftovers(ledger.found)
    there = queue.jobs_of(grid)
    rest = [job.spec for job in ledger.pending if job.spec.directory not in there]
    open_ = [spec for spec in rest if run_status(spec)[0] is not RunStatus.running]
    already = [
        f"{count} {words}"
        for count, words in (
            (len(ledger.done), "done"),
            (len(ledger.failed), "failed"),
            (len(ledger.pending) - len(rest), "queued before"),
            (len(rest) - len(open_), "trained by another process"),
        )
        if count
    ]
    print(f"{len(grid.specs)} runs: {', '.join([*already, f'{len(open_)} to queue'])}", flush=True)
    if open_:
        _submit(dataclasses.replace(grid, specs=tuple(open_)), request)
    if request.wait:
        silence = _wait(grid)
        _tell(ledger.refused, [] if silence else _failed(grid), silence)
    else:
        _tell(ledger.refused)


def _submit(grid: Grid, request: Request) -> None:
    from harness.sweep.slurm.job import submit

    step = request.chunk
    chunks = [grid.specs[i : i + step] for i in range(0, len(grid.specs), step)]
    folder = queue.new_submission(grid.options.results)
    queue.save_submission(folder, chunks)
    try:
        number = submit([_part(grid, chunk) for chunk in chunks], request, grid.workers, folder)
    except InputError:
        shutil.rmtree(folder)  # or the runs would look as if they had been queued
        raise
    print(f"{len(grid.specs)} runs queued in {len(chunks)} jobs: Slurm job {number}, logs {folder}")
    print(f"--status with the same options shows how far they are; scancel {number} ends them")


def _part(grid: Grid, specs: Sequence[RunSpec]) -> Grid:
    """A job's part of the grid, with paths that hold wherever the job starts."""
    options = grid.options.absolute()
    return dataclasses.replace(
        grid,
        specs=tuple(dataclasses.replace(spec, results=options.results) for spec in specs),
        options=options,
    )


def _wait(grid: Grid) -> str:
    """Return when no run of the grid is queued; a line whenever something has changed.

    Returns:
        What is wrong if Slurm has stopped to answer, else nothing.
    """
    shown, silent = "", 0
    while True:
        try:
            jobs = queue.jobs_of(grid)
        except InputError as error:
            silent += 1
            if silent > SILENT:
                return str(error)
            time.sleep(POLL)
            continue
        silent = 0
        ledger = queue_from_results(dataclasses.replace(grid, retry_failed=False))
        done = len(ledger.done) + len(ledger.failed)
        running = sum(job.state == "RUNNING" for job in jobs.values())
        line = f"{done} of {len(grid.specs)} runs have ended, {running} are in running jobs"
        if line != shown:
            print(line, flush=True)
            shown = line
        if not jobs:
            return ""
        time.sleep(POLL)


def _failed(grid: Grid) -> list[str]:
    """Runs that have no result when all jobs have ended, and why."""
    ledger = queue_from_results(dataclasses.replace(grid, retry_failed=False))
    faults = [f"{spec.title} ({reason})" for spec, reason in ledger.failed]
    return faults + [
        f"{job.spec.title} (not done, see {queue.log(grid, job.spec)})" for job in ledger.pending
    ]


def _tell(refused: Sequence[str], failed: Sequence[str] = (), silence: str = "") -> None:
    """Raise what the exit status is to tell, all in one message."""
    parts = [silence] if silence else []
    if refused:
        parts.append(f"{len(refused)} of the runs were refused: {' '.join(refused)}")
    wrong_input = bool(parts)
    if failed:
        parts.append(f"{len(failed)} of the runs have no result: {'; '.join(failed)}.")
    if wrong_input:
        raise InputError(" ".join(parts))
    if failed:
        raise RunFailedError(" ".join(parts))
