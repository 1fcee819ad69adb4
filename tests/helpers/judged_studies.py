"""Synthetic studies around an accuracy, and their verdicts and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis import groups as analysis_groups
from harness.analysis.contrasts import VariantResult
from harness.protocol import decision
from harness.report.pages import comparison as comparison_page
from harness.report.pages import verdict as verdict_page
from harness.runs.record import RunRecord
from harness.verdict import study, verdict
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict
from tests.helpers.records import make_record

STEPS = (-3, -1, 0, 0, 1, 3)

RULES = decision.load()


def runs_near(
    name: str = "paper", right: int = 751, n: int = 20, spread: int = 1, **about: Any
) -> list[RunRecord]:
    """Runs with seeds 0 to n - 1 around an accuracy of `right` in a thousand.

    Their standard deviation is about 0.2 points times `spread`.
    """
    return [make_record(name, s, right + spread * STEPS[s % len(STEPS)], **about) for s in range(n)]


def failed_runs(name: str, *seeds: int, **about: Any) -> list[RunRecord]:
    """Failed runs of these seeds."""
    return [make_record(name, seed, failed=True, **about) for seed in seeds]


def full_study(n: int = 20, right: int = 751, others: int = 700, **about: Any) -> list[RunRecord]:
    """All variants of the decision file with `n` seeds each, `paper` at `right`."""
    names = RULES.contrasts.variants
    return [
        *runs_near(right=right, n=n, **about),
        *(run for name in names for run in runs_near(name, others, n, **about)),
    ]


def verdict_of(records: list[RunRecord]) -> verdict.Verdict:
    """The verdict on records without duplicates."""
    groups, faults = analysis_groups.group(records)
    assert not faults
    return verdict.judge_groups(groups)


def study_of(records: list[RunRecord]) -> Study:
    """The judged study of records, as if from a folder `results`."""
    return study.judge_records(Path("results"), records)


def verdict_text(records: list[RunRecord], form: str = "markdown") -> str:
    """The verdict as text."""
    write = {"markdown": verdict_page.as_markdown, "json": verdict_page.as_json}[form]
    return write(study_of(records))


def judge_one_group(records: list[RunRecord]) -> GroupVerdict:
    """The verdict on records of one group."""
    (group_verdict,) = verdict_of(records).group_verdicts
    return group_verdict


def result_of(group_verdict: GroupVerdict, name: str) -> VariantResult:
    """The result of one variant."""
    return next(row for row in group_verdict.variants if row.variant == name)


def comparison_text(records: list[RunRecord], form: str = "markdown", **options: Any) -> str:
    """The text that `compare` prints for records."""
    return comparison_page.render(study_of(records), form, **options)


def comparison_frame(records: list[RunRecord], baseline: str = "paper") -> pd.DataFrame:
    """The comparison table of one group as numbers, indexed by variant."""
    judged = study_of(records)
    (group_verdict,) = judged.group_verdicts
    return comparison_page.numbers(judged, group_verdict, baseline).set_index("variant")
