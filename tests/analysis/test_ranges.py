"""Limits and ranges at interim looks: every rule by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.analysis import ranges
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimStatus
from tests.helpers.runs_at_looks import RULES, runs_of, spread


def test_the_interval_of_a_mean_has_the_level_of_its_look() -> None:
    gaps = [0.05, 0.06, 0.04, 0.05, 0.05]
    judgement = ranges.judge_limits(runs_of(gaps), 0.05, 0.1, RULES)
    half = scipy_stats.t.ppf(1 - 0.05 * 0.25 / 2, 4) * np.std(gaps, ddof=1) / math.sqrt(5)
    assert judgement.interval.low == pytest.approx([0.05 - half])
    assert judgement.interval.high == pytest.approx([0.05 + half])
    assert judgement.status is ClaimStatus.OPEN


@pytest.mark.parametrize(
    ("means", "status"),
    [
        ([0.02, 0.03], ClaimStatus.CONFIRMED),
        ([0.02, 0.10], ClaimStatus.OPEN),
        ([0.02, 0.25], ClaimStatus.REFUTED),
        ([0.05, 0.02], ClaimStatus.OPEN),  # one interval reaches across the threshold
    ],
)
def test_a_limit_holds_for_all_figures_or_fails_for_one(
    means: list[float], status: ClaimStatus
) -> None:
    runs = {seed: np.array(means) + (seed % 2) * 0.001 for seed in range(5)}
    judgement = ranges.judge_limits(FigureBySeed.from_figures(runs, RULES.looks), 0.05, 0.2, RULES)
    assert judgement.status is status


@pytest.mark.parametrize(
    ("means", "status"),
    [
        ([0.61, 0.79, 0.7], ClaimStatus.CONFIRMED),
        ([0.6002, 0.79, 0.7], ClaimStatus.OPEN),
        ([0.61, 0.81, 0.7], ClaimStatus.REFUTED),
        ([0.61, 0.59, 0.7], ClaimStatus.REFUTED),
    ],
)
def test_a_range_holds_for_all_classes_or_fails_for_one(
    means: list[float], status: ClaimStatus
) -> None:
    runs = {seed: np.array(means) + (seed % 2) * 0.001 for seed in range(5)}
    judgement = ranges.judge_range(FigureBySeed.from_figures(runs, RULES.looks), 0.6, 0.8, RULES)
    assert judgement.status is status
    values = [runs[seed][0] for seed in range(5)]
    half = scipy_stats.t.ppf(1 - 0.05 * 0.25 / 3 / 2, 4) * np.std(values, ddof=1) / math.sqrt(5)
    assert judgement.interval.high[0] == pytest.approx(
        np.mean(values) + half
    )  # Bonferroni over three


def test_the_first_look_that_settles_a_claim_stands() -> None:
    judgement = ranges.judge_limits(
        runs_of(spread(5, 0.02, 0.001) + spread(15, 0.4, 0.001)), 0.05, 0.1, RULES
    )
    assert (judgement.status, judgement.settled_look, judgement.latest_look) == (
        ClaimStatus.CONFIRMED,
        1,
        3,
    )
    assert judgement.interval.high < 0.05
    blocked = runs_of([*spread(4, 0.02, 0.001), None, *spread(5, 0.4, 0.001)])
    assert ranges.judge_limits(blocked, 0.05, 0.1, RULES).latest_look == 2


def test_if_all_runs_failed_nothing_is_settled() -> None:
    judgement = ranges.judge_range(runs_of([None] * 20), 0.0, 1.0, RULES)
    assert (judgement.status, judgement.latest_look) == (ClaimStatus.OPEN, 0)
