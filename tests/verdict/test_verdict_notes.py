"""Notes of a verdict: what is left out, what waits, and what the rows are from."""

from __future__ import annotations

import pytest

from harness.protocol import decision
from harness.verdict.eligibility import Obstacle
from tests.helpers.judged_studies import (
    failed_runs,
    full_study,
    judge_one_group,
    result_of,
    runs_near,
    verdict_text,
)
from tests.helpers.records import make_record

pytestmark = pytest.mark.usefixtures("adopted")


def test_unplanned_seeds_are_left_out_and_counted() -> None:
    group_verdict = judge_one_group(runs_near(n=25))
    assert result_of(group_verdict, "paper").n == 20
    assert "Left out: 5 runs with unplanned seeds." in group_verdict.notes
    other_rules = make_record(seed=20, decision_sha256="ab" * 32)
    assert judge_one_group([*full_study(), other_rules]).eligibility.allows_verdict
    assert not judge_one_group(
        [*full_study(n=19), make_record(seed=19, decision_sha256="ab" * 32)]
    ).eligibility.allows_verdict


def test_a_group_of_unplanned_seeds_alone_has_no_rows_and_no_verdict() -> None:
    group_verdict = judge_one_group([make_record(seed=30)])
    assert not any(row.n for row in group_verdict.variants)
    assert "Left out: 1 run with unplanned seeds." in group_verdict.notes
    assert group_verdict.eligibility.obstacle is Obstacle.OTHER_SEEDS
    text = verdict_text([make_record(seed=30)])
    assert (
        "**NO VERDICT.** Not answered yet: no run of paper with 20 epochs and seed 0 to 19 has fin"
        in text
    )
    assert "All 0 records" not in text
    assert "At what cost" not in text


def test_runs_that_wait_for_the_next_look_are_counted() -> None:
    assert (
        "4 runs not counted before the next look of the variant."
        in judge_one_group(runs_near(n=9)).notes
    )
    assert not [note for note in judge_one_group(runs_near(n=10)).notes if "not counted" in note]


def test_runs_beyond_the_last_look_that_settles_something_are_not_awaited() -> None:
    records = [*runs_near(n=17), *failed_runs("paper", 17, 18, 19)]
    notes = judge_one_group(records).notes
    assert "Look 3 of paper settles nothing: 3 of 20 runs failed." in notes
    assert "10 runs not counted at all." in notes


def test_records_that_do_not_cite_the_decision_file_are_counted() -> None:
    current = decision.sha256()
    assert "All 20 records cite this decision file" in verdict_text(runs_near(n=20))
    mixed = [*runs_near(n=19), make_record(seed=19, decision_sha256="ab" * 32)]
    assert (
        "WARNING: 1 of 20 records do not cite this decision file "
        f"({current[:12]}): 1 cite ababab" in verdict_text(mixed)
    )


def test_rows_from_several_versions_or_environments_are_noted() -> None:
    records = runs_near(n=5)
    assert not [n for n in judge_one_group(records).notes if "versions" in n or "environment" in n]
    other = records[0].model_copy(update={"sources_sha256": "1" * 64})
    notes = judge_one_group([other, *records[1:]]).notes
    assert "Rows come from 2 versions of the code that decides bits." in notes
    mixed = [*records[1:], make_record(environment={"device": "another CPU"})]
    assert [n for n in judge_one_group(mixed).notes if "more than one environment: a CPU" in n]
