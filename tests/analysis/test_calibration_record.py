"""Calibration records on disk: validation, and consistency with their runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import calibration, calibration_record
from harness.analysis.calibration import Calibration
from harness.errors import InputError
from harness.protocol import decision
from harness.report import docs
from harness.runs.record import DatasetInfo
from tests.helpers.records import make_record

HUGE = 10**400

ABOUT = make_record(
    dataset={"split": "validation", "train_size": 45_000, "test_size": 5_000}
).dataset


@pytest.fixture
def calibrated() -> Calibration:
    """One futile candidate, one that reaches the target."""
    return calibration.apply_rule(ABOUT, {6: {0: 0.6}, 8: {0: 0.751, 1: 0.753, 2: 0.755}})


def test_a_record_states_its_data_and_rule(calibrated: Calibration, tmp_path: Path) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    fields = json.loads(path.read_text())
    assert path == tmp_path / "cifar10" / "calibration.json"
    assert fields["epochs"] == 8
    assert fields["dataset"]["split"] == "validation"
    assert fields["decision_sha256"] == decision.sha256()
    assert calibration_record.load_calibrations(tmp_path) == ({path: calibrated}, [])


def changed(fields: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the values at some keys, such as "candidates.0.mean"."""
    for key, value in change.items():
        *parents, last = (int(part) if part.isdigit() else part for part in key.split("."))
        inner: Any = fields
        for part in parents:
            inner = inner[part]
        inner[last] = value
    return fields


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "75 %"}, "target: Input should be a valid number"),
        ({"target": HUGE}, "target: Input should be a finite number"),
        ({"target": 0.5}, "target is '0.5' but the rule gives 0.75"),
        ({"variant": "baseline"}, "variant is 'baseline' but the rule gives 'paper'"),
        ({"epochs": 90}, "epochs is '90' but the rule gives 8"),
        ({"epochs": None}, "epochs is 'None' but the rule gives 8"),
        ({"epochs": 0}, "epochs: Input should be greater than 0"),
        ({"epochs": HUGE}, "epochs is '1000"),
        ({"more": 1}, "more: Extra inputs"),
        ({"dataset.title": None}, "dataset.title: Input should be a valid string"),
        ({"dataset.split": "test"}, "dataset.split is 'test' and not 'validation'"),
        ({"dataset.train_size": 0}, "dataset.train_size: Input should be greater"),
        ({"candidates": []}, "candidates: List should have at least 1 item"),
        ({"candidates": {}}, "candidates: Input should be a valid array"),
        ({"candidates.0.more": 1}, "candidates.0.more: Extra inputs"),
        ({"candidates.0.epochs": 0}, "candidates.0.epochs: Input should be greater"),
        ({"candidates.0.epochs": 7}, "not the decision file's"),
        ({"candidates.0.epochs": 8}, "not the decision file's"),
        ({"candidates.0.epochs": 10}, "smallest first"),
        ({"candidates.0.epochs": HUGE}, "not the decision file's"),
        (
            {"candidates.0.accuracies.0": "0.7"},
            "0.accuracies.0: Input should be a valid number",
        ),
        (
            {"candidates.0.accuracies": [1.5]},
            "0.accuracies.0: Input should be less than or",
        ),
        ({"candidates.0.accuracies": [-HUGE]}, "candidates.0.accuracies.0: Input should be"),
        ({"candidates.0.accuracies": []}, "1 seeds and 0 accuracies"),
        ({"candidates.0.seeds": []}, "candidates.0.seeds: List should have at least 1"),
        ({"candidates.1.seeds": [0, 1]}, "candidates.1: 2 seeds and 3 accuracies"),
        (
            {"candidates.1.seeds": [0, 1, 1]},
            "candidates.1: the seeds are not",
        ),
        ({"candidates.1.seeds": [2, 1, 0]}, "smallest first"),
        ({"candidates.0.mean": 0.7}, "candidates.0.mean is '0.7' but the rule gives 0.6"),
        ({"candidates.0.mean": HUGE}, "candidates.0.mean: Input should be a finite number"),
        ({"candidates.0.standard_error": 0.1}, "candidates.0.standard_error is '0.1'"),
        ({"candidates.1.standard_error": None}, "candidates.1.standard_error is 'None'"),
        ({"candidates.0.reaches": True}, "candidates.0.reaches is 'True' but the rule gives False"),
    ],
)
def test_a_damaged_record_is_named_and_left_out(
    change: Mapping[str, Any], message: str, calibrated: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    path.write_text(json.dumps(changed(json.loads(path.read_text()), change)))
    read, (damaged,) = calibration_record.load_calibrations(tmp_path)
    assert not read
    assert damaged.startswith(f"{path} is damaged (")
    assert message in damaged
    assert damaged.count("\n") == 0
    assert len(damaged) < len(str(path)) + 200


@pytest.mark.parametrize(
    "key", ["epochs", "dataset", *(f"dataset.{name}" for name in DatasetInfo.model_fields)]
)
def test_every_field_is_required(key: str, calibrated: Calibration, tmp_path: Path) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    fields = inner = json.loads(path.read_text())
    *parents, last = key.split(".")
    for part in parents:
        inner = inner[part]
    del inner[last]
    path.write_text(json.dumps(fields))
    with pytest.raises(InputError, match=rf"\({key}: Field required"):
        calibration_record.load(path)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "\udcff", "7" * 5000])
def test_what_is_no_record_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(InputError, match=r"is damaged \([^ ]"):
        calibration_record.load(path)


def test_pages_are_not_written_from_a_damaged_record(
    calibrated: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    path.write_text("{}")
    with pytest.raises(InputError, match=str(path)):
        docs.files(folder=tmp_path)
