"""The comparison as text, to the letter.

After a wanted change of the table, the stored ones are written anew by
`python -m harness compare --results tests/stored --format markdown --output
tests/stored/table.md`, and so for csv, latex (table.tex) and json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import variants
from harness.analysis import comparison as analysis_comparison
from harness.analysis import groups as analysis_groups
from harness.errors import InputError
from harness.protocol.presets import EPOCHS
from harness.report.text import comparison
from harness.runs import store
from tests.made import curve, group_of, made

STORED = Path(__file__).parent / "stored"


def test_the_most_telling_reasons_come_first_and_the_rest_are_counted() -> None:
    other = {
        "dataset": {"split": "validation", "train_size": 45_000, "test_size": 5_000},
        "protocol": {"epochs": 15},
    }
    text = comparison.render(analysis_groups.group([made(), made(**other)])[0], "markdown")
    assert (
        "first table: data.split was test and is validation; protocol.epochs was 20 and is 15; "
        "data.train_size was 50000 and is 45000; data.test_size was 10000 and is 5000." in text
    )
    other["protocol"]["precision"] = "fp32"
    text = comparison.render(analysis_groups.group([made(), made(**other)])[0], "markdown")
    assert "; protocol.precision was bf16 and is fp32; and 2 more." in text


def test_other_bytes_than_the_official_are_called_so() -> None:
    groups, _ = analysis_groups.group([made(dataset={"official": False, "title": "copy"})])
    assert "NOT the official CIFAR-10 bytes" in comparison.render(groups, "markdown")
    groups, _ = analysis_groups.group([made()])
    assert "the official archive" in comparison.render(groups, "markdown")


def test_an_unknown_baseline_is_refused() -> None:
    groups, _ = analysis_groups.group([made()])
    with pytest.raises(InputError, match="no stored run of that variant"):
        comparison.render(groups, "markdown", "batch_norm")


def test_csv_and_json_hold_the_same_raw_fractions() -> None:
    groups, _ = analysis_groups.group([made(right=700), made("baseline", right=600)])
    rows = json.loads(comparison.render(groups, "json"))
    assert rows[2]["variant"] == "paper"
    assert rows[2]["accuracy"] == pytest.approx(0.7)
    csv = comparison.render(groups, "csv").splitlines()
    assert csv[0].split(",")[:3] == ["dataset", "fingerprint", "official"]
    assert len(csv) == 1 + len(rows) == 5


def test_latex_escapes_what_latex_would_misread() -> None:
    groups, _ = analysis_groups.group([made(), made("no_augmentation")])
    text = comparison.render(groups, "latex")
    assert r"no\_augmentation" in text
    assert r"\toprule" in text
    assert "±" not in text


def stored_groups() -> list[analysis_groups.Group]:
    records, faults = store.load_all(STORED)
    assert not faults
    assert records
    return analysis_groups.group(records)[0]


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
    assert comparison.render(stored_groups(), form) == (STORED / name).read_text()


def test_the_table_does_not_depend_on_the_order_of_the_records() -> None:
    records, _ = store.load_all(STORED)
    groups, _ = analysis_groups.group(records[::-1])
    assert comparison.render(groups, "csv") == (STORED / "table.csv").read_text()


def test_below_five_seeds_the_runs_themselves_stand_there_without_intervals() -> None:
    row = analysis_comparison.table(group_of(4)).set_index("variant").loc["no_augmentation"]
    assert row["runs"] == "0.7040 0.7010 0.7060 0.7000"
    tested = ["accuracy_low", "difference_low", "p", "p_holm", "p_better", "detectable"]
    assert row[tested].isna().all()
    text = comparison.render([group_of(4)], "markdown")
    assert "| 70.4 70.1 70.6 70.0 |" in text
    assert "±" not in text
    assert "Fewer than 5 seeds" in text
    assert "| 70.40, 70.10, 70.60, 70.00 |" in comparison.render(
        [group_of(4)], "markdown", full=True
    )


@pytest.mark.parametrize(("n", "told"), [(1, True), (4, True), (5, False)])
def test_that_there_are_few_seeds_is_said_wherever_there_are(n: int, told: bool) -> None:
    assert ("Fewer than 5 seeds" in comparison.render([group_of(n)], "markdown")) == told


def test_a_full_table_says_what_it_is_and_explains_the_columns_it_has() -> None:
    def parts(n: int, **option: Any) -> tuple[str, set[str]]:
        text = comparison.render([group_of(n)], "markdown", full=True, **option)
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
    assert "Every column" not in comparison.render([group_of(5)], "markdown")


def test_the_short_table_is_at_most_120_characters_wide() -> None:
    runs = [
        made(name, seed, 700 + seed % 4, failed=name == "dropout_75" and seed < 2)
        for name in variants.names()
        for seed in range(4 if name == "dropout_0" else 12)
    ]
    (group,), _ = analysis_groups.group(runs)
    lines = comparison.render([group], "markdown").splitlines()
    assert max(len(line) for line in lines if line.startswith("|")) <= 120
    assert "| augmentation=none " in "\n".join(lines)


def test_the_best_epoch_is_shown_only_in_full_and_called_optimistic() -> None:
    runs = [made(seed=s, history=curve([0.5, 0.9, 0.7])) for s in range(5)]
    (group,), _ = analysis_groups.group(runs)
    assert "optimistic" not in comparison.render([group], "markdown")
    assert "optimistic" not in comparison.render([group], "csv")
    full = analysis_comparison.table(group).set_index("variant").loc["paper"]
    assert full["accuracy_optimistic"] == pytest.approx(0.9)
    assert "optimistic, %" in comparison.render([group], "markdown", full=True)
    assert "accuracy_optimistic" in comparison.render([group], "csv", full=True)
    assert "best epoch by the test images" in comparison.render([group], "markdown", full=True)


def test_the_best_epoch_of_validation_images_is_called_theirs() -> None:
    history = [
        {k.replace("test", "validation"): v for k, v in row.items()} for row in curve([0.5, 0.9])
    ]
    (group,), _ = analysis_groups.group([made(history=history, dataset={"split": "validation"})])
    text = comparison.render([group], "markdown", full=True)
    assert "best epoch by the validation images themselves" in text
    assert "test images" not in text


@pytest.mark.parametrize(("n", "shown"), [(9, False), (10, True)])
def test_classes_are_tested_from_ten_seeds_on(n: int, shown: bool) -> None:
    text = comparison.render([group_of(n)], "markdown", full=True)
    assert ("Benjamini-Hochberg, 10)" in text) == shown
    assert ("-4.0*" in text) == shown
    assert "Benjamini-Hochberg" not in comparison.render([group_of(n)], "markdown")


def test_rows_from_more_than_one_environment_are_said_to_be() -> None:
    here = {"device": "a CPU", "torch": "2.15.0", "threads": 2}
    runs = [made(seed=s, environment=here) for s in range(3)]
    (group,), _ = analysis_groups.group(runs)
    assert "environment" not in comparison.render([group], "markdown")
    (group,), _ = analysis_groups.group([*runs, made(seed=3, environment={**here, "threads": 1})])
    assert (
        "more than one environment: a CPU, torch 2.15.0, 2 threads (3 runs); "
        "a CPU, torch 2.15.0, 1 thread (1 run)." in comparison.render([group], "markdown")
    )


def test_tests_before_the_plan_is_through_are_said_to_decide_nothing() -> None:
    def shown(n: int, epochs: int = EPOCHS, failed: int = 0) -> str:
        runs = [
            made(v, s, 700 + s % 3, protocol={"epochs": epochs}, failed=v != "paper" and s < failed)
            for v in ("paper", "baseline")
            for s in range(n)
        ]
        return comparison.render(analysis_groups.group(runs)[0], "markdown")

    assert "decide nothing: interim, 6 of 39 planned seeds of paper; interim, 6 of 20" in shown(6)
    assert "decide nothing" not in shown(39)
    assert "decide nothing" not in shown(4)  # no test is there
    assert "decide nothing: no test is planned for such runs" in shown(39, epochs=40)
    assert "decide nothing: 8 of 20 runs of baseline failed" in shown(39, failed=8)


def test_seeds_beyond_the_plan_are_said_to_be_counted_here_alone() -> None:
    def shown(seeds: range) -> str:
        return comparison.render(
            analysis_groups.group([made(seed=s) for s in seeds])[0], "markdown"
        )

    assert "2 runs with seeds beyond the planned ones: counted here" in shown(range(37, 41))
    assert "beyond" not in shown(range(36, 39))


def test_a_short_table_has_the_legend_and_no_classes() -> None:
    (group,), _ = analysis_groups.group([made(seed=s, right=700 + s) for s in range(5)])
    text = comparison.in_short(group, [])
    assert "±: half of a 95 % interval" in text
    assert "Recall" not in text


def test_a_short_table_has_the_tests_that_may_be_shown() -> None:
    names = ("paper", "baseline", "no_augmentation")
    runs = [made(v, s, 700 + s % 3) for v in names for s in range(6)]
    (group,), _ = analysis_groups.group(runs)
    assert "| p " not in comparison.in_short(group, [])
    row = {
        line.split("|")[1].strip(): line
        for line in comparison.in_short(group, ["baseline"]).splitlines()
        if line.startswith("|")
    }
    place = [cell.strip() for cell in row["variant"].split("|")].index("p")
    cells = {name: row[name].split("|")[place].strip() for name in names}
    assert cells["baseline"] != "-"
    assert cells["no_augmentation"] == "-"
