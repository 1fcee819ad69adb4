"""The comparison table's numbers and grouping."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.analysis import groups as analysis_groups
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import comparison_frame, comparison_text, failed_runs, runs_near
from tests.helpers.records import make_history, make_record

Train = Callable[..., RunRecord]


def test_means_and_deviations_over_seeds() -> None:
    frame = comparison_frame([make_record(seed=n, right=700 + 10 * n) for n in range(5)])
    assert frame.loc["paper", "n"] == 5
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.72)
    assert frame.loc["paper", "accuracy_sd"] == pytest.approx(np.sqrt(0.00025))
    assert frame.loc["paper", "recall_cat"] == pytest.approx(0.72)


def test_a_run_costs_what_it_takes_at_the_pace_of_its_fastest_epoch() -> None:
    def run(seed: int, seconds: list[float]) -> RunRecord:
        history = make_history([0.5, 0.6, 0.7])
        timed = [{**row, "seconds": s} for row, s in zip(history, seconds, strict=True)]
        return make_record(seed=seed, history=timed)

    frame = comparison_frame([run(0, [9, 7, 8]), run(1, [9, 90, 9])])
    assert frame.loc["paper", "undisturbed_seconds"] == pytest.approx((3 * 7 + 3 * 9) / 2)


def test_all_figures_are_of_the_runs_that_count() -> None:
    frame = comparison_frame(
        [
            *(make_record(seed=n, right=700, history=make_history([0.5, 0.8])) for n in range(5)),
            *(
                make_record(seed=n, right=900, history=make_history([0.5, 0.95]))
                for n in range(5, 8)
            ),
        ]
    )
    row = frame.loc["paper"]
    assert (row["look"], row["n"], row["waiting"]) == (1, 5, 3)
    for name in ("accuracy", "macro_f1", "recall_dog"):
        assert row[name] == pytest.approx(0.7, abs=0.001), name
    assert row["accuracy_optimistic"] == pytest.approx(0.8)


def test_differences_are_taken_from_the_baseline() -> None:
    frame = comparison_frame([make_record(right=700), make_record("no_augmentation", right=650)])
    assert frame.loc["no_augmentation", "difference"] == pytest.approx(-0.05)
    assert frame.loc["no_augmentation", "recall_difference_cat"] == pytest.approx(-0.05)
    assert np.isnan(frame.loc["paper", "difference"])
    assert np.isnan(frame.loc["paper", "recall_difference_cat"])
    assert frame.loc["reported, run 1", "difference"] == pytest.approx(0.0539)


def test_differences_of_recall_are_of_the_same_runs_as_that_of_the_accuracy() -> None:
    # `paper` is at look 2 and the variant at look 1, so both differences are of five runs each.
    frame = comparison_frame(
        [
            *(make_record(seed=n, right=700 if n < 5 else 800) for n in range(10)),
            *(make_record("no_augmentation", seed=n, right=650) for n in range(5)),
        ]
    )
    row = frame.loc["no_augmentation"]
    assert (frame.loc["paper", "look"], row["difference_look"]) == (2, 1)
    assert row["difference"] == pytest.approx(-0.05)
    assert row["recall_difference_cat"] == pytest.approx(-0.05)


def test_the_papers_runs_have_rows_with_figures_from_its_matrices() -> None:
    frame = comparison_frame([make_record()])
    assert frame.loc["reported, run 1", "accuracy"] == 0.7539
    assert frame.loc["reported, run 2", "accuracy"] == 0.7485
    assert frame.loc["reported, run 2", "recall_cat"] == 0.485
    assert frame.loc["reported, run 1", "macro_f1"] == pytest.approx(0.7536, abs=5e-5)
    assert frame.loc["reported, run 2", "macro_f1"] == pytest.approx(0.7456, abs=5e-5)


def test_the_papers_runs_have_no_rows_among_other_classes(train: Train) -> None:
    assert list(comparison_frame([train(epochs=1)]).index) == ["paper"]


def test_the_papers_runs_have_no_rows_among_validation_images() -> None:
    assert list(comparison_frame([make_record(dataset={"split": "validation"})]).index) == ["paper"]


def test_rows_come_in_the_order_of_the_registry_and_are_those_that_ran() -> None:
    frame = comparison_frame([make_record(n) for n in ["dropout_75", "baseline", "paper"]])
    assert list(frame.index[2:]) == ["paper", "baseline", "dropout_75"]


@pytest.mark.parametrize(("n", "has_sd"), [(1, False), (4, False), (5, True)])
def test_a_deviation_needs_a_look_as_an_interval_does(n: int, has_sd: bool) -> None:
    records = [make_record(seed=seed, right=700 + seed) for seed in range(n)]
    assert comparison_frame(records)["accuracy_sd"].notna().any() == has_sd
    text = comparison_text(records, full=True)
    assert ("|   SD |" in text) == ("SD: standard deviation" in text) == has_sd
    rows = json.loads(comparison_text(records, "json", full=True))
    assert any(row["accuracy_sd"] is not None for row in rows) == has_sd


def test_failed_runs_are_counted_and_not_averaged() -> None:
    frame = comparison_frame([make_record(right=700), *failed_runs("paper", 1)])
    assert (frame.loc["paper", "n"], frame.loc["paper", "failed"]) == (1, 1)
    assert frame.loc["paper", "accuracy"] == pytest.approx(0.7)


def test_a_variant_of_which_all_runs_failed_has_a_row_without_figures() -> None:
    records = [make_record(), *failed_runs("dropout_75", 0)]
    assert np.isnan(comparison_frame(records).loc["dropout_75", "accuracy"])
    assert "0 (1 failed)" in comparison_text(records)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"dataset": {"fingerprint": "cd" * 32}}, "data.fingerprint was"),
        ({"dataset": {"train_size": 45_000}}, "data.train_size was"),
        ({"protocol": {"epochs": 40}}, "protocol.epochs was 20 and is 40"),
        ({"protocol": {"momentum": 0.5}}, "protocol.momentum was 0.9 and is 0.5"),
        ({"environment": {"device_type": "cuda"}}, "device was cpu and is cuda"),
    ],
)
def test_runs_that_must_not_be_mixed_are_in_separate_tables(
    other: dict[str, Any], reason: str
) -> None:
    protocol = {"epochs": 20, **other.pop("protocol", {})}
    records = [
        *(make_record(seed=s, protocol={"epochs": 20}) for s in (0, 1)),
        make_record(seed=2, protocol=protocol, **other),
    ]
    groups, _ = analysis_groups.group(records)
    assert [len(g.records) for g in groups] == [2, 1]
    text = comparison_text(records)
    assert text.count("## ") - text.count("### ") == 2
    assert f"Kept apart from the first table: {reason}" in text


def test_groups_on_test_images_come_first_then_more_runs_then_fewer_epochs() -> None:
    wanted = [("test", 20, 2), ("test", 6, 1), *(("validation", e, 1) for e in (6, 10, 15))]
    records = [
        make_record(seed=seed, dataset={"split": split}, protocol={"epochs": epochs})
        for split, epochs, n in wanted
        for seed in range(n)
    ]
    records += [
        make_record(seed=s, dataset={"split": "validation"}, protocol={"epochs": 40})
        for s in (0, 1, 2)
    ]
    wanted.insert(2, ("validation", 40, 3))
    for order in (records, records[::-1]):
        groups, _ = analysis_groups.group(order)
        assert [(g.dataset.split, g.protocol.epochs, len(g.records)) for g in groups] == wanted


def test_the_same_run_twice_is_counted_once_and_named() -> None:
    (group,), faults = analysis_groups.group([make_record(), make_record()])
    assert len(group.records) == 1
    assert faults == ["paper seed 0 is duplicated: only the first record is used."]


def test_a_record_of_a_variant_that_is_no_longer_registered_still_counts() -> None:
    old = make_record().model_copy(update={"variant": "retired", "changes": {"dropout": 0.9}})
    assert comparison_frame([make_record(), old]).loc["retired", "changes"] == "dropout=0.9"


@pytest.mark.usefixtures("adopted")
def test_from_five_seeds_on_the_table_has_intervals_and_tests() -> None:
    row = comparison_frame([*runs_near(n=5), *runs_near("no_augmentation", 711, n=5)]).loc[
        "no_augmentation"
    ]
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert row["difference_low"] < -0.04 < row["difference_high"]
    assert row["difference_level"] == pytest.approx(1 - 0.05 * 0.25 / 7)
    assert row["p"] < row["q"] < row["p_holm"] < 0.001
    assert (row["effect"], row["settled_look"], row["difference_look"]) == ("HURTS", 1, 1)
    assert row["p_better"] == 0
    assert 0 < row["detectable"] < 0.02
    assert row["runs"] == ""


@pytest.mark.usefixtures("adopted")
def test_against_another_baseline_there_are_intervals_and_no_tests() -> None:
    records = [
        *runs_near(n=5),
        *runs_near("no_augmentation", 711, n=5),
        *runs_near("dropout_0", n=5),
    ]
    row = comparison_frame(records, "dropout_0").loc["no_augmentation"]
    assert row["difference_low"] < -0.04 < row["difference_high"] < 0
    assert row[["p", "q", "p_holm"]].isna().all()
    text = comparison_text(records, baseline="dropout_0")
    assert "| finding" not in text
    assert "Holm" not in text
    assert "| effect" not in text
