"""Bad input of `evaluate` and `export`: one line, exit 2, and nothing is written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from harness.runs import store
from tests.helpers import commands
from tests.helpers.image_folders import write_image_folder
from tests.helpers.in_process import contents
from tests.helpers.paths import ROOT

Refused = Callable[..., str]

Change = Callable[[Path], object]

COMMANDS = (
    ("evaluate",),
    ("export", "--format", "onnx"),
    ("export", "--format", "card"),
)


def edit(folder: Path, *keys: str, value: object) -> None:
    """Change a field of the record."""
    path = folder / store.FILE
    fields = json.loads(path.read_bytes())
    inner: Any = fields
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(fields))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / store.WEIGHTS
    weights = safetensors.torch.load_file(path)
    change(weights)
    path.write_bytes(safetensors.torch.save(weights))


def fail(folder: Path) -> None:
    for name in ("metrics", "weights_sha256", "predictions_sha256"):
        edit(folder, name, value=None)
    edit(folder, "status", value="failed")


SPOILED: dict[str, tuple[Change, str]] = {
    "no record": (lambda run: (run / store.FILE).unlink(), "no record.json in"),
    "a damaged record": (lambda run: (run / store.FILE).write_text("{"), "is damaged"),
    "damaged settings": (lambda run: edit(run, "settings", "groups", value=3), "are damaged"),
    "a failed run": (fail, "failed: it has no trained network"),
    "two channels": (
        lambda run: edit(run, "normalization", "mean", value=[1.0, 2.0]),
        "is damaged (normalization",
    ),
    "a deviation of 0": (
        lambda run: edit(run, "normalization", "std", value=[1.0, 2.0, 0.0]),
        "is damaged (normalization",
    ),
    "no weights": (lambda run: (run / store.WEIGHTS).unlink(), "no model.safetensors in"),
    "damaged weights": (
        lambda run: (run / store.WEIGHTS).write_bytes(b"no weights"),
        "cannot be read",
    ),
    "weights cut off": (
        lambda run: os.truncate(run / store.WEIGHTS, 5000),
        "cannot be read",
    ),
    "other weights": (
        lambda run: edit_weights(run, lambda weights: weights["classifier.7.bias"].add_(1)),
        "has not the weights of the record",
    ),
    "another shape": (
        lambda run: edit_weights(
            run, lambda weights: weights.update({"classifier.7.bias": torch.zeros(11)})
        ),
        "classifier.7.bias is torch.float32 [11], not torch.float32 [10]",
    ),
    "another type": (
        lambda run: edit_weights(
            run,
            lambda weights: weights.update({k: v.bfloat16() for k, v in weights.items()}),
        ),
        "is torch.bfloat16",
    ),
    "a layer missing": (
        lambda run: edit_weights(run, lambda weights: weights.pop("classifier.7.bias")),
        "classifier.7.bias is missing",
    ),
    "an unknown layer": (
        lambda run: edit_weights(
            run, lambda weights: weights.update({"more.weight": torch.zeros(1)})
        ),
        "more.weight is torch.float32 [1], unknown",
    ),
    "another variant": (
        lambda run: edit(run, "settings", "batch_norm", value=False),
        "does not fit batch_norm with 10 classes",
    ),
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[-1])
@pytest.mark.parametrize(("change", "message"), SPOILED.values(), ids=list(SPOILED))
def test_a_spoiled_run_is_refused(
    change: Change, message: str, command: tuple[str, ...], copied: Path, refused: Refused
) -> None:
    change(copied)
    before = contents(copied)
    assert message in refused(command[0], str(copied), *command[1:])
    assert contents(copied) == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[-1])
def test_a_path_without_a_run_is_refused(
    command: tuple[str, ...], refused: Refused, tmp_path: Path
) -> None:
    assert "no nowhere: give the folder of a run" in refused(command[0], "nowhere", *command[1:])
    assert "no record.json in" in refused(command[0], str(tmp_path), *command[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--split", "all"), "unknown split 'all': use test, validation, train"),
        (("--split", "validation"), "held out no images"),
        (("--precision", "fp16"), "unknown precision 'fp16'"),
        (("--dataset", "cifar100"), "unknown dataset 'cifar100'"),
        (("--dataset", "folder", "--data-dir", "nowhere"), "nowhere"),
        (("--device", "tpu"), "unknown device 'tpu'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: tuple[str, ...], message: str, stored: Path, refused: Refused
) -> None:
    assert message in refused("evaluate", str(stored), *options)


def test_a_dataset_of_other_classes_is_refused(
    stored: Path, refused: Refused, tmp_path: Path
) -> None:
    write_image_folder(tmp_path / "data")
    text = refused("evaluate", str(stored), "--dataset", "folder", "--data-dir", "data")
    assert "the network 10 (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)" in text
    assert "the same classes in the same order" in text


def forge_predictions(folder: Path, content: bytes) -> None:
    (folder / store.PREDICTIONS).write_bytes(content)
    edit(folder, "predictions_sha256", value=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: (run / store.PREDICTIONS).unlink(), "is missing or not that of the record"),
        (lambda run: (run / store.PREDICTIONS).write_text("1\n"), "is missing or not that"),
        (lambda run: forge_predictions(run, b"1\n"), "has 1 lines, not one for each image"),
        (lambda run: forge_predictions(run, b"one\n"), "is damaged"),
        (lambda run: edit(run, "dataset", "fingerprint", value="0" * 64), "not the images of the"),
    ],
)
def test_nothing_is_exported_without_what_it_is_checked_by(
    change: Change, message: str, copied: Path, refused: Refused
) -> None:
    change(copied)
    assert message in refused("export", str(copied), "--format", "onnx")
    assert not (copied / "model.onnx").exists()


def test_output_and_format_are_checked_first(
    stored: Path, refused: Refused, tmp_path: Path
) -> None:
    run = str(stored)
    assert "is a folder" in refused("export", run, "--format", "card", "--output", str(tmp_path))
    assert "'tflite' is not one of" in refused("export", run, "--format", "tflite")
    assert "--format" in refused("export", run)


@pytest.mark.parametrize(
    ("package", "format_"),
    [("onnxscript", "onnx"), ("onnxruntime", "onnx"), ("huggingface_hub", "card")],
)
def test_without_a_package_it_says_what_to_install(
    package: str, format_: str, tmp_path: Path
) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = commands.run_fresh(tmp_path, "export", "a_run", "--format", format_, PYTHONPATH=path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"needs {package}" in done.stderr
    assert f"-e '.[{format_}]'" in done.stderr
