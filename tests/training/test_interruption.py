"""Kills, full disks and crowds: a run ends with the same bits, and nothing is lost.

Each part runs the real command on pictures of noise. The long forms, 50 kills at random moments
among them, take the digits and are marked slow.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.commands import Command, Prepare, die_in
from tests.helpers.run_bits import comparable_bits
from tests.helpers.sweep_processes import write_images

EPOCHS = 8

RUN = ("run", "--device", "cpu", "--variant", "batch_norm", "--epochs", str(EPOCHS))

DIGITS = ("--dataset", "digits")

OTHER_THREADS = "2" if torch.get_num_threads() == 1 else "1"

# Where a process can be told to die: the function, and what it is doing then.
MOMENTS = {
    "checkpoint write": ("harness.training.checkpoint", "write_atomically", 1),
    "rename": ("os", "replace", 1),
    "evaluation": ("harness.training.metrics", "loss_and_accuracy", 2),
    "record write": ("harness.runs.store", "save", 1),
}


def start(folder: Path, *more: str, prepare: Prepare | None = None, **variables: str) -> Command:
    return Command(folder, *RUN, "--no-figures", *more, merge=True, prepare=prepare, **variables)


def finish(folder: Path, *more: str, **variables: str) -> str:
    with start(folder, *more, **variables) as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


def stored(folder: Path) -> dict[str, Any]:
    (path,) = folder.rglob("record.json")
    fields: dict[str, Any] = json.loads(path.read_text())
    return fields


def leftovers(folder: Path) -> list[str]:
    """Files that a finished run must not leave: checkpoints, locks, partly written files."""
    return [p.name for p in folder.rglob("*") if p.suffix == ".pt" or p.name.startswith(".")]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Options for a dataset in an image folder."""
    images = write_images(tmp_path_factory.mktemp("images"), train=400, test=40)
    return ("--dataset", "folder", "--data-dir", str(images), "--precision", "fp32")


