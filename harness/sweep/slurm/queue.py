"""Submissions to Slurm: which runs each job has, and the jobs that are in the queue.

Each submission has a folder below `<results>/slurm/` with the list of its jobs' runs, written
before the jobs are submitted, and with their logs. The folder and the job array have the same name,
so that the queue is enough to find a run's job, without Slurm's accounting, which many clusters do
not have.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.files import make_directory, write_atomically
from harness.runs.spec import RunSpec
from harness.sweep.grid import Grid

FOLDER = "slurm"

_RUNS = "runs.json"

_TIMEOUT = 60  # seconds for an answer


@dataclass(frozen=True)
class Job:
    """A job that has not ended.

    Attributes:
        number: as Slurm has it, "7_3" for element 3 of array 7.
        state: Slurm's state, such as PENDING.
        location: the node, or in brackets the reason why the job is pending.
    """

    number: str
    state: str
    location: str

    @property
    def description(self) -> str:
        """Number, state and location, for messages."""
        location = f"on {self.location}" if self.state == "RUNNING" else self.location
        return f"job {self.number} {self.state.lower()} {location}".rstrip()


def new_submission(results: Path) -> Path:
    """Create the folder of a submission; folders sort by time (UTC, to the microsecond)."""
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder = results / FOLDER / f"alexnet-{stamp}-{secrets.token_hex(2)}"
    make_directory(folder)
    return folder


def save_submission(submission: Path, chunks: Sequence[Sequence[RunSpec]]) -> None:
    """Save the list of the runs of each job of a submission."""
    runs = [[_run_key(spec) for spec in chunk] for chunk in chunks]
    write_atomically(submission / _RUNS, json.dumps(runs, indent=1).encode() + b"\n")


def load_submissions(results: Path) -> dict[str, tuple[str, int]]:
    """Find the latest job of each run.

    Returns:
        {run's folder relative to the results: (submission, number of the job in it)}.

    Raises:
        InputError: if a submission's list is damaged.
    """
    latest: dict[str, tuple[str, int]] = {}
    for path in sorted((results / FOLDER).glob(f"*/{_RUNS}")):
        try:
            for number, runs in enumerate(json.loads(path.read_text())):
                latest |= dict.fromkeys(runs, (path.parent.name, number))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} is damaged ({error}): delete it.") from error
    return latest


def queued_jobs() -> dict[tuple[str, int], Job]:
    """Query Slurm for this user's jobs that have not ended, by name and number in the array.

    Raises:
        InputError: if Slurm does not answer.
    """
    # One line per job (-r); a job outside of an array has N/A for its number in the array.
    columns = "%K|%i|%T|%R|%j"
    command = ["squeue", "--noheader", "-r", f"--user={os.getuid()}", f"--format={columns}"]
    try:
        completed = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except FileNotFoundError as error:
        raise InputError(
            "squeue is not installed: run this command where Slurm is installed."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"squeue does not answer within {_TIMEOUT} s: try again.") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputError(f"squeue failed ({reason}): try again.") from error
    jobs = {}
    for line in completed.stdout.splitlines():
        index, number, state, rest = line.split("|", 3)
        location, _, name = rest.rpartition("|")
        jobs[name, int(index) if index.isdecimal() else 0] = Job(number, state, location)
    return jobs


def jobs_of(grid: Grid) -> dict[Path, Job]:
    """Find the queued or running jobs of a grid's runs, by the run's folder.

    Raises:
        InputError: if Slurm does not answer.
    """
    submissions, jobs = load_submissions(grid.options.results), queued_jobs()
    latest = {spec.directory: submissions.get(_run_key(spec)) for spec in grid.specs}
    return {folder: jobs[job_id] for folder, job_id in latest.items() if job_id in jobs}


def logs(grid: Grid) -> dict[Path, str]:
    """Glob pattern of the logs of each run's latest job, by the run's folder."""
    submissions = load_submissions(grid.options.results)
    patterns = {}
    for spec in grid.specs:
        if _run_key(spec) not in submissions:
            continue
        name, number = submissions[_run_key(spec)]
        folder = grid.options.results / FOLDER / name
        # A single job is no array: submitit's names of logs have no number of the job then.
        element = f"_{number}" if len(json.loads((folder / _RUNS).read_text())) > 1 else ""
        patterns[spec.directory] = f"{folder}/*{element}_0_log.out"
    return patterns


def _run_key(spec: RunSpec) -> str:
    """The run's folder relative to the results folder."""
    return spec.directory.relative_to(spec.results).as_posix()
