"""`cross-validate`: folds are runs on training images, with their mean and its interval."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.studies.cross_validation import corrected_interval
from harness.runs import store
from harness.runs.options import RunOptions
from harness.studies import cross_validation
from tests.helpers import held_out_tests
from tests.helpers.in_process import contents
from tests.helpers.small_runs import make_images

Harness = Callable[..., subprocess.CompletedProcess[str]]


def test_folds_are_runs_on_training_images_alone(
    short: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    command = ("cross-validate", "--variant", "batch_norm", "--folds", "3", "--seed", "4", *short)
    done = harness(*command, prepare=held_out_tests.forbid_test_images)
    assert done.returncode == 0, done.stderr
    runs = {r.protocol.fold: r for r in store.load_all(tmp_path / "results")[0]}
    assert sorted(str(fold) for fold in runs) == ["0", "1", "2"]
    for fold, run in runs.items():
        assert run.study is not None
        assert (run.study.kind, run.study.index) == ("cross-validation", fold)
        assert run.study.settings == {"variant": "batch_norm", "folds": 3}
        assert (run.variant, run.seed, run.dataset.split) == ("batch_norm", 4, "validation")
    assert sum(run.dataset.test_size for run in runs.values()) == 1437  # every training image once
    accuracies = [run.metrics.accuracy for _, run in sorted(runs.items()) if run.metrics]  # type: ignore[type-var]
    low, high = corrected_interval(accuracies, 0.5, 0.95)
    assert f"over 3 folds: {100 * np.mean(accuracies):.2f} %" in done.stdout
    assert f"corrected 95 % interval {100 * low:.2f} to {100 * high:.2f} %" in done.stdout
    rows = re.findall(r"^\| +(\d) \| +958 \| +479 \| +([\d.]+) \|", done.stdout, re.MULTILINE)
    assert rows == [(str(k), f"{100 * value:.2f}") for k, value in enumerate(accuracies)]
    checked = harness("check", "results")
    assert (checked.returncode, checked.stdout) == (0, "3 records checked; 0 break a rule\n")
    before = contents(tmp_path / "results")
    again = harness(*command)
    assert again.stdout.endswith(done.stdout[done.stdout.index("| ") :])
    assert contents(tmp_path / "results") == before


def test_folds_that_are_done_need_no_images(tmp_path: Path, harness: Harness) -> None:
    make_images(tmp_path / "data", ("cat", "dog"), 4, 2)
    command = ("cross-validate", "--dataset", "folder", "--epochs", "1", "--folds", "2")
    done = harness(*command)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "data")
    again = harness(*command)
    assert (again.returncode, again.stderr) == (0, "")
    assert "Mean accuracy" in again.stdout


def test_the_folds_can_be_looked_at_without_training(
    short: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    for option, last in (("--status", "3 runs: 0 done"), ("--dry-run", "3 of 3 runs to train")):
        done = harness("cross-validate", "--folds", "3", *short, option)
        assert done.returncode == 0, done.stderr
        rows = re.findall(r"^paper seed 0 fold (\d)\W+pending", done.stdout, re.MULTILINE)
        assert rows == ["0", "1", "2"]
        assert last in done.stdout
    assert not list((tmp_path / "results").rglob("*"))


def test_without_time_there_is_no_mean(short: tuple[str, ...], harness: Harness) -> None:
    done = harness("cross-validate", *short, "--time-limit", "0")
    assert done.returncode == 0, done.stderr
    assert "5 left for the next time" in done.stdout
    assert "Mean accuracy" not in done.stdout


def test_more_folds_than_images_of_a_class_are_refused(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    make_images(tmp_path / "data", ("cat", "dog"), 3, 1)
    options = ("--dataset", "folder", "--epochs", "1")
    message = refused("cross-validate", *options, "--folds", "4")
    assert "--folds is 4: class 'cat' has only 3 training images" in message
    assert not list(tmp_path.rglob("record.json"))


def test_as_many_folds_as_images_of_a_class_are_not_refused(
    tmp_path: Path,
) -> None:
    make_images(tmp_path / "data", ("cat", "dog"), 3, 1)
    options = RunOptions(dataset="folder", data_dir=tmp_path / "data")
    cross_validation.require_images(3, options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--variant", "papr"), "Did you mean 'paper'?"),
        (("--folds", "1"), "Invalid value for '--folds'"),
        (("--folds", "51"), "Invalid value for '--folds'"),
        (("--folds", "some"), "Invalid value for '--folds'"),
        (("--seed", "-1"), "Invalid value for '--seed'"),
        (("--dataset", "mnist"), "unknown dataset 'mnist'"),
        (("--dataset", "folder"), "data/train is missing"),
        (("--precision", "fp8"), "unknown precision 'fp8'"),
        (("--dataset", "digits", "--engine", "cloud"), "unknown engine 'cloud'"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert message in refused("cross-validate", *arguments)
    assert not list(tmp_path.rglob("record.json"))
