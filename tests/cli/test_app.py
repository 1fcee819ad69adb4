"""The command line, run in subprocesses."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

import variants
from harness import run
from harness.cli import app
from harness.data import dataset
from harness.protocol import presets
from harness.runs.spec import RunSpec
from harness.sweep import loop
from tests.helpers import commands
from tests.helpers.commands import Command
from tests.helpers.paths import ROOT

Harness = Callable[..., subprocess.CompletedProcess[str]]

# In a folder whose data/ holds a few pictures; the protocol is that of the real images.
SMALL = ("run", "--device", "cpu", "--dataset", "folder", "--precision", "fp32", "--epochs", "1")

FOLDER = "results/folder/1-epochs-fp32"


def records(folder: Path) -> dict[str, dict[str, object]]:
    paths = sorted(folder.rglob("record.json"))
    return {str(p.parent.relative_to(folder)): json.loads(p.read_text()) for p in paths}


def make_images(
    folder: Path, classes: tuple[str, ...] = ("cat", "dog"), train: int = 2, test: int = 2
) -> None:
    for part, count in (("train", train), ("test", test)):
        for shade, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (32, 32), (80 * shade, 5 * number, 7))
                image.save(folder / part / name / f"{number:02d}.png")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 100 training and 30 test images."""
    folder = tmp_path_factory.mktemp("pictures")
    make_images(folder, ("cat", "dog"), 50, 15)
    return folder


@pytest.fixture
def small(pictures: Path, tmp_path: Path) -> tuple[str, ...]:
    """Arguments of a run of one epoch on those images, in the test's folder."""
    (tmp_path / "data").symlink_to(pictures)
    return SMALL


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
    assert again.stdout.count("done before") == 17
    assert "epoch 1/1" not in again.stdout
    assert records(tmp_path) == before
    assert harness("compare").stdout == done[1]


def test_a_fresh_process_gives_the_same_hashes(
    small: tuple[str, ...], done: tuple[Path, str], harness: Harness, tmp_path: Path
) -> None:
    harness(*small, "--variant", "paper", "--seed", "1", "--no-figures")
    key = f"{FOLDER}/paper/seed-"
    first, second = records(done[0]), records(tmp_path)
    for field in ("weights_sha256", "predictions_sha256", "sources_sha256"):
        assert second[key + "1"][field] == first[key + "1"][field]
    assert first[key + "0"]["weights_sha256"] != first[key + "1"]["weights_sha256"]


def test_verify_repeats_a_run_with_the_threads_that_it_had(
    small: tuple[str, ...], harness: Harness
) -> None:
    trained = harness(*small, "--variant", "paper", "--no-figures", OMP_NUM_THREADS="1")
    assert trained.returncode == 0, trained.stderr
    run = f"{FOLDER}/paper/seed-0"
    done = harness("verify", run, OMP_NUM_THREADS="")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("equal bit for bit")
    other_threads = harness("verify", run, OMP_NUM_THREADS="2")
    assert other_threads.returncode == 0
    assert "environment variables.OMP_NUM_THREADS was 1 and is 2" in other_threads.stdout


