"""Saving and loading of records: whole or not at all."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol import decision
from harness.runs import record, status, store
from harness.runs.record import RunRecord
from tests.helpers.paths import ROOT
from tests.helpers.records import make_history, make_record
from tests.helpers.specs import make_spec

Train = Callable[..., RunRecord]


def test_a_record_holds_what_the_contract_names(train: Train, tmp_path: Path) -> None:
    train()
    (path,) = store.find(tmp_path)
    stored = json.loads(path.read_text())
    assert tuple(stored) == (
        *("version", "status", "reason", "variant", "family", "settings", "changes", "seed"),
        *("dataset", "protocol", "departures", "study", "environment", "code", "sources_sha256"),
        *("decision_sha256", "parameters", "normalization", "resumed_at", "train_seconds"),
        *("metrics", "weights_sha256", "predictions_sha256", "history"),
    )
    assert {"name", "fingerprint", "official", "train_size", "test_size"} <= set(stored["dataset"])
    assert {"python", "torch", "numpy", "device", "execution"} <= set(stored["environment"])
    assert set(stored["code"]) == {"commit", "dirty"}
    assert set(stored["normalization"]) == {"mean", "std"}
    assert {"accuracy", "macro_f1", "auc", "loss", "train_accuracy"} < set(stored["metrics"])
    assert {"train_accuracy", "eval_loss", "eval_accuracy", "lr"} < set(stored["history"][0])
    assert (stored["version"], stored["family"], stored["study"]) == (3, "ablations", None)
    assert stored["dataset"]["train_size"] == 40
    for key in ("weights_sha256", "predictions_sha256", "sources_sha256", "decision_sha256"):
        assert len(stored[key]) == 64


def test_a_record_reads_back_as_it_was(train: Train, tmp_path: Path) -> None:
    written = train()
    (path,) = store.find(tmp_path)
    assert store.load(path) == written
    assert store.to_bytes(store.load(path)) == path.read_bytes()


def test_a_mixed_run_has_no_training_accuracy_but_that_of_its_network(
    train: Train, tmp_path: Path
) -> None:
    train("mixup")
    (path,) = store.find(tmp_path)
    stored = store.load(path)
    assert [row.train_accuracy for row in stored.history] == [None, None]
    assert stored.metrics is not None
    assert 0 <= stored.metrics.train_accuracy <= 1


def test_the_stored_predictions_give_the_stored_accuracy(train: Train, tmp_path: Path) -> None:
    written = train()
    (path,) = store.find(tmp_path)
    predictions = np.loadtxt(path.parent / store.PREDICTIONS, dtype=int)
    assert written.metrics is not None
    assert (predictions == np.arange(20) % 10).mean() == written.metrics.accuracy


def test_a_finished_run_leaves_no_checkpoint(train: Train, tmp_path: Path) -> None:
    train()
    assert not list(tmp_path.rglob("*.pt"))
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda fields: {},
        lambda fields: [fields],
        lambda fields: {**fields, "version": "3"},
        lambda fields: {key: value for key, value in fields.items() if key != "version"},
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


def damage(fields: dict[str, Any], field_path: tuple[Any, ...], value: Any) -> None:
    """Set the field at a path, or delete it."""
    for key in field_path[:-1]:
        fields = fields[key]
    if value is None:
        del fields[field_path[-1]]
    else:
        fields[field_path[-1]] = value


@pytest.mark.parametrize(
    ("field_path", "value", "fault"),
    [
        (("metrics", "accuracy"), "x", "metrics.accuracy: Input should be a valid number"),
        (("metrics", "accuracy"), float("nan"), "metrics.accuracy: Input should be a finite"),
        (("protocol", "batch_size"), 0, "protocol.batch_size is 0"),
        (("settings", "augmentation"), "flip", "protocol.augmentation has no 'flip'"),
        (("settings", "augmentation"), [], "protocol.augmentation has no []"),
        (("metrics", "loss"), True, "metrics.loss: Input should be a valid number"),
        (("metrics", "train_accuracy"), None, "metrics.train_accuracy: Field required"),
        (("metrics", "per_class", "cat", "recall"), None, "per_class.cat.recall: Field required"),
        (("metrics", "per_class"), [], "metrics.per_class: Input should be an object"),
        (("metrics", "confusion_matrix", 3, 9), 0.5, "confusion_matrix.3.9: Input should be a"),
        (("history", 1), 7, "history.1: Input should be an object"),
        (("history", 1, "train_loss"), None, "history.1.train_loss: Field required"),
        (("history", 1, "eval_accuracy"), None, "history.1.eval_accuracy: Field required"),
        (("history", 0, "eval_loss"), "low", "history.0.eval_loss: Input should be a valid number"),
        (("history", 0, "train_loss"), -0.1, "history.0.train_loss: Input should be greater"),
        (("dataset", "classes"), [["a"]] * 10, "dataset.classes.0: Input should be a valid string"),
        (("dataset", "fingerprint"), 5, "dataset.fingerprint: Input should be a valid string"),
        (("dataset", "split"), "train", "dataset.split: Input should be 'test' or 'validation'"),
        (("protocol", "epochs"), "20", "protocol.epochs: Input should be a valid integer"),
        (("protocol", "epochs"), 0, "--epochs is 0"),
        (("protocol", "warmup"), 3, "protocol.warmup: Unexpected keyword argument"),
        (("environment", "device_type"), None, "environment.device_type: Field required"),
        (("normalization", "mean", 0), "dark", "normalization.mean.0: Input should be a valid"),
        (("study",), {"kind": "whim"}, "study.kind: Input should be 'search' or 'cross-validation"),
        (("seed",), -1, "seed: Input should be greater than or equal to 0"),
        (("train_seconds",), float("inf"), "train_seconds: Input should be a finite number"),
    ],
)
def test_damage_inside_a_field_is_named_by_its_place(
    field_path: tuple[Any, ...], value: Any, fault: str, tmp_path: Path
) -> None:
    store.save(tmp_path, make_record(history=make_history([0.3, 0.6, 0.7])))
    path = tmp_path / store.FILE
    assert not store.load(path).failed
    fields = json.loads(path.read_bytes())
    damage(fields, field_path, value)
    path.write_text(json.dumps(fields))
    with pytest.raises(record.DamagedRecordError) as error:
        store.load(path)
    message = str(error.value)
    assert message.startswith(f"{path} is damaged (")
    assert fault in message
    assert message.count("\n") == 0


def test_a_curve_that_was_not_recorded_is_no_damage(tmp_path: Path) -> None:
    rows = [{**row, "eval_loss": None, "eval_accuracy": None} for row in make_history([0.5, 0.6])]
    store.save(tmp_path, make_record(history=rows))
    assert [row.model_dump() for row in store.load(tmp_path / store.FILE).history] == rows


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
    assert frame["metrics.per_class.3.recall"].between(0, 1).all()
    assert set(frame["protocol.augmentation.standard.padding"]) == {4}
    assert set(frame["environment.device_type"]) == {"cpu"}


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


def test_a_record_cites_the_decision_file(train: Train) -> None:
    assert train(epochs=1).decision_sha256 == decision.sha256()


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_record_of_another_version_is_not_to_be_deleted(version: int, tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    path = spec.directory / store.FILE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"version": version, "history": [{"test_loss": 1.0}]}))
    for read in (lambda: store.load(path), lambda: status.existing_record(spec)):
        with pytest.raises(record.UnreadableRecordError) as error:
            read()
        assert str(error.value) == f"{path} is of version {version}; this code reads version 3."
    path.write_text("{")
    with pytest.raises(InputError, match=r"is damaged .* Delete it to train again\."):
        status.existing_record(spec)


def test_a_record_whose_disk_fails_is_not_to_be_deleted(tmp_path: Path) -> None:
    spec = make_spec("paper", tmp_path)
    (spec.directory / store.FILE).mkdir(parents=True)  # reading it is an OSError
    with pytest.raises(record.UnreadableRecordError, match=r"cannot be read \(Is a directory\)\.$"):
        status.existing_record(spec)


def test_folders_that_vanish_while_records_are_found_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / store.FILE).touch()
    scandir = os.scandir

    def vanishing(path: Any) -> Any:
        if Path(path).name == "checkpoints":
            Path(path).rmdir()
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert list(store.find(tmp_path)) == [tmp_path / n / store.FILE for n in ("a", "b")]


def test_a_record_lacks_nothing(tmp_path: Path) -> None:
    store.save(tmp_path, make_record(history=make_history([0.5])))
    path = tmp_path / store.FILE
    fields = json.loads(path.read_text())
    for key in set(fields) - {"version"}:
        path.write_text(json.dumps({k: v for k, v in fields.items() if k != key}))
        with pytest.raises(record.DamagedRecordError, match=f"{key}: Field required"):
            store.load(path)


def test_reading_five_hundred_records_takes_little_longer_than_parsing_them(tmp_path: Path) -> None:
    """Under 2 s, of which json.loads takes 0.1 s; as a ratio, since a machine may be slow."""
    content = (ROOT / "tests/stored/folder/20-epochs-bf16/paper/seed-0" / store.FILE).read_bytes()
    for number in range(500):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / store.FILE).write_bytes(content)
    start = time.process_time()
    records, damaged = store.load_all(tmp_path)
    reading = time.process_time() - start
    assert (len(records), damaged) == (500, [])
    start = time.process_time()
    for _ in range(500):
        json.loads(content)
    assert reading < 12 * (time.process_time() - start)
