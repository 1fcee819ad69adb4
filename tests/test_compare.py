"""The comparison table: numbers, grouping, and its text to the letter."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import variants
from harness import compare, paper, record, tables
from harness.errors import InputError
from harness.evaluate import counted
from harness.record import RunRecord

STORED = Path(__file__).parent / "stored"
Train = Callable[..., RunRecord]


def made(
    variant: str = "paper",
    seed: int = 0,
    right: int = 700,
    *,
    dataset: dict[str, Any] | None = None,
    protocol: dict[str, Any] | None = None,
    failed: bool = False,
) -> RunRecord:
    """A record on CIFAR-10's classes with `right` of 1,000 images right in each class."""
    matrix = np.full((10, 10), (1000 - right) // 9)
    np.fill_diagonal(matrix, right)
    row = np.arange(10)
    matrix[row, (row + 1) % 10] += 1000 - matrix.sum(1)
    truth, predicted = np.indices((10, 10)).reshape(2, -1)
    counts = matrix.ravel()
    metrics = counted(predicted.repeat(counts), truth.repeat(counts), paper.CLASSES)
    about = {
        "name": "cifar10",
        "title": "CIFAR-10 (official)",
        "fingerprint": "ab" * 32,
        "official": True,
        "classes": list(paper.CLASSES),
        "split": "test",
        "train_size": 50_000,
        "test_size": 10_000,
    }
    return RunRecord(
        version=record.VERSION,
        status="failed" if failed else "finished",
        reason="diverged: the training loss is nan in epoch 2" if failed else None,
        variant=variant,
        settings=variants.get(variant).settings(),
        changes=variants.changes(variants.get(variant), variants.get("paper")),
        seed=seed,
        dataset={**about, **(dataset or {})},
        protocol={"epochs": 20, "precision": "bf16", **(protocol or {})},
        departures={},
        environment={},
        code={"commit": None, "dirty": None},
        sources_sha256="0" * 64,
        parameters=23_272_266,
        resumed_at=[],
        train_seconds=60.0 + seed,
        history=[],
        metrics=None if failed else {**metrics, "auc": 0.96, "loss": 0.8},
        weights_sha256=None,
        predictions_sha256=None,
    )


def only(records: list[RunRecord]) -> pd.DataFrame:
    (group,), faults = compare.group(records)
    assert not faults
    return compare.table(group).set_index("variant")


def test_means_and_deviations_over_seeds() -> None:
    frame = only([made(seed=0, right=700), made(seed=1, right=720)])
    assert frame.loc["paper", "n"] == 2
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.71)
    assert frame.loc["paper", "accuracy_sd"] == pytest.approx(0.02 / np.sqrt(2))
    assert frame.loc["paper", "recall_cat"] == pytest.approx(0.71)
    assert frame.loc["paper", "train_seconds"] == pytest.approx(60.5)


def test_differences_are_taken_from_the_baseline() -> None:
    frame = only([made(right=700), made("no_augmentation", right=650)])
    assert frame.loc["no_augmentation", "difference"] == pytest.approx(-0.05)
    assert np.isnan(frame.loc["paper", "difference"])
    assert frame.loc["reported, run 1", "difference"] == pytest.approx(0.0539)


def test_the_papers_runs_stand_in_the_table_as_its_matrices_have_them() -> None:
    frame = only([made()])
    assert frame.loc["reported, run 1", "accuracy"] == 0.7539
    assert frame.loc["reported, run 2", "accuracy"] == 0.7485
    assert frame.loc["reported, run 2", "recall_cat"] == 0.485


def test_the_papers_runs_do_not_stand_beside_other_classes(train: Train) -> None:
    (group,), _ = compare.group([train(epochs=1)])
    assert list(compare.table(group)["variant"]) == ["paper"]


def test_rows_come_in_the_order_of_the_registry() -> None:
    names = ["dropout_75", "baseline", "paper"]
    assert list(only([made(n) for n in names]).index[2:]) == ["paper", "baseline", "dropout_75"]


