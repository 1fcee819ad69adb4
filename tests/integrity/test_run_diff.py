"""`diff`: what differs between two runs is named, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.integrity.run_diff import diff_runs
from harness.runs import store
from harness.runs.record import RunRecord
from tests.helpers.records import make_history, make_record

CURVE = [0.4, 0.5, 0.6]


def write(folder: Path, record: RunRecord, predictions: str = "") -> Path:
    """Store a record, and predictions if there are any."""
    store.save(folder, record)
    if predictions:
        (folder / store.PREDICTIONS).write_text(predictions)
    return folder


def differences(tmp_path: Path, first: RunRecord, second: RunRecord) -> dict[str, list[str]]:
    """Topics in which two records differ."""
    folders = write(tmp_path / "a", first), write(tmp_path / "b", second)
    return {topic: found for topic, found in diff_runs(*folders) if found}


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    record = make_record(history=make_history(CURVE))
    assert differences(tmp_path, record, record) == {}


def test_times_are_no_difference(tmp_path: Path) -> None:
    rows = make_history(CURVE)
    slower = [{**row, "seconds": 9.0, "images_per_second": 1.0} for row in rows]
    first, second = make_record(history=rows), make_record(history=slower)
    assert differences(tmp_path, first, second.model_copy(update={"train_seconds": 27.0})) == {}


@pytest.mark.parametrize(
    ("changed", "topic", "phrase"),
    [
        ({"environment": {"threads": 2}}, "environment", "threads was 1 and is 2"),
        ({"protocol": {"epochs": 9}}, "protocol", "epochs was 20 and is 9"),
        ({"dataset": {"fingerprint": "ab"}}, "data", "and is ab"),
        ({"decision_sha256": "cd" * 32}, "code", "and is cdcd"),
    ],
)
def test_what_differs_is_named_under_its_topic(
    changed: dict[str, Any], topic: str, phrase: str, tmp_path: Path
) -> None:
    found = differences(tmp_path, make_record(), make_record(**changed))
    assert set(found) == {topic}
    assert phrase in found[topic][0]


def test_the_first_epoch_that_differs_is_named(tmp_path: Path) -> None:
    first = make_record(history=make_history(CURVE))
    second = make_record(history=make_history([0.4, 0.55]))
    found = differences(tmp_path, first, second)
    (changed, lengths) = found["epochs"]
    assert changed.startswith("epoch 2 is the first to differ: ")
    assert "eval_accuracy was 0.5 and is 0.55" in changed
    assert lengths == "epochs trained were 3 and are 2"


def test_metrics_differ_in_points(tmp_path: Path) -> None:
    found = differences(tmp_path, make_record(right=700), make_record(right=712))
    assert found["metrics"][0] == "accuracy was 70.00 % and is 71.20 % (+1.20 points)"
    assert "recall of cat was 70.00 % and is 71.20 % (+1.20 points)" in found["metrics"]


def test_predictions_are_counted(tmp_path: Path) -> None:
    first = write(tmp_path / "a", make_record(seed=0), "1\n2\n3\n")
    second = write(tmp_path / "b", make_record(seed=1), "1\n5\n5\n")
    assert dict(diff_runs(first, second))["predictions"] == [
        "2 of 3 images are classified differently"
    ]
    (second / store.PREDICTIONS).unlink()
    assert dict(diff_runs(first, second))["predictions"] == ["predictions_sha256 differs"]


def test_a_failed_run_has_no_metrics_to_compare(tmp_path: Path) -> None:
    found = differences(tmp_path, make_record(), make_record(failed=True))
    assert "status was finished and is failed" in found["run"]
    assert "metrics" not in found


@pytest.mark.parametrize(("content", "message"), [(None, "has no record"), ("{}", "is damaged")])
def test_bad_folders_are_one_line(
    content: str | None, message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    good = write(tmp_path / "good", make_record())
    bad = tmp_path / "bad"
    bad.mkdir()
    if content is not None:
        (bad / store.FILE).write_text(content)
    assert message in refused("diff", str(good), str(bad))
