"""Monte Carlo error rates, coverage and power of the decision file's rules.

In each simulated world the truth is known, the reported mean is that of two noisy runs, as in the
paper, and the functions that judge real runs are applied. Values are fractions; standard
deviations and effects are given in percentage points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.analysis import ranges, sequential, stats
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimJudgement, ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from harness.protocol.decision import Decision, load

Array = NDArray[Any]

SEED = 20_240
WORLDS = 40_000  # the standard error of a rate of 5 % is then 0.11 %
# Standard deviations of the accuracy over seeds, in points; the arms of a family take turns.
DEVIATIONS = (0.35, 0.25, 0.50)
N_REPORTED = 2  # reported runs
# Upper bound of every error rate of the plan.
MAX_ERROR_RATE = 0.054


@dataclass(frozen=True)
class Rate:
    """A rate, or a mean number, over the simulated worlds.

    Attributes:
        what: description in words.
        value: fraction of the worlds; for units other than "%" the mean.
        low, high: required bounds, None if there is none.
        unit: in which `value` is displayed.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = "%"

    def within_bounds(self, worlds: int) -> bool:
        """Whether the value is within its bounds; with fewer worlds than `WORLDS` these are
        widened by three standard errors."""
        slack = 0.0
        if worlds < WORLDS:
            slack = 3 * math.sqrt(max(self.value * (1 - self.value), 0.01) / worlds)
        low = -math.inf if self.low is None else self.low - slack
        high = math.inf if self.high is None else self.high + slack
        return low <= self.value <= high


def simulate(worlds: int = WORLDS) -> list[Rate]:
    """Simulate all rates by the decision file, from a fixed seed.

    Args:
        worlds: number of simulated worlds for each rate.
    """
    source, rules = np.random.default_rng(SEED), load()
    return [
        *_accuracy_errors(source, worlds, rules),
        *_accuracy_power(source, worlds, rules),
        *_family_errors(source, worlds, rules),
        *_contrast_power(source, worlds, rules),
        *_claim_errors(source, worlds, rules),
        *_coverage(source, worlds, rules),
    ]


def _runs(source: np.random.Generator, shape: tuple[int, ...], sd: Any, rules: Decision) -> Array:
    """Draw runs [*shape, seeds of the last look] around zero, with `sd` in points."""
    return source.normal(0, sd, (*shape, rules.looks.seeds[-1])) / 100


def _complete(values: Array, rules: Decision) -> FigureBySeed:
    return FigureBySeed(values, np.ones(values.shape[-1], bool), rules.looks)


def _accuracy_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Errors in the accuracy claim if the truth is at the edge of the margin."""
    margin = 100 * rules.accuracy.margin
    outcomes = (Outcome.REPRODUCED, Outcome.EXCEEDED, Outcome.NOT_REACHED)  # each is an error
    for sd, failing in [*((sd, False) for sd in sorted(DEVIATIONS)), (DEVIATIONS[0], True)]:
        failures = ", one run failed" if failing else ""
        for edge in (margin, -margin):
            reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
            runs = _runs(source, (worlds,), sd, rules) + edge / 100
            if failing:
                runs[np.arange(worlds), source.integers(0, runs.shape[1], worlds)] = np.nan
            judgement = sequential.judge_accuracy(_complete(runs, rules), reported, rules)
            for outcome in outcomes:
                yield Rate(
                    f"Accuracy, d = {edge:+g}, SD {sd:.2f}{failures}: {outcome}",
                    float((judgement.outcome == outcome).mean()),
                    high=MAX_ERROR_RATE,
                )


def _accuracy_power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    for sd in sorted(DEVIATIONS):
        reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
        judgement = sequential.judge_accuracy(
            _complete(_runs(source, (worlds,), sd, rules), rules), reported, rules
        )
        case = f"Accuracy, d = 0, SD {sd:.2f}"
        reproduced = float((judgement.outcome == Outcome.REPRODUCED).mean())
        expected = math.isclose(sd, 100 * rules.description.expected_sd)
        yield Rate(f"{case}: REPRODUCED", reproduced, low=0.94 if expected else None)
        yield Rate(
            f"{case}: seeds until settled", float(seeds[judgement.look].mean()), unit="seeds"
        )


def _family(source: np.random.Generator, worlds: int, effects: ArrayLike, rules: Decision) -> Array:
    """Runs [worlds, 1 + family, seeds], those of the common arm first; deviations are unequal."""
    means = np.append(0, effects)[:, None] / 100
    spread = np.resize(DEVIATIONS, means.shape)
    return means + _runs(source, (worlds, len(means)), spread, rules)


def _judge(values: Array, started: Array, rules: Decision) -> sequential.ContrastJudgement:
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
        significant |= _judge(values, started, rules).effect != Effect.UNDECIDED
    return significant


def _family_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Family-wise error rate of the contrasts: any false positive."""
    family = len(rules.contrasts.variants)

    def rate(case: str, false: Array) -> Rate:
        return Rate(case, float(false.any(1).mean()), high=MAX_ERROR_RATE)

    values = _family(source, worlds, [0.0] * family, rules)
    significant = _judge(values, np.ones(values.shape, bool), rules).effect != Effect.UNDECIDED
    case, error = f"{family} contrasts", "none real: any false positive"
    yield rate(f"{case}, all looks complete, {error}", significant)
    case += ", variants in any order, stopped when settled"
    yield rate(f"{case}, {error}", _significant_in_any_order(source, values, rules))
    values[source.random(values.shape) < 0.02] = np.nan
    significant = _significant_in_any_order(source, values, rules)
    yield rate(f"{case}, 2 % of the runs failed, {error}", significant)
    for effect in (0.5, 1.0):
        effects = np.resize([effect, 0.0], family)
        values = _family(source, worlds, effects, rules)
        significant = _significant_in_any_order(source, values, rules)
        others = f"every other one {effect:+g}"
        yield rate(f"{case}, {others}: any false positive", significant[:, effects == 0])


