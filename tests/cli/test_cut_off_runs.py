"""`run` that is interrupted or diverges: its exit status, and what it says of going on."""

from __future__ import annotations

import dataclasses
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import app
from harness.data import dataset
from harness.protocol import presets
from harness.training import checkpoint
from tests.helpers.commands import Command
from tests.helpers.small_runs import records

Harness = Callable[..., subprocess.CompletedProcess[str]]


def rarely_saved() -> None:
    """Let no checkpoint be written but the first, and those that an end asks for."""
    checkpoint.MIN_INTERVAL_SECONDS = 3600.0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_print_how_to_resume(
    small: tuple[str, ...], number: int, status: int, tmp_path: Path
) -> None:
    arguments = (*small[:-1], "4000", "--variant", "paper")
    with Command(tmp_path, *arguments, prepare=rarely_saved) as process:
        process.wait_for("epoch 3/4000")
        process.send_signal(number)
        output, errors = process.communicate()
        assert process.returncode == status
    printed = max(int(epoch) for epoch in re.findall(r"epoch (\d+)/4000", output))
    saved = max(int(path.name.split("-")[1]) for path in tmp_path.rglob("epoch-*.pt"))
    assert saved >= printed >= 3
    assert errors.count("\n") == 1
    assert not list(tmp_path.rglob(".lease*"))
    assert f"To go on: {shlex.join(['python', '-m', 'harness', *arguments])}" in errors


def diverging() -> None:
    """Make the learning rate absurd; everything else is the real command."""
    protocol = dataclasses.replace(presets.PROTOCOLS["folder"], learning_rate=1e9)
    presets.PROTOCOLS["folder"] = protocol


def test_a_diverged_run_exits_1_and_is_recorded(
    small: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    failed = harness(*small[:-1], "2", "--variant", "paper", prepare=diverging)
    assert failed.returncode == 1, failed.stderr
    assert "1 of the runs failed" in failed.stderr
    (record,) = records(tmp_path).values()
    assert record["status"] == "failed"
    assert "diverged" in str(record["reason"])
    again = harness(*small[:-1], "2", "--variant", "paper", prepare=diverging)
    assert again.returncode == 1
    assert "failed" in harness("compare").stdout


@pytest.mark.parametrize(
    ("command", "trains"),
    [
        (("run", "--variant", "paper"), True),
        (("run", "--variant", "paper", "--profile"), False),
        (("data",), False),
    ],
)
def test_only_a_command_that_trains_says_that_epochs_are_saved(
    command: tuple[str, ...],
    trains: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "load", interrupt)
    monkeypatch.setattr(sys, "argv", ["harness", *command])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 130
    message = capsys.readouterr().err
    assert ("finished epochs are saved. To go on: " in message) == trains
    assert message.endswith(shlex.join(["python", "-m", "harness", *command]) + "\n")
