"""Interim looks and the claims and contrasts that they settle: every rule by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.analysis import looks, ranges, sequential
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from harness.protocol import decision

RULES = decision.load()

REPORTED = (0.7539, 0.7485)  # mean 0.7512

MISSING = FigureBySeed.from_figures({}, RULES.looks)


def runs_of(values: Sequence[float | None]) -> FigureBySeed:
    """Runs with seeds 0, 1, ...; None is a failed one."""
    return FigureBySeed.from_figures(dict(enumerate(values)), RULES.looks)


def spread(n: int, mean: float, sd: float = 0.003) -> list[float | None]:
    """Runs alternately above and below a mean, with standard deviation `sd` (divisor n)."""
    noise = np.resize([sd, -sd], n)
    return list(mean + noise - noise.mean())


def family(by_position: Mapping[int, FigureBySeed]) -> FigureBySeed:
    """All variants of the contrasts; those that `by_position` lacks have no runs."""
    count = len(RULES.contrasts.variants)
    return FigureBySeed.stack([by_position.get(i, MISSING) for i in range(count)])


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


# Which looks there are


@pytest.mark.parametrize(
    ("seeds", "latest"),
    [
        (range(4), 0),
        (range(5), 1),
        (range(9), 1),
        (range(10), 2),
        (range(19), 2),
        (range(20), 3),
        (range(1, 20), 0),  # seed 0 is missing
        ([*range(9), 10, 11, 12], 1),  # twelve runs, but seed 9 is missing
        (range(35), 3),
    ],
)
def test_a_look_is_complete_once_all_of_its_seeds_have_been_run(
    seeds: Sequence[int], latest: int
) -> None:
    runs = FigureBySeed.from_figures(dict.fromkeys(seeds, 0.7), RULES.looks)
    assert runs.latest == latest
    assert runs.complete.tolist() == [k < latest for k in range(3)]


@pytest.mark.parametrize(
    ("failed", "usable"),
    [
        ([0], [False, True, True]),  # 1 of 5, 1 of 10, 1 of 20
        ([7], [True, True, True]),
        ([7, 8], [True, False, True]),  # 2 of 10, 2 of 20: 10 % is not more than 10 %
        ([0, 8], [False, False, True]),
        ([0, 8, 15], [False, False, False]),
        ([17, 18, 19], [True, True, False]),
    ],
)
def test_a_failed_run_counts_as_present_and_too_many_block_a_look(
    failed: list[int], usable: list[bool]
) -> None:
    runs = runs_of([None if seed in failed else 0.75 for seed in range(20)])
    assert runs.complete.all()
    assert runs.usable.tolist() == usable
    assert runs.blocked.tolist() == [not u for u in usable]
    assert runs.finished(3).size == 20 - len(failed)
    assert runs.latest == max((k + 1 for k in range(3) if usable[k]), default=0)


def test_an_incomplete_look_is_not_blocked() -> None:
    assert not runs_of([None, 0.7, 0.7]).blocked.any()


def test_the_runs_of_a_look_are_its_seeds() -> None:
    runs = FigureBySeed.from_figures(
        {3: 0.4, 0: 0.1, 2: None, 1: 0.2, 4: 0.5, 25: 0.9}, RULES.looks
    )
    assert runs.finished(1).tolist() == [0.1, 0.2, 0.4, 0.5]
    assert runs.finished(0).tolist() == [0.1, 0.2, 0.4, 0.5]
    several = FigureBySeed.from_figures({0: [0.1, 0.2], 1: None, 2: [0.3, 0.4]}, RULES.looks)
    assert several.finished(1).tolist() == [[0.1, 0.3], [0.2, 0.4]]


# The accuracy claim


def test_the_interval_that_decides_by_hand() -> None:
    # 0.749, 0.751, 0.750, 0.752, 0.748: mean 0.750, s = 0.00158114, se = s * sqrt(1/5 + 1/2)
    # = 0.00132288, t(0.995, 4) = 4.604095
    judgement = sequential.judge_accuracy(
        runs_of([0.749, 0.751, 0.750, 0.752, 0.748]), REPORTED, RULES
    )
    assert judgement.difference.value[0] == pytest.approx(-0.0012)
    half = 4.604095 * 0.0013228757
    assert judgement.interval == pytest.approx((-0.0012 - half, -0.0012 + half), abs=1e-8)
    assert (judgement.outcome, judgement.look, judgement.latest) == (Outcome.REPRODUCED, 1, 1)
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
    assert (judgement.look == 0) == (outcome is Outcome.UNDECIDED)


def test_the_first_look_that_settles_the_accuracy_claim_stands() -> None:
    runs = runs_of(spread(5, 0.7512, 0.001) + spread(15, 0.80, 0.001))
    judgement = sequential.judge_accuracy(runs, REPORTED, RULES)
    assert (judgement.outcome, judgement.look, judgement.latest) == (Outcome.REPRODUCED, 1, 3)
    assert judgement.interval.high < 0.01  # of the look that settled it
    assert judgement.difference.value[2] > 0.03


def test_a_look_with_too_many_failed_runs_settles_nothing() -> None:
    runs = [*spread(4, 0.7512, 0.001), None]
    judgement = sequential.judge_accuracy(runs_of(runs), REPORTED, RULES)
    assert (judgement.outcome, judgement.look, judgement.latest) == (Outcome.UNDECIDED, 0, 0)
    assert np.isnan(judgement.interval).all()
    judgement = sequential.judge_accuracy(runs_of(runs + spread(5, 0.7512, 0.001)), REPORTED, RULES)
    assert (judgement.outcome, judgement.look) == (Outcome.REPRODUCED, 2)
    assert judgement.difference.freedom[1] == 8  # nine runs finished


def test_seeds_beyond_the_last_look_are_left_out() -> None:
    runs = spread(20, 0.7612)
    plain = sequential.judge_accuracy(runs_of(runs), REPORTED, RULES)
    judgement = sequential.judge_accuracy(runs_of(runs + spread(40, 0.7512)), REPORTED, RULES)
    assert judgement.difference.value == pytest.approx(plain.difference.value)
    assert judgement.outcome is plain.outcome is Outcome.UNDECIDED


def test_no_runs_leave_everything_open() -> None:
    assert sequential.judge_accuracy(MISSING, REPORTED, RULES).outcome is Outcome.UNDECIDED
    judgement = sequential.judge_contrasts(family({}), MISSING, RULES)
    assert (judgement.effect == Effect.UNDECIDED).all()
    assert (judgement.p_holm == 1).all()
    assert ranges.judge_limits(MISSING, 0.05, 0.2, RULES).status is ClaimStatus.OPEN
    assert ranges.judge_range(MISSING, 0.6, 0.8, RULES).status is ClaimStatus.OPEN


# Contrasts


def test_a_contrast_uses_the_seeds_that_both_arms_have() -> None:
    other, base = spread(10, 0.74), spread(20, 0.75, 0.004)
    judgement = sequential.judge_contrasts(family({2: runs_of(other)}), runs_of(base), RULES)
    library = scipy_stats.ttest_ind(other, base[:10], equal_var=False)
    assert judgement.latest[2] == 2
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
    assert judgement.look.tolist() == [2] * 7
    assert judgement.p_holm[6] == pytest.approx(0.032)
    # the sign of the look that q is from, not of the one at which the others made room
    assert judgement.effect.tolist() == [Effect.HELPS] * 6 + [Effect.HURTS]


def test_a_settled_contrast_keeps_its_sign_and_look(monkeypatch: pytest.MonkeyPatch) -> None:
    judgement = contrasts_with({1: [0.0001, 0.5, 0.000001]}, monkeypatch, signs=(-1, 1, 1))
    assert (judgement.effect[1], judgement.look[1], judgement.latest[1]) == (Effect.HURTS, 1, 3)
    judgement = contrasts_with({1: [0.2, 0.0001, 0.9]}, monkeypatch, signs=(-1, 1, -1))
    assert (judgement.effect[1], judgement.look[1], judgement.latest[1]) == (Effect.HELPS, 2, 3)


def test_the_last_look_has_half_of_the_error_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    # 0.05 / 7 = 0.00714 times 1/4 = 0.00179 and times 1/2 = 0.00357
    judgement = contrasts_with({0: [0.0018]}, monkeypatch)
    assert judgement.look[0] == 0
    judgement = contrasts_with({0: [0.0018, 0.0018]}, monkeypatch)
    assert judgement.look[0] == 0
    judgement = contrasts_with({0: [0.0018, 0.0018, 0.0035]}, monkeypatch)
    assert judgement.look[0] == 3
    judgement = contrasts_with({0: [0.0018, 0.0018, 0.0036]}, monkeypatch)
    assert judgement.look[0] == 0


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
    assert settled.look[0] == 1
    for blocked in (other, base):
        first, blocked[0] = blocked[0], None
        judgement = sequential.judge_contrasts(family({0: runs_of(other)}), runs_of(base), RULES)
        assert judgement.look[0] == 2
        blocked[0] = first
    judgement = sequential.judge_contrasts(family({0: runs_of(other)}), runs_of(base[:4]), RULES)
    assert (judgement.look[0], judgement.latest[0]) == (0, 0)


# Ranges, limits and classes


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
    assert (judgement.status, judgement.look, judgement.latest) == (ClaimStatus.CONFIRMED, 1, 3)
    assert judgement.interval.high < 0.05
    blocked = runs_of([*spread(4, 0.02, 0.001), None, *spread(5, 0.4, 0.001)])
    assert ranges.judge_limits(blocked, 0.05, 0.1, RULES).latest == 2


def test_if_all_runs_failed_nothing_is_settled() -> None:
    judgement = ranges.judge_range(runs_of([None] * 20), 0.0, 1.0, RULES)
    assert (judgement.status, judgement.latest) == (ClaimStatus.OPEN, 0)


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


# Worlds at once


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
        assert alone.look.tolist() == together.look[world].tolist()
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
        assert (settled == (judgement.look > 0)).all()
        assert (settled == (judgement.p_holm < 0.05)).all()
        assert not (before & ~settled).any()
        clear = (judgement.interval.low > 0) | (judgement.interval.high < 0)
        assert (settled | ~clear).all()
        before = settled
    assert 0.2 < before.mean() < 0.9


def test_a_look_number_selects_the_value_at_that_look() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert looks.at(values, [3, 0]) == pytest.approx([3.0, math.nan], nan_ok=True)
    assert looks.first(np.array([[False, True, True], [False] * 3])).tolist() == [2, 0]
    assert looks.last(np.array([[True, True, False], [False] * 3])).tolist() == [2, 0]
