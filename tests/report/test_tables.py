"""The comparison as text, to the letter.

After a wanted change of the table, the stored ones are written anew by
`python -m harness compare --results tests/stored --format markdown --output
tests/stored/table.md`, and so for csv, latex (table.tex) and json.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import variants
from harness.errors import InputError
from harness.report.pages import comparison, results
from harness.runs import store
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import (
    comparison_frame,
    comparison_text,
    failed_runs,
    full_study,
    runs_near,
    study_of,
)
from tests.helpers.paths import ROOT
from tests.helpers.records import make_history, make_record

STORED = ROOT / "tests/stored"


def two(n: int, spread: int = 1) -> list[RunRecord]:
    """`n` seeds of two variants, four points apart."""
    return [*runs_near(n=n, spread=spread), *runs_near("no_augmentation", 711, n=n, spread=spread)]


def test_the_most_telling_reasons_come_first_and_the_rest_are_counted() -> None:
    other: dict[str, Any] = {
        "dataset": {"split": "validation", "train_size": 45_000, "test_size": 5_000},
        "protocol": {"epochs": 15},
    }
    base = {"protocol": {"epochs": 20}}
    assert (
        "first table: data.split was test and is validation; protocol.epochs was 20 and is 15; "
        "data.train_size was 50000 and is 45000; data.test_size was 10000 and is 5000."
        in comparison_text([make_record(**base), make_record(**other)])
    )
    other["environment"] = {"device_type": "cuda"}
    assert (
        "data.split was test and is validation; device was cpu and is cuda; protocol.epochs was 20 "
        "and is 15; and 2 more." in comparison_text([make_record(**base), make_record(**other)])
    )


def test_other_bytes_than_the_official_are_called_so() -> None:
    copy = {"official": False, "title": "copy"}
    assert "NOT the official CIFAR-10 bytes" in comparison_text([make_record(dataset=copy)])
    assert "the official archive" in comparison_text([make_record()])


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(InputError, match="no stored run of that variant"):
        comparison_text([make_record()], baseline="batch_norm")


def test_csv_and_json_hold_the_same_raw_fractions() -> None:
    records = [make_record(right=700), make_record("baseline", right=600)]
    rows = json.loads(comparison_text(records, "json"))
    assert rows[2]["variant"] == "paper"
    assert rows[2]["accuracy"] == pytest.approx(0.7)
    assert rows[2]["device_type"] == "cpu"
    csv = comparison_text(records, "csv").splitlines()
    assert csv[0].split(",")[:3] == ["dataset", "fingerprint", "official"]
    assert len(csv) == 1 + len(rows) == 5


def test_a_table_without_rows_is_written_too() -> None:
    other = {"name": "digits", "title": "digits", "classes": [*"0123456789"], "official": False}
    text = comparison_text([make_record(seed=42, dataset=other)])
    assert "1 run with unplanned seeds" in text


def test_small_p_values_keep_their_digits_in_json() -> None:
    records = [*runs_near(n=5), *runs_near("baseline", 700, n=5)]
    (p,) = (
        r["p"] for r in json.loads(comparison_text(records, "json")) if r["variant"] == "baseline"
    )
    frame = comparison_frame(records)
    assert 0 < p == frame.loc["baseline", "p"] < 1e-8


def test_latex_escapes_what_latex_would_misread() -> None:
    text = comparison_text([make_record(), make_record("no_augmentation")], "latex")
    assert r"no\_augmentation" in text
    assert r"\toprule" in text
    assert not [line for line in text.splitlines() if "±" in line and not line.startswith("%")]


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
    records, faults = store.load_all(STORED)
    assert records
    assert not faults
    assert comparison_text(records, form) == (STORED / name).read_text()


def test_the_table_does_not_depend_on_the_order_of_the_records() -> None:
    records, _ = store.load_all(STORED)
    assert comparison_text(records[::-1], "csv") == (STORED / "table.csv").read_text()


@pytest.mark.usefixtures("adopted")
def test_before_a_look_the_runs_themselves_are_shown_without_intervals() -> None:
    row = comparison_frame(two(4)).loc["no_augmentation"]
    assert row["runs"] == "0.7080 0.7100 0.7110 0.7110"
    tested = ["accuracy_low", "difference_low", "p", "p_better", "detectable"]
    assert row[tested].isna().all()
    assert row["p_holm"] == 1  # as the decision file says of a contrast without a look
    text = comparison_text(two(4))
    assert "| 70.80 to 71.10 |" in text
    assert not [line for line in text.splitlines() if "±" in line and line.startswith("|")]
    assert "or the runs if no look is complete" in text
    assert "| 70.80, 71.00, 71.10, 71.10 |" in comparison_text(two(4), full=True)


def test_many_runs_without_a_look_have_their_mean() -> None:
    blocked = [*runs_near(n=6), *failed_runs("paper", 6, 7, 8, 9)]
    text = comparison_text([r for r in blocked if r.seed != 1] + failed_runs("paper", 1))
    assert "| 5 (5 failed) |" in text
    assert "75.12" in text  # of five finished runs
    assert "Look 2 of paper settles nothing: 5 of 10 runs failed." in text


@pytest.mark.usefixtures("adopted")
def test_a_full_table_says_what_it_is_and_explains_the_columns_it_has() -> None:
    def parts(n: int, **option: Any) -> tuple[str, set[str]]:
        text = comparison_text(two(n), full=True, **option)
        head = next(line for line in text.splitlines() if line.startswith("| variant"))
        return text, {name.strip() for name in head.strip("|").split("|")}

    tested = ("p", "p raw", "q", "P(>)", "detects", "r", "SD")
    text, columns = parts(5)
    assert text.startswith("# Every column of every comparison\n")
    assert "`python -m harness compare --full`" in text
    for name in (*tested, "AUC"):
        assert name in columns
        assert re.search(rf"(^|\. |; ){re.escape(name)}: ", text, re.MULTILINE), name
    assert {"finding", "look", "settled"} <= columns
    few, columns = parts(1)
    for name in (*tested, "finding", "look"):
        assert name not in columns
        assert not re.search(rf"(^|\. |; ){re.escape(name)}: ", few, re.MULTILINE), name
    assert "compare --full --baseline no_augmentation`" in parts(5, baseline="no_augmentation")[0]
    assert "Every column" not in comparison_text(two(5))


@pytest.mark.usefixtures("adopted")
def test_the_short_table_is_at_most_120_characters_wide() -> None:
    records = [
        make_record(name, seed, 700 + seed % 4, failed=name == "dropout_75" and seed < 1)
        for name in variants.names()
        for seed in range(4 if name == "dropout_0" else 12)
    ]
    lines = comparison_text(records).splitlines()
    assert max(len(line) for line in lines if line.startswith("|")) <= 120
    assert re.search(r"\| augme.* \|", "\n".join(lines))


def test_the_best_epoch_is_shown_only_in_full_and_called_optimistic() -> None:
    records = [make_record(seed=s, history=make_history([0.5, 0.9, 0.7])) for s in range(5)]
    assert "optimistic" not in comparison_text(records)
    assert "optimistic" not in comparison_text(records, "csv")
    assert comparison_frame(records).loc["paper", "accuracy_optimistic"] == pytest.approx(0.9)
    assert "optimistic, %" in comparison_text(records, full=True)
    assert "accuracy_optimistic" in comparison_text(records, "csv", full=True)
    assert "best epoch, chosen by the test images" in comparison_text(records, full=True)


def test_the_best_epoch_of_validation_images_is_called_theirs() -> None:
    text = comparison_text(
        [make_record(history=make_history([0.5, 0.9]), dataset={"split": "validation"})], full=True
    )
    assert "best epoch, chosen by the validation images themselves" in text
    assert "test images" not in text


def test_differences_of_classes_are_shown_in_full_without_tests() -> None:
    text = comparison_text(two(5), full=True)
    assert "### Recall against paper, points" in text
    assert "| -4.0 |" in text.replace("  ", "")
    assert "Benjamini" not in text
    assert "Recall against" not in comparison_text(two(5))


def test_rows_from_more_than_one_environment_are_said_to_be() -> None:
    here = {"device": "a CPU", "torch": "2.15.0", "threads": 2}
    records = [make_record(seed=s, environment=here) for s in range(3)]
    assert "environment" not in comparison_text(records)
    assert (
        "more than one environment: a CPU, torch 2.15.0, 2 threads (3 runs); "
        "a CPU, torch 2.15.0, 1 thread (1 run of paper)."
        in comparison_text([*records, make_record(seed=3, environment={**here, "threads": 1})])
    )


@pytest.mark.usefixtures("adopted")
def test_tests_are_shown_where_a_verdict_is_given_and_only_there() -> None:
    decided, elsewhere = full_study(n=5), full_study(n=5, protocol={"epochs": 40})
    text = comparison_text(decided)
    assert re.search(r"\| hurts +\|", text)
    assert "after Holm over the 7 planned contrasts" in text
    text = comparison_text(elsewhere)
    assert "| finding" not in text
    assert "Holm" not in text


@pytest.mark.usefixtures("adopted")
def test_exploratory_variants_are_said_to_be() -> None:
    text = comparison_text([*two(5), *runs_near("lrn", 752, n=5)])
    row = next(line for line in text.splitlines() if line.startswith("| lrn"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[5:7] == ["-", "-"]
    assert (
        "Bonferroni interval (99.82, 99.82 and 99.64 % at the looks), or of its 95 % interval where"
        in text
    )


@pytest.mark.usefixtures("adopted")
def test_which_runs_count_is_said_in_notes() -> None:
    text = comparison_text(runs_near(n=23))
    assert (
        "before look 1 (seeds 0-4) all, afterwards only those of the latest complete look (later: "
        "0-9 and 0-19)" in text
    )
    assert "Left out: 3 runs with unplanned seeds." in text
    assert "2 runs not counted before the next look of the variant." in comparison_text(
        runs_near(n=7)
    )


def test_looks_are_explained_only_where_they_matter() -> None:
    copy = {"official": False, "title": "copy"}
    assert "look" not in comparison_text(runs_near(n=2, dataset=copy))
    assert "look 1" in comparison_text(runs_near(n=5, dataset=copy))  # one is complete
    both = comparison_text([*runs_near(n=2, dataset=copy), *full_study(n=2)])
    assert both.count("n: ") == 1  # one legend of all tables
    assert "n: finished runs: before look 1" in both


def test_the_table_of_a_page_has_the_legend_and_no_classes() -> None:
    text = results.results_table(study_of(runs_near(n=5)))
    assert text.startswith("### CIFAR-10 (official)")
    assert "± half of its 95 % interval" in text
    assert "Recall" not in text


def test_no_group_has_the_numbers_of_another() -> None:
    records = [*runs_near(n=5), *runs_near(right=800, n=5, environment={"device_type": "cuda"})]
    study = study_of(records)
    means = {
        j.group.device_type: comparison.numbers(study, j, "paper").set_index("variant")["accuracy"][
            "paper"
        ]
        for j in study.group_verdicts
    }
    assert means == pytest.approx({"cpu": 0.7504, "cuda": 0.7994})