def test_an_empty_variable_counts_as_unset_in_a_repetition(
    small: tuple[str, ...], harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert harness(*small, "--variant", "paper", "--no-figures").returncode == 0
    done = harness("verify", f"{FOLDER}/paper/seed-0", OMP_NUM_THREADS="")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("equal bit for bit")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_print_how_to_resume(
    small: tuple[str, ...], number: int, status: int, tmp_path: Path
) -> None:
    arguments = (*small[:-1], "4000", "--variant", "paper")
    with Command(tmp_path, *arguments) as process:
        process.wait_for("epoch 1/4000")
        process.send_signal(number)
        _, errors = process.communicate()
        assert process.returncode == status
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
        (("run", "--variant", "paper", "--archive", "none.tar.gz"), "the file does not exist"),
        (("run", "--variant", "paper", "--dataset", "folder"), "data/train is missing"),
        (("data", "--dataset", "folder", "--data-dir", "gone"), "gone/train is missing"),
        (("compare",), "no results folder results"),
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


def test_a_run_on_other_data_is_not_taken_for_this_one(harness: Harness, tmp_path: Path) -> None:
    make_images(tmp_path / "data")
    run = ("run", "--variant", "paper", "--dataset", "folder", "--epochs", "1", "--no-figures")
    assert harness(*run).returncode == 0
    Image.new("RGB", (32, 32), (1, 2, 3)).save(tmp_path / "data/train/cat/00.png")
    done = harness(*run)
    assert done.returncode == 2
    assert "belongs to another run: data was" in done.stderr


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


def test_show_resolves_a_variant(harness: Harness) -> None:
    shown = harness("show", "paper", full_network=True).stdout
    assert "23,272,266 parameters, 62.7 M multiply-adds" in shown
    assert "Linear(in_features=4096, out_features=10, bias=True)" in shown
    shown = harness("show", "keras_sgd", full_network=True).stdout
    settings, shared = shown.split("shared by all variants")
    for setting in ("initialization    glorot", "batch_size         32", "momentum           0.0"):
        assert setting.split() in [line.split() for line in settings.splitlines()]
    assert "momentum" not in shared


def test_data_prints_the_fingerprint(harness: Harness) -> None:
    shown = harness("data", "--dataset", "digits").stdout
    assert "1,437 training and 360 test images" in shown
    assert re.search(r"fingerprint: [0-9a-f]{64}\n", shown)


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


def test_the_python_call_takes_every_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = {
        "archive": "cifar.tar.gz",
        "device": "cpu",
        "precision": "fp32",
        "epochs": 3,
        "validation": True,
        "eager": True,
    }
    folders = {"data_dir": "pictures", "results": str(tmp_path)}
    called = []

    def train(specs: list[RunSpec], data: Any, reporter: Any) -> list[Any]:
        called.append((specs, data))
        return [SimpleNamespace(record="the record")]

    monkeypatch.setattr(loop, "prepare", lambda options: options)
    monkeypatch.setattr(loop, "train_open_runs", train)
    assert run("baseline", 4, "folder", retry_failed=True, **options, **folders) == "the record"
    (((spec,), parsed),) = called
    assert dataclasses.asdict(parsed) == {
        "dataset": "folder",
        **options,
        **{name: Path(folder) for name, folder in folders.items()},
    }
    assert (spec.variant.name, spec.seed, spec.eager) == ("baseline", 4, True)
    assert (spec.protocol.epochs, spec.protocol.precision) == (3, "fp32")


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="'epoch'"):
        run(dataset="digits", epoch=1)


def test_help_list_and_imports_stay_light() -> None:
    code = (
        "import sys, harness, harness.cli.app, variants\n"
        "sys.argv = ['harness', 'list']\n"
        "try: harness.cli.app.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'sklearn', 'scipy'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = [line.split()[:2] for line in done.stdout.splitlines()]
    shown = [(variant.family, variant.name) for variant in map(variants.get, variants.names())]
    assert len(shown) == 17
    assert [tuple(words) for words in listed if words[0] in variants.FAMILIES] == shown


def test_a_grid_of_a_family(harness: Harness) -> None:
    grid = ("--variants", "readings,paper", "--dataset", "digits")
    shown = harness("sweep", *grid, "--status").stdout.splitlines()
    names = [*variants.names("readings"), "paper"]
    assert shown == [
        *(f"{name} seed 0: pending" for name in names),
        "5 runs: 0 done, 0 failed, 0 running, 5 pending",
    ]


@pytest.mark.slow
def test_a_run_of_every_variant_on_the_digits_passes_check(harness: Harness) -> None:
    for family in variants.FAMILIES:  # a command each: seventeen runs take minutes
        grid = ("--variant", family, "--dataset", "digits", "--epochs", "1", "--no-figures")
        assert harness("run", *grid).returncode == 0
    assert harness("check").stdout == "17 records checked; 0 break a rule\n"