@pytest.fixture(scope="module")
def alone(few: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of an undisturbed run."""
    folder = tmp_path_factory.mktemp("alone")
    finish(folder, *few)
    return stored(folder)


@pytest.fixture(scope="module")
def digits_alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of an undisturbed run on the digits."""
    folder = tmp_path_factory.mktemp("digits")
    finish(folder, *DIGITS)
    return stored(folder)


def long(*values: object) -> object:
    """Parameters that only the long form tries."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "moment", ["checkpoint write", "record write", long("rename"), long("evaluation")]
)
def test_a_kill_at_the_worst_moment_changes_no_bit(
    moment: str, few: tuple[str, ...], alone: dict[str, Any], tmp_path: Path
) -> None:
    with start(tmp_path, *few, prepare=partial(die_in, *MOMENTS[moment])) as process:
        output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    assert not list(tmp_path.rglob("record.json"))
    again = finish(tmp_path, *few)
    trained = output.count(f"/{EPOCHS}  loss") + again.count(f"/{EPOCHS}  loss")
    assert comparable_bits(stored(tmp_path)) == comparable_bits(alone)
    assert trained <= EPOCHS + 2  # a write may last for an epoch
    assert leftovers(tmp_path / "results") == []


# One of each family; tests/training/test_resume.py has all variants, in one process.
@pytest.mark.parametrize("name", ["paper", "cutmix", "krizhevsky_2012"])
def test_a_killed_run_goes_on_from_its_checkpoint(
    name: str, few: tuple[str, ...], tmp_path: Path
) -> None:
    options = (*few, "--variant", name, "--epochs", "40")  # not through before it is looked at
    for folder in ("alone", "killed"):
        (tmp_path / folder).mkdir()
    finish(tmp_path / "alone", *options)
    with start(tmp_path / "killed", *options) as process:
        while not list(tmp_path.rglob("killed/**/epoch-*.pt")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    finish(tmp_path / "killed", *options)
    record = stored(tmp_path / "killed")
    assert record["resumed_at"]
    assert comparable_bits(record) == comparable_bits(stored(tmp_path / "alone"))


def kills(folder: Path, count: int, source: random.Random) -> int:
    """Kill a run `count` times at random moments; returns how many epochs it trained in all."""
    trained = 0
    for _ in range(count):
        with start(folder, *DIGITS) as process:
            time.sleep(source.uniform(0, 4))
            process.kill()
            output, _ = process.communicate()
        trained += output.count(f"/{EPOCHS}  loss")
        if list(folder.rglob("record.json")):
            break
    return trained


@pytest.mark.slow
def test_two_kills_at_random_moments_change_no_bit(
    digits_alone: dict[str, Any], tmp_path: Path
) -> None:
    trained = kills(tmp_path, 2, random.Random(1))
    trained += finish(tmp_path, *DIGITS).count(f"/{EPOCHS}  loss")
    record = stored(tmp_path)
    assert comparable_bits(record) == comparable_bits(digits_alone)
    assert trained <= EPOCHS + 2
    assert leftovers(tmp_path / "results") == []


@pytest.mark.slow
def test_fifty_kills_at_random_moments_change_no_bit(
    digits_alone: dict[str, Any], tmp_path: Path
) -> None:
    source, left, number = random.Random(0), 50, 0
    while left > 0:
        folder = tmp_path / str(number)
        folder.mkdir()
        count = min(left, source.randint(1, 5))
        trained = kills(folder, count, source)
        trained += finish(folder, *DIGITS).count(f"/{EPOCHS}  loss")
        assert comparable_bits(stored(folder)) == comparable_bits(digits_alone)
        assert trained <= EPOCHS + count
        left, number = left - count, number + 1


def test_two_processes_on_one_run_give_one_result(
    alone: dict[str, Any], few: tuple[str, ...], tmp_path: Path
) -> None:
    with start(tmp_path, *few) as first, start(tmp_path, *few) as second:
        outputs = [process.communicate()[0] for process in (first, second)]
    assert first.returncode == second.returncode == 0, outputs
    assert comparable_bits(stored(tmp_path)) == comparable_bits(alone)
    assert sum(text.count(f"/{EPOCHS}  loss") for text in outputs) == EPOCHS
    # None, where the first was done before the second had begun.
    assert sum("another process trains it; waiting" in text for text in outputs) <= 1
    assert leftovers(tmp_path / "results") == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"OMP_NUM_THREADS": OTHER_THREADS}, "environment.variables.OMP_NUM_THREADS was"),
        long({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "environment.variables.ONEDNN_MAX_CPU_ISA was None"),
    ],
)
def test_a_run_does_not_go_on_in_another_environment(
    changed: dict[str, str], message: str, few: tuple[str, ...], tmp_path: Path
) -> None:
    many = (*few, "--epochs", "200")  # no machine is through before it is looked at
    with start(tmp_path, *many) as process:
        while not list(tmp_path.rglob("epoch-*.pt")):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    with start(tmp_path, *many, **changed) as process:
        output, _ = process.communicate()
    assert process.returncode == 2
    assert "cannot resume, since" in output
    assert message in output


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root"
)
def test_a_full_disk_is_a_clear_error_and_loses_nothing(
    alone: dict[str, Any], few: tuple[str, ...], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        # A checkpoint fits; a second one or the weights do not.
        with start(tmp_path, *few, "--results", str(disk)) as process:
            output, _ = process.communicate()
        assert process.returncode == 2, output
        assert "No space left on device" in output
        assert output.count("Traceback") == 0
        assert not list(disk.rglob("record.json"))
        subprocess.run(["mount", "-o", "remount,size=2m", str(disk)], check=True)
        again = finish(tmp_path, *few, "--results", str(disk))
        assert "resumes after epoch" in again
        assert comparable_bits(stored(disk)) == comparable_bits(alone)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
