"""Records, checkpoints and files: whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol import decision
from harness.runs import record, store
from harness.runs.record import RunRecord
from harness.training import checkpoint
from tests.conftest import ROOT
from tests.made import curve, made

Train = Callable[..., RunRecord]


def test_a_record_holds_what_the_contract_names(train: Train, tmp_path: Path) -> None:
    train()
    (path,) = store.find(tmp_path)
    stored = json.loads(path.read_text())
    assert {"variant", "changes", "seed", "history", "parameters", "resumed_at"} <= set(stored)
    assert {"name", "fingerprint", "official", "train_size", "test_size"} <= set(stored["dataset"])
    assert {"python", "torch", "device"} <= set(stored["environment"])
    assert set(stored["code"]) == {"commit", "dirty"}
    assert {"accuracy", "macro_f1", "auc", "loss", "per_class", "confusion_matrix"} == set(
        stored["metrics"]
    )
    assert {"train_loss", "train_accuracy", "test_loss", "test_accuracy", "lr", "seconds"} < set(
        stored["history"][0]
    )
    assert stored["dataset"]["train_size"] == 40
    for key in ("weights_sha256", "predictions_sha256", "sources_sha256"):
        assert len(stored[key]) == 64


def test_a_record_reads_back_as_it_was(train: Train, tmp_path: Path) -> None:
    written = train()
    (path,) = store.find(tmp_path)
    assert dataclasses.asdict(store.load(path)) == store.plain(dataclasses.asdict(written))


def test_the_stored_predictions_give_the_stored_accuracy(train: Train, tmp_path: Path) -> None:
    written = train()
    (path,) = store.find(tmp_path)
    predictions = np.loadtxt(path.parent / store.PREDICTIONS, dtype=int)
    assert written.metrics is not None
    assert (predictions == np.arange(20) % 10).mean() == written.metrics["accuracy"]


def test_a_finished_run_leaves_no_checkpoint(train: Train, tmp_path: Path) -> None:
    train()
    assert not list(tmp_path.rglob("*.pt"))
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda fields: {},
        lambda fields: [fields],
        lambda fields: {**fields, "version": 99},
        lambda fields: {**fields, "history": "none"},
        lambda fields: {**fields, "metrics": 0.75},
        lambda fields: {**fields, "seed": "0"},
        lambda fields: {**fields, "surprise": 1},
        lambda fields: {**fields, "metrics": {"accuracy": 0.75}},
        lambda fields: {**fields, "dataset": {}},
    ],
)
def test_a_damaged_record_is_named(
    damage: Callable[[dict[str, Any]], Any], train: Train, tmp_path: Path
) -> None:
    train(epochs=1)
    (path,) = store.find(tmp_path)
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(record.DamagedRecordError, match=r"record\.json is damaged"):
        store.load(path)


def damage(fields: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    """Put a value where a path leads, or take away what is there."""
    for key in place[:-1]:
        fields = fields[key]
    if value is None:
        del fields[place[-1]]
    else:
        fields[place[-1]] = value


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("metrics", "accuracy"), "x", "metrics.accuracy is 'x'"),
        (("metrics", "accuracy"), float("nan"), "metrics.accuracy is 'nan'"),
        (("metrics", "loss"), True, "metrics.loss is 'True'"),
        (("metrics", "per_class", "cat"), None, "metrics.per_class lacks cat"),
        (("metrics", "per_class", "cat", "recall"), None, "metrics.per_class.cat lacks recall"),
        (("metrics", "per_class"), [], "metrics.per_class is"),
        (("metrics", "confusion_matrix"), [[1, 2], [3, 4]], "confusion_matrix has 2 items, not 10"),
        (("metrics", "confusion_matrix", 3, 9), None, "confusion_matrix.3 has 9 items, not 10"),
        (("metrics", "confusion_matrix", 3, 9), 0.5, "confusion_matrix.3.9 is '0.5'"),
        (("history", 1), 7, "history.1 is '7'"),
        (("history", 1, "train_loss"), None, "history.1 lacks train_loss"),
        (("history", 1, "test_accuracy"), None, "history.1 lacks test_accuracy"),
        (("history", 0, "test_loss"), "low", "history.0.test_loss is 'low'"),
        (("dataset", "classes"), [["a"]] * 10, "dataset.classes.0 is"),
        (("dataset", "fingerprint"), 5, "dataset.fingerprint is '5'"),
        (("protocol", "epochs"), "20", "protocol.epochs is '20'"),
        (("environment", "device_type"), None, "environment lacks device_type"),
        (("train_seconds",), float("inf"), "train_seconds is 'inf'"),
    ],
)
def test_damage_inside_a_field_is_named_by_its_place(
    place: tuple[Any, ...], value: Any, told: str, tmp_path: Path
) -> None:
    store.save(tmp_path, made(history=curve([0.3, 0.6, 0.7])))
    path = tmp_path / store.FILE
    assert not store.load(path).failed
    fields = json.loads(path.read_bytes())
    damage(fields, place, value)
    path.write_text(json.dumps(fields))
    with pytest.raises(record.DamagedRecordError) as error:
        store.load(path)
    assert told in str(error.value)


def test_a_curve_that_was_not_recorded_is_no_damage(tmp_path: Path) -> None:
    rows = [
        {key: value for key, value in row.items() if not key.startswith("test_")}
        for row in curve([0.5, 0.6])
    ]
    store.save(tmp_path, made(history=rows))
    assert store.load(tmp_path / store.FILE).history == rows


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_cut_record_is_named(size: int, train: Train, tmp_path: Path) -> None:
    train(epochs=1)
    (path,) = store.find(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(record.DamagedRecordError, match="damaged"):
        store.load(path)


def test_records_load_as_a_frame(train: Train, tmp_path: Path) -> None:
    train(seed=0, epochs=1)
    train(seed=1, epochs=1)
    frame = harness.load_records(tmp_path)
    assert sorted(frame["seed"]) == [0, 1]
    assert frame["metrics.accuracy"].between(0, 1).all()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, b"old")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


STATE = {"epoch": 1, "model": {}, "history": []}

IDENTITY = {"seed": 0, "protocol": {"epochs": 3, "decay_at": (0.6, 0.85)}}


def test_the_two_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        checkpoint.save(tmp_path, IDENTITY, {**STATE, "epoch": epoch})
    names = sorted(p.name[:11] for p in tmp_path.rglob("*.pt"))
    assert names == ["epoch-00003", "epoch-00004"]
    state = checkpoint.load(tmp_path, IDENTITY)
    assert state is not None
    assert state["epoch"] == 4


@pytest.mark.parametrize(
    "tear", [lambda c: c[:-1], lambda c: b"", lambda c: c[:50] + b"?" + c[51:]]
)
def test_a_torn_checkpoint_is_passed_over(tear: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for epoch in (1, 2):
        checkpoint.save(tmp_path, IDENTITY, {**STATE, "epoch": epoch})
    newest = max(tmp_path.rglob("*.pt"))
    newest.write_bytes(tear(newest.read_bytes()))
    state = checkpoint.load(tmp_path, IDENTITY)
    assert state is not None
    assert state["epoch"] == 1


def test_a_checkpoint_of_another_run_is_refused_with_what_changed(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, IDENTITY, STATE)
    changed = {"seed": 0, "protocol": {**IDENTITY["protocol"], "epochs": 4}}  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"protocol\.epochs was 3 and is 4"):
        checkpoint.load(tmp_path, changed)


def test_no_checkpoint_means_a_fresh_start(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, IDENTITY) is None


def test_a_record_cites_the_decision_file(train: Train) -> None:
    assert train(epochs=1).decision_sha256 == decision.sha256()


def test_a_record_of_version_1_still_loads() -> None:
    path = next((ROOT / "tests/stored/folder").rglob("record.json"))
    assert json.loads(path.read_text())["version"] == 1
    loaded = store.load(path)
    assert loaded.version == record.VERSION
    assert loaded.decision_sha256 is None
    assert loaded.metrics is not None


def test_a_record_of_todays_version_may_lack_nothing(train: Train, tmp_path: Path) -> None:
    train(epochs=1)
    (path,) = store.find(tmp_path)
    fields = json.loads(path.read_text())
    del fields["decision_sha256"]
    path.write_text(json.dumps(fields))
    with pytest.raises(record.DamagedRecordError, match="decision_sha256"):
        store.load(path)
