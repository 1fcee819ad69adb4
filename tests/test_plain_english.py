"""What a judgement says in sentences: tests only when the plan is through, chance named as such."""

from __future__ import annotations

from typing import Any

import pytest

from harness import calibration, decision, grouping, plain_english, verdict
from harness.record import RunRecord
from harness.verdict import Judgement
from tests.made import curve, made


def told(judgement: Judgement) -> str:
    return plain_english.paragraph(judgement, decision.load())


def arm(name: str, right: list[int], **about: Any) -> list[RunRecord]:
    """Runs of a variant that got so many in a thousand right."""
    return [made(name, seed, share, **about) for seed, share in enumerate(right)]


def one(*records: RunRecord) -> Judgement:
    return verdict.judge(grouping.group(records)[0]).judgements[0]


def test_few_runs_are_put_beside_each_other_without_a_test() -> None:
    few = one(*arm("paper", [750, 752]), *arm("baseline", [701]), *arm("no_lr_decay", [760, 762]))
    assert (
        "against 2 runs of paper, in points, no_lr_decay +1.00 (2 runs), baseline -5.00 (1 run)."
        in told(few)
    )
    same = one(*arm("paper", [750]), *arm("baseline", [700]), *arm("no_lr_decay", [760]))
    assert (
        "against 1 run of paper, in points, no_lr_decay +1.00, baseline -5.00 (1 run each)."
        in told(same)
    )


@pytest.mark.parametrize("short", [0, 1])
def test_tests_are_told_of_once_the_plan_of_both_has_been_run(short: int) -> None:
    steps = [750, 752, 748, 751, 749]
    runs = arm("paper", (8 * steps)[:39])
    found = told(
        one(
            *runs,
            *arm("no_augmentation", [700, 702, 698, 701] * 5),
            *arm("baseline", (4 * steps)[short:]),
        )
    )
    tested, _, rest = found.partition(" Not tested before")
    assert "no_augmentation (-4.98)" in tested
    assert ("baseline" in tested) == (not short)
    assert ("baseline" in rest) == bool(short)
    for figures in ("Recall", "The confusion pattern"):
        assert figures in found
        assert (figures not in told(one(*runs[short:], *runs[:0]))) == bool(short)


def test_runs_that_end_far_from_where_they_had_been_are_named() -> None:
    steady, jump = curve([0.7, 0.7, 0.7, 0.7, 0.7, 0.75]), curve([0.72] * 5 + [0.75])
    runs = [
        *arm("paper", [750, 750], history=curve([0.75] * 6)),
        *arm("baseline", [750], history=steady),
        *arm("no_lr_decay", [750], history=jump),
        made("no_lr_decay", 1, 750, history=curve([0.75] * 6)),
    ]
    assert told(one(*runs)).endswith(
        "It lies over 1 point from the mean of the 5 epochs before in baseline (+5.00), "
        "no_lr_decay (1 of 2 runs, by up to +3.00)."
    )
    assert "epochs before" not in told(one(*runs[:2]))


@pytest.mark.parametrize(
    ("right", "seeds", "said", "unsaid"),
    [
        (800, 5, "So far the interval lies wholly beyond the margin", "would show agreement"),
        (700, 5, "So far the interval lies wholly beyond the margin", "would show agreement"),
        (752, 5, "seeds would show agreement, were it perfect", "wholly beyond"),
        (800, 3, "At least 5 seeds are needed", "would show agreement"),
        (752, 3, "seeds would show agreement, were it perfect", "wholly beyond"),
    ],
)
def test_more_seeds_are_named_as_a_remedy_only_where_they_may_be_one(
    right: int, seeds: int, said: str, unsaid: str
) -> None:
    found = told(one(*arm("paper", [right - 2, right, right + 2, right - 1, right + 1][:seeds])))
    assert said in found
    assert unsaid not in found


def test_a_budget_that_reaches_more_than_was_asked_for_is_explained() -> None:
    rules, data = decision.load(), {"title": "made"}

    def steps(*means: float) -> str:
        tried = zip((15, 20), means, strict=True)
        runs = {epochs: dict.fromkeys(range(3), mean) for epochs, mean in tried}
        return plain_english.steps(calibration.conclude(data, runs), rules)

    assert "73.00 % at 15 epochs, 77.00 % at 20, which the rule takes" in steps(0.73, 0.77)
    assert steps(0.73, 0.755) == ""  # within the margin of what was asked for
    assert steps(0.70, 0.73) == ""  # none reaches it
