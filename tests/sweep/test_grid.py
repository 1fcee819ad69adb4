"""How far a grid is, as the results folder has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.runs import lock, store
from harness.runs.options import Options
from harness.runs.spec import Plan
from harness.runs.status import State, retrying, state
from harness.sweep import estimates
from harness.sweep.grid import Capacity, Grid, seeds_first, status_lines
from tests.helpers.specs import DEVICE, as_failed, finished_run, make_spec


def fail(plan: Plan, second: int) -> None:
    """Record a run as failed, at a time of its own."""
    store.save(plan.directory, as_failed(finished_run(plan, 1.0)))
    os.utime(plan.directory / store.FILE, (second, second))


def test_a_failed_run_runs_while_another_process_tries_it_again(tmp_path: Path) -> None:
    plan = make_spec("paper", tmp_path)
    fail(plan, 1)
    again = retrying(plan)
    assert [state(one)[0] for one in (plan, again)] == [State.failed, State.open]
    claim = lock.attempt(plan.directory)
    assert claim is not None
    assert [state(one)[0] for one in (plan, again)] == [State.running, State.running]
    claim.release()
    fail(plan, 2)
    assert [state(one)[0] for one in (plan, again)] == [State.failed, State.failed]


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    """A run that is done, one whose record is damaged, and one to be trained."""
    options = Options(dataset="digits", epochs=10, results=tmp_path)
    grid = Grid(plans=seeds_first(["paper"], [0, 1, 2], options), options=options)
    done, damaged, _ = grid.plans
    store.save(done.directory, finished_run(done, 6.0))
    damaged.directory.mkdir(parents=True)
    (damaged.directory / store.FILE).write_text("{")
    return grid


def test_a_damaged_record_hides_no_other_run(grid: Grid) -> None:
    first, second, third, totals = status_lines(grid, {grid.plans[2].directory: "job 7"})
    assert (first, third) == ("paper seed 0: done", "paper seed 2: open (job 7)")
    path = grid.plans[1].directory / store.FILE
    assert second.startswith(f"paper seed 1: refused: {path} is damaged (")
    assert second.endswith(" Delete it to train again.")
    assert totals == "3 runs: 1 done, 0 failed, 0 running, 1 open, 1 refused"

    table, wrong, total = estimates.lines(grid, Capacity(DEVICE, 1))
    assert [row.split()[3] for row in table.splitlines()[2:]] == ["done", "refused", "open"]
    assert wrong == second
    assert total == "1 of 3 runs to train: 1:12 in all, about 1:12 in 1 at once"