def _contrast_power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Power for one real effect in the family; arms are stopped when settled."""
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    family = len(rules.contrasts.variants)
    sd = DEVIATIONS[0]
    for effect, low in ((0.0, None), (0.5, 0.80), (1.0, 0.99), (2.0, 0.999)):
        values = _runs(source, (worlds, family + 1), sd, rules)
        values[:, 1] += effect / 100
        judgement = _judge(values, np.ones(values.shape, bool), rules)
        case = f"Contrast of {effect:g}, SD {sd:.2f}, the others 0"
        if effect:
            power = float((judgement.effect[:, 0] == Effect.HELPS).mean())
            yield Rate(f"{case}: HELPS", power, low=low)
        mean_seeds = float(seeds[judgement.look[:, 0]].mean())
        yield Rate(f"{case}: seeds until settled", mean_seeds, unit="seeds")


def _claim_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Errors in claims on limits and ranges if the truth is at a threshold."""
    limits, sd = rules.ranges, DEVIATIONS[0]

    def rate(case: str, judgement: ClaimJudgement, status: ClaimStatus) -> Rate:
        wrong = float((judgement.status == status).mean())
        return Rate(f"{case}: {status}", wrong, high=0.028)  # one side of 5 %

    confirms, refutes = limits.gap_confirms, limits.gap_refutes
    noise = _runs(source, (worlds, 1), sd, rules)
    for gap, status in ((confirms, ClaimStatus.CONFIRMED), (refutes, ClaimStatus.REFUTED)):
        runs = _complete(noise + gap, rules)
        judgement = ranges.judge_limits(runs, confirms, refutes, rules)
        yield rate(f"Gap of {100 * gap:g} points, SD {sd:.2f}", judgement, status)
    # Independent curves are the worst case; real ones are correlated.
    threshold, spread = limits.wrong_way_refutes, 5 * sd
    runs = _complete(_runs(source, (worlds, 4), spread, rules) + threshold, rules)
    judgement = ranges.judge_limits(runs, limits.wrong_way_confirms, threshold, rules)
    case = f"Four independent curves at {100 * threshold:g} % of the epochs"
    yield rate(case, judgement, ClaimStatus.REFUTED)
    # Recall of one class varies over seeds five times as much as accuracy.
    noise = _runs(source, (worlds, 10), 5 * sd, rules)
    for means, which, status in (
        ([0.6, *[0.7] * 9], "one class at", ClaimStatus.CONFIRMED),
        ([0.6] * 10, "all classes at", ClaimStatus.REFUTED),
    ):
        runs = _complete(noise + np.array(means)[:, None], rules)
        judgement = ranges.judge_range(runs, 0.6, 0.8, rules)
        case = f"Range of 10 classes, {which} its end, SD {5 * sd:.2f}"
        yield rate(case, judgement, status)


def _coverage(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Coverage of the intervals that tables and reports show."""
    sd, family = DEVIATIONS[0], len(rules.contrasts.variants)
    values = _family(source, worlds, [0.0] * family, rules)
    reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
    ours = _complete(values[:, 0], rules)
    accuracy = sequential.judge_accuracy(ours, reported, rules).difference
    contrast = _judge(values, np.ones(values.shape, bool), rules).difference
    mean = ranges.judge_limits(_complete(values[:, :1], rules), 0, 1, rules).mean
    for look, (n, weight) in enumerate(zip(rules.looks.seeds, rules.looks.weights, strict=True)):
        for what, level, interval in (
            ("d", 1 - 2 * rules.accuracy.levels[look], accuracy),
            ("a contrast", 1 - rules.contrasts.alpha * weight / family, contrast),
            ("the mean", 1 - rules.ranges.alpha * weight, mean),
        ):
            # Four standard errors of the rate in all worlds, or 0.1 points.
            slack = max(0.001, 4 * math.sqrt(level * (1 - level) / WORLDS))
            covered = (interval.low < 0) & (interval.high > 0)  # [..., looks]
            yield Rate(
                f"{n} seeds: the {100 * level:.2f} % interval of {what} contains the true value",
                float(covered[..., look].mean()),
                level - slack,
                level + slack,
            )
        level = rules.description.level
        ends = stats.prediction_interval(ours.values[:, :n], N_REPORTED, level)
        inside = (reported > ends.low[:, None]) & (reported < ends.high[:, None])
        yield Rate(
            f"{n} seeds: the {100 * level:g} % prediction interval contains both reported runs",
            float(inside.all(1).mean()),
            low=level - 0.005,
        )
