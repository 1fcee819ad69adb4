"""The comparison table's numbers and grouping."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis import comparison
from harness.analysis import groups as analysis_groups
from harness.report.text import comparison as text_comparison
from harness.runs.record import RunRecord
from harness.verdict import verdict
from tests.made import group_of, made

Train = Callable[..., RunRecord]


def only(records: list[RunRecord]) -> pd.DataFrame:
    (group,), faults = analysis_groups.group(records)
    assert not faults
    return comparison.table(group).set_index("variant")


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
    (group,), _ = analysis_groups.group([train(epochs=1)])
    assert list(comparison.table(group)["variant"]) == ["paper"]


def test_the_papers_runs_do_not_stand_beside_validation_images() -> None:
    (group,), _ = analysis_groups.group([made(dataset={"split": "validation"})])
    assert list(comparison.table(group)["variant"]) == ["paper"]


def test_rows_come_in_the_order_of_the_registry() -> None:
    names = ["dropout_75", "baseline", "paper"]
    assert list(only([made(n) for n in names]).index[2:]) == ["paper", "baseline", "dropout_75"]


@pytest.mark.parametrize(("n", "shown"), [(1, False), (2, False), (4, False), (5, True)])
def test_a_deviation_takes_as_many_seeds_as_an_interval(n: int, shown: bool) -> None:
    runs = [made(seed=seed, right=700 + seed) for seed in range(n)]
    (group,), _ = analysis_groups.group(runs)
    assert only(runs)["accuracy_sd"].notna().any() == shown
    text = text_comparison.render([group], "markdown", full=True)
    assert ("|   SD |" in text) == ("SD: standard deviation" in text) == shown
    rows = json.loads(text_comparison.render([group], "json", full=True))
    assert any(row["accuracy_sd"] is not None for row in rows) == shown


def test_failed_runs_are_counted_and_not_averaged() -> None:
    frame = only([made(right=700), made(seed=1, failed=True)])
    assert (frame.loc["paper", "n"], frame.loc["paper", "failed"]) == (1, 1)
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.7)


def test_a_variant_of_which_all_runs_failed_has_a_row_without_figures() -> None:
    (group,), _ = analysis_groups.group([made(), made("dropout_75", failed=True)])
    frame = comparison.table(group).set_index("variant")
    assert np.isnan(frame.loc["dropout_75", "accuracy"])
    assert "0 (1 failed)" in text_comparison.render([group], "markdown")


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
    groups, _ = analysis_groups.group([made(), made(seed=1), made(seed=2, **other)])
    assert [len(g.records) for g in groups] == [2, 1]
    text = text_comparison.render(groups, "markdown")
    assert text.count("## ") - text.count("### ") == 2
    assert f"Kept apart from the first table: {reason}" in text


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
        groups, _ = analysis_groups.group(order)
        assert [
            (g.dataset["split"], g.protocol["epochs"], len(g.records)) for g in groups
        ] == wanted


def test_the_same_run_twice_is_counted_once_and_named() -> None:
    (group,), faults = analysis_groups.group([made(), made()])
    assert len(group.records) == 1
    assert faults == ["paper seed 0 is there twice: one was left out."]


def test_a_record_of_a_variant_that_is_no_longer_registered_still_counts() -> None:
    old = dataclasses.replace(made(), variant="retired", changes={"dropout": 0.9})
    assert "retired" in only([made(), old]).index


def test_from_five_seeds_on_the_table_has_intervals_and_tests() -> None:
    row = comparison.table(group_of(5)).set_index("variant").loc["no_augmentation"]
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["difference_low"] < -0.04 < row["difference_high"]
    assert row["p"] < row["p_holm"] < 0.001
    assert row["p_better"] == 0
    assert 0 < row["detectable"] < 0.02
    assert row["runs"] == ""


def test_a_partial_grid_has_the_tests_of_the_verdict() -> None:
    group = group_of(5)
    row = comparison.table(group).set_index("variant").loc["no_augmentation"]
    (judged,) = verdict.judge([group]).judgements
    found = next(one.contrast for one in judged.ablations if one.variant == "no_augmentation")
    assert found is not None
    assert row["p_holm"] == found.holm == pytest.approx(7 * found.p)
    assert row["detectable"] == found.detectable
    assert "Holm over the decision file's 7 contrasts, run or not." in text_comparison.render(
        [group], "markdown"
    )


def test_a_variant_outside_the_decision_file_does_not_change_its_family() -> None:
    runs = group_of(5, ("paper", "no_augmentation", "dropout_0")).records
    alone = comparison.table(group_of(5)).set_index("variant")
    (group,), _ = analysis_groups.group(
        dataclasses.replace(r, variant="retired") if r.variant == "dropout_0" else r for r in runs
    )
    row = comparison.table(group).set_index("variant")
    assert row.loc["no_augmentation", "p_holm"] == alone.loc["no_augmentation", "p_holm"]
    assert row.loc["retired", "p_holm"] == row.loc["retired", "p"] < 0.001
    assert "run or not (1 outside it: a family of their own)." in text_comparison.render(
        [group], "markdown"
    )


def test_against_another_baseline_the_family_is_what_is_there() -> None:
    group = group_of(5, ("paper", "no_augmentation", "dropout_0"))
    row = comparison.table(group, "dropout_0").set_index("variant").loc["paper"]
    assert row["p_holm"] == pytest.approx(2 * row["p"], abs=0)
    assert (
        "p: Welch's t against dropout_0, after Holm over the 2 contrasts here (the decision file "
        "plans none against dropout_0)." in text_comparison.render([group], "markdown", "dropout_0")
    )


def test_failed_runs_lose_every_comparison() -> None:
    runs = [made(seed=s, right=700 + s) for s in range(6)]
    runs += [made("dropout_0", seed=s, right=720 + s) for s in range(6)]
    runs += [made("dropout_0", seed=s, failed=True) for s in range(6, 12)]
    row = only(runs).loc["dropout_0"]
    assert (row["n"], row["failed"]) == (6, 6)
    assert row["p_better"] == 0.5
