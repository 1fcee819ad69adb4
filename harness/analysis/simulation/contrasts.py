"""Errors and power of the tests of the contrasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from harness.analysis import sequential
from harness.analysis.looks import FigureBySeed
from harness.analysis.sequential import Effect
from harness.analysis.simulation.worlds import DEVIATIONS, MAX_ERROR_RATE, Array, Kind, Rate, draw
from harness.protocol.decision import Decision

# Standard deviations where the common arm varies less than the others, which take turns, in points:
# like those of look 1 of the official runs, which was seen before this was simulated.
STEADY, UNSTEADY = 0.12, (0.20, 0.30, 0.50)


def family_runs(
    source: np.random.Generator,
    worlds: int,
    effects: ArrayLike,
    rules: Decision,
    deviations: Sequence[float] = DEVIATIONS,
) -> Array:
    """Runs [worlds, 1 + family, seeds], those of the common arm first; deviations are unequal."""
    means = np.append(0, effects)[:, None] / 100
    spread = np.resize(deviations, means.shape)
    return means + draw(source, (worlds, len(means)), spread, rules)


def judge(values: Array, started: Array, rules: Decision) -> sequential.ContrastJudgement:
    """Test the contrasts of arms [worlds, 1 + family, seeds] with the first arm."""
    values = np.where(started, values, np.nan)
    return sequential.judge_contrasts(
        FigureBySeed(values[:, 1:], started[:, 1:], rules.looks),
        FigureBySeed(values[:, 0], started[:, 0], rules.looks),
        rules,
    )


def _significant_in_any_order(
    source: np.random.Generator, values: Array, rules: Decision, analyses: int = 6
) -> Array:
    """Whether each contrast is significant in any of several analyses [worlds, family].

    Arms start at different times and run at different speeds, seeds finish out of order, the data
    so far are analysed at random times, and an arm that is settled gets no further runs.
    """
    worlds, arms, seeds = values.shape
    start, pace = 10 * source.random((worlds, arms, 1)), 0.5 + source.random((worlds, arms, 1))
    arrival = start + pace * (np.arange(seeds) + 3 * source.random(values.shape))
    times = np.sort(source.random((analyses, worlds, 1, 1)) * arrival.max((1, 2), keepdims=True), 0)
    times[-1] = np.inf
    started = np.zeros(values.shape, bool)
    significant = np.zeros((worlds, arms - 1), bool)
    for time in times:
        arrived = arrival <= time
        arrived[:, 1:] &= ~significant[..., None]
        started |= arrived
        significant |= judge(values, started, rules).effect != Effect.UNDECIDED
    return significant


def errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Family-wise error rate of the contrasts: any false positive."""
    family = len(rules.contrasts.variants)

    def rate(case: str, false: Array) -> Rate:
        return Rate(case, float(false.any(1).mean()), high=MAX_ERROR_RATE, kind=Kind.FALSE_POSITIVE)

    values = family_runs(source, worlds, [0.0] * family, rules)
    significant = judge(values, np.ones(values.shape, bool), rules).effect != Effect.UNDECIDED
    case, error = f"{family} contrasts", "none real: any false positive"
    yield rate(f"{case}, all looks complete, {error}", significant)
    case += ", variants in any order, stopped when settled"
    yield rate(f"{case}, {error}", _significant_in_any_order(source, values, rules))
    values[source.random(values.shape) < 0.02] = np.nan
    significant = _significant_in_any_order(source, values, rules)
    yield rate(f"{case}, 2 % of the runs failed, {error}", significant)
    for effect in (0.5, 1.0):
        effects = np.resize([effect, 0.0], family)
        values = family_runs(source, worlds, effects, rules)
        significant = _significant_in_any_order(source, values, rules)
        others = f"every other one {effect:+g}"
        yield rate(f"{case}, {others}: any false positive", significant[:, effects == 0])


def steady_common_arm(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Family-wise error rate if the common arm varies far less than the others."""
    family = len(rules.contrasts.variants)
    deviations = [STEADY, *np.resize(UNSTEADY, family)]
    values = family_runs(source, worlds, [0.0] * family, rules, deviations)
    significant = judge(values, np.ones(values.shape, bool), rules).effect != Effect.UNDECIDED
    yield Rate(
        f"{family} contrasts, SDs like those of look 1 ({STEADY:.2f} of the common arm, "
        f"{min(UNSTEADY):.2f} to {max(UNSTEADY):.2f} of the others), none real: any false positive",
        float(significant.any(1).mean()),
        high=MAX_ERROR_RATE,
        kind=Kind.FALSE_POSITIVE,
    )


def power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Power for one real effect in the family; arms are stopped when settled."""
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    family = len(rules.contrasts.variants)
    sd = DEVIATIONS[0]
    for effect, low in ((0.0, None), (0.5, 0.80), (1.0, 0.99), (2.0, 0.999)):
        values = draw(source, (worlds, family + 1), sd, rules)
        values[:, 1] += effect / 100
        judgement = judge(values, np.ones(values.shape, bool), rules)
        case = f"Contrast of {effect:g}, SD {sd:.2f}, the others 0"
        if effect:
            power = float((judgement.effect[:, 0] == Effect.HELPS).mean())
            yield Rate(f"{case}: HELPS", power, low=low)
        mean_seeds = float(seeds[judgement.settled_look[:, 0]].mean())
        yield Rate(f"{case}: seeds until settled", mean_seeds, unit="seeds")
