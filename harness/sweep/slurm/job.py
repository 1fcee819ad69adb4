"""What one job does: the same as `run`, for its runs.

A job may end at any moment: the state after each epoch lies on the disk. submitit, which
starts this in the job, has Slurm queue the job again when its time is up, and Slurm does so
itself after a preemption or the loss of a node.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError, RunFailedError
from harness.sweep.grid import Grid
from harness.sweep.slurm.request import Request

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


class SlurmJob:
    """A job's runs and how to train them; submitit carries it to the node.

    Args:
        grid: with the runs of this job alone.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._settled: set[Path] = set()

    def __call__(self) -> None:
        """Train what is not done yet; wait for what another process trains.

        Raises:
            InputError: if data or device are missing.
            RunFailedError: if a run failed or was refused; the others were trained, but for those
                that come after a memory that ran out (see `harness.training.device`).
        """
        from harness import progress
        from harness.sweep import session

        reporter = progress.for_terminal()
        bench = session.open_session(self.grid.options)
        faults: list[str] = []
        waits: set[Path] = set()
        left = deque(self.grid.specs)
        while left:
            spec = left.popleft()
            try:
                outcome = session.train_if_needed(
                    spec, bench, reporter, after_run=self.grid.after_run
                )
            except InputError as error:
                faults.append(str(error))
                continue
            except RunFailedError as error:  # nor will any other run begin in this process
                faults += [str(error), *(f"{p.title}: not trained" for p in (spec, *left))]
                break
            if outcome is None:
                if spec.directory not in waits:
                    reporter.say(f"{spec.title}: another process trains it; waiting")
                waits.add(spec.directory)
                left.append(spec)
                time.sleep(session.POLL)
                continue
            self._settled.add(spec.directory)
            reporter.say(outcome.line)
            if outcome.record.failed:
                faults.append(outcome.line)
        if faults:
            raise RunFailedError("\n".join(faults))

    def checkpoint(self) -> DelayedSubmission:
        """What submitit has Slurm start again when the time is up: the runs that are left.

        Without those that ended here, since one of them may have been a failed run's new try.
        """
        from submitit.helpers import DelayedSubmission

        left = tuple(p for p in self.grid.specs if p.directory not in self._settled)
        return DelayedSubmission(SlurmJob(dataclasses.replace(self.grid, specs=left)))


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
            jobs = executor.submit_array([SlurmJob(part) for part in parts])
    except FailedJobError as error:
        raise InputError(f"sbatch refuses the request: {_last_line(error)}.") from error
    except (RuntimeError, FileNotFoundError) as error:  # submitit found no srun, or no sbatch
        raise InputError(f"there is no Slurm here ({_last_line(error)}).") from error
    return str(jobs[0].job_id).partition("_")[0]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason"])[-1].rstrip(".")
