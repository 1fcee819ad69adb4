"""The first screen: its word, its sentence and its facts, for every way the runs may come out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis import groups
from harness.protocol import decision
from harness.protocol.presets import EPOCHS
from harness.report import summary
from harness.report.summary import Answer
from harness.runs.record import RunRecord
from harness.verdict import verdict
from harness.verdict.study import Found
from tests.made import made

STEPS = [-3, -1, 0, 0, 1, 3]

pytestmark = pytest.mark.usefixtures("adopted")


def runs(right: int = 751, n: int = 39, epochs: int | None = None) -> list[RunRecord]:
    protocol = {} if epochs is None else {"epochs": epochs}
    return [made("paper", s, right + STEPS[s % 6], protocol=protocol) for s in range(n)]


def screen(*records: RunRecord) -> Answer:
    judged = verdict.judge(groups.group(records)[0])
    return summary.answer(Found(Path("results"), judged, judged.judgements[0], (), {}))


def fact(shown: Answer, name: str) -> tuple[str, str]:
    (found,) = (f for f in shown.facts if f.name == name)
    return found.value, found.detail


def test_a_mismatch_from_above_is_not_told_as_a_failure_to_get_there() -> None:
    shown = screen(*runs(800))
    assert (shown.word, shown.tone) == ("MISMATCH", "mismatch")
    assert shown.sentence == (
        "The paper's accuracy was not reproduced but exceeded. Our 39 runs lie on average 4.87 "
        "points above the paper's average. Part of that may be built in: the number of epochs, "
        "which the paper does not state, is the smallest tried that reached 75 % on held-out "
        "training images, and the smallest that reaches it may reach more."
    )
    assert screen(*runs(700)).sentence == (
        "The paper's accuracy was not reproduced. Our 39 runs lie on average 5.13 points below the "
        "paper's average."
    )


def test_at_a_budget_that_was_not_tuned_nothing_is_built_in() -> None:
    shown = screen(*runs(800, epochs=decision.load().budgets.reference))
    assert "exceeded. Our 39 runs" in shown.sentence
    assert "built in" not in shown.sentence


@pytest.mark.parametrize(("right", "n"), [(751, 38), (800, 20), (751, 2)])
def test_while_planned_seeds_are_to_come_the_word_is_no_final_one(right: int, n: int) -> None:
    shown = screen(*runs(right, n))
    assert (shown.word, shown.tone) == ("NOT DECIDED YET", "open")
    assert shown.sentence.endswith(
        f"Nothing is decided before all planned seeds have been run: {n} of 39 have."
    )
    assert "INCONCLUSIVE" not in "".join(f.value + f.detail for f in shown.facts)


def test_at_the_end_an_open_outcome_is_called_what_the_decision_file_calls_it() -> None:
    shown = screen(*runs(761))
    assert shown.word == "INCONCLUSIVE"
    assert shown.sentence.endswith("is shown: the interval reaches across the margin.")
    # No seeds are asked for that have been run already.
    assert fact(shown, "How sure") == (
        "39 of 39 planned seeds",
        "90 % interval, against a margin of 1 point either way",
    )


def test_another_budget_that_decides_has_its_word_too() -> None:
    shown = screen(*runs(), *runs(n=6, epochs=90))
    assert shown.word == "MATCH"
    assert fact(shown, "At 90 epochs")[0] == "NOT DECIDED YET"


def test_the_interval_of_the_result_has_its_level() -> None:
    assert ", 90 % interval [" in fact(screen(*runs()), "What came out")[1]


@pytest.mark.parametrize("n", [2, 6, 39])
def test_where_nothing_is_planned_no_seeds_are_waited_for(n: int) -> None:
    shown = screen(*runs(n=n, epochs=40))
    assert shown.word == "NO VERDICT"
    assert shown.sentence.endswith("no verdict and no tests are planned for such runs.")
    assert fact(shown, "How sure") == (
        f"{n} runs",
        "no verdict and no tests are planned for such runs",
    )
    assert not [f for f in shown.facts if "planned seeds" in f.value + f.detail]


def test_an_ablation_whose_side_hangs_on_the_budget_stands_on_the_first_screen() -> None:
    def others(right: int, epochs: int) -> list[RunRecord]:
        return [made("baseline", right=right, protocol={"epochs": epochs})]

    lead = [*runs(n=2), *others(700, EPOCHS)]
    turned = screen(*lead, *runs(n=2, epochs=EPOCHS // 2), *others(790, EPOCHS // 2))
    value, detail = fact(turned, "By number of epochs")
    assert value == "baseline changes sides"
    assert f" at {EPOCHS // 2}, -" in detail
    alike = screen(*lead, *runs(n=2, epochs=EPOCHS // 2), *others(700, EPOCHS // 2))
    assert "By number of epochs" not in [one.name for one in alike.facts]
