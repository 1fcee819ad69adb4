"""Giving jobs to Slurm through submitit."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

from harness.errors import InputError
from harness.grid import Grid
from harness.slurm.element import Element
from harness.slurm.request import Request


def submit(parts: Sequence[Grid], request: Request, width: int | None, folder: Path) -> str:
    """Queue one job for each part, as one array.

    Args:
        parts: what each job is to train.
        request: what each job asks for.
        width: jobs that run at once, instead of the request's.
        folder: for submitit's files and the logs; its name becomes that of the array.

    Returns:
        Slurm's number of the array.

    Raises:
        InputError: if submitit is not installed, there is no Slurm, or it refuses the request.
    """
    try:
        from submitit import SlurmExecutor
        from submitit.core.utils import FailedJobError
    except ImportError as error:
        raise InputError(
            "--engine slurm needs submitit: pip install -c constraints.txt -e '.[slurm]'."
        ) from error
    asked = dataclasses.replace(request, width=width or request.width)
    try:
        # What sbatch says is printed by submitit and in the error it raises: once is enough.
        with contextlib.redirect_stderr(io.StringIO()):
            executor = SlurmExecutor(folder=folder.absolute(), max_num_timeout=request.requeues)
            executor.update_parameters(**asked.parameters(folder.name))
            jobs = executor.submit_array([Element(part) for part in parts])
    except FailedJobError as error:
        raise InputError(f"sbatch refuses the request: {_last_line(error)}.") from error
    except (RuntimeError, FileNotFoundError) as error:  # submitit found no srun, or no sbatch
        raise InputError(f"there is no Slurm here ({_last_line(error)}).") from error
    return str(jobs[0].job_id).partition("_")[0]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason"])[-1].rstrip(".")
