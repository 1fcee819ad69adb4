"""A Slurm job: trains its runs one after the other, as `run` does.

A job may be killed at any moment, since the state after each epoch is saved. submitit, which starts
this in the job, requeues the job when its time limit is reached; Slurm itself requeues it after a
preemption or the loss of a node.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError, RunFailedError, missing_extra
from harness.sweep.grid import Grid
from harness.sweep.slurm.request import Request

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


class SlurmJob:
    """The runs of a job and how to train them; submitit pickles it for the node.

    Args:
        grid: a grid with only the runs of this job.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __call__(self) -> None:
        """Train all runs that are not done; wait for runs that another process trains.

        Raises:
            InputError: if the data or the device are missing.
            RunFailedError: if a run failed or was refused; the others were trained, except those
                after an out-of-memory error (see `harness.training.device`).
        """
        from harness import progress
        from harness.sweep.loop import prepare, train_open_runs

        reporter = progress.for_terminal()
        data = prepare(self.grid.options)
        errors: list[str] = []
        results = train_open_runs(
            self.grid.specs,
            data,
            reporter,
            after_run=self.grid.after_run,
            on_refusal=lambda spec, error: errors.append(str(error)),
        )
        try:
            for result in results:
                reporter.say(result.line)
                if result.record.failed:
                    errors.append(result.line)
        except RunFailedError as error:  # no other run can start in this process
            errors.append(str(error))
        if errors:
            raise RunFailedError("\n".join(errors))

    def checkpoint(self) -> DelayedSubmission:
        """The job that submitit requeues at the time limit; the records say what is left to do."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class UnknownJobError(InputError):
    """Slurm may have queued the jobs, and its answer does not say so."""


def submit(parts: Sequence[Grid], request: Request, width: int | None, folder: Path) -> str:
    """Submit one job array with a job for each part.

    Args:
        parts: the part of the grid that each job trains.
        request: resources of each job.
        width: number of jobs at once; None for the request's.
        folder: folder for submitit's files and the logs; its name is also the array's.

    Returns:
        Slurm's number of the array.

    Raises:
        UnknownJobError: if Slurm's answer is not understood, or the folder cannot be written; the
            jobs may be queued.
        InputError: if submitit or Slurm is missing, or Slurm rejects the request.
    """
    try:
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError
    except ImportError as error:
        raise missing_extra("--engine slurm", "submitit", "slurm") from error
    # Without a number submitit would run at most 256 jobs at once.
    request = request.model_copy(update={"width": width or request.width or len(parts)})
    try:
        # submitit prints the output of sbatch and also raises it as an error: once is enough.
        with contextlib.redirect_stderr(io.StringIO()):
            executor = SlurmExecutor(folder=folder.absolute(), max_num_timeout=request.requeues)
            executor.update_parameters(**request.parameters(folder.name))
            jobs = executor.submit_array([SlurmJob(part) for part in parts])
    except FailedJobError as error:
        raise InputError(f"sbatch rejects the request: {_last_line(error)}.") from error
    except FailedSubmissionError as error:  # the jobs may be queued
        raise UnknownJobError(
            f"sbatch gave an answer that is not understood ({_last_line(error)}): --status shows "
            "whether the runs are queued."
        ) from error
    except (RuntimeError, FileNotFoundError) as error:  # srun or sbatch is missing
        raise InputError(
            f"Slurm is not installed ({_last_line(error)}): run this where it is."
        ) from error
    except OSError as error:  # submitit also writes after sbatch has queued the jobs
        raise UnknownJobError(
            f"submitit cannot use {folder} ({error.strerror}): --status shows whether the runs are "
            "queued."
        ) from error
    return str(jobs[0].job_id).partition("_")[0]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason"])[-1].rstrip(".")
