"""Settings of the Slurm engine: resources and limits of a job."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import InputError

# Slurm may send the signal before the time limit up to this many seconds early.
SIGNAL_TOLERANCE_SECONDS = 60

# Options of sbatch that jobs are found and requeued by, or that have a setting here.
_RESERVED = (
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
    """Settings of the engine, as given by `--set` and `--settings`.

    Attributes:
        partition: partition of the jobs; None for the cluster's default.
        time: time limit of a job in minutes; a job that reaches it is requeued and resumes.
        requeues: how often a job may be requeued.
        notice: seconds before the time limit at which a job receives the signal to stop.
        gpus, cpus: per job; a job has `cpus` threads unless OMP_NUM_THREADS is set.
        memory: memory of a job in GB; None for the partition's default.
        width: maximal number of jobs at once; None for no limit.
        chunk: number of runs that a job trains one after the other, with one start-up.
        setup: shell lines to execute before each job, such as "module load python".
        sbatch: other options of sbatch, by the long option without dashes.
        wait: return when the last job has ended instead of when all are queued.

    Raises:
        InputError: if a value is invalid.
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
        reserved = [name for name in self.sbatch if name.replace("_", "-") in _RESERVED]
        if reserved:
            raise InputError(
                f"sbatch.{reserved[0]} is set by the engine: use the engine's settings instead."
            )
        # With less than a minute to train in, a job would be requeued without progress.
        _at_least("time", self.time, -(-(self.notice + SIGNAL_TOLERANCE_SECONDS + 60) // 60))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Request:
        """Make a request from settings.

        Args:
            settings: {name: value}.

        Raises:
            InputError: if a setting is unknown, or its value has the wrong type or is invalid.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name, value in settings.items():
            if name not in known:
                raise InputError(
                    f"--engine slurm has no setting {name}. Known: {', '.join(known)}; "
                    f"options of sbatch are set as sbatch.{name}."
                )
            types = _TYPES.get(name, (int,))
            # True is an int to Python.
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                raise InputError(f"setting {name} is {value!r}: it must be {types[-1].__name__}.")
        lines = settings.get("setup", ())
        if not all(isinstance(line, str) for line in lines):
            raise InputError("setting setup must be a list of shell lines.")
        return cls(**{**settings, "setup": tuple(lines)})

    def parameters(self, name: str) -> dict[str, Any]:
        """The parameters of submitit's executor for this request.

        Args:
            name: name of the job array.
        """
        parameters = {
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
        return {key: value for key, value in parameters.items() if value is not None}


def _at_least(name: str, value: float, least: int) -> None:
    if not (math.isfinite(value) and value >= least):
        raise InputError(f"setting {name} is {value}: it must be at least {least}.")
