"""Train a grid on a Slurm cluster, as one job array submitted through submitit.

Slurm decides where and when jobs run; the results folder, which all nodes share, says which runs
are done. Nothing else is needed to follow a sweep or to resume it.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import InputError
from harness.files import make_directory
from harness.runs import cleanup
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, run_status
from harness.sweep.grid import Capacity, Grid, raise_errors, read_state
from harness.sweep.slurm import queue
from harness.sweep.slurm.request import Request

# Seconds between two queries of the queue: each is work for the whole cluster's controller.
POLL_SECONDS = 5.0

# Queries in a row that may fail, for example while the controller restarts.
MAX_FAILED_QUERIES = 12


def capacity(grid: Grid) -> Capacity:
    """Capacity of the jobs; their device is not known before they start."""
    request = Request.from_settings(grid.settings)
    jobs = -(-len(grid.specs) // request.chunk)
    return Capacity(None, min(grid.workers or request.width or jobs, jobs) or 1)


def queued(grid: Grid) -> Mapping[Path, str]:
    """Describe the job of each unfinished run, or that it has ended.

    Raises:
        InputError: if Slurm does not answer.
    """
    jobs, logs = queue.jobs_of(grid), queue.logs(grid)
    descriptions = {}
    for spec in grid.specs:
        status, _ = run_status(spec)
        if status not in (RunStatus.pending, RunStatus.running):
            continue  # its job may have other runs
        if spec.directory in jobs:
            descriptions[spec.directory] = jobs[spec.directory].description
        elif status is RunStatus.pending and spec.directory in logs:
            descriptions[spec.directory] = f"its job has ended, see {logs[spec.directory]}"
    return descriptions


def run(grid: Grid) -> None:
    """Submit a job array for all runs that are neither done nor queued.

    Raises:
        InputError: if Slurm or submitit is missing or rejects the request, or if runs were refused,
            such as one whose folder holds another run; all others are queued.
        RunFailedError: with the setting `wait`, if runs failed or their jobs ended early.
    """
    request = Request.from_settings(grid.settings)
    if grid.time_limit is not None:
        raise InputError(
            "--time-limit needs --engine local; use --set time=MIN to limit a Slurm job."
        )
    make_directory(grid.options.results)
    state = read_state(grid)
    cleanup.remove_leftovers(state.done)
    queued_folders = queue.jobs_of(grid)
    not_queued = [spec for spec in state.open if spec.directory not in queued_folders]
    to_queue = [spec for spec in not_queued if run_status(spec)[0] is not RunStatus.running]
    counts = [
        f"{count} {status}"
        for count, status in (
            (len(state.done), "done"),
            (len(state.failed), "failed"),
            (len(state.open) - len(not_queued), "queued before"),
            (len(not_queued) - len(to_queue), "trained by another process"),
        )
        if count
    ]
    counts.append(f"{len(to_queue)} to queue")
    print(f"{len(grid.specs)} runs: {', '.join(counts)}", flush=True)
    if to_queue:
        _submit(dataclasses.replace(grid, specs=tuple(to_queue)), request)
    refused = list(state.refused.values())
    if request.wait:
        query_error = _wait(grid)
        if query_error:
            raise InputError(" ".join([query_error, *refused]))
        raise_errors(refused, _without_result(grid))
    raise_errors(refused, [])


def _submit(grid: Grid, request: Request) -> None:
    from harness.sweep.slurm.job import UnknownJobError, submit

    step = request.chunk
    chunks = [grid.specs[i : i + step] for i in range(0, len(grid.specs), step)]
    folder = queue.new_submission(grid.options.results)
    queue.save_submission(folder, chunks)
    try:
        number = submit([_part(grid, chunk) for chunk in chunks], request, grid.workers, folder)
    except UnknownJobError:
        raise  # jobs that are queued need the folder
    except InputError:
        shutil.rmtree(folder)  # otherwise --status would name a job that never was
        raise
    print(f"{len(grid.specs)} runs queued in {len(chunks)} jobs: Slurm job {number}, logs {folder}")
    print(f"--status with the same options shows their status; scancel {number} cancels them")


def _part(grid: Grid, specs: Sequence[RunSpec]) -> Grid:
    """The part of the grid for one job, with absolute paths."""
    options = grid.options.absolute()
    return dataclasses.replace(
        grid,
        specs=tuple(dataclasses.replace(spec, results=options.results) for spec in specs),
        options=options,
    )


def _wait(grid: Grid) -> str:
    """Wait until no run of the grid is queued; print a line at each change.

    Returns:
        The error message if Slurm no longer answers, else "".
    """
    last_line, failed_queries = "", 0
    while True:
        try:
            jobs = queue.jobs_of(grid)
        except InputError as error:
            failed_queries += 1
            if failed_queries > MAX_FAILED_QUERIES:
                return str(error)
            time.sleep(POLL_SECONDS)
            continue
        failed_queries = 0
        state = read_state(dataclasses.replace(grid, retry_failed=False))
        done = len(state.done) + len(state.failed)
        running = sum(job.state == "RUNNING" for job in jobs.values())
        line = f"{done} of {len(grid.specs)} runs have ended, {running} are in running jobs"
        if line != last_line:
            print(line, flush=True)
            last_line = line
        if not jobs:
            return ""
        time.sleep(POLL_SECONDS)


def _without_result(grid: Grid) -> list[str]:
    """The runs without a result after all jobs have ended, with the reason."""
    state = read_state(dataclasses.replace(grid, retry_failed=False))
    logs = queue.logs(grid)
    failures = [f"{spec.title} ({reason})" for spec, reason in state.failed]
    return failures + [
        f"{spec.title} (not done, see {logs.get(spec.directory, 'its log')})" for spec in state.open
    ]
