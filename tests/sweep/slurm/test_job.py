"""A Slurm job's loop over its runs, without Slurm."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError
from harness.runs.options import RunOptions
from harness.runs.spec import run_specs
from harness.sweep import loop
from harness.sweep.grid import Grid
from harness.sweep.slurm import engine
from harness.sweep.slurm.job import SlurmJob, UnknownJobError
from harness.sweep.slurm.request import Request


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


def test_jobs_that_may_be_queued_keep_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import submitit

    def unclear(*parts: Any, **named: Any) -> None:
        raise submitit.core.utils.FailedSubmissionError("Could not make sense of sbatch output")

    monkeypatch.setattr(submitit.SlurmExecutor, "__init__", lambda *arguments, **named: None)
    monkeypatch.setattr(submitit.SlurmExecutor, "update_parameters", unclear)
    with pytest.raises(UnknownJobError, match="--status shows whether the runs are queued"):
        engine._submit(element(tmp_path, "paper").grid, Request())
    assert list(tmp_path.glob("slurm/*/runs.json"))
