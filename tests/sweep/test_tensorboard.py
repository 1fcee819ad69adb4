"""`run --tensorboard`: every epoch's figures, once each, and the same bits as without it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from harness.progress import PlainReporter, Several
from harness.sweep.tensorboard import SCALARS, TensorBoardReporter
from tests.helpers import commands

Harness = Callable[..., subprocess.CompletedProcess[str]]

RUN = "digits/2-epochs-fp32/paper/seed-0"

SHORT = ("--dataset", "digits", "--epochs", "2", "--precision", "fp32", "--no-figures")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of each scalar in a run's folder, as TensorBoard shows them."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def row(epoch: int, loss: float, accuracy: float | None = 0.5) -> dict[str, Any]:
    keys = dict.fromkeys(SCALARS.values(), 1.0)
    return {**keys, "epoch": epoch, "train_loss": loss, "train_accuracy": accuracy}


def test_a_run_shows_its_history_and_keeps_its_bits(harness: Harness, tmp_path: Path) -> None:
    run = ("run", "--variant", "paper", *SHORT)
    shown = harness(*run, "--tensorboard", "logs")
    assert shown.returncode == 0, shown.stderr
    assert harness(*run, "--results", "plain").returncode == 0
    records = [
        json.loads((tmp_path / folder / RUN / "record.json").read_text())
        for folder in ("results", "plain")
    ]
    assert records[0]["weights_sha256"] == records[1]["weights_sha256"]
    shown_scalars = scalars(tmp_path / "logs" / RUN)
    assert shown_scalars.keys() == SCALARS.keys()
    for name, key in SCALARS.items():
        history = [(r["epoch"], pytest.approx(r[key])) for r in records[0]["history"]]
        assert shown_scalars[name] == history


def test_a_resumed_run_has_each_epoch_once(tmp_path: Path) -> None:
    for history, trained in (
        ([], [row(1, 3.0), row(2, 2.0)]),
        ([row(1, 3.0)], [row(2, 2.5), row(3, 1.0)]),  # epoch 2 was lost
    ):
        reporter = TensorBoardReporter(tmp_path / "logs", tmp_path)
        reporter.start(tmp_path / "a")
        reporter.begin("a", 3, 1, history)
        for epoch in trained:
            reporter.epoch(epoch)
        reporter.end()
    assert scalars(tmp_path / "logs/a")["loss/train"] == [(1, 3.0), (2, 2.5), (3, 1.0)]


def test_a_run_that_went_on_elsewhere_has_its_earlier_epochs_too(tmp_path: Path) -> None:
    reporter = TensorBoardReporter(tmp_path / "logs", tmp_path)
    reporter.start(tmp_path / "a")
    reporter.begin("a", 2, 1, [row(1, 3.0, accuracy=None)])  # as under mixing
    reporter.epoch(row(2, 2.0))
    reporter.end()
    figures = scalars(tmp_path / "logs/a")
    assert figures["loss/train"] == [(1, 3.0), (2, 2.0)]
    assert figures["accuracy/train"] == [(2, 0.5)]


def test_all_reporters_get_every_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Several(PlainReporter(), TensorBoardReporter(tmp_path / "logs", tmp_path))
    reporter.start(tmp_path / "a")
    reporter.begin("a", 1, 1, [])
    reporter.epoch(row(1, 3.0))
    reporter.end()
    reporter.say("the end")
    assert capsys.readouterr().out.splitlines()[-1] == "the end"
    assert scalars(tmp_path / "logs/a")["loss/train"] == [(1, 3.0)]


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "tensorboard.py").write_text("raise ImportError('not here')\n")
    done = commands.run_fresh(
        tmp_path, "run", "--variant", "paper", *SHORT, "--tensorboard", "logs"
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install -c constraints.txt -e '.[tensorboard]'" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    (tmp_path / "file").write_text("")
    message = refused("run", "--variant", "paper", *SHORT, "--tensorboard", "file/logs")
    assert "cannot write to file/logs" in message
