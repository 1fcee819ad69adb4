"""Sentences beside the answer: where runs ended, and why a budget reaches more than asked for."""

from __future__ import annotations

from typing import Any

import pytest

from harness.analysis import calibration
from harness.protocol import decision
from harness.report.text import sentences
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import judge_one_group
from tests.helpers.records import make_history, make_record

pytestmark = pytest.mark.usefixtures("adopted")

RULES = decision.load()


def last_epochs(*records: RunRecord) -> str:
    return sentences.last_epochs(judge_one_group(list(records)).group, RULES)


def runs(name: str, right: list[int], **about: Any) -> list[RunRecord]:
    """Runs of a variant with these numbers of right predictions in a thousand."""
    return [make_record(name, seed, share, **about) for seed, share in enumerate(right)]


def test_runs_that_end_far_from_where_they_had_been_are_named() -> None:
    protocol = {"epochs": 20}
    # What lies before the last quarter is no part of it.
    steady, jump = make_history([0.3] * 14 + [0.7] * 5 + [0.75]), make_history([0.72] * 19 + [0.75])
    records = [
        *runs(
            "paper", [750, 750], history=make_history([0.3] * 14 + [0.75] * 6), protocol=protocol
        ),
        *runs("baseline", [750], history=steady, protocol=protocol),
        *runs("no_lr_decay", [750], history=jump, protocol=protocol),
        make_record("no_lr_decay", 1, 750, history=make_history([0.75] * 20), protocol=protocol),
    ]
    assert last_epochs(*records).endswith(
        "It lies over 1 point from the mean of the 5 epochs before in baseline (+5.00), "
        "no_lr_decay (1 of 2 runs, by up to +3.00)."
    )
    assert "epochs before" not in last_epochs(*records[:2])


@pytest.mark.parametrize(("epochs", "before"), [(10, 0), (40, 10)])
def test_where_a_run_had_been_is_a_quarter_of_its_epochs(epochs: int, before: int) -> None:
    history = make_history([0.7] * (epochs - 1) + [0.75])
    text = last_epochs(*runs("paper", [750], history=history, protocol={"epochs": epochs}))
    assert (f"mean of the {before} epochs before in paper (+5.00)" in text) == bool(before)
    assert ("epochs before" in text) == bool(before)


def test_a_budget_that_reaches_more_than_was_asked_for_is_explained() -> None:
    data = make_record(dataset={"split": "validation"}).dataset

    def steps(*means: float) -> str:
        tried = zip((6, 8), means, strict=True)
        by_epochs = {epochs: dict.fromkeys(range(3), mean) for epochs, mean in tried}
        return sentences.steps(calibration.apply_rule(data, by_epochs), RULES)

    assert steps(0.73, 0.77) == (
        "Of the numbers of epochs tried, 8 is the smallest that reached 75 % on held-out training "
        "images (6 gave 73.00 %, 8 gave 77.00 %); so accuracies above 75 % were to be expected."
    )
    assert steps(0.77, 0.78) == (
        "Already the smallest number of epochs tried, 6, reached 77.00 % on held-out training "
        "images, where 75 % was asked for; so accuracies above 75 % were to be expected."
    )
    assert steps(0.73, 0.755) == ""  # within the margin of what was asked for
    assert steps(0.73, 0.74) == ""  # none reaches it
