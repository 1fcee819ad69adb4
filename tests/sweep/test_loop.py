"""The loop by which all engines train: always the first open run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import variants
from harness.data.dataset import Dataset
from harness.errors import InputError, UnwritableError
from harness.progress import Reporter
from harness.protocol.spec import Protocol
from harness.runs import lock, status, store
from harness.runs.lock import RunLock
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec
from harness.sweep import loop
from harness.sweep.loop import train_open_runs
from harness.training import seeding
from tests.helpers.specs import as_failed, finished_run, make_spec


class Recorder(Reporter):
    """Keeps the events that concern whole runs."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def start(self, folder: Path) -> None:
        self.events.append(("start", folder.parent.name))

    def wait(self, title: str, folder: Path) -> None:
        self.events.append(("wait", folder.parent.name))


@pytest.fixture
def specs(tmp_path: Path, protocol: Protocol) -> list[RunSpec]:
    """Three runs of two epochs."""
    names = ("paper", "dropout_0", "batch_norm")
    return [RunSpec(variants.get(name), 0, protocol, {}, tmp_path) for name in names]


def lock_of(spec: RunSpec) -> RunLock:
    run_lock = lock.try_acquire(spec.directory)
    assert run_lock is not None
    return run_lock


def store_run(spec: RunSpec, data: Dataset, *, failed: bool = False) -> None:
    """Store the record that a run on the data would leave."""
    record = finished_run(spec, 1.0)
    dataset = record.dataset.model_copy(update={"fingerprint": data.fingerprint})
    record = record.model_copy(update={"dataset": dataset})
    store.save(spec.directory, as_failed(record) if failed else record)


def test_the_first_open_run_is_next_whenever_it_opens(
    specs: list[RunSpec], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run is locked until the second has ended, the last one until all wait for it."""
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.0)
    first, last = lock_of(specs[0]), lock_of(specs[2])
    reporter = Recorder()
    results = train_open_runs(specs, data, reporter)
    assert next(results).spec is specs[1]
    first.release()
    assert next(results).spec is specs[0]
    monkeypatch.setattr(loop.time, "sleep", lambda seconds: last.release())
    assert next(results).spec is specs[2]
    assert list(results) == []
    assert reporter.events == [
        ("start", "dropout_0"),
        ("start", "paper"),
        ("wait", "batch_norm"),
        ("start", "batch_norm"),
    ]
    assert all(not list(spec.directory.glob(".lease*")) for spec in specs)


def test_a_process_that_trains_is_deterministic_and_has_no_tf32(tmp_path: Path) -> None:
    backends = torch.backends
    try:
        torch.use_deterministic_algorithms(False)
        backends.cudnn.benchmark = backends.cudnn.allow_tf32 = True
        backends.cuda.matmul.allow_tf32 = True
        loop.prepare(RunOptions(dataset="digits", device="cpu", results=tmp_path))
        assert torch.are_deterministic_algorithms_enabled()
        assert not backends.cudnn.benchmark
        assert not backends.cudnn.allow_tf32
        assert not backends.cuda.matmul.allow_tf32
    finally:
        seeding.make_deterministic()


def test_engines_take_any_list_of_runs(specs: list[RunSpec], data: Dataset) -> None:
    """Runs that share nothing but the data, such as the folds of a cross-validation."""
    folds = [
        dataclasses.replace(
            specs[0],
            protocol=dataclasses.replace(specs[0].protocol, epochs=1, fold=fold, folds=2),
            results=specs[0].results / str(fold),
        )
        for fold in range(2)
    ]
    results = list(train_open_runs(folds, data, Reporter()))
    assert [result.record.protocol.fold for result in results] == [0, 1]
    assert len({result.record.weights_sha256 for result in results}) == 2


def test_a_run_that_may_not_start_is_left_out_and_one_that_is_done_is_not_trained(
    specs: list[RunSpec], data: Dataset
) -> None:
    store_run(specs[0], data)
    reporter = Recorder()
    (result,) = train_open_runs(
        specs[:2], data, reporter, may_start=lambda spec: spec is not specs[1]
    )
    assert (result.spec, result.trained) == (specs[0], False)
    assert reporter.events == []


def test_a_refused_run_stops_no_other_unless_the_caller_says_so(
    specs: list[RunSpec], data: Dataset
) -> None:
    specs[0].directory.mkdir(parents=True)
    (specs[0].directory / store.FILE).write_text("{")
    with pytest.raises(InputError, match="Delete it to train again"):
        next(train_open_runs(specs[:2], data, Reporter()))
    refused: list[RunSpec] = []
    (result,) = train_open_runs(
        specs[:2], data, Reporter(), on_refusal=lambda spec, error: refused.append(spec)
    )
    assert (result.spec, refused) == (specs[1], [specs[0]])


def test_a_full_disk_ends_the_loop(
    specs: list[RunSpec], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> Iterator[None]:
        raise UnwritableError("cannot write record.json (No space left on device).")

    monkeypatch.setattr(loop.runner, "train_run", full)
    with pytest.raises(UnwritableError):
        list(train_open_runs(specs, data, Reporter(), on_refusal=lambda spec, error: None))


def test_a_folder_of_another_user_refuses_its_run_alone(
    specs: list[RunSpec], data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = os.open

    def not_permitted(path: Path, *arguments: int, **named: int) -> int:
        if Path(path).parent == specs[0].directory:
            raise PermissionError(13, "Permission denied", str(path))
        return create(path, *arguments, **named)

    monkeypatch.setattr(os, "open", not_permitted)
    refused: list[RunSpec] = []
    results = train_open_runs(
        specs[:2], data, Reporter(), on_refusal=lambda spec, error: refused.append(spec)
    )
    assert [result.spec for result in results] == [specs[1]]
    assert refused == [specs[0]]


def test_a_run_that_is_given_up_is_recorded_by_who_holds_it(data: Dataset, tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    path = spec.directory / store.FILE
    kept = spec.directory / store.CHECKPOINTS / "epoch-00001-ab.pt"
    kept.parent.mkdir(parents=True)
    kept.touch()
    results = train_open_runs([spec], data, Reporter(), given_up={spec.directory: "why"})
    (result,) = results
    assert result.line == "paper seed 0: failed, why"
    assert store.load(path) == result.record
    assert kept.exists()  # for another try


def test_a_retry_is_waited_for_like_any_run(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process retries a failed run and is killed before it writes a new record."""
    spec = make_spec("paper", tmp_path)
    store_run(spec, data, failed=True)
    retry, other, reporter = status.as_retry(spec), lock_of(spec), Recorder()
    monkeypatch.setattr(loop.time, "sleep", lambda seconds: other.release())
    given_up = {spec.directory: "once more"}
    (result,) = train_open_runs([retry], data, reporter, given_up=given_up)
    assert result.record.reason == "once more"
    assert reporter.events == [("wait", "paper"), ("start", "paper")]
