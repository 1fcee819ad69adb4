"""The command line, run in subprocesses: runs of every variant and their table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import run
from tests.helpers import commands
from tests.helpers.small_runs import FOLDER, SMALL, records

Harness = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a run of every variant and two seeds of one, and the output of compare."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "data").symlink_to(pictures)

    def command(*arguments: str) -> str:
        ended = commands.run(folder, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    command(*SMALL, "--variant", "paper")
    command(*SMALL, "--variant", "all", "--no-figures")
    command(*SMALL, "--variant", "paper", "--seeds", "0-1", "--no-figures")
    return folder, command("compare")


def test_all_variants_end_in_one_table(done: tuple[Path, str]) -> None:
    folder, table = done
    assert len(records(folder)) == 18
    for name in ("paper", "baseline", "batch_norm", "dropout_75", "cutmix", "krizhevsky_2012"):
        assert re.search(rf"^\| {name} ", table, re.MULTILINE)
    assert "AUC" not in table
    assert "AUC" in (folder / "results/comparison.md").read_text()
    assert (folder / "results/comparison.csv").read_text().startswith("dataset,")


def test_a_run_leaves_figures_weights_and_predictions(done: tuple[Path, str]) -> None:
    run = done[0] / f"{FOLDER}/paper/seed-0"
    assert {p.name for p in run.iterdir()} == {
        "record.json",
        "predictions.txt",
        "model.safetensors",
        "probabilities.npy",
        "curves.png",
        "confusion.png",
        "samples.png",
    }
    assert not (run.parent / "seed-1/curves.png").exists()  # --no-figures


def test_running_again_trains_nothing_and_prints_the_same_table(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    shutil.copytree(done[0] / "results", tmp_path / "results")
    before = records(tmp_path)
    again = harness(*small, "--variant", "all")
    assert again.returncode == 0
    assert again.stdout.count("done before on cpu in ") == 17
    assert "epoch 1/1" not in again.stdout
    assert records(tmp_path) == before
    assert harness("compare").stdout == done[1]
    assert "weights are not there" not in again.stdout


def test_a_published_run_without_its_weights_says_how_to_train_it_again(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    committed = shutil.ignore_patterns("model.safetensors", "probabilities.npy")
    shutil.copytree(done[0] / "results", tmp_path / "results", ignore=committed)
    again = harness(*small, "--variants", "paper")
    assert again.returncode == 0
    assert "its weights are not there: --results FOLDER trains it again" in again.stdout


def test_a_fresh_process_gives_the_same_hashes(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    harness(*small, "--variant", "paper", "--seed", "1", "--no-figures")
    key = f"{FOLDER}/paper/seed-"
    first, second = records(done[0]), records(tmp_path)
    for field in ("weights_sha256", "predictions_sha256", "sources_sha256"):
        assert second[key + "1"][field] == first[key + "1"][field]
    assert first[key + "0"]["weights_sha256"] != first[key + "1"]["weights_sha256"]


def test_a_damaged_record_is_named_left_out_and_shows_in_the_exit_status(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    shutil.copytree(done[0] / "results", tmp_path / "results")
    bad = tmp_path / f"{FOLDER}/dropout_75/seed-0/record.json"
    bad.write_text(bad.read_text()[:-100])
    compared = harness("compare")
    assert compared.returncode == 2
    assert "dropout_75/seed-0/record.json is damaged" in compared.stderr
    assert "| dropout_25 " in compared.stdout
    assert "| dropout_75 " not in compared.stdout
    again = harness(*small, "--variant", "dropout_75")
    assert again.returncode == 2
    assert "Delete it to train again" in again.stderr


def test_options_that_depart_are_recorded_and_kept_apart(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    shutil.copytree(done[0] / "results", tmp_path / "results")
    ran = harness(*small, "--variant", "paper", "--validation", "--no-figures")
    assert ran.returncode == 0, ran.stderr
    record = records(tmp_path)[f"{FOLDER}-validation/paper/seed-0"]
    assert record["departures"] == {"epochs": 1, "precision": "fp32", "validation": True}
    assert record["dataset"]["train_size"] + record["dataset"]["test_size"] == 100  # type: ignore[index]
    assert "Kept apart from the first table" in harness("compare").stdout


def test_compare_writes_other_forms_to_a_file(
    done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    shutil.copytree(done[0] / "results", tmp_path / "results")
    written = harness("compare", "--format", "json", "--output", "out/table")
    assert written.returncode == 0
    assert written.stdout == ""
    rows = json.loads((tmp_path / "out/table").read_text())
    assert {row["variant"] for row in rows} >= {"paper", "baseline"}


def test_the_python_call_is_the_same_run(done: tuple[Path, str], tmp_path: Path) -> None:
    stored = records(done[0])[f"{FOLDER}/paper/seed-0"]
    called = run(
        seed=0,
        dataset="folder",
        epochs=1,
        precision="fp32",
        data_dir=str(done[0] / "data"),
        results=str(tmp_path),
    )
    assert called.weights_sha256 == stored["weights_sha256"]


@pytest.mark.slow
def test_a_run_of_every_variant_on_the_digits_passes_check(harness: Harness) -> None:
    # A command for each family: seventeen runs take minutes.
    for family in ("ablations", "extensions", "readings"):
        grid = ("--variant", family, "--dataset", "digits", "--epochs", "1", "--no-figures")
        assert harness("run", *grid).returncode == 0
    assert harness("check").stdout == "17 records checked; 0 break a rule\n"
