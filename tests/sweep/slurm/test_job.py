"""A Slurm job's loop over its runs, without Slurm."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from submitit.core.utils import FailedSubmissionError

from harness.errors import InputError, RunFailedError
from harness.runs import status, store
from harness.runs.options import RunOptions
from harness.runs.spec import run_specs
from harness.sweep import loop
from harness.sweep.grid import Grid
from harness.sweep.slurm import engine
from harness.sweep.slurm.job import SlurmJob, UnknownJobError, submit
from harness.sweep.slurm.request import Request
from tests.helpers.specs import as_failed, finished_run


def element(tmp_path: Path, *names: str) -> SlurmJob:
    options = RunOptions(dataset="digits", results=tmp_path, device="cpu")
    return SlurmJob(Grid(specs=tuple(run_specs(names, [0], options)), options=options))


def test_a_process_whose_memory_ran_out_trains_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def train_if_needed(spec: Any, *rest: Any, **more: Any) -> Any:
        tried.append(spec.variant.name)
        if spec.variant.name == "paper":
            raise InputError("another run's checkpoint.")
        if spec.variant.name == "baseline":
            raise RunFailedError("the GPU's memory ran out in this process.")
        record = SimpleNamespace(failed=False)
        return SimpleNamespace(spec=spec, line=f"{spec.title}: done", record=record)

    monkeypatch.setattr(loop, "prepare", lambda options: None)
    monkeypatch.setattr(loop, "train_if_needed", train_if_needed)
    with pytest.raises(RunFailedError) as caught:
        element(tmp_path, "paper", "batch_norm", "baseline", "dropout_0")()
    assert tried == ["paper", "batch_norm", "baseline"]
    assert str(caught.value).splitlines() == [
        "another run's checkpoint.",
        "the GPU's memory ran out in this process.",
    ]


def test_without_a_width_all_jobs_may_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import submitit

    given: dict[str, Any] = {}
    monkeypatch.setattr(submitit.SlurmExecutor, "__init__", lambda *arguments, **named: None)
    monkeypatch.setattr(
        submitit.SlurmExecutor, "update_parameters", lambda self, **named: given.update(named)
    )
    monkeypatch.setattr(
        submitit.SlurmExecutor,
        "submit_array",
        lambda self, jobs: [SimpleNamespace(job_id=f"7_{n}") for n, _ in enumerate(jobs)],
    )
    parts = [element(tmp_path, "paper").grid] * 300
    assert submit(parts, Request(), None, tmp_path) == "7"
    assert given["array_parallelism"] == 300
    submit(parts, Request(width=5), None, tmp_path)
    assert given["array_parallelism"] == 5


def test_a_retry_that_fails_again_is_not_tried_by_the_requeued_job(tmp_path: Path) -> None:
    (spec,) = element(tmp_path, "paper").grid.specs
    store.save(spec.directory, as_failed(finished_run(spec, 1.0)))
    os.utime(spec.directory / store.FILE, (1, 1))
    retry = status.as_retry(spec)
    store.save(spec.directory, as_failed(finished_run(spec, 1.0)))
    job = SlurmJob(Grid(specs=(retry,), options=RunOptions(dataset="digits", results=tmp_path)))
    (requeued,) = job.checkpoint().function.grid.specs
    assert status.run_status(requeued)[0] is status.RunStatus.failed


@pytest.mark.parametrize(
    "error",
    [
        FailedSubmissionError("Could not make sense of sbatch output"),
        OSError(28, "No space left on device"),  # perhaps after sbatch has queued them
    ],
)
def test_jobs_that_may_be_queued_keep_their_files(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import submitit

    def unclear(*parts: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(submitit.SlurmExecutor, "__init__", lambda *arguments, **named: None)
    monkeypatch.setattr(submitit.SlurmExecutor, "update_parameters", unclear)
    with pytest.raises(UnknownJobError, match="--status shows whether the runs are queued"):
        engine._submit(element(tmp_path, "paper").grid, Request())
    assert list(tmp_path.glob("slurm/*/runs.json"))
