"""Damaged decision and budget files: rules that can be used, or one line that names the file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.protocol import budget, decision, rule_file
from harness.protocol.budget import Budget
from harness.protocol.decision import Decision
from harness.schema import StrictModel
from tests.helpers import commands
from tests.helpers.in_process import empty_folder
from tests.helpers.paths import ROOT
from tests.helpers.properties import damaged_bytes, damaged_toml, examples

MODELS: dict[Path, type[StrictModel]] = {
    decision.FILE: Decision,
    budget.FILE: Budget,
}

FILES = st.sampled_from(list(MODELS))


def assert_names_the_fault(error: InputError, file: Path) -> None:
    """One line with the file, its fault and what to do."""
    assert str(error).startswith(f"{file} is damaged (")
    assert str(error).endswith("restore it with git restore.")
    assert str(error).isprintable()


def numbers(value: Any) -> Iterator[float]:
    """Every number in nested dicts and lists."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif isinstance(value, float):
        yield value


TEXTS = st.one_of(*(damaged_toml(file.read_text()) for file in MODELS), st.text(max_size=80))


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.name)
@given(text=TEXTS)
@example(text="epochs = " + "[" * 5_000)
@example(text="epochs = " + "9" * 5_000)
@examples(75, 1_000)
def test_a_text_is_parsed_or_its_fault_named(file: Path, text: str) -> None:
    try:
        parsed = rule_file.parse(MODELS[file], text, file)
    except InputError as error:
        assert_names_the_fault(error, file)
    else:
        assert all(map(math.isfinite, numbers(parsed.model_dump())))
        if isinstance(parsed, decision.Decision):
            assert parsed.planned_seeds
            assert parsed.variants


@given(data=st.data(), file=FILES)
@examples(60, 1_000)
def test_a_file_is_loaded_or_its_fault_named(data: st.DataObject, file: Path) -> None:
    content = data.draw(damaged_bytes(file.read_bytes()))
    module = decision if file == decision.FILE else budget
    with empty_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FILE", folder / file.name)
        module.FILE.write_bytes(content)
        try:
            # Without the cache of the decision file.
            getattr(module.load, "__wrapped__", module.load)()
        except InputError as error:
            assert_names_the_fault(error, module.FILE)


def test_a_command_names_a_damaged_decision_file(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "decision.toml").write_text("")
    monkeypatch.setattr(decision, "FILE", Path("decision.toml"))
    decision.load.cache_clear()
    try:
        message = refused("calibrate")
    finally:
        decision.load.cache_clear()
    assert message.startswith("harness: decision.toml is damaged (version: Field required)")


def test_a_command_names_a_damaged_budget_file(tmp_path: Path) -> None:
    # The number of epochs is read as soon as the protocols are, so in a process of its own.
    (tmp_path / "budget.toml").write_text("epochs = 0")
    (tmp_path / "sitecustomize.py").write_text(
        "from pathlib import Path\n"
        "from harness.protocol import budget\n"
        "budget.FILE = Path('budget.toml')\n"
    )
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = commands.run_fresh(tmp_path, "show", "paper", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("harness: budget.toml is damaged (epochs: ")
    assert done.stderr.count("\n") == 1