def test_one_seed_has_no_deviation() -> None:
    assert np.isnan(only([made()]).loc["paper", "accuracy_sd"])


def test_failed_runs_are_counted_and_not_averaged() -> None:
    frame = only([made(right=700), made(seed=1, failed=True)])
    assert (frame.loc["paper", "n"], frame.loc["paper", "failed"]) == (1, 1)
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.7)


def test_a_variant_of_which_all_runs_failed_has_a_row_without_figures() -> None:
    (group,), _ = compare.group([made(), made("dropout_75", failed=True)])
    frame = compare.table(group).set_index("variant")
    assert np.isnan(frame.loc["dropout_75", "accuracy"])
    assert "0 (1 failed)" in tables.render([group], "markdown")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"dataset": {"fingerprint": "cd" * 32}}, "data.fingerprint was"),
        ({"dataset": {"train_size": 45_000}}, "data.train_size was"),
        ({"protocol": {"epochs": 40}}, "protocol.epochs was 20 and is 40"),
        ({"protocol": {"precision": "fp32"}}, "protocol.precision was bf16 and is fp32"),
    ],
)
def test_what_must_not_be_mixed_stands_in_tables_of_their_own(
    other: dict[str, Any], reason: str
) -> None:
    groups, _ = compare.group([made(), made(seed=1), made(seed=2, **other)])
    assert [len(g.records) for g in groups] == [2, 1]
    text = tables.render(groups, "markdown")
    assert text.count("## ") - text.count("### ") == 2
    assert f"Kept apart from the first table: {reason}" in text


def test_the_same_run_twice_is_counted_once_and_named() -> None:
    (group,), faults = compare.group([made(), made()])
    assert len(group.records) == 1
    assert faults == ["paper seed 0 is there twice: one was left out."]


def test_other_bytes_than_the_official_are_called_so() -> None:
    groups, _ = compare.group([made(dataset={"official": False, "title": "copy"})])
    assert "NOT the official CIFAR-10 bytes" in tables.render(groups, "markdown")
    groups, _ = compare.group([made()])
    assert "the official archive" in tables.render(groups, "markdown")


def test_an_unknown_baseline_is_refused() -> None:
    groups, _ = compare.group([made()])
    with pytest.raises(InputError, match="no stored run of that variant"):
        tables.render(groups, "markdown", "batch_norm")


def test_csv_and_json_hold_the_same_raw_fractions() -> None:
    groups, _ = compare.group([made(right=700), made("baseline", right=600)])
    rows = json.loads(tables.render(groups, "json"))
    assert rows[2]["variant"] == "paper"
    assert rows[2]["accuracy"] == 0.7
    csv = tables.render(groups, "csv").splitlines()
    assert csv[0].split(",")[:3] == ["dataset", "fingerprint", "official"]
    assert len(csv) == 1 + len(rows) == 5


def test_latex_escapes_what_latex_would_misread() -> None:
    groups, _ = compare.group([made(), made("no_augmentation")])
    text = tables.render(groups, "latex")
    assert r"no\_augmentation" in text
    assert r"\toprule" in text
    assert "±" not in text


def stored_groups() -> list[compare.Group]:
    records, faults = record.load_all(STORED)
    assert not faults
    assert records
    return compare.group(records)[0]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("markdown", "table.md"),
        ("csv", "table.csv"),
        ("latex", "table.tex"),
        ("json", "table.json"),
    ],
)
def test_the_table_of_stored_records_is_the_stored_table(form: str, name: str) -> None:
    assert tables.render(stored_groups(), form) == (STORED / name).read_text()


def test_the_table_does_not_depend_on_the_order_of_the_records() -> None:
    records, _ = record.load_all(STORED)
    groups, _ = compare.group(records[::-1])
    assert tables.render(groups, "csv") == (STORED / "table.csv").read_text()


def test_a_record_of_a_variant_that_is_no_longer_registered_still_counts() -> None:
    old = dataclasses.replace(made(), variant="retired", changes={"dropout": 0.9})
    assert "retired" in only([made(), old]).index
