"""The comparison table: numbers, grouping, and its text to the letter.

After a wanted change of the table, the stored ones are written anew by
`python -m harness compare --results tests/stored --format markdown --output
tests/stored/table.md`, and so for csv, latex (table.tex) and json.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import variants
from harness import compare, record, tables, verdict
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
    frame = only([made(seed=n, right=700 + 10 * n) for n in range(5)])
    assert frame.loc["paper", "n"] == 5
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.72)
    assert frame.loc["paper", "accuracy_sd"] == pytest.approx(np.sqrt(0.00025))
    assert frame.loc["paper", "recall_cat"] == pytest.approx(0.72)
    assert frame.loc["paper", "train_seconds"] == pytest.approx(62)


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


def test_the_papers_runs_do_not_stand_beside_validation_images() -> None:
    (group,), _ = compare.group([made(dataset={"split": "validation"})])
    assert list(compare.table(group)["variant"]) == ["paper"]


def test_rows_come_in_the_order_of_the_registry() -> None:
    names = ["dropout_75", "baseline", "paper"]
    assert list(only([made(n) for n in names]).index[2:]) == ["paper", "baseline", "dropout_75"]


@pytest.mark.parametrize(("n", "shown"), [(1, False), (2, False), (4, False), (5, True)])
def test_a_deviation_takes_as_many_seeds_as_an_interval(n: int, shown: bool) -> None:
    runs = [made(seed=seed, right=700 + seed) for seed in range(n)]
    (group,), _ = compare.group(runs)
    assert only(runs)["accuracy_sd"].notna().any() == shown
    text = tables.render([group], "markdown", full=True)
    assert ("|   SD |" in text) == ("SD: standard deviation" in text) == shown
    rows = json.loads(tables.render([group], "json", full=True))
    assert any(row["accuracy_sd"] is not None for row in rows) == shown


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


def test_the_most_telling_reasons_come_first_and_the_rest_are_counted() -> None:
    other = {
        "dataset": {"split": "validation", "train_size": 45_000, "test_size": 5_000},
        "protocol": {"epochs": 15},
    }
    text = tables.render(compare.group([made(), made(**other)])[0], "markdown")
    assert (
        "first table: data.split was test and is validation; protocol.epochs was 20 and is 15; "
        "data.train_size was 50000 and is 45000; data.test_size was 10000 and is 5000." in text
    )
    other["protocol"]["precision"] = "fp32"
    text = tables.render(compare.group([made(), made(**other)])[0], "markdown")
    assert "; protocol.precision was bf16 and is fp32; and 2 more." in text


def test_groups_judged_on_test_images_come_first_then_more_runs_then_fewer_epochs() -> None:
    wanted = [("test", 20, 2), ("test", 6, 1), *(("validation", e, 1) for e in (6, 10, 15))]
    records = [
        made(seed=seed, dataset={"split": split}, protocol={"epochs": epochs})
        for split, epochs, n in wanted
        for seed in range(n)
    ]
    records += [
        made(seed=s, dataset={"split": "validation"}, protocol={"epochs": 40}) for s in (0, 1, 2)
    ]
    wanted.insert(2, ("validation", 40, 3))
    for order in (records, records[::-1]):
        groups, _ = compare.group(order)
        assert [
            (g.dataset["split"], g.protocol["epochs"], len(g.records)) for g in groups
        ] == wanted


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
    assert row["p"] < row["p_holm"] < 0.001
    assert row["p_better"] == 0
    assert 0 < row["detectable"] < 0.02
    assert row["runs"] == ""


def test_a_partial_grid_has_the_tests_of_the_verdict() -> None:
    group = grid(5)
    row = compare.table(group).set_index("variant").loc["no_augmentation"]
    (judged,) = verdict.judge([group]).judgements
    found = next(one.contrast for one in judged.ablations if one.variant == "no_augmentation")
    assert found is not None
    assert row["p_holm"] == found.holm == pytest.approx(7 * found.p)
    assert row["detectable"] == found.detectable
    assert "Holm over the decision file's 7 contrasts, run or not." in tables.render(
        [group], "markdown"
    )


def test_a_variant_outside_the_decision_file_does_not_change_its_family() -> None:
    runs = grid(5, ("paper", "no_augmentation", "dropout_0")).records
    alone = compare.table(grid(5)).set_index("variant")
    (group,), _ = compare.group(
        dataclasses.replace(r, variant="retired") if r.variant == "dropout_0" else r for r in runs
    )
    row = compare.table(group).set_index("variant")
    assert row.loc["no_augmentation", "p_holm"] == alone.loc["no_augmentation", "p_holm"]
    assert row.loc["retired", "p_holm"] == row.loc["retired", "p"] < 0.001
    assert "run or not (1 outside it: a family of their own)." in tables.render([group], "markdown")


def test_against_another_baseline_the_family_is_what_is_there() -> None:
    group = grid(5, ("paper", "no_augmentation", "dropout_0"))
    row = compare.table(group, "dropout_0").set_index("variant").loc["paper"]
    assert row["p_holm"] == pytest.approx(2 * row["p"], abs=0)
    assert (
        "p: Welch's t against dropout_0, after Holm over the 2 contrasts here (the decision file "
        "plans none against dropout_0)." in tables.render([group], "markdown", "dropout_0")
    )


def test_below_five_seeds_the_runs_themselves_stand_there_without_intervals() -> None:
    row = compare.table(grid(4)).set_index("variant").loc["no_augmentation"]
    assert row["runs"] == "0.7040 0.7010 0.7060 0.7000"
    tested = ["accuracy_low", "difference_low", "p", "p_holm", "p_better", "detectable"]
    assert row[tested].isna().all()
    text = tables.render([grid(4)], "markdown")
    assert "| 70.4 70.1 70.6 70.0 |" in text
    assert "±" not in text
    assert "Fewer than 5 seeds" in text
    assert "| 70.40, 70.10, 70.60, 70.00 |" in tables.render([grid(4)], "markdown", full=True)


@pytest.mark.parametrize(("n", "told"), [(1, True), (4, True), (5, False)])
def test_that_there_are_few_seeds_is_said_wherever_there_are(n: int, told: bool) -> None:
    assert ("Fewer than 5 seeds" in tables.render([grid(n)], "markdown")) == told


def test_a_full_table_says_what_it_is_and_explains_the_columns_it_has() -> None:
    def parts(n: int, **option: Any) -> tuple[str, set[str]]:
        text = tables.render([grid(n)], "markdown", full=True, **option)
        head = next(line for line in text.splitlines() if line.startswith("| variant"))
        return text, {name.strip() for name in head.strip("|").split("|")}

    tested = ("p", "p raw", "P(>)", "detects", "r", "SD")
    text, columns = parts(5)
    assert text.startswith("# Every column of every comparison\n")
    assert "`python -m harness compare --full`" in text
    for name in (*tested, "AUC"):
        assert name in columns
        assert re.search(rf"(^|\. |; ){re.escape(name)}: ", text, re.MULTILINE), name
    few, columns = parts(1)
    for name in tested:
        assert name not in columns
        assert not re.search(rf"(^|\. |; ){re.escape(name)}: ", few, re.MULTILINE), name
    assert "compare --full --baseline no_augmentation`" in parts(5, baseline="no_augmentation")[0]
    assert "Every column" not in tables.render([grid(5)], "markdown")


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
    assert "best epoch by the test images" in tables.render([group], "markdown", full=True)


def test_the_best_epoch_of_validation_images_is_called_theirs() -> None:
    history = [
        {k.replace("test", "validation"): v for k, v in row.items()} for row in curve([0.5, 0.9])
    ]
    (group,), _ = compare.group([made(history=history, dataset={"split": "validation"})])
    text = tables.render([group], "markdown", full=True)
    assert "best epoch by the validation images themselves" in text
    assert "test images" not in text


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
