"""What one job does: the same as `run`, for its runs.

A job may end at any moment: the state after each epoch lies on the disk. submitit, which
starts this in the job, has Slurm queue the job again when its time is up, and Slurm does so
itself after a preemption or the loss of a node.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InputError, RunFailedError
from harness.grid import Grid

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


class Element:
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
                that come after a memory that ran out (see `harness.memory`).
        """
        from harness import experiment, progress

        reporter = progress.for_terminal()
        bench = experiment.prepare(self.grid.options)
        finished = experiment.draw if self.grid.figures else lambda outcome, data: None
        faults: list[str] = []
        waits: set[Path] = set()
        left = deque(self.grid.plans)
        while left:
            plan = left.popleft()
            try:
                outcome = experiment.attempt(plan, bench, reporter, finished=finished)
            except InputError as error:
                faults.append(str(error))
                continue
            except RunFailedError as error:  # nor will any other run begin in this process
                faults += [str(error), *(f"{p.title}: not trained" for p in (plan, *left))]
                break
            if outcome is None:
                if plan.directory not in waits:
                    reporter.say(f"{plan.title}: another process trains it; waiting")
                waits.add(plan.directory)
                left.append(plan)
                time.sleep(experiment.POLL)
                continue
            self._settled.add(plan.directory)
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

        left = tuple(p for p in self.grid.plans if p.directory not in self._settled)
        return DelayedSubmission(Element(dataclasses.replace(self.grid, plans=left)))
