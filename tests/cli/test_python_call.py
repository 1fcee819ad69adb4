"""`harness.run`: it takes the options of the command."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import run
from harness.runs.spec import RunSpec
from harness.sweep import loop


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
