"""What a sweep does when workers end, and while other processes train its runs."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.data.dataset import Dataset
from harness.progress import Reporter
from harness.runs import lock, store
from harness.runs.options import RunOptions
from harness.runs.record import RunRecord
from harness.runs.spec import RunSpec
from harness.runs.status import RunStatus, run_status
from harness.sweep import session
from harness.sweep.estimates import RuntimeEstimator
from harness.sweep.grid import Grid
from harness.sweep.jobs import Job, JobQueue, queue_from_results
from harness.sweep.local import scheduler
from harness.sweep.local.display import PlainBoard
from harness.sweep.local.machine import Place
from harness.sweep.local.messages import Ended, Report
from harness.sweep.local.pool import Worker
from harness.sweep.local.scheduler import DEATHS, Dispatcher
from harness.sweep.session import Session
from tests.helpers.scripted_pool import Fate, ScriptedPool, assigned_jobs, end_of
from tests.helpers.specs import DEVICE, as_failed, finished_run, make_spec


def swept(
    ledger: JobQueue,
    fate: Fate,
    *,
    slots: int = 1,
    records: Sequence[RunRecord] = (),
    deadline: float = math.inf,
) -> ScriptedPool:
    """Work through a ledger with one worker after another."""
    crew = ScriptedPool(fate)
    costs = RuntimeEstimator(records, DEVICE)
    sweep = Dispatcher(ledger, crew, [], PlainBoard(), costs, deadline)
    crew.start(Place("cpu", slots), [Reporter()] * slots)
    sweep._listen()
    sweep.work()
    return crew


def epoch(slot: int, number: int) -> Iterator[Report]:
    yield Report(slot, "begin", ("", 12, 1, []))
    row = {"epoch": number, "images_per_second": 1.0, "train_loss": 1.0, "train_accuracy": 0.5}
    row |= {"eval_loss": None, "eval_accuracy": None}
    yield Report(slot, "epoch", (row,))


def test_only_the_run_that_ends_workers_is_given_up(tmp_path: Path) -> None:
    killer, *others = (Job(make_spec(n, tmp_path)) for n in ("paper", "baseline", "dropout_0"))
    ledger = JobQueue(pending=deque([others[0], killer, others[1]]))

    def fate(worker: Worker) -> Iterator[Any]:
        if any(job is killer and not job.give_up_reason for _, job in assigned_jobs(worker)):
            yield None
            return
        for slot, job in assigned_jobs(worker):
            yield end_of(slot, job)

    crew = swept(ledger, fate, slots=3)
    assert {spec.title for spec in ledger.done} == {job.spec.title for job in others}
    reason = f"its worker died {DEATHS} times in a row without finishing an epoch (killed by the "
    assert ledger.failed == [(killer.spec, reason + "system, perhaps for memory)")]
    assert crew.deaths == 1 + DEATHS  # once with the others


def test_a_run_that_may_have_ended_a_worker_is_alone_until_it_finished_an_epoch(
    tmp_path: Path,
) -> None:
    all_ = [Job(make_spec(name, tmp_path)) for name in ("paper", "baseline", "dropout_0")]
    ledger, together, died = JobQueue(pending=deque(all_)), [], []

    def fate(worker: Worker) -> Iterator[Any]:
        if not died:
            died.append(worker)
            yield None
            return
        for slot, job in assigned_jobs(worker):
            together.append((job.run_alone, len(worker.busy)))
            if job.reached:
                yield end_of(slot, job)
            else:
                yield from epoch(slot, 1)

    swept(ledger, fate, slots=2)
    assert len(ledger.done) == 3
    assert [beside for suspect, beside in together if suspect] == [1, 1]


def test_a_run_that_lacks_memory_beside_others_is_tried_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crowded, *others = (
        Job(make_spec(name, tmp_path)) for name in ("paper", "baseline", "dropout_0", "batch_norm")
    )
    ledger, beside = JobQueue(pending=deque([others[0], crowded, *others[1:]])), []

    def fate(worker: Worker) -> Iterator[Any]:
        beside.append([job.spec.variant.name for _, job in assigned_jobs(worker)])
        for slot, job in assigned_jobs(worker):
            if job is crowded and len(worker.busy) > 1:
                yield Ended(slot, "crowded", reason="out of memory: 2 GiB")
                return
        for slot, job in assigned_jobs(worker):
            yield end_of(slot, job)

    swept(ledger, fate, slots=3)
    assert len(ledger.done) == 4
    # No other run is put where the first found no memory.
    together = ["baseline", "paper", "dropout_0"]
    assert beside == [together, ["baseline", "dropout_0"], ["paper"], ["batch_norm"]]
    line = "paper seed 0: out of memory: 2 GiB; it goes on without others beside it\n"
    assert capsys.readouterr().out.count(line) == 1


def test_the_memory_of_a_worker_that_ended_is_no_larger_for_the_next(tmp_path: Path) -> None:
    names = ("paper", "baseline", "dropout_0", "batch_norm")
    ledger, beside = JobQueue(pending=deque(Job(make_spec(n, tmp_path)) for n in names)), []

    def fate(worker: Worker) -> Iterator[Any]:
        beside.append(len(worker.busy))
        if len(beside) == 1:
            yield Ended(0, "crowded", reason="out of memory: 2 GiB")
            yield None
            return
        for slot, job in assigned_jobs(worker):
            yield end_of(slot, job)

    swept(ledger, fate, slots=2)
    assert len(ledger.done) == 4
    assert beside[0] == 2
    assert max(beside[1:]) == 1


def test_an_epoch_that_is_repeated_is_no_progress(tmp_path: Path) -> None:
    job = Job(make_spec("paper", tmp_path))
    ledger = JobQueue(pending=deque([job]))

    def fate(worker: Worker) -> Iterator[Any]:
        if job.give_up_reason:
            yield end_of(0, job)
        else:
            yield from epoch(0, 1)  # its checkpoint is never written
            yield None

    crew = swept(ledger, fate)
    assert crew.deaths == DEATHS
    assert [spec for spec, _ in ledger.failed] == [job.spec]


def test_progress_forgives(tmp_path: Path) -> None:
    job = Job(make_spec("paper", tmp_path))
    ledger, count = JobQueue(pending=deque([job])), iter(range(1, 12))

    def fate(worker: Worker) -> Iterator[Any]:
        number = next(count, None)
        if number is None:
            yield end_of(0, job)
        else:
            yield from epoch(0, number)
            yield None

    assert swept(ledger, fate).deaths > DEATHS
    assert ledger.done == [job.spec]


def test_what_another_process_finished_is_seen_though_an_open_run_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TICK", 0.0)
    held, long = (Job(make_spec(name, tmp_path)) for name in ("paper", "baseline"))
    store.save(held.spec.directory, finished_run(held.spec, 1e6))
    assert run_status(held.spec) == (RunStatus.done, "")
    ledger = JobQueue(locked=[held], pending=deque([long]))

    def fate(worker: Worker) -> Iterator[Any]:
        for slot, job in assigned_jobs(worker):
            yield end_of(slot, job)

    limit = time.monotonic() + 5
    swept(ledger, fate, records=[finished_run(held.spec, 1e6)], deadline=limit)
    assert time.monotonic() < limit
    assert ledger.done == [held.spec]
    assert list(ledger.pending) == [long]


def test_a_failed_run_that_another_process_tries_again_is_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = make_spec("paper", tmp_path)
    store.save(spec.directory, as_failed(finished_run(spec, 1.0)))
    grid = Grid(specs=(spec,), options=RunOptions(results=tmp_path), retry_failed=True)
    claim = lock.try_acquire(spec.directory)
    assert claim is not None
    asked = []

    def fate(worker: Worker) -> Iterator[Any]:
        for slot, job in assigned_jobs(worker):
            asked.append(lock.is_locked(spec.directory))
            # The second time another process is faster.
            yield Ended(slot, "held") if len(asked) < 3 else end_of(slot, job)

    other = threading.Timer(0.2, claim.release)  # it is killed, and no new record written
    other.start()
    ledger = queue_from_results(grid)
    swept(ledger, fate)
    assert asked == [True, False, False]
    assert [one.title for one in ledger.done] == ["paper seed 0"]
    assert capsys.readouterr().out.count("another process trains it") == 1


def test_refused_runs_count_among_those_without_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fate(worker: Worker) -> Iterator[Any]:
        for slot, job in assigned_jobs(worker):
            yield end_of(slot, job)

    swept(JobQueue(pending=deque([Job(make_spec("paper", tmp_path))]), refused=["damaged"]), fate)
    assert capsys.readouterr().out == "1 of 2 done, 0 running, 1 failed, 0 pending\n"


def test_what_is_given_up_is_recorded_by_who_holds_it(data: Dataset, tmp_path: Path) -> None:
    spec: RunSpec = make_spec("paper", tmp_path)
    bench, path = Session(data, data), spec.directory / store.FILE
    kept = spec.directory / store.CHECKPOINTS / "epoch-00001-ab.pt"
    kept.parent.mkdir(parents=True)
    kept.touch()
    claim = lock.try_acquire(spec.directory)
    assert claim is not None
    assert session.train_if_needed(spec, bench, Reporter(), give_up_reason="why") is None
    assert not path.exists()
    claim.release()
    outcome = session.train_if_needed(spec, bench, Reporter(), give_up_reason="why")
    assert outcome is not None
    assert outcome.line == "paper seed 0: failed, why"
    assert store.load(path) == outcome.record
    assert kept.exists()  # for another try
