"""Contrasts and classes at interim looks: p values by hand, Holm's steps, what settles them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.analysis import sequential
from harness.analysis.looks import FigureBySeed
from harness.analysis.sequential import Effect
from tests.helpers.runs_at_looks import RULES, family, runs_of, spread


def contrasts_with(
    p: Mapping[int, Sequence[float]],
    monkeypatch: pytest.MonkeyPatch,
    signs: Sequence[int] = (1,) * 3,
) -> sequential.ContrastJudgement:
    """Judge contrasts whose Welch p values at the looks 1, 2, ... are replaced by `p`."""
    n = RULES.looks.seeds
    arms = {i: runs_of([0.7] * n[len(at) - 1]) for i, at in p.items()}

    def welch(a: np.ndarray, b: np.ndarray, level: float) -> sequential.Difference:
        k = n.index(a.shape[-1])
        p_at_look = np.array([p[i][k] if i in p and k < len(p[i]) else 0.0 for i in range(7)])
        value = np.full(7, float(signs[k]))
        return sequential.Difference(value, value, value, value, value, p_at_look)

    monkeypatch.setattr(sequential.stats, "welch", welch)
    return sequential.judge_contrasts(family(arms), runs_of([0.7] * 20), RULES)


def test_a_contrast_uses_the_seeds_that_both_arms_have() -> None:
    other, base = spread(10, 0.74), spread(20, 0.75, 0.004)
    judgement = sequential.judge_contrasts(family({2: runs_of(other)}), runs_of(base), RULES)
    library = scipy_stats.ttest_ind(other, base[:10], equal_var=False)
    assert judgement.latest_look[2] == 2
    assert judgement.difference.p[2, 1] == pytest.approx(library.pvalue)
    assert np.isnan(judgement.difference.p[2, 2])
    assert np.isnan(judgement.difference.p[0]).all()
    low, high = library.confidence_interval(1 - 0.05 * 0.25 / 7)
    assert (judgement.interval.low[2], judgement.interval.high[2]) == pytest.approx((low, high))


def test_the_sequential_p_value_by_hand() -> None:
    other, base = spread(20, 0.748), spread(20, 0.75)
    p = [scipy_stats.ttest_ind(other[:n], base[:n], equal_var=False).pvalue for n in (5, 10, 20)]
    for looks_run, n in enumerate((5, 10, 20), start=1):
        judgement = sequential.judge_contrasts(
            family({0: runs_of(other[:n])}), runs_of(base), RULES
        )
        q = min(p[k] / (0.25, 0.25, 0.5)[k] for k in range(looks_run))
        assert judgement.q[0] == pytest.approx(min(q, 1))
        assert judgement.p_holm[0] == pytest.approx(min(7 * q, 1))
        assert (judgement.q[1:] == 1).all()


def test_holm_counts_contrasts_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    # q = 0.0070 and 0.0084; seven tests: 0.0490 and, in the second step, 0.0504
    judgement = contrasts_with({0: [0.00175], 3: [0.0021]}, monkeypatch)
    assert judgement.p_holm[[0, 3]] == pytest.approx([0.049, 0.0504])
    assert judgement.effect[0] is Effect.HELPS
    assert judgement.effect[3] is Effect.UNDECIDED


def test_holms_steps_make_room_once_others_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    # q of the last: 0.032 at look 1, times one; six others are settled at look 2 alone
    p = {i: [0.5, 0.0001] for i in range(6)} | {6: [0.008, 0.9]}
    judgement = contrasts_with(p, monkeypatch, signs=(-1, 1, 1))
    assert judgement.settled_look.tolist() == [2] * 7
    assert judgement.p_holm[6] == pytest.approx(0.032)
    # the sign of the look that q is from, not of the one at which the others made room
    assert judgement.effect.tolist() == [Effect.HELPS] * 6 + [Effect.HURTS]


def test_a_settled_contrast_keeps_its_sign_and_look(monkeypatch: pytest.MonkeyPatch) -> None:
    judgement = contrasts_with({1: [0.0001, 0.5, 0.000001]}, monkeypatch, signs=(-1, 1, 1))
    assert (judgement.effect[1], judgement.settled_look[1], judgement.latest_look[1]) == (
        Effect.HURTS,
        1,
        3,
    )
    judgement = contrasts_with({1: [0.2, 0.0001, 0.9]}, monkeypatch, signs=(-1, 1, -1))
    assert (judgement.effect[1], judgement.settled_look[1], judgement.latest_look[1]) == (
        Effect.HELPS,
        2,
        3,
    )


def test_the_last_look_has_half_of_the_error_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    # 0.05 / 7 = 0.00714 times 1/4 = 0.00179 and times 1/2 = 0.00357
    judgement = contrasts_with({0: [0.0018]}, monkeypatch)
    assert judgement.settled_look[0] == 0
    judgement = contrasts_with({0: [0.0018, 0.0018]}, monkeypatch)
    assert judgement.settled_look[0] == 0
    judgement = contrasts_with({0: [0.0018, 0.0018, 0.0035]}, monkeypatch)
    assert judgement.settled_look[0] == 3
    judgement = contrasts_with({0: [0.0018, 0.0018, 0.0036]}, monkeypatch)
    assert judgement.settled_look[0] == 0


def test_what_helps_and_what_hurts() -> None:
    arms = {0: runs_of(spread(5, 0.72)), 1: runs_of(spread(5, 0.78)), 2: runs_of(spread(5, 0.7501))}
    judgement = sequential.judge_contrasts(family(arms), runs_of(spread(5, 0.75)), RULES)
    assert judgement.effect[:3].tolist() == [Effect.HURTS, Effect.HELPS, Effect.UNDECIDED]
    clear = (judgement.interval.low > 0) | (judgement.interval.high < 0)
    assert clear[:2].all()
    assert not clear[2:].any()


def test_a_contrast_needs_a_usable_look_of_both_arms() -> None:
    other, base = spread(10, 0.70), spread(10, 0.75)
    settled = sequential.judge_contrasts(family({0: runs_of(other)}), runs_of(base), RULES)
    assert settled.settled_look[0] == 1
    for blocked in (other, base):
        first, blocked[0] = blocked[0], None
        judgement = sequential.judge_contrasts(family({0: runs_of(other)}), runs_of(base), RULES)
        assert judgement.settled_look[0] == 2
        blocked[0] = first
    judgement = sequential.judge_contrasts(family({0: runs_of(other)}), runs_of(base[:4]), RULES)
    assert (judgement.settled_look[0], judgement.latest_look[0]) == (0, 0)


def test_classes_are_tested_at_the_last_look_alone() -> None:
    reported = [[0.70, 0.72], [0.80, 0.82]]
    runs = {seed: [0.71 + 0.002 * (seed % 3), 0.85 + 0.002 * (seed % 3)] for seed in range(20)}
    few = dict(list(runs.items())[:10])
    difference, p = sequential.judge_classes(
        FigureBySeed.from_figures(few, RULES.looks), reported, RULES
    )
    assert np.isnan(p).all()
    assert np.isnan(difference.p).all()
    assert difference.value[:, 1] == pytest.approx([0.0018, 0.0418])
    difference, p = sequential.judge_classes(
        FigureBySeed.from_figures(runs, RULES.looks), reported, RULES
    )
    raw = difference.p[:, 2]
    error = np.std([v[0] for v in runs.values()], ddof=1) * math.sqrt(1 / 20 + 1 / 2)
    t = (np.mean([v[0] for v in runs.values()]) - 0.71) / error
    assert raw[0] == pytest.approx(2 * scipy_stats.t.sf(t, 19))
    assert p == pytest.approx([raw[0], 2 * raw[1]])  # Holm over two
    assert np.isnan(difference.p[:, :2]).all()
