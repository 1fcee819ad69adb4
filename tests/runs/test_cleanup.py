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
from harness.runs.spec import RunSpec
from harness.runs.store import CHECKPOINTS
from harness.sweep import session
from harness.sweep.session import Session
from tests.helpers.records import make_record


def planned(protocol: Protocol, folder: Path, **changed: object) -> RunSpec:
    applied = dataclasses.replace(protocol, **changed)  # type: ignore[arg-type]
    return RunSpec(variants.get("paper"), 0, applied, {}, folder)


def ended(spec: RunSpec, *, failed: bool = False) -> None:
    """The record of a run, and all that a process may leave that is killed while it writes."""
    store.save(spec.directory, make_record(protocol=vars(spec.protocol), failed=failed))
    (spec.directory / CHECKPOINTS).mkdir()
    for name in (
        f"{CHECKPOINTS}/epoch-00001-ab.pt",
        f"{CHECKPOINTS}/.epoch-00002-ab.pt.k2j4h5g6",
        ".record.json.a1b2c3d4",
        ".predictions.txt.a1b2c3d4",
        ".model.safetensors.a1b2c3d4",
        ".probabilities.npy.a1b2c3d4",
    ):
        (spec.directory / name).write_bytes(b"cut off")
    claim = {"host": lock.here(), "pid": 1, "born": "0", "token": "feed"}
    (spec.directory / lock.FILE).write_text(json.dumps(claim))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_finished_run_keeps_nothing_but_its_files(protocol: Protocol, tmp_path: Path) -> None:
    spec = planned(protocol, tmp_path)
    ended(spec)
    cleanup.remove_leftovers([spec])
    assert names(spec.directory) == {store.FILE}


def test_a_run_that_another_process_holds_is_left_alone(protocol: Protocol, tmp_path: Path) -> None:
    spec = planned(protocol, tmp_path)
    ended(spec)
    held = lock.try_acquire(spec.directory)
    assert held is not None
    before = names(spec.directory)
    cleanup.remove_leftovers([spec])
    assert names(spec.directory) == before
    held.release()


def test_a_failed_run_keeps_the_checkpoints_of_its_next_try(
    protocol: Protocol, tmp_path: Path
) -> None:
    spec = planned(protocol, tmp_path)
    ended(spec, failed=True)
    cleanup.remove_leftovers([spec])
    assert list((spec.directory / CHECKPOINTS).glob("epoch-*.pt"))
    assert lock.FILE not in names(spec.directory)


def test_who_trains_a_run_removes_the_halves_of_files(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    spec = planned(protocol, tmp_path, epochs=1)
    ended(spec)
    (spec.directory / store.FILE).unlink()
    for path in (spec.directory / CHECKPOINTS).glob("epoch-*"):
        path.unlink()
    outcome = session.train_if_needed(spec, Session(data, data), Reporter())
    assert outcome is not None and outcome.trained
    assert not [name for name in names(spec.directory) if name.startswith(".")]


def test_a_run_that_fails_again_is_not_tried_a_third_time(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    spec, bench = planned(protocol, tmp_path, learning_rate=1e9), Session(data, data)
    first = session.train_if_needed(spec, bench, Reporter())
    assert first is not None and first.record.failed
    again = status.as_retry(spec)  # what two sweeps have both seen
    ends = [session.train_if_needed(again, bench, Reporter()) for _ in range(2)]
    assert [end.trained for end in ends if end] == [True, False]
    assert all(end.record.failed for end in ends if end)


class _Taken(Reporter):
    """Another host takes the run over when its last epoch has ended."""

    def __init__(self, spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        self._plan = spec
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
    spec = planned(protocol, tmp_path)
    taken = _Taken(spec, monkeypatch)
    assert session.train_if_needed(spec, Session(data, data), taken) is None
    assert "taken over" in taken.said[-1]
    assert not names(spec.directory) & {store.FILE, store.WEIGHTS, store.PREDICTIONS}


def test_a_folder_that_cannot_be_claimed_stops_nothing(protocol: Protocol, tmp_path: Path) -> None:
    spec = planned(protocol, tmp_path)
    ended(spec)
    (spec.directory / lock.FILE).unlink()
    (spec.directory / lock.FILE).mkdir()
    with pytest.raises(InputError):
        lock.try_acquire(spec.directory)
    cleanup.remove_leftovers([spec])
    assert store.FILE in names(spec.directory)
