"""All judgements at interim looks: without runs, in many worlds at once, and as runs are added."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analysis import ranges, sequential
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from tests.helpers.runs_at_looks import MISSING, REPORTED, RULES, family


def test_no_runs_leave_everything_open() -> None:
    assert sequential.judge_accuracy(MISSING, REPORTED, RULES).outcome is Outcome.UNDECIDED
    judgement = sequential.judge_contrasts(family({}), MISSING, RULES)
    assert (judgement.effect == Effect.UNDECIDED).all()
    assert (judgement.p_holm == 1).all()
    assert ranges.judge_limits(MISSING, 0.05, 0.2, RULES).status is ClaimStatus.OPEN
    assert ranges.judge_range(MISSING, 0.6, 0.8, RULES).status is ClaimStatus.OPEN


def test_many_worlds_are_judged_as_each_alone() -> None:
    source = np.random.default_rng(3)
    values = source.normal(0.75, 0.004, (6, 8, 20))
    started = np.arange(20) < source.choice([4, 5, 9, 10, 20], (6, 8, 1))
    values[source.random(values.shape) < 0.05] = np.nan
    values[:, ::2] += 0.006
    values[~started] = np.nan
    together = sequential.judge_contrasts(
        FigureBySeed(values[:, 1:], started[:, 1:], RULES.looks),
        FigureBySeed(values[:, 0], started[:, 0], RULES.looks),
        RULES,
    )
    accuracy = sequential.judge_accuracy(
        FigureBySeed(values[:, 0], started[:, 0], RULES.looks), REPORTED, RULES
    )
    limits = ranges.judge_limits(FigureBySeed(values, started, RULES.looks), 0.752, 0.757, RULES)
    for world in range(6):
        arms = [
            FigureBySeed.from_figures(
                {
                    s: None if math.isnan(v) else v
                    for s, v in enumerate(values[world, a])
                    if started[world, a, s]
                },
                RULES.looks,
            )
            for a in range(8)
        ]
        alone = sequential.judge_contrasts(FigureBySeed.stack(arms[1:]), arms[0], RULES)
        assert alone.effect.tolist() == together.effect[world].tolist()
        assert alone.settled_look.tolist() == together.settled_look[world].tolist()
        assert alone.p_holm == pytest.approx(together.p_holm[world])
        assert alone.interval.low == pytest.approx(together.interval.low[world], nan_ok=True)
        claim = sequential.judge_accuracy(arms[0], REPORTED, RULES)
        assert claim.outcome is accuracy.outcome[world]
        assert claim.interval == pytest.approx(
            (accuracy.interval.low[world], accuracy.interval.high[world]), nan_ok=True
        )
        limit = ranges.judge_limits(FigureBySeed.stack(arms), 0.752, 0.757, RULES)
        assert limit.status is limits.status[world]
        assert limit.interval.low == pytest.approx(limits.interval.low[world], nan_ok=True)
    assert len(set(together.effect.ravel())) > 1


def test_more_runs_never_unsettle_a_contrast() -> None:
    """A settled contrast stays settled, and an interval that excludes zero implies settled."""
    source = np.random.default_rng(5)
    values = source.normal(0.75, 0.003, (500, 8, 20))
    values[:, 1:] += source.choice([0, 0.004, 0.008], (500, 7, 1))
    started = np.zeros(values.shape, bool)
    before = np.zeros((500, 7), bool)
    for _ in range(6):
        started |= np.arange(20) < source.integers(0, 21, (500, 8, 1))
        judgement = sequential.judge_contrasts(
            FigureBySeed(values[:, 1:], started[:, 1:], RULES.looks),
            FigureBySeed(values[:, 0], started[:, 0], RULES.looks),
            RULES,
        )
        settled = judgement.effect != Effect.UNDECIDED
        assert (settled == (judgement.settled_look > 0)).all()
        assert (settled == (judgement.p_holm < 0.05)).all()
        assert not (before & ~settled).any()
        clear = (judgement.interval.low > 0) | (judgement.interval.high < 0)
        assert (settled | ~clear).all()
        before = settled
    assert 0.2 < before.mean() < 0.9
