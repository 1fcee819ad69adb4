"""The first screen: its verdict, sentence and rows for every outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.protocol import decision
from harness.protocol.presets import EPOCHS
from harness.report import summary
from harness.report.summary import Summary
from harness.runs.record import RunRecord
from harness.verdict.study import Study
from tests.helpers.judged_studies import failed_runs, runs_near, verdict_of
from tests.helpers.records import make_record

pytestmark = pytest.mark.usefixtures("adopted")


def screen(*records: RunRecord) -> Summary:
    judged = verdict_of(list(records))
    return summary.summarize(Study(Path("results"), judged, judged.group_verdicts[0], (), {}))


def fact(shown: Summary, name: str) -> tuple[str, str]:
    (row,) = (row for row in shown.rows if row.name == name)
    return row.value, row.detail


def at(epochs: int, *records: RunRecord) -> list[RunRecord]:
    """The runs at another budget."""
    return [
        make_record(
            r.variant, r.seed, round(1000 * r.metrics.accuracy), protocol={"epochs": epochs}
        )
        for r in records
        if r.metrics
    ]


def test_a_reproduced_accuracy() -> None:
    shown = screen(*runs_near(n=5))
    assert (shown.verdict_label, shown.style) == ("REPRODUCED", "match")
    assert "was reproduced within 1 point" in shown.sentence
    assert fact(shown, "How sure") == (
        "settled at look 1 (seeds 0-4)",
        "5 runs; 99 % interval, against a margin of 1 point either way",
    )
    assert ", 99 % interval [" in fact(shown, "What came out")[1]


def test_an_exceeded_accuracy_differs_from_one_not_reached() -> None:
    shown = screen(*runs_near(right=800, n=5))
    assert (shown.verdict_label, shown.style) == ("EXCEEDED", "mismatch")
    assert shown.sentence == (
        "The paper's accuracy was not reproduced but exceeded. Our 5 runs lie on average 4.82 "
        "points above the paper's average. Part of that may be built in: the number of epochs, "
        "which the paper does not state, is the smallest tried that reached 75 % on held-out "
        "training images, and the smallest that reaches it may reach more."
    )
    below = screen(*runs_near(right=700, n=5))
    assert (below.verdict_label, below.style) == ("NOT REACHED", "mismatch")
    assert below.sentence == (
        "The paper's accuracy was not reached. Our 5 runs lie on average 5.18 points below the "
        "paper's average."
    )


def test_at_a_budget_that_was_not_tuned_nothing_is_built_in() -> None:
    shown = screen(*at(decision.load().budgets.reference, *runs_near(right=800, n=5)))
    assert "exceeded. Our 5 runs" in shown.sentence
    assert "built in" not in shown.sentence


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (runs_near(n=2), "look 1 (seeds 0-4) is not complete"),
        (
            runs_near(right=761, n=12),
            "the interval reaches across the margin at look 2 (seeds 0-9)",
        ),
        (
            [*runs_near(n=4), *failed_runs("paper", 4)],
            "look 1 (seeds 0-4) settles nothing, as 1 run failed",
        ),
    ],
)
def test_what_is_not_settled_is_undecided_and_why(records: list[RunRecord], why: str) -> None:
    shown = screen(*records)
    assert (shown.verdict_label, shown.style) == ("UNDECIDED", "open")
    assert shown.sentence.endswith(f"Nothing is decided yet: {why}.")


def test_another_budget_that_decides_has_its_word_too() -> None:
    shown = screen(*runs_near(), *at(90, *runs_near(right=761, n=6)))
    assert shown.verdict_label == "REPRODUCED"
    assert fact(shown, "At 90 epochs") == ("UNDECIDED", "the reference's budget")


@pytest.mark.parametrize("n", [2, 6, 20])
def test_where_no_verdict_is_given_there_are_figures(n: int) -> None:
    shown = screen(*at(40, *runs_near(n=n)))
    assert (shown.verdict_label, shown.style) == ("NO VERDICT", "open")
    assert "This decides nothing: ANOTHER BUDGET (the verdict is given for" in shown.sentence
    assert fact(shown, "How sure")[1] == "figures, no verdict"
    assert "All its claims" not in [row.name for row in shown.rows]


def test_without_test_images_nothing_is_compared() -> None:
    shown = screen(make_record(dataset={"split": "validation"}))
    assert shown.verdict_label == "NO VERDICT"
    assert fact(shown, "What came out") == ("nothing to compare", "")
    assert fact(shown, "On which data")[0] == "the official CIFAR-10, but not its test images"


def test_the_claims_are_counted_by_status() -> None:
    value, detail = fact(
        screen(*runs_near(n=5), *runs_near("no_augmentation", 700, n=5)), "All its claims"
    )
    assert value == "4 confirmed, 1 refuted, 2 open"
    assert detail == "of 7; see the claims table"


def test_an_ablation_whose_side_depends_on_the_budget_is_on_the_first_screen() -> None:
    epochs = EPOCHS // 2
    primary = [*runs_near(n=2), make_record("baseline", right=700)]
    changed = screen(
        *primary, *at(epochs, *runs_near(n=2)), *at(epochs, make_record("baseline", right=790))
    )
    value, detail = fact(changed, "By number of epochs")
    assert value == "baseline changes sides"
    assert f" at {epochs}, -" in detail
    alike = screen(
        *primary, *at(epochs, *runs_near(n=2)), *at(epochs, make_record("baseline", right=700))
    )
    assert "By number of epochs" not in [row.name for row in alike.rows]
