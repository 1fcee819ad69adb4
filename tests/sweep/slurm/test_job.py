"""A Slurm job's loop over its runs, without Slurm."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError
from harness.runs.options import Options
from harness.runs.spec import plans
from harness.sweep import session
from harness.sweep.grid import Grid
from harness.sweep.slurm.job import Element


def element(tmp_path: Path, *names: str) -> Element:
    options = Options(dataset="digits", results=tmp_path, device="cpu")
    return Element(Grid(plans=tuple(plans(names, [0], options)), options=options))


def test_a_process_whose_memory_ran_out_names_what_it_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def attempt(plan: Any, *rest: Any, **more: Any) -> Any:
        tried.append(plan.variant.name)
        if plan.variant.name == "paper":
            raise InputError("another run's checkpoint.")
        if plan.variant.name == "baseline":
            raise RunFailedError("the GPU's memory ran out in this process.")
        record = SimpleNamespace(failed=False)
        return SimpleNamespace(plan=plan, line=f"{plan.title}: done", record=record)

    monkeypatch.setattr(session, "prepare", lambda options: None)
    monkeypatch.setattr(session, "attempt", attempt)
    with pytest.raises(RunFailedError) as caught:
        element(tmp_path, "paper", "batch_norm", "baseline", "dropout_0")()
    assert tried == ["paper", "batch_norm", "baseline"]
    assert str(caught.value).splitlines() == [
        "another run's checkpoint.",
        "the GPU's memory ran out in this process.",
        "baseline seed 0: not trained",
        "dropout_0 seed 0: not trained",
    ]
