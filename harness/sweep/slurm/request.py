"""What a job asks Slurm for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import InputError

# Slurm may send the signal before the time limit up to this many seconds early.
EARLY = 60

# Options of sbatch that jobs are found and queued again by, or that have a setting of their own.
_OURS = (
    *("array", "error", "job-name", "open-mode", "output", "requeue", "signal"),
    *("cpus-per-task", "gpus-per-node", "mem", "partition", "time"),
)

# The types a setting may have, besides None where that is its default.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "partition": (str,),
    "memory": (int, float),
    "setup": (list, tuple),
    "sbatch": (dict,),
    "wait": (bool,),
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """Settings of the engine, as `--set` and `--settings` have them.

    Attributes:
        partition: where to run; None for the cluster's default.
        time: limit of one job in minutes. A job that reaches it is queued again and goes on.
        requeues: how often, for each job.
        notice: seconds before the limit at which a job is told.
        gpus, cpus: for each job. Threads are as many as `cpus` unless OMP_NUM_THREADS is set.
        memory: of a job, in GB; None for the partition's default.
        width: jobs that run at once; None for no limit of our own.
        chunk: runs that a job trains one after the other: start-up is paid once a job.
        setup: shell lines before each job, such as "module load python".
        sbatch: anything else that sbatch has, by its long option without the dashes.
        wait: return when the last job has ended, not when all are queued.

    Raises:
        InputError: if a value is impossible.
    """

    partition: str | None = None
    time: int = 60
    requeues: int = 20
    notice: int = 60
    gpus: int = 0
    cpus: int = 1
    memory: float | None = None
    width: int | None = None
    chunk: int = 1
    setup: tuple[str, ...] = ()
    sbatch: dict[str, Any] = field(default_factory=dict)
    wait: bool = False

    def __post_init__(self) -> None:
        for name, least in (("gpus", 0), ("requeues", 0), ("cpus", 1), ("chunk", 1), ("notice", 1)):
            _at_least(name, getattr(self, name), least)
        for name in ("width", "memory"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)
        # With less than a minute to train in, a job would be queued again and again for nothing.
        if ours := [name for name in self.sbatch if name.replace("_", "-") in _OURS]:
            raise InputError(f"sbatch.{ours[0]} is set by this suite: use its own settings.")
        _at_least("time", self.time, -(-(self.notice + EARLY + 60) // 60))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Request:
        """The request that settings describe.

        Raises:
            InputError: if there is no such setting, or its value is of another type.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        for name, value in settings.items():
            if name not in known:
                raise InputError(
                    f"--engine slurm has no setting {name}. Known: {', '.join(known)}; "
                    f"options of sbatch are set as sbatch.{name}."
                )
            types = _TYPES.get(name, (int,))
            # True is an int to Python.
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise InputError(f"setting {name} is {value!r}: {types[-1].__name__} is needed.")
        lines = settings.get("setup", ())
        if not all(isinstance(line, str) for line in lines):
            raise InputError("setting setup is a list of shell lines.")
        return cls(**{**settings, "setup": tuple(lines)})

    def parameters(self, name: str) -> dict[str, Any]:
        """The same in submitit's words.

        Args:
            name: of the job.
        """
        chosen = {
            "job_name": name,
            "partition": self.partition,
            "time": self.time,
            "signal_delay_s": self.notice,
            "cpus_per_task": self.cpus,
            "gpus_per_node": self.gpus or None,
            "mem": None if self.memory is None else f"{round(self.memory * 1024)}MB",
            "array_parallelism": self.width,
            "setup": [f"export OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{self.cpus}}}", *self.setup],
            "stderr_to_stdout": True,
            # srun does not take over sbatch's --cpus-per-task since Slurm 22.05.
            "srun_args": [f"--cpus-per-task={self.cpus}", "--open-mode=append"],
            "additional_parameters": {"requeue": True, **self.sbatch},
        }
        return {key: value for key, value in chosen.items() if value is not None}


def _at_least(name: str, value: float, least: int) -> None:
    if not (math.isfinite(value) and value >= least):
        raise InputError(f"setting {name} is {value}: at least {least} is needed.")
