"""Removal of the files that killed processes leave in the folders of runs."""

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
from harness.runs import cleanup, lock, processes, status, store
from harness.runs.spec import RunSpec
from harness.runs.store import CHECKPOINTS
from harness.sweep import loop
from tests.helpers.records import make_record


def make_spec(protocol: Protocol, folder: Path, **changed: object) -> RunSpec:
    applied = dataclasses.replace(protocol, **changed)  # type: ignore[arg-type]
    return RunSpec(variants.get("paper"), 0, applied, {}, folder)


def save_with_leftovers(spec: RunSpec, *, failed: bool = False) -> None:
    """Save a record, and all files that a process killed while writing may leave."""
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
    lock_fields = {"host": processes.host_id(), "pid": 1, "born": "0", "token": "feed"}
    (spec.directory / lock.FILE).write_text(json.dumps(lock_fields))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_finished_run_keeps_nothing_but_its_files(protocol: Protocol, tmp_path: Path) -> None:
    spec = make_spec(protocol, tmp_path)
    save_with_leftovers(spec)
    cleanup.remove_leftovers([spec])
    assert names(spec.directory) == {store.FILE}


def test_a_run_that_another_process_holds_is_left_alone(protocol: Protocol, tmp_path: Path) -> None:
    spec = make_spec(protocol, tmp_path)
    save_with_leftovers(spec)
    run_lock = lock.try_acquire(spec.directory)
    assert run_lock is not None
    before = names(spec.directory)
    cleanup.remove_leftovers([spec])
    assert names(spec.directory) == before
    run_lock.release()


def test_a_failed_run_keeps_the_checkpoints_of_its_next_try(
    protocol: Protocol, tmp_path: Path
) -> None:
    spec = make_spec(protocol, tmp_path)
    save_with_leftovers(spec, failed=True)
    cleanup.remove_leftovers([spec])
    assert list((spec.directory / CHECKPOINTS).glob("epoch-*.pt"))
    assert lock.FILE not in names(spec.directory)


def test_training_a_run_removes_partly_written_files(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    spec = make_spec(protocol, tmp_path, epochs=1)
    save_with_leftovers(spec)
    (spec.directory / store.FILE).unlink()
    for path in (spec.directory / CHECKPOINTS).glob("epoch-*"):
        path.unlink()
    result = loop.train_if_needed(spec, data, Reporter())
    assert result is not None and result.trained
    assert not [name for name in names(spec.directory) if name.startswith(".")]


def test_a_run_that_fails_again_is_not_tried_a_third_time(
    protocol: Protocol, data: Dataset, tmp_path: Path
) -> None:
    spec = make_spec(protocol, tmp_path, learning_rate=1e9)
    first = loop.train_if_needed(spec, data, Reporter())
    assert first is not None and first.record.failed
    retry = status.as_retry(spec)  # as two sweeps that both saw the failed record
    results = [loop.train_if_needed(retry, data, Reporter()) for _ in range(2)]
    assert [result.trained for result in results if result] == [True, False]
    assert all(result.record.failed for result in results if result)


class _TakeOver(Reporter):
    """Simulates that another host takes the lock over when the last epoch ends."""

    def __init__(self, spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
        self._spec = spec
        self._monkeypatch = monkeypatch
        self.lines: list[str] = []

    def epoch(self, row: Row) -> None:
        if row["epoch"] < self._spec.protocol.epochs:
            return
        folder = self._spec.directory
        token = json.loads((folder / lock.FILE).read_text())["token"]
        lock_fields = {"host": "another", "pid": 1, "born": "1", "token": "feed"}
        (folder / f"{lock.FILE}-{token}").write_text(json.dumps(lock_fields))
        now = lock._now()
        self._monkeypatch.setattr(lock, "_now", lambda: now + lock.STALE_SECONDS)

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_run_that_is_lost_in_its_last_moments_writes_no_result(
    protocol: Protocol, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(protocol, tmp_path)
    reporter = _TakeOver(spec, monkeypatch)
    assert loop.train_if_needed(spec, data, reporter) is None
    assert "taken over" in reporter.lines[-1]
    assert not names(spec.directory) & {store.FILE, store.WEIGHTS, store.PREDICTIONS}


def test_a_folder_that_cannot_be_locked_is_skipped(protocol: Protocol, tmp_path: Path) -> None:
    spec = make_spec(protocol, tmp_path)
    save_with_leftovers(spec)
    (spec.directory / lock.FILE).unlink()
    (spec.directory / lock.FILE).mkdir()
    with pytest.raises(InputError):
        lock.try_acquire(spec.directory)
    cleanup.remove_leftovers([spec])
    assert store.FILE in names(spec.directory)
