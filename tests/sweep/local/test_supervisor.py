"""What a local sweep does when its workers die, or wait for other processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError, UnwritableError
from harness.runs import store
from harness.runs.options import RunOptions
from harness.sweep.grid import Grid, GridState, read_state
from harness.sweep.local import engine
from harness.sweep.local import runs as local_runs
from harness.sweep.local.display import PlainDisplay
from harness.sweep.local.pool import Worker
from harness.sweep.local.runs import MAX_CRASHES, OpenRuns
from tests.helpers.scripted_workers import (
    FINGERPRINT,
    KILLED,
    NAMES,
    ONE,
    READY,
    TWO,
    ZERO,
    Sweep,
    pull,
    specs,
)
from tests.helpers.specs import finished_run


def test_a_run_that_ends_workers_is_given_up_and_the_others_finish(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = GridState(open=specs(tmp_path, "baseline", "paper", "dropout_0"))
    sweep = Sweep(lambda s, w: pull(s, w, ("paper",)), state, [ZERO])
    sweep.train()
    assert sweep.starts == [ZERO] * (1 + MAX_CRASHES)
    assert not sweep.runs.left
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("paper seed 0: its worker ended (SIGKILL); it goes on in another") == 4
    given_up = f"given up, its worker died {MAX_CRASHES} times in a row without finishing an epoch"
    assert lines.count(f"paper seed 0: {given_up} (killed by the system, perhaps for memory)") == 1
    assert lines[-1] == "2 of 3 done, 0 running, 1 failed, 0 pending"


def test_a_run_whose_failure_cannot_be_recorded_is_left(tmp_path: Path) -> None:
    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        yield READY
        while spec := sweep.first_open():
            yield "start", spec.directory
            yield KILLED

    (spec,) = specs(tmp_path, "paper")
    sweep = Sweep(script, GridState(open=[spec]), [ZERO])
    sweep.train()
    assert len(sweep.starts) == MAX_CRASHES + 1
    assert [one for one, _ in sweep.runs.unrecorded] == [spec]


def test_a_run_is_counted_once_whatever_its_workers_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done, failed, open_ = specs(tmp_path, "paper", "baseline", "dropout_0")
    grid = Grid(specs=(done, failed, open_), options=RunOptions(results=tmp_path))
    runs = OpenRuns(GridState(open=[done, failed, open_]))
    runs.unrecorded = [(spec, "given up") for spec in grid.specs]
    state = GridState(done=[done], failed=[(failed, "given up")], open=[open_])
    with pytest.raises(RunFailedError):
        engine._conclude(grid, state, PlainDisplay(), runs)
    assert capsys.readouterr().out == "3 runs: 1 done, 2 failed\n"
    runs.refused = {failed.directory: "other data"}
    with pytest.raises(InputError):
        engine._conclude(grid, state, PlainDisplay(), runs)
    assert capsys.readouterr().out == "3 runs: 1 done, 1 failed, 1 refused\n"


def test_only_new_epochs_are_progress(tmp_path: Path) -> None:
    (spec,) = specs(tmp_path, "paper")
    runs = OpenRuns(GridState(open=[spec]))
    for _ in range(MAX_CRASHES):  # its first epoch is trained again, since no checkpoint is left
        assert not runs.given_up
        runs.epoch(spec.directory, 1)
        runs.lost(spec.directory, "SIGKILL")
    assert list(runs.given_up) == [spec.directory]
    runs = OpenRuns(GridState(open=[spec]))
    for epoch in range(1, 3 * MAX_CRASHES):
        runs.epoch(spec.directory, epoch)
        runs.lost(spec.directory, "SIGKILL")
    assert not runs.given_up


def test_the_time_left_is_estimated_from_the_epochs_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((100.0, 110.0, 110.0))
    monkeypatch.setattr(local_runs, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    first, second = specs(tmp_path, "paper", "baseline")
    assert first.protocol.epochs == second.protocol.epochs == 12
    runs = OpenRuns(GridState(open=[first, second]))
    runs.show(PlainDisplay(), 2, 0.0, news=True)
    runs.begin(first.directory, 0)
    runs.epoch(first.directory, 1)
    runs.show(PlainDisplay(), 2, 1234.5, news=True)
    runs.end(second.directory, failed=False)
    runs.show(PlainDisplay(), 1, 0.0, news=True)
    assert capsys.readouterr().out.splitlines() == [
        "0 of 2 done, 2 running, 0 failed, 0 pending",
        "0 of 2 done, 2 running, 0 failed, 0 pending  1,234 images/s  3:50 left",
        "1 of 2 done, 1 running, 0 failed, 0 pending  1:50 left",
    ]


def test_a_full_disk_stops_all(tmp_path: Path) -> None:
    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        yield READY
        yield "start", tmp_path
        yield "start_error", UnwritableError("cannot write record.json (No space left on device).")

    sweep = Sweep(script, GridState(open=specs(tmp_path, *NAMES)), [ZERO, ONE])
    with pytest.raises(UnwritableError, match="No space left"):
        sweep.train()


def test_no_more_workers_start_than_runs_are_open(tmp_path: Path) -> None:
    sweep = Sweep(pull, GridState(open=specs(tmp_path, "paper")), [ZERO, ONE, TWO])
    sweep.train()
    assert sweep.starts == [ZERO]


def test_runs_of_other_processes_are_said_once_and_runs_of_this_sweep_never(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two workers wait for a third one's run and for that of another sweep."""
    own, foreign, third = specs(tmp_path, "paper", "baseline", "dropout_0")

    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        yield READY
        if worker.placement == ZERO:
            yield "start", own.directory
            for _ in range(5):
                yield "say", "working"
            yield "ended", own.directory, False, "trained now"
        for spec in (own, foreign, third):
            if spec.directory in {other.folder for other in sweep.pool.workers} | {
                foreign.directory
            }:
                yield "wait", spec.title, spec.directory
        yield "ended", own.directory, False, "done before"
        yield "ended", third.directory, False, "third"
        yield "ended", foreign.directory, False, "done elsewhere"

    sweep = Sweep(script, GridState(open=[own, foreign, third]), [ZERO, ONE, TWO])
    sweep.train()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "another process" in line] == [
        "baseline seed 0: another process trains it; waiting"
    ]
    # The worker that trained a run says how it ended, even if others saw its record first.
    assert lines.count("trained now") == 1
    assert lines.count("done elsewhere") == 1
    assert "done before" not in lines


def test_a_done_run_of_other_data_is_refused_once_the_data_are_known(tmp_path: Path) -> None:
    done, open_ = specs(tmp_path, "paper", "baseline")
    store.save(done.directory, finished_run(done, 1.0))
    state = read_state(Grid(specs=(done, open_), options=RunOptions(results=tmp_path)))
    assert (state.done, state.open) == ([done], [open_])
    sweep = Sweep(pull, state, [ZERO])
    sweep.train()
    (reason,) = sweep.runs.refused.values()
    assert f"data was {finished_run(done, 1.0).dataset.fingerprint} and is {FINGERPRINT}" in reason


def test_refused_runs_count_among_those_without_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paper, baseline = specs(tmp_path, "paper", "baseline")

    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        yield READY
        yield "refused", baseline.title, baseline.directory, "another run's checkpoint."
        yield from pull(sweep, worker)

    state = GridState(open=[paper, baseline], refused={Path("x"): "damaged"})
    Sweep(script, state, [ZERO]).train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "baseline seed 0: refused, another run's checkpoint."
    assert lines[-1] == "1 of 3 done, 0 running, 2 failed, 0 pending"
