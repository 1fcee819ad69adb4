"""What a local sweep does when its workers die, cannot start, or wait for other processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InputError, RunFailedError, UnwritableError
from harness.progress import Reporter
from harness.runs import store
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.sweep.grid import Capacity, Grid, GridState, read_state
from harness.sweep.local import runs as local_runs
from harness.sweep.local.display import PlainDisplay
from harness.sweep.local.machine import GPUS, Placement
from harness.sweep.local.pool import Pool, Worker
from harness.sweep.local.runs import MAX_CRASHES, OpenRuns
from harness.sweep.local.supervisor import MAX_FAILED_STARTS, Supervisor
from tests.helpers.specs import DEVICE, finished_run, make_spec

ZERO, ONE, TWO = (Placement("cuda", {GPUS: number}) for number in "012")

NAMES = ("paper", "baseline", "dropout_0", "batch_norm")

FINGERPRINT = "ab" * 32

READY = ("ready", FINGERPRINT)

KILLED = ("killed",)

# The messages of a worker, which ends after the last one unless that is KILLED.
Script = Callable[["Sweep", Worker], Iterator[tuple[Any, ...]]]


class ScriptedPool(Pool):
    """Workers that are scripts instead of processes."""

    def __init__(self, script: Callable[[Worker], Iterator[tuple[Any, ...]]]) -> None:
        super().__init__()
        self.starts: list[Placement] = []
        self._script = script
        self._scripts: dict[Worker, Iterator[tuple[Any, ...]]] = {}

    def start(self, placement: Placement, reporter: Reporter, *arguments: object) -> Worker:
        assert len(self.starts) < 50, "it never gives up"
        self.starts.append(placement)
        process: Any = SimpleNamespace(exitcode=0)
        pipe: Any = None
        worker = Worker(placement, process, pipe, reporter)
        self.workers.append(worker)
        self._scripts[worker] = self._script(worker)
        return worker

    def messages(self) -> Iterator[tuple[Worker, Any]]:
        for worker in list(self.workers):
            message = next(self._scripts[worker], None)
            if message is KILLED:
                worker.process.exitcode = -9  # type: ignore[misc]
                message = None
            if message is None:
                self.workers.remove(worker)
            yield worker, message

    def stop(self) -> None:
        self.workers.clear()


class Sweep:
    """A sweep by scripted workers over open runs."""

    def __init__(self, script: Script, state: GridState, placements: list[Placement]) -> None:
        self.pool = ScriptedPool(lambda worker: script(self, worker))
        self.starts = self.pool.starts
        grid, capacity = Grid(specs=(), options=RunOptions()), Capacity(DEVICE, 1)
        self._supervisor = Supervisor(
            grid, state, placements, capacity, PlainDisplay(), math.inf, self.pool
        )
        self.runs = self._supervisor.runs

    def train(self) -> None:
        self._supervisor.train()

    def first_open(self) -> RunSpec | None:
        """The run that a worker would find."""
        training = {worker.folder for worker in self.pool.workers}
        return next((s for f, s in self.runs.left.items() if f not in training), None)


def specs(folder: Path, *names: str) -> list[RunSpec]:
    return [make_spec(name, folder) for name in names]


def pull(sweep: Sweep, worker: Worker, fatal: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Train what is open, and die of runs of the `fatal` variants."""
    yield READY
    while spec := sweep.first_open():
        given_up = spec.directory in sweep.runs.given_up
        yield "start", spec.directory
        if spec.variant.name in fatal and not given_up:
            yield KILLED
            return
        yield "ended", spec.directory, given_up, f"{spec.title} ended"


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


DIED = (
    f"{MAX_FAILED_STARTS} workers ended before they had loaded the data, the last one with SIGKILL"
    "; `run` with the same options shows more."
)


def starts(*broken: tuple[Placement, str]) -> Script:
    """Workers that cannot start at some placements: they say why, or die without a reason."""

    def script(sweep: Sweep, worker: Worker) -> Iterator[tuple[Any, ...]]:
        for placement, why in broken:
            if placement == worker.placement:
                yield ("start_error", InputError(why)) if why else KILLED
                return
        yield from pull(sweep, worker)

    return script


@pytest.mark.parametrize(
    ("broken", "lines", "began"),
    [
        ((ZERO, ""), [f"GPU 0: left out, {DIED}"], [ZERO] * MAX_FAILED_STARTS + [ONE, TWO]),
        ((ONE, ""), [f"GPU 1: left out, {DIED}"], [ZERO, ONE, TWO] + [ONE] * 2),
        ((TWO, "no such GPU"), ["GPU 2: left out, no such GPU"], [ZERO, ONE, TWO]),
    ],
)
def test_a_place_where_no_worker_starts_is_left_out_and_the_others_go_on(
    broken: tuple[Placement, str],
    lines: list[str],
    began: list[Placement],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = GridState(open=specs(tmp_path, *NAMES))
    sweep = Sweep(starts(broken), state, [ZERO, ONE, TWO])
    sweep.train()
    assert not sweep.runs.left
    assert [one for one in capsys.readouterr().out.splitlines() if "left out" in one] == lines
    assert sweep.starts == began


def test_a_sweep_ends_when_no_place_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Sweep(
        starts((ZERO, ""), (ONE, "")), GridState(open=specs(tmp_path, *NAMES)), [ZERO, ONE]
    )
    with pytest.raises(RunFailedError, match=f"^{DIED}"):
        sweep.train()
    assert capsys.readouterr().out == f"GPU 0: left out, {DIED}\n"
    assert sweep.starts == [ZERO] * MAX_FAILED_STARTS + [ONE] * MAX_FAILED_STARTS


def test_shares_of_one_cpu_are_not_tried_in_turn(tmp_path: Path) -> None:
    share = Placement("cpu")
    sweep = Sweep(starts((share, "")), GridState(open=specs(tmp_path, *NAMES)), [share] * 8)
    with pytest.raises(RunFailedError, match=DIED):
        sweep.train()
    assert len(sweep.starts) == MAX_FAILED_STARTS


def test_what_stops_the_first_worker_stops_all(tmp_path: Path) -> None:
    state = GridState(open=specs(tmp_path, *NAMES))
    sweep = Sweep(starts((ZERO, "no data in nowhere")), state, [ZERO, ONE])
    with pytest.raises(InputError, match="no data in nowhere"):
        sweep.train()
    assert sweep.starts == [ZERO]


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
