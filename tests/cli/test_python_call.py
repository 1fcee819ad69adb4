"""`harness.run`: it takes the options of the command."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness import load_records, run
from harness.errors import InputError
from harness.runs import store
from harness.runs.options import RunOptions
from harness.runs.spec import RunSpec, run_specs
from harness.sweep import loop
from tests.helpers.records import make_record


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1: give one from 0 to 999999999."),
        ({"seed": 10**9}, "seed is 1000000000: give one from 0 to 999999999."),
        ({"seed": 0.5}, "seed is 0.5: a whole number is needed."),
        ({"seed": "0"}, "seed is '0': a whole number is needed."),
        ({"epochs": 1.5}, "epochs is 1.5: a whole number is needed."),
        ({"epochs": "2"}, "epochs is '2': a whole number is needed."),
        ({"validation": "no"}, "validation is 'no': give True or False."),
    ],
)
def test_an_option_of_another_type_is_refused_before_anything_is_trained(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        run(dataset="digits", results=tmp_path, **options)
    assert str(error.value) == message
    assert not [*tmp_path.iterdir()]


def test_numbers_of_numpy_are_numbers() -> None:
    (spec,) = run_specs(["paper"], [np.int64(3)], RunOptions(epochs=np.int64(2)))
    assert [type(value) for value in (spec.seed, spec.protocol.epochs)] == [int, int]
    assert (spec.seed, spec.departures) == (3, {"epochs": 2})


def test_a_table_of_records_names_those_that_it_leaves_out(tmp_path: Path) -> None:
    store.save(tmp_path / "a", make_record())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / store.FILE).write_text("{")
    with pytest.warns(UserWarning, match=r"left out: .*b/record\.json is damaged"):
        assert len(load_records(tmp_path)) == 1


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="'epoch'"):
        run(dataset="digits", epoch=1)
