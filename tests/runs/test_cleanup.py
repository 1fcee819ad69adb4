"""What killed processes leave in the folders of runs: removed, but only by who holds the run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import variants
from harness.data.dataset import Dataset
from harness.errors import InputError
from harness.progress import Reporter, Row
from harness.protocol.spec import Protocol
from harness.runs import cleanup, lock, status, store
from harness.runs.spec import Plan
from harness.runs.store import CHECKPOINTS
from harness.sweep import session
from harness.sweep.session import Bench
from tests.helpers.records import make_record


def planned(protocol: Protocol, folder: Path, **changed: object) -> Plan:
    applied = dataclasses.replace(protocol, **changed)  # type: ignore[arg-type]
    return Plan(variants.get("paper"), 0, applied, {}, folder)


def ended(plan: Plan, *, failed: bool = False) -> None:
    """The record of a run, and all that a process may leave that is killed while it writes."""
    store.save(plan.directory, make_record(protocol=vars(plan.protocol), failed=failed))
    (plan.directory / CHECKPOINTS).mkdir()
    for name in (
        f"{CHECKPOINTS}/epoch-00001-ab.pt",
        f"{CHECKPOINTS}/.epoch-00002-ab.pt.k2j4h5g6",
        ".record.json.a1b2c3d4",
        ".predictions.txt.a1b2c3d4",
        ".model.safetensors.a1b2c3d4",
        ".probabilities.npy.a1b2c3d4",
    ):
        (plan.directory / name).write_bytes(b"cut off")
    claim = {"host": lock.here(), "pid": 1, "born": "0", "token": "feed"}
    (plan.directory / lock.FILE).write_text(json.dumps(claim))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_finished_run_keeps_nothing_but_its_files(protocol: Protocol, tmp_path: Path) -> None:
    plan = planned(protocol, tmp_path)
    ended(plan)
    cleanup.tidy([plan])
    assert names(plan.directory) == {store.FILE}


def test_a_run_that_another_process_holds_is_left_alone(protocol: Protocol, tmp_path: Path) -> None:
    plan = planned(protocol, tmp_path)
    ended(plan)
    held = lock.attempt(plan.directory)
    assert held is not None
    before = names(plan.directory)
    cleanup.tidy([plan])
    assert names(plan.directory) == before
    held.release()


def test_a_failed_run_keeps_the_checkpoints_of_its_next_try(
    protocol: Protocol, tmp_path: Path
) -> None:
    plan = planned(protocol, tmp_path)
    ended(plan, failed=True)
    cleanup.tidy([plan])
    assert list((plan.directory / CHECKPOINTS).glob("epoch-*.pt"))
    assert lock.FILE not in names(plan.directory)


def test_who_trains_a_run_removes_the_halves_of_files(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    plan = planned(protocol, tmp_path, epochs=1)
    ended(plan)
    (plan.directory / store.FILE).unlink()
    for path in (plan.directory / CHECKPOINTS).glob("epoch-*"):
        path.unlink()
    outcome = session.attempt(plan, Bench(data, data), Reporter())
    assert outcome is not None and outcome.trained
    assert not [name for name in names(plan.directory) if name.startswith(".")]


def test_a_run_that_fails_again_is_not_tried_a_third_time(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    plan, bench = planned(protocol, tmp_path, learning_rate=1e9), Bench(data, data)
    first = session.attempt(plan, bench, Reporter())
    assert first is not None and first.record.failed
    again = status.retrying(plan)  # what two sweeps have both seen
    ends = [session.attempt(again, bench, Reporter()) for _ in range(2)]
    assert [end.trained for end in ends if end] == [True, False]
    assert all(end.record.failed for end in ends if end)


class _Taken(Reporter):
    """Another host takes the run over when its last epoch has ended."""

    def __init__(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        self._plan = plan
        self._monkeypatch = monkeypatch
        self.said: list[str] = []

    def epoch(self, row: Row) -> None:
        if row["epoch"] < self._plan.protocol.epochs:
            return
        folder = self._plan.directory
        token = json.loads((folder / lock.FILE).read_text())["token"]
        claim = {"host": "another", "pid": 1, "born": "1", "token": "feed"}
        (folder / f"{lock.FILE}-{token}").write_text(json.dumps(claim))
        now = lock._now()
        self._monkeypatch.setattr(lock, "_now", lambda: now + lock.STALE)

    def say(self, line: str) -> None:
        self.said.append(line)


def test_a_run_that_is_lost_in_its_last_moments_writes_no_result(
    protocol: Protocol, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(protocol, tmp_path)
    taken = _Taken(plan, monkeypatch)
    assert session.attempt(plan, Bench(data, data), taken) is None
    assert "taken over" in taken.said[-1]
    assert not names(plan.directory) & {store.FILE, store.WEIGHTS, store.PREDICTIONS}


def test_a_folder_that_cannot_be_claimed_stops_nothing(protocol: Protocol, tmp_path: Path) -> None:
    plan = planned(protocol, tmp_path)
    ended(plan)
    (plan.directory / lock.FILE).unlink()
    (plan.directory / lock.FILE).mkdir()
    with pytest.raises(InputError):
        lock.attempt(plan.directory)
    cleanup.tidy([plan])
    assert store.FILE in names(plan.directory)
