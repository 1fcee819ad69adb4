"""Status of the runs of a grid, read from the results folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.runs import lock, store
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, as_retry, run_status
from harness.sweep import estimates
from harness.sweep.grid import Capacity, Grid, read_state, seeds_first, status_lines
from tests.helpers.specs import DEVICE, as_failed, finished_run, make_spec


def fail(spec: RunSpec, second: int) -> None:
    """Record a run as failed, at a given time."""
    store.save(spec.directory, as_failed(finished_run(spec, 1.0)))
    os.utime(spec.directory / store.FILE, (second, second))


def test_a_failed_run_runs_while_another_process_tries_it_again(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    fail(spec, 1)
    retry = as_retry(spec)
    assert [run_status(s)[0] for s in (spec, retry)] == [RunStatus.failed, RunStatus.pending]
    run_lock = lock.try_acquire(spec.directory)
    assert run_lock is not None
    assert [run_status(s)[0] for s in (spec, retry)] == [RunStatus.running, RunStatus.running]
    run_lock.release()
    fail(spec, 2)
    assert [run_status(s)[0] for s in (spec, retry)] == [RunStatus.failed, RunStatus.failed]


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """A run that is done, one whose record is damaged, and one to be trained."""
    options = RunOptions(dataset="digits", epochs=10, results=tmp_path)
    grid = Grid(specs=seeds_first(["paper"], [0, 1, 2], options), options=options)
    done, damaged, _ = grid.specs
    store.save(done.directory, finished_run(done, 6.0))
    damaged.directory.mkdir(parents=True)
    (damaged.directory / store.FILE).write_text("{")
    return grid


def test_a_folder_that_cannot_be_read_hides_no_other_run(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, exists = grid.specs[2].directory / store.FILE, Path.exists

    def not_permitted(self: Path) -> bool:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(self)

    monkeypatch.setattr(Path, "exists", not_permitted)
    state = read_state(grid)
    assert state.done == [grid.specs[0]]
    assert state.refused[path.parent] == f"{path} cannot be read (Permission denied)."


def test_a_damaged_record_hides_no_other_run(grid: Grid) -> None:
    first, second, third, totals = status_lines(grid, {grid.specs[2].directory: "job 7"})
    assert (first, third) == ("paper seed 0: done", "paper seed 2: pending (job 7)")
    path = grid.specs[1].directory / store.FILE
    assert second.startswith(f"paper seed 1: conflict: {path} is damaged (")
    assert second.endswith(" Delete it to train again.")
    assert totals == "3 runs: 1 done, 0 failed, 0 running, 1 pending, 1 conflict"

    table, wrong, total = estimates.dry_run_report(grid, Capacity(DEVICE, 1))
    assert [row.split()[3] for row in table.splitlines()[2:]] == ["done", "conflict", "pending"]
    assert wrong == second
    assert total == "1 of 3 runs to train: 1:12 in total, about 1:12 with 1 at once"
