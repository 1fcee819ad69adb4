"""The independent program: its figures, on official training images that are held out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, log_loss, recall_score

from tests.helpers import plain_training

DATA = os.environ.get("ALEXNET_TEST_DATA")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("--epochs 0", "--epochs must be at least 1"),
        ("--images 50000", "50000 together at most"),
        ("--held-out 0", "must be positive"),
        ("--images 0", "must be positive"),
        ("--test missing/rows.csv", "no folder missing"),
    ],
)
def test_what_cannot_be_done_is_refused_before_training(
    options: str, fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["plain_training", "--data-dir", "none", *options.split()])
    with pytest.raises(SystemExit, match="2"):
        plain_training.main()
    assert fault in capsys.readouterr().err


def test_a_run_that_the_file_has_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.csv"
    plain_training.add_row(rows, plain_training.csv_row(2, "bf16", 3, {"accuracy": 0.75}))
    options = ["plain_training", "--data-dir", "none", "--test", str(rows), "--seed"]
    monkeypatch.setattr("sys.argv", [*options, "3"])
    with pytest.raises(SystemExit, match="2"):
        plain_training.arguments()
    assert "has this run already: give another --seed" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", [*options, "4"])
    assert plain_training.arguments().seed == 4


@pytest.mark.skipif(not DATA, reason="ALEXNET_TEST_DATA names no folder with the official files")
def test_the_figures_are_those_of_scikit_learn() -> None:
    assert DATA is not None
    data = plain_training.Images(DATA, images=64, held_out=200, batch_size=32)
    ((model, row),) = plain_training.train(data, epochs=1, bf16=False)
    assert row["lr"] == 0.01
    found = plain_training.figures(
        model, data.train_as_they_are, data.evaluation, data.classes, bf16=False
    )
    logits, labels = plain_training.predict(model, data.evaluation, bf16=False)
    predicted = logits.argmax(1)
    assert len(labels) == 200
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["loss"] == pytest.approx(log_loss(labels, logits.double().softmax(1)))
    recalls = recall_score(labels, predicted, average=None, zero_division=0)
    assert [found[f"recall.{name}"] for name in data.classes] == pytest.approx(recalls)
    shares = plain_training.accuracy(model, data.train_as_they_are, bf16=False)
    assert found["train_accuracy"] == shares
    assert 64 * shares == pytest.approx(round(64 * shares))
