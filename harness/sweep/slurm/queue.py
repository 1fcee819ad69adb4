"""Which runs were given to Slurm, and what Slurm says about them.

Each submission has a folder below `<results>/slurm/` with a list of its jobs' runs, written
before Slurm hears of them, and with their logs. Its name is that of the job array: so the
queue is read without Slurm's accounting, which many clusters do not have.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
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
        state: Slurm's word, such as PENDING.
        where: the node, or in brackets why it does not run yet.
    """

    number: str
    state: str
    where: str

    @property
    def words(self) -> str:
        """For people."""
        place = f" on {self.where}" if self.state == "RUNNING" else f" {self.where}"
        return f"job {self.number} {self.state.lower()}{place}".rstrip()


def new_submission(results: Path) -> Path:
    """A folder for a submission; later ones sort after earlier ones."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = results / FOLDER / f"alexnet-{stamp}-{secrets.token_hex(2)}"
    make_directory(folder)
    return folder


def save_submission(submission: Path, chunks: Sequence[Sequence[RunSpec]]) -> None:
    """Write down which runs each job of a submission has."""
    runs = [[_place(spec) for spec in chunk] for chunk in chunks]
    write_atomically(submission / _RUNS, json.dumps(runs, indent=1).encode() + b"\n")


def load_submissions(results: Path) -> dict[str, tuple[str, int]]:
    """The submission and the number in it of each run's latest job, by the run's place."""
    latest: dict[str, tuple[str, int]] = {}
    for path in sorted((results / FOLDER).glob(f"*/{_RUNS}")):
        try:
            for number, places in enumerate(json.loads(path.read_text())):
                latest |= dict.fromkeys(places, (path.parent.name, number))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} is damaged ({error}): delete it.") from error
    return latest


def queued_jobs() -> dict[tuple[str, int], Job]:
    """This user's jobs that have not ended, by name and number in the array.

    Raises:
        InputError: if Slurm does not answer.
    """
    # One line a job (-r); a job that is no array has N/A for its number.
    form = "%K|%i|%T|%R|%j"
    command = ["squeue", "--noheader", "-r", f"--user={os.getuid()}", f"--format={form}"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except FileNotFoundError as error:
        raise InputError("no squeue here: give this command where Slurm is installed.") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"squeue does not answer within {_TIMEOUT} s: try again.") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputError(f"squeue cannot tell what is queued ({said}): try again.") from error
    found = {}
    for line in answer.stdout.splitlines():
        index, number, state, rest = line.split("|", 3)
        where, _, name = rest.rpartition("|")
        found[name, int(index) if index.isdecimal() else 0] = Job(number, state, where)
    return found


def jobs_of(grid: Grid) -> dict[Path, Job]:
    """The job of each run of a grid that is queued or running, by the run's folder.

    Raises:
        InputError: if Slurm does not answer.
    """
    known, queued = load_submissions(grid.options.results), queued_jobs()
    found = {spec.directory: known.get(_place(spec)) for spec in grid.specs}
    return {place: queued[at] for place, at in found.items() if at in queued}


def log(grid: Grid, spec: RunSpec) -> str | None:
    """The logs of the last job that had a run, as a pattern; None if none had it."""
    at = load_submissions(grid.options.results).get(_place(spec))
    if at is None:
        return None
    name, number = at
    return f"{grid.options.results / FOLDER / name}/*_{number}_0_log.out"


def _place(spec: RunSpec) -> str:
    return spec.directory.relative_to(spec.results).as_posix()
