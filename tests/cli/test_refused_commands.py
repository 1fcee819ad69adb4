"""Commands that are refused: one clear line, exit status 2, and nothing written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import torch
from PIL import Image

from tests.helpers import commands
from tests.helpers.paths import ROOT
from tests.helpers.small_runs import make_images

Harness = Callable[..., subprocess.CompletedProcess[str]]

NO_SERVER = "http://127.0.0.1:9/cifar-10-python.tar.gz"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--variant", "papr"), "unknown variant 'papr'. Did you mean 'paper'?"),
        (("run", "--variant", "paper", "--dataset", "mnist"), "unknown dataset 'mnist'"),
        (("run", "--variant", "paper", "--seeds", "x"), "seeds 'x' cannot be parsed"),
        (("run", "--variant", "paper", "--seeds", "1", "--seed", "1"), "not both"),
        (("run", "--variant", "paper", "--epochs", "0"), "--epochs is 0"),
        (("run", "--variant", "paper", "--epochs", "many"), "Invalid value for '--epochs'"),
        (("run", "--variant", "paper", "--precision", "fp8"), "unknown precision 'fp8'"),
        (("run", "--variant", "paper", "--device", "tpu"), "unknown device 'tpu'"),
        (("run",), "Missing option '--variant'"),
        (("run", "--variant", "paper", "--archive", NO_SERVER), "cannot be fetched"),
        (("run", "--variant", "paper", "--archive", "none.tar.gz"), "there is no such file"),
        (("run", "--variant", "paper", "--dataset", "folder"), "data/train is missing"),
        (("data", "--dataset", "folder", "--data-dir", "gone"), "gone/train is missing"),
        (("compare",), "no results folder results"),
        (("calibrate", "--retry-failed", "--dataset", "digits"), "is not tuned; choose another"),
        (("compare", "--format", "html"), "'html' is not one of"),
        (("show", "nothing"), "unknown variant 'nothing'"),
        (("lost",), "No such command 'lost'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    arguments: tuple[str, ...], message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert message in refused(*arguments)
    assert not list(tmp_path.rglob("record.json"))


def test_without_a_command_the_help_is_printed(tmp_path: Path) -> None:
    ended = commands.run(tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert lines[0] == "Usage: python -m harness [OPTIONS] COMMAND [ARGS]..."
    assert any(line.startswith("  compare ") for line in lines)


def test_a_missing_choice_is_one_line(refused: Callable[..., str]) -> None:
    message = refused("export", "folder")
    assert message == "harness: Missing option '--format'. Choose from: onnx, card\n"


def printing_to(output: IO[str] | int, command: str, folder: Path) -> tuple[int, str]:
    """Exit status and errors of a command whose standard output cannot be written."""
    ended = subprocess.run(
        [sys.executable, "-m", "harness", command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


# What `list` prints is less than Python's buffer holds.
@pytest.mark.parametrize("command", ["audit", "list"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_standard_output_is_bad_output_and_no_failed_run(
    command: str, tmp_path: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        status, errors = printing_to(full, command, tmp_path)
    assert status == 2
    assert errors == (
        "harness: cannot write the output (No space left on device): write it to another place.\n"
    )


@pytest.mark.parametrize("command", ["audit", "list"])
def test_a_reader_that_has_gone_ends_a_command_silently(command: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert printing_to(writer, command, tmp_path) == (1, "")
    os.close(writer)


@pytest.mark.parametrize("output", ["file/table.md", "folder"])
def test_a_table_that_cannot_be_written_is_named_without_advice_for_training(
    output: str, refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    message = refused("audit", "--output", output)
    target = "to file" if "/" in output else "folder"
    assert message.startswith(f"harness: cannot write {target}")
    assert message.endswith("Name another place, or mend that and give the same command again.\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_cuda_without_a_gpu_is_refused(small: tuple[str, ...], harness: Harness) -> None:
    done = harness(*small, "--variant", "paper", "--device", "cuda")
    assert done.returncode == 2
    assert "torch finds 0 CUDA devices" in done.stderr


def test_images_that_cannot_be_used_are_named(harness: Harness, tmp_path: Path) -> None:
    make_images(tmp_path / "data")
    broken = tmp_path / "data/train/dog/01.png"
    broken.write_bytes(broken.read_bytes()[:40])
    done = harness("run", "--variant", "paper", "--dataset", "folder")
    assert done.returncode == 2
    assert "dog/01.png cannot be decoded" in done.stderr
    make_images(tmp_path / "other", ("cat", "dog", "emu"))
    shutil.rmtree(tmp_path / "other/test/cat")
    done = harness("run", "--variant", "paper", "--dataset", "folder", "--data-dir", "other")
    assert "class 'cat' is in only one of train/ and test/" in done.stderr
    assert not (tmp_path / "results").exists() or not any((tmp_path / "results").iterdir())


def test_a_results_folder_that_cannot_be_written_is_refused(
    small: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = harness(*small, "--variant", "paper", "--results", "file/results")
    assert done.returncode == 2
    assert "cannot write to file/results" in done.stderr
    assert "nothing that was finished is lost" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_on_other_data_is_not_taken_for_this_one(harness: Harness, tmp_path: Path) -> None:
    make_images(tmp_path / "data")
    run = ("run", "--variant", "paper", "--dataset", "folder", "--epochs", "1", "--no-figures")
    assert harness(*run).returncode == 0
    Image.new("RGB", (32, 32), (1, 2, 3)).save(tmp_path / "data/train/cat/00.png")
    done = harness(*run)
    assert done.returncode == 2
    assert "belongs to another run: data was" in done.stderr
