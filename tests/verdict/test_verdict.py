"""Verdicts on synthetic studies: what each look settles, and the same numbers as in `compare`."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from harness.analysis.sequential import Outcome
from harness.protocol.presets import EPOCHS
from harness.runs.record import RunRecord
from harness.verdict.outcomes import AccuracyResult
from tests.helpers.judged_studies import (
    RULES,
    comparison_text,
    failed_runs,
    full_study,
    judge_one_group,
    runs_near,
    verdict_text,
)

pytestmark = pytest.mark.usefixtures("adopted")


def accuracy(records: list[RunRecord]) -> AccuracyResult:
    result = judge_one_group(records).accuracy
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("right", "spread", "outcome", "look"),
    [
        (751, 1, Outcome.REPRODUCED, 1),
        (746, 1, Outcome.REPRODUCED, 2),
        (744, 1, Outcome.REPRODUCED, 3),
        (775, 1, Outcome.EXCEEDED, 1),
        (766, 1, Outcome.EXCEEDED, 2),
        (764, 1, Outcome.EXCEEDED, 3),
        (730, 1, Outcome.NOT_REACHED, 1),
        (737, 1, Outcome.NOT_REACHED, 2),
        (736, 2, Outcome.NOT_REACHED, 3),
    ],
)
def test_each_outcome_at_the_look_that_settles_it(
    right: int, spread: int, outcome: Outcome, look: int
) -> None:
    for number, seeds in enumerate(RULES.looks.seeds, start=1):
        records = runs_near(right=right, spread=spread, n=seeds)
        result = accuracy(records)
        if number < look:
            assert (result.outcome, result.settled) == (Outcome.UNDECIDED, False)
            assert result.look == number
            assert "**UNDECIDED.** Whether AlexNet" in verdict_text(records)
        else:
            # Later looks change nothing: neither the outcome nor the figures that gave it.
            assert (result.outcome, result.settled, result.look) == (outcome, True, look)
            assert result.n == RULES.looks.seeds_of(look)
            assert f"**{outcome.value}.** AlexNet trained as" in verdict_text(records)
            settled = f"Settled with {result.n} runs, at look {look} of 3 ("
            assert settled in verdict_text(records)


def test_the_interval_that_decides_by_hand() -> None:
    # Seeds 0-4: 748, 750, 751, 751, 752; t(0.995, 4) = 4.604095
    ours = np.array([0.748, 0.750, 0.751, 0.751, 0.752])
    result = accuracy(runs_near(n=9))
    half = 4.604095 * ours.std(ddof=1) * np.sqrt(1 / 5 + 1 / 2)
    assert result.difference == pytest.approx(ours.mean() - 0.7512)
    assert result.low == pytest.approx(result.difference - half)
    assert result.high == pytest.approx(result.difference + half)
    assert result.level == pytest.approx(0.99)
    assert result.sampling == pytest.approx(math.sqrt(0.7504 * 0.2496 / 10_000))
    assert "gives one accuracy a standard error of 0.43 points, and the difference about 0.61" in (
        verdict_text(runs_near(n=9))
    )


def test_what_does_not_settle_at_the_last_look_stays_undecided() -> None:
    result = accuracy(runs_near(right=761))
    assert (result.outcome, result.look, result.settled) == (Outcome.UNDECIDED, 3, False)
    text = verdict_text(runs_near(right=761))
    assert "Not settled with 20 runs, at look 3 of 3" in text
    assert "Not settled by the last look, and no more runs are planned: the accuracy." in text


@pytest.mark.parametrize("n", [0, 1, 4])
def test_before_the_first_look_there_are_runs_and_no_interval(n: int) -> None:
    records = [*runs_near(n=n), *runs_near("baseline", 700, n=1)]
    result = accuracy(records)
    assert (result.outcome, result.look, result.n) == (Outcome.UNDECIDED, 0, n)
    assert math.isnan(result.low)
    sentence = "a verdict takes seeds 0 to 4." if n else "Not answered yet: no run of paper with"
    assert sentence in verdict_text(records)
    assert "interval [" not in verdict_text(records)


def test_a_blocked_look_settles_nothing_and_the_next_may() -> None:
    at_five = [*runs_near(n=4), *failed_runs("paper", 4)]
    assert accuracy(at_five).outcome is Outcome.UNDECIDED
    assert "the first 5 seeds settle nothing, as 1 run failed." in verdict_text(at_five)
    assert "- **How sure.** 4 runs (1 failed): the first 5 seeds settle" in verdict_text(at_five)
    assert "Look 1 of paper settles nothing: 1 of 5 runs failed." in judge_one_group(at_five).notes
    at_ten = [*at_five, *(run for run in runs_near(n=10) if run.seed > 4)]
    result = accuracy(at_ten)
    assert (result.outcome, result.look, result.n, result.failed) == (Outcome.REPRODUCED, 2, 9, 1)
    assert "with 9 runs (1 failed), at look 2 of 3" in verdict_text(at_ten)
    hopeless = [*runs_near(n=17), *failed_runs("paper", 17, 18, 19)]
    assert (
        accuracy([r for r in hopeless if r.seed not in (2, 7)] + failed_runs("paper", 2, 7)).look
        == 0
    )


def test_a_study_of_failed_runs_is_judged_without_figures() -> None:
    records = failed_runs("paper", *range(20))
    assert accuracy(records).outcome is Outcome.UNDECIDED
    text = verdict_text(records)
    assert "**NOT JUDGED.** Not answered yet: no run of paper with 20 epochs and seed 0" in text


def test_compare_and_verdict_give_the_same_numbers() -> None:
    records = [
        *full_study(n=11, others=748),
        *runs_near("lrn", 760, n=6),
        *runs_near("low_lr", 600, n=2),
    ]
    table = json.loads(comparison_text(records, "json", full=True))
    (group_verdict,) = json.loads(verdict_text(records, "json"))["judgements"]
    rows = {row["variant"]: row for row in table}
    assert len(group_verdict["variants"]) == 10
    for variant in group_verdict["variants"]:
        row, difference, name = rows[variant["variant"]], variant["contrast"], variant["variant"]
        for field in ("n", "look", "waiting"):
            assert row[field] == variant[field], (name, field)
        figures = {"accuracy": "mean", "accuracy_low": "low", "accuracy_sd": "sd"}
        for column, field in figures.items():
            assert row[column] == pytest.approx(variant[field]), (name, column)
        assert (difference is None) == (name == "paper")
        for field in ("difference", "p", "q", "p_holm") if difference else ():
            assert row[field] == pytest.approx(difference[field]), (name, field)
        for field in ("effect", "settled_look") if difference else ():
            assert row[field] == difference[field], (name, field)


def test_the_first_judgement_is_of_the_group_that_the_answer_is_of() -> None:
    records = [*runs_near(n=5), *runs_near(n=10, protocol={"epochs": 90})]
    first, second = json.loads(verdict_text(records, "json"))["judgements"]
    assert (first["epochs"], second["epochs"]) == (EPOCHS, 90)


def test_the_order_of_records_does_not_matter() -> None:
    records = [
        *runs_near(),
        *runs_near("baseline", 700),
        *runs_near(right=760, protocol={"epochs": 90}),
    ]
    assert verdict_text(records) == verdict_text(records[::-1])
    assert verdict_text(records, "json") == verdict_text(records[::-1], "json")
