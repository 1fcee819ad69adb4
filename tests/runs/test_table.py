"""The table of runs: what `load_records` gives, in a fixed order, with every digit."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

import harness
from harness.protocol import presets
from harness.report import docs
from harness.runs import store, table
from tests.helpers.paths import ROOT
from tests.helpers.records import make_record
from tests.helpers.results_folders import write_grid


def read(content: bytes) -> pd.DataFrame:
    """The cells as text: a float is then converted without loss by any version of pandas."""
    return pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)


def write_runs(results: Path) -> None:
    """Two budgets, a held-out split and a failed run."""
    write_grid(results, 2, names=["no_augmentation", "paper"])
    write_grid(results, 1, epochs=7, names=["paper"])
    held_out = {"split": "validation", "train_size": 45_000, "test_size": 5_000}
    write_grid(results, 1, names=["paper"], dataset=held_out, protocol={"validation": True})
    store.save(results / "failed", make_record("dropout_0", 3, failed=True))


def as_text(value: object) -> str:
    """A value of `load_records` as it is in the file."""
    return "" if pd.isna(value) else str(value)


def test_the_file_agrees_with_load_records(tmp_path: Path) -> None:
    write_runs(tmp_path)
    written = read(docs.files(folder=tmp_path)[tmp_path / "runs.csv"])
    loaded = harness.load_records(tmp_path)
    assert set(written.columns) < set(loaded.columns)
    assert len(written) == len(loaded) == 7
    rows = [dict(row) for _, row in written.iterrows()]
    for _, run in loaded[written.columns].iterrows():
        assert {name: as_text(value) for name, value in run.items()} in rows


def test_rows_are_by_variant_budget_and_seed(tmp_path: Path) -> None:
    write_runs(tmp_path)
    runs = table.selection(store.load_all(tmp_path)[0])
    assert runs[["variant", "protocol.epochs", "seed"]].to_numpy().tolist() == [
        ["paper", 7, 0],
        ["paper", presets.EPOCHS, 0],
        ["paper", presets.EPOCHS, 0],
        ["paper", presets.EPOCHS, 1],
        ["no_augmentation", presets.EPOCHS, 0],
        ["no_augmentation", presets.EPOCHS, 1],
        ["dropout_0", presets.EPOCHS, 3],
    ]
    assert runs["status"].tolist() == ["finished"] * 6 + ["failed"]
    assert runs["metrics.per_class.cat.recall"].isna().tolist() == [False] * 6 + [True]


def test_every_class_of_every_dataset_has_a_column() -> None:
    runs = table.selection(store.load_all(ROOT / "tests/stored")[0])
    assert {"metrics.per_class.3.recall", "metrics.per_class.cat.recall"} <= set(runs.columns)
    assert set(runs.columns) <= set(harness.load_records(ROOT / "tests/stored").columns)


@pytest.mark.parametrize("value", [0.1 + 0.2, 1 / 3, 5e-324])
def test_a_float_keeps_every_digit(value: float) -> None:
    record = make_record()
    assert record.metrics is not None
    metrics = record.metrics.model_copy(update={"loss": value})
    text = table.csv([record.model_copy(update={"metrics": metrics})])
    assert float(read(text.encode())["metrics.loss"][0]) == value


def test_runs_that_all_failed_have_the_same_columns() -> None:
    failed, finished = make_record(failed=True), make_record()
    assert list(table.selection([failed])) == list(table.selection([finished]))


def test_without_records_there_is_no_file(tmp_path: Path) -> None:
    assert tmp_path / "runs.csv" not in docs.files(folder=tmp_path)
