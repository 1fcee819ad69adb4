"""Settings of the Slurm engine: resources and limits of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from harness.errors import InputError
from harness.formatting import first_fault
from harness.schema import StrictModel

# Slurm may send the signal before the time limit up to this many seconds early.
SIGNAL_TOLERANCE_SECONDS = 60

# Options of sbatch that jobs are found and requeued by, or that have a setting here.
_RESERVED = (
    *("array", "error", "job-name", "open-mode", "output", "requeue", "signal"),
    *("cpus-per-task", "gpus-per-node", "mem", "partition", "time"),
)


class Request(StrictModel):
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
    """

    partition: str | None = None
    time: int = 60
    requeues: NonNegativeInt = 20
    notice: PositiveInt = 60
    gpus: NonNegativeInt = 0
    cpus: PositiveInt = 1
    memory: Annotated[float, Field(ge=1)] | None = None
    width: PositiveInt | None = None
    chunk: PositiveInt = 1
    setup: list[str] = Field(default_factory=list)
    sbatch: dict[str, Any] = Field(default_factory=dict)
    wait: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Request:
        for name in self.sbatch:
            if name.replace("_", "-") in _RESERVED:
                raise ValueError(f"sbatch.{name} is set by the engine; use the engine's settings")
        # With less than a minute to train in, a job would be requeued without progress.
        least = -(-(self.notice + SIGNAL_TOLERANCE_SECONDS + 60) // 60)
        if self.time < least:
            raise ValueError(f"time is {self.time}, it must be at least {least}")
        return self

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Request:
        """Make a request from settings.

        Args:
            settings: {name: value}.

        Raises:
            InputError: if a setting is unknown, or its value has the wrong type or is invalid.
        """
        unknown = [name for name in settings if name not in cls.model_fields]
        if unknown:
            raise InputError(
                f"--engine slurm has no setting {unknown[0]}. Known: "
                f"{', '.join(cls.model_fields)}; options of sbatch are set as sbatch.{unknown[0]}."
            )
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            raise InputError(f"settings of --engine slurm: {first_fault(error)}.") from error

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
