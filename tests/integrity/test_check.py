"""`check`: an unchanged folder passes, and a damaged or hostile file is one line."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import variants
from harness.integrity.check import check
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.runs import store
from harness.runs.spec import RunSpec
from harness.training import checkpoint
from harness.training.runner import train_run
from tests.helpers.checked_results import checked, edit, faults, first, short
from tests.helpers.paths import ROOT


def test_an_untouched_folder_passes(stored: Path) -> None:
    assert checked(stored) == (2, [])


def test_the_digits_are_known_without_being_named(stored: Path) -> None:
    breaches = [b for b in check(stored)[1] if b.rule == "dataset is known"]
    assert [b.fault for b in breaches] == ["dataset.train_size was 1437 and is 256"] * 2


@pytest.mark.parametrize("folder", ["results", "tests/stored"])
@pytest.mark.usefixtures("full_network")
def test_the_committed_records_pass(folder: str) -> None:
    assert check(ROOT / folder)[1] == []


def test_the_jpeg_copy_cannot_be_called_official(tmp_path: Path) -> None:
    source = ROOT / "tests/stored/folder"
    results = Path(shutil.copytree(source, tmp_path / "results" / "folder")).parent
    edit(results, lambda fields: fields["dataset"].update(official=True))
    assert "dataset is known: dataset.official was False and is True" in faults(results)


def test_a_damaged_record_is_named(results: Path) -> None:
    path = first(results) / store.FILE
    path.write_bytes(path.read_bytes()[:-20])
    (breach,) = checked(results)[1]
    assert breach.path == path
    assert breach.rule == "record is valid"
    assert breach.fault.startswith("is damaged (")


def test_a_record_of_an_older_version_is_one_line(results: Path) -> None:
    edit(results, lambda fields: fields.update(version=2))
    assert faults(results) == ["record is valid: is of version 2; this code reads version 3."]


@pytest.mark.parametrize("name", ["mixup", "keras_sgd", "krizhevsky_2012"])
def test_a_variant_with_a_recipe_and_a_network_of_its_own_passes(name: str, tmp_path: Path) -> None:
    protocol, departures = resolve("digits", epochs=1)
    few = dataclasses.replace(short(), train=short().train.take(torch.arange(64)))
    train_run(RunSpec(variants.get(name), 0, protocol, departures, tmp_path), few, Reporter())
    assert check(tmp_path, few) == (1, [])
    if name == "mixup":
        edit(tmp_path, lambda f: f["history"][0].update(train_accuracy=0.5))
        assert "epoch 1: train_accuracy is 0.5" in check(tmp_path, few)[1][0].fault
    if name == "keras_sgd":  # known even without the images
        edit(tmp_path, lambda f: f["normalization"].update(std=[127.5] * 3))
        assert any(b.rule == "normalization matches" for b in check(tmp_path)[1])
    if name == "krizhevsky_2012":
        edit(tmp_path, lambda f: f.update(parameters=23_272_266))
        (breach,) = check(tmp_path, few)[1]
        assert breach.rule == "parameter count matches"


def test_probabilities_are_never_unpickled(results: Path) -> None:
    path = first(results) / store.PROBABILITIES
    np.save(path, np.array([object()]), allow_pickle=True)
    assert any("allow_pickle=False" in fault for fault in faults(results))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY\x01\x00\x02\x00{\n"])
def test_a_file_that_its_reader_cannot_read_is_a_breach(content: bytes, results: Path) -> None:
    (first(results) / store.PROBABILITIES).write_bytes(content)
    (fault,) = faults(results)
    assert fault.startswith("probabilities match: ")


def test_checkpoints_are_loaded_without_running_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "owned",))

    folder = tmp_path / store.CHECKPOINTS
    folder.mkdir()
    torch.save({"identity": {}, "state": Evil()}, folder / "x")
    content = (folder / "x").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"epoch-00001-{digest}.pt").write_bytes(content)
    with pytest.raises(Exception, match=r"[Ww]eights"):
        checkpoint.load(tmp_path, {})
    assert not (tmp_path / "owned").exists()
