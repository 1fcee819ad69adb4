"""The sentences on a group: tests only with a look, and chance named as such."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.analysis import calibration
from harness.protocol import decision
from harness.report.text import accuracy, sentences
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import failed_runs, judge_one_group, runs_near
from tests.helpers.records import make_history, make_record

pytestmark = pytest.mark.usefixtures("adopted")

RULES = decision.load()


def paragraph(*records: RunRecord) -> str:
    return sentences.paragraph(judge_one_group(list(records)), RULES)


def runs(name: str, right: list[int], **about: Any) -> list[RunRecord]:
    """Runs of a variant with these numbers of right predictions in a thousand."""
    return [make_record(name, seed, share, **about) for seed, share in enumerate(right)]


def test_few_runs_are_compared_without_a_test() -> None:
    assert (
        "Not tested, differences from paper in points: no_lr_decay +1.00 (2 runs), baseline -5.00 "
        "(1 run). Any of this may be chance."
        in paragraph(
            *runs("paper", [750, 752]), *runs("baseline", [701]), *runs("no_lr_decay", [760, 762])
        )
    )


def test_contrasts_with_and_without_a_look_are_separated() -> None:
    text = paragraph(
        *runs_near(n=10),
        *runs_near("no_augmentation", 700, n=10),
        *runs_near("batch_norm", 790, n=5),
        *runs_near("dropout_0", 750, n=5, spread=2),
        *runs_near("baseline", 700, n=4),
        *runs_near("lrn", 700, n=5),
    )
    tested, _, rest = text.partition(" Not tested,")
    assert (
        "Ablations after Holm over 7: compared with paper, in points: no_augmentation hurts "
        "(-5.10, look 1), batch_norm helps (+3.90, look 1); no difference found yet for dropout_0 "
    ) in tested
    assert re.search(
        r"dropout_0 \([+-]0\.\d\d, look 1; \d\.\d\d\): one as large as the second figure would "
        r"have been found in 80 % of cases\.",
        tested,
    )
    assert rest.startswith(" differences from paper in points: baseline -5.1")
    assert "lrn -5.10 (5 runs)" in rest


def test_where_no_verdict_is_given_nothing_is_tested() -> None:
    elsewhere = {"protocol": {"epochs": 40}}
    text = paragraph(
        *runs_near(n=5, **elsewhere), *runs_near("no_augmentation", 700, n=5, **elsewhere)
    )
    assert "95 % interval [" in text
    assert "Not tested, differences from paper in points: no_augmentation -5.10 (5 runs)." in text
    for unsaid in ("margin", "Holm", "hurts", "Recall", "confusion", "REPRODUCED"):
        assert unsaid not in text


def test_a_blocked_arm_is_not_said_to_differ() -> None:
    text = paragraph(
        *runs_near(n=5), *runs_near("batch_norm", 790, n=4), *failed_runs("batch_norm", 4)
    )
    assert "helps" not in text
    assert "Not tested, differences from paper in points: batch_norm +3.86 (4 runs)." in text
    none = paragraph(*runs_near("batch_norm", 790, n=5), *runs_near(n=4), *failed_runs("paper", 4))
    assert "helps" not in none


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
    assert paragraph(*records).endswith(
        "It lies over 1 point from the mean of the 5 epochs before in baseline (+5.00), "
        "no_lr_decay (1 of 2 runs, by up to +3.00)."
    )
    assert "epochs before" not in paragraph(*records[:2])


@pytest.mark.parametrize(("epochs", "before"), [(10, 0), (40, 10)])
def test_where_a_run_had_been_is_a_quarter_of_its_epochs(epochs: int, before: int) -> None:
    history = make_history([0.7] * (epochs - 1) + [0.75])
    text = paragraph(*runs("paper", [750], history=history, protocol={"epochs": epochs}))
    assert (f"mean of the {before} epochs before in paper (+5.00)" in text) == bool(before)
    assert ("epochs before" in text) == bool(before)


def test_a_budget_that_reaches_more_than_was_asked_for_is_explained() -> None:
    data = make_record(dataset={"split": "validation"}).dataset

    def steps(*means: float) -> str:
        tried = zip((15, 20), means, strict=True)
        by_epochs = {epochs: dict.fromkeys(range(3), mean) for epochs, mean in tried}
        return sentences.steps(calibration.apply_rule(data, by_epochs), RULES)

    assert steps(0.73, 0.77) == (
        "Of the numbers of epochs tried, 20 is the smallest that reached 75 % on held-out training "
        "images (15 gave 73.00 %, 20 gave 77.00 %); so accuracies above 75 % were to be expected."
    )
    assert steps(0.77, 0.78) == (
        "Already the smallest number of epochs tried, 15, reached 77.00 % on held-out training "
        "images, where 75 % was asked for; so accuracies above 75 % were to be expected."
    )
    assert steps(0.73, 0.755) == ""  # within the margin of what was asked for
    assert steps(0.70, 0.73) == ""  # none reaches it


@pytest.mark.parametrize(
    ("records", "word"),
    [
        (runs_near(n=5), "REPRODUCED"),
        (runs_near(right=800, n=5), "EXCEEDED"),
        (runs_near(right=700, n=5), "NOT REACHED"),
        (runs_near(n=4), "UNDECIDED"),
        (runs_near("baseline"), "UNDECIDED"),
        (runs_near(right=761), "UNDECIDED"),
        (failed_runs("paper", *range(20)), "UNDECIDED"),
        ([make_record(dataset={"official": False})], "NO VERDICT"),
    ],
)
def test_the_word_and_its_reason(records: list[RunRecord], word: str) -> None:
    assert accuracy.verdict_label(judge_one_group(records)) == word
    text = paragraph(*records)
    for other in ("REPRODUCED", "EXCEEDED", "NOT REACHED", "UNDECIDED"):
        assert (f"{other}: " in text) == (other == word)


def test_an_exceeded_accuracy_has_its_caveat_at_the_tuned_budget_alone() -> None:
    caveat = "Part of that may be built in: the number of epochs"
    assert caveat in paragraph(*runs_near(right=800, n=5))
    reference = {"protocol": {"epochs": RULES.budgets.reference}}
    assert caveat not in paragraph(*runs_near(right=800, n=5, **reference))
    assert caveat not in paragraph(*runs_near(right=700, n=5))
