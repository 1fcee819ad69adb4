"""The accuracy claim at interim looks: its interval by hand, and which look settles it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.analysis import sequential
from harness.analysis.sequential import Outcome
from tests.helpers.runs_at_looks import REPORTED, RULES, runs_of, spread


def test_the_interval_that_decides_by_hand() -> None:
    # 0.749, 0.751, 0.750, 0.752, 0.748: mean 0.750, s = 0.00158114, se = s * sqrt(1/5 + 1/2)
    # = 0.00132288, t(0.995, 4) = 4.604095
    judgement = sequential.judge_accuracy(
        runs_of([0.749, 0.751, 0.750, 0.752, 0.748]), REPORTED, RULES
    )
    assert judgement.difference.value[0] == pytest.approx(-0.0012)
    half = 4.604095 * 0.0013228757
    assert judgement.interval == pytest.approx((-0.0012 - half, -0.0012 + half), abs=1e-8)
    assert (judgement.outcome, judgement.settled_look, judgement.latest_look) == (
        Outcome.REPRODUCED,
        1,
        1,
    )
    assert np.isnan(judgement.difference.low[1:]).all()


@pytest.mark.parametrize(("k", "n"), [(0, 5), (1, 10), (2, 20)])
def test_the_level_of_each_look_is_the_decision_files(k: int, n: int) -> None:
    runs = runs_of(spread(n, 0.75))
    judgement = sequential.judge_accuracy(runs, REPORTED, RULES)
    error = np.std(runs.finished(k + 1), ddof=1) * math.sqrt(1 / n + 1 / 2)
    half = scipy_stats.t.ppf(1 - (0.005, 0.017, 0.045)[k], n - 1) * error
    assert judgement.difference.high[k] == pytest.approx(0.75 - 0.7512 + half)


@pytest.mark.parametrize(
    ("mean", "outcome"),
    [
        (0.7512, Outcome.REPRODUCED),
        (0.7800, Outcome.EXCEEDED),
        (0.7200, Outcome.NOT_REACHED),
        (0.7612, Outcome.UNDECIDED),
        (0.7412, Outcome.UNDECIDED),
    ],
)
def test_where_the_difference_lies(mean: float, outcome: Outcome) -> None:
    judgement = sequential.judge_accuracy(runs_of(spread(10, mean)), REPORTED, RULES)
    assert judgement.outcome is outcome
    assert (judgement.settled_look == 0) == (outcome is Outcome.UNDECIDED)


def test_the_first_look_that_settles_the_accuracy_claim_stands() -> None:
    runs = runs_of(spread(5, 0.7512, 0.001) + spread(15, 0.80, 0.001))
    judgement = sequential.judge_accuracy(runs, REPORTED, RULES)
    assert (judgement.outcome, judgement.settled_look, judgement.latest_look) == (
        Outcome.REPRODUCED,
        1,
        3,
    )
    assert judgement.interval.high < 0.01  # of the look that settled it
    assert judgement.difference.value[2] > 0.03


def test_a_look_with_too_many_failed_runs_settles_nothing() -> None:
    runs = [*spread(4, 0.7512, 0.001), None]
    judgement = sequential.judge_accuracy(runs_of(runs), REPORTED, RULES)
    assert (judgement.outcome, judgement.settled_look, judgement.latest_look) == (
        Outcome.UNDECIDED,
        0,
        0,
    )
    assert np.isnan(judgement.interval).all()
    judgement = sequential.judge_accuracy(runs_of(runs + spread(5, 0.7512, 0.001)), REPORTED, RULES)
    assert (judgement.outcome, judgement.settled_look) == (Outcome.REPRODUCED, 2)
    assert judgement.difference.freedom[1] == 8  # nine runs finished


def test_seeds_beyond_the_last_look_are_left_out() -> None:
    runs = spread(20, 0.7612)
    plain = sequential.judge_accuracy(runs_of(runs), REPORTED, RULES)
    judgement = sequential.judge_accuracy(runs_of(runs + spread(40, 0.7512)), REPORTED, RULES)
    assert judgement.difference.value == pytest.approx(plain.difference.value)
    assert judgement.outcome is plain.outcome is Outcome.UNDECIDED
