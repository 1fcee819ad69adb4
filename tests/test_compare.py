"""The comparison table: numbers, grouping, and its text to the letter.

After a wanted change of the table, the stored ones are written anew by
`python -m harness compare --results tests/stored --format markdown --output
tests/stored/table.md`, and so for csv, latex (table.tex) and json.
"""

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
from harness import compare, record, tables
from harness.errors import InputError
from harness.record import RunRecord
from tests.made import curve, made

STORED = Path(__file__).parent / "stored"
Train = Callable[..., RunRecord]


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
    assert rows[2]["accuracy"] == pytest.approx(0.7)
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
    # To write all four anew: for f in markdown:md csv:csv latex:tex json:json; do python -m harness
    # compare --results tests/stored --format ${f%:*} --output tests/stored/table.${f#*:}; done
    assert tables.render(stored_groups(), form) == (STORED / name).read_text()


def test_the_table_does_not_depend_on_the_order_of_the_records() -> None:
    records, _ = record.load_all(STORED)
    groups, _ = compare.group(records[::-1])
    assert tables.render(groups, "csv") == (STORED / "table.csv").read_text()


def test_a_record_of_a_variant_that_is_no_longer_registered_still_counts() -> None:
    old = dataclasses.replace(made(), variant="retired", changes={"dropout": 0.9})
    assert "retired" in only([made(), old]).index


def grid(n: int, names: tuple[str, ...] = ("paper", "no_augmentation")) -> compare.Group:
    """`n` seeds of each variant; each is four points worse than the one before."""
    runs = [
        made(name, seed, 740 - 40 * place + 4 * (seed % 2 == 0) + seed % 3)
        for place, name in enumerate(names)
        for seed in range(n)
    ]
    (group,), _ = compare.group(runs)
    return group


def test_from_five_seeds_on_the_table_has_intervals_and_tests() -> None:
    row = compare.table(grid(5)).set_index("variant").loc["no_augmentation"]
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["difference_low"] < -0.04 < row["difference_high"]
    assert row["p_holm"] == row["p"] < 0.001  # a family of one
    assert row["p_better"] == 0
    assert 0 < row["detectable"] < 0.02
    assert row["runs"] == ""


def test_below_five_seeds_the_runs_themselves_stand_there_without_intervals() -> None:
    row = compare.table(grid(4)).set_index("variant").loc["no_augmentation"]
    assert row["runs"] == "0.7040 0.7010 0.7060 0.7000"
    tested = ["accuracy_low", "difference_low", "p", "p_holm", "p_better", "detectable"]
    assert row[tested].isna().all()
    text = tables.render([grid(4)], "markdown")
    assert "| 70.4 70.1 70.6 70.0 |" in text
    assert "±" not in text
    assert "Fewer than 5 seeds" in text


def test_the_short_table_is_at_most_120_characters_wide() -> None:
    runs = [
        made(name, seed, 700 + seed % 4, failed=name == "dropout_75" and seed < 2)
        for name in variants.names()
        for seed in range(4 if name == "dropout_0" else 12)
    ]
    (group,), _ = compare.group(runs)
    lines = tables.render([group], "markdown").splitlines()
    assert max(len(line) for line in lines if line.startswith("|")) <= 120
    assert "| augmentation=none " in "\n".join(lines)


def test_failed_runs_lose_every_comparison() -> None:
    runs = [made(seed=s, right=700 + s) for s in range(6)]
    runs += [made("dropout_0", seed=s, right=720 + s) for s in range(6)]
    runs += [made("dropout_0", seed=s, failed=True) for s in range(6, 12)]
    row = only(runs).loc["dropout_0"]
    assert (row["n"], row["failed"]) == (6, 6)
    assert row["p_better"] == 0.5


def test_the_best_epoch_is_shown_only_in_full_and_called_optimistic() -> None:
    runs = [made(seed=s, history=curve([0.5, 0.9, 0.7])) for s in range(5)]
    (group,), _ = compare.group(runs)
    assert "optimistic" not in tables.render([group], "markdown")
    assert "optimistic" not in tables.render([group], "csv")
    full = compare.table(group).set_index("variant").loc["paper"]
    assert full["accuracy_optimistic"] == pytest.approx(0.9)
    assert "optimistic, %" in tables.render([group], "markdown", full=True)
    assert "accuracy_optimistic" in tables.render([group], "csv", full=True)


@pytest.mark.parametrize(("n", "shown"), [(9, False), (10, True)])
def test_classes_are_tested_from_ten_seeds_on(n: int, shown: bool) -> None:
    text = tables.render([grid(n)], "markdown", full=True)
    assert ("Benjamini-Hochberg, 10)" in text) == shown
    assert ("-4.0*" in text) == shown
    assert "Benjamini-Hochberg" not in tables.render([grid(n)], "markdown")


def test_rows_from_more_than_one_environment_are_said_to_be() -> None:
    here = {"device": "a CPU", "torch": "2.15.0", "threads": 2}
    runs = [made(seed=s, environment=here) for s in range(3)]
    (group,), _ = compare.group(runs)
    assert "environment" not in tables.render([group], "markdown")
    (group,), _ = compare.group([*runs, made(seed=3, environment={**here, "threads": 1})])
    assert (
        "more than one environment: a CPU, torch 2.15.0, 2 threads (3 runs); "
        "a CPU, torch 2.15.0, 1 thread (1 run)." in tables.render([group], "markdown")
    )
