"""What the tests of verdicts share: runs around an accuracy, and what is said of them."""

from __future__ import annotations

from typing import Any

from harness.analysis import groups as analysis_groups
from harness.protocol import decision
from harness.report.text import verdict
from harness.runs.record import RunRecord
from harness.verdict import verdict as verdict_verdict
from harness.verdict.verdict import Judgement
from tests.made import made

STEPS = (-3, -1, 0, 0, 1, 3)

RULES = decision.load()


def runs(
    name: str = "paper", right: int = 751, n: int | None = None, spread: int = 1, **about: Any
) -> list[RunRecord]:
    """`n` or all planned seeds around an accuracy of `right` in a thousand, with a deviation of
    about 0.2 points times `spread`."""
    seeds = RULES.planned(name) if n is None else range(n)
    return [made(name, s, right + spread * STEPS[s % len(STEPS)], **about) for s in seeds]


def text(records: list[RunRecord], form: str = "markdown") -> str:
    groups, faults = analysis_groups.group(records)
    assert not faults
    return verdict.render(verdict_verdict.judge(groups), form)


def judged(records: list[RunRecord]) -> Judgement:
    (judgement,) = verdict_verdict.judge(analysis_groups.group(records)[0]).judgements
    return judgement
