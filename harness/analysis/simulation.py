"""Error rates, coverage and power of the decision file's rules in simulated worlds.

In each world the truth is known, the reported mean is drawn from two noisy runs, as the paper's
is, and the runs go through the functions that judge real ones. Values are fractions; deviations
and differences are given in percentage points.
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
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from harness.analysis.stats import Difference, Interval
from harness.protocol.decision import Decision, load

Array = NDArray[Any]

SEED = 20_240
WORLDS = 40_000  # the standard error of a rate of 5 % is then 0.11 %
# Of the accuracy over seeds, in points; the arms of a family have them in turn.
DEVIATIONS = (0.35, 0.25, 0.50)
REPORTED = 2
# No error rate of the plan may exceed this.
MOST = 0.054


@dataclass(frozen=True)
class Rate:
    """How often something happened in the simulated worlds, or a mean number.

    Attributes:
        what: in words.
        value: fraction of the worlds; for another unit the mean.
        low, high: bounds that it must be within, None where it is only shown.
        unit: of `value` as it is shown.
    """

    what: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = "%"

    def within_bounds(self, worlds: int) -> bool:
        """Whether the bounds hold, up to three standard errors where there are fewer worlds than
        the bounds were set for."""
        slack = 0.0
        if worlds < WORLDS:
            slack = 3 * math.sqrt(max(self.value * (1 - self.value), 0.01) / worlds)
        low = -math.inf if self.low is None else self.low - slack
        high = math.inf if self.high is None else self.high + slack
        return low <= self.value <= high


def simulate(worlds: int = WORLDS) -> list[Rate]:
    """All rates by the decision file, from a generator of its own.

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
    """Runs [*shape, seeds of the last look] around zero."""
    return source.normal(0, sd, (*shape, rules.looks.seeds[-1])) / 100


def _complete(values: Array, rules: Decision) -> FigureBySeed:
    return FigureBySeed(values, np.ones(values.shape[-1], bool), rules.looks)


def _accuracy_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Outcomes of the accuracy claim where the truth is at the margin's edge: all are wrong."""
    margin = 100 * rules.accuracy.margin
    wrong = (Outcome.REPRODUCED, Outcome.EXCEEDED, Outcome.NOT_REACHED)
    for sd, failing in [*((sd, False) for sd in sorted(DEVIATIONS)), (DEVIATIONS[0], True)]:
        for edge in (margin, -margin):
            reported = source.normal(0, sd, (worlds, REPORTED)) / 100
            runs = _runs(source, (worlds,), sd, rules) + edge / 100
            if failing:
                runs[np.arange(worlds), source.integers(0, runs.shape[1], worlds)] = np.nan
            judged = sequential.judge_accuracy(_complete(runs, rules), reported, rules)
            for outcome in wrong:
                yield Rate(
                    f"Accuracy, d = {edge:+g}, SD {sd:.2f}{', one run failed' * failing}: "
                    f"{outcome}",
                    float((judged.outcome == outcome).mean()),
                    high=MOST,
                )


def _accuracy_power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    for sd in sorted(DEVIATIONS):
        reported = source.normal(0, sd, (worlds, REPORTED)) / 100
        judged = sequential.judge_accuracy(
            _complete(_runs(source, (worlds,), sd, rules), rules), reported, rules
        )
        case = f"Accuracy, d = 0, SD {sd:.2f}"
        reproduced = float((judged.outcome == Outcome.REPRODUCED).mean())
        expected = math.isclose(sd, 100 * rules.description.expected_sd)
        yield Rate(f"{case}: REPRODUCED", reproduced, low=0.94 if expected else None)
        yield Rate(f"{case}: seeds until settled", float(seeds[judged.look].mean()), unit="seeds")


def _family(source: np.random.Generator, worlds: int, effects: ArrayLike, rules: Decision) -> Array:
    """Runs [worlds, 1 + family, seeds], those of the common arm first; deviations are unequal."""
    means = np.append(0, effects)[:, None] / 100
    spread = np.resize(DEVIATIONS, means.shape)
    return means + _runs(source, (worlds, len(means)), spread, rules)


def _judge(values: Array, started: Array, rules: Decision) -> sequential.ContrastJudgement:
    """Contrasts of arms [worlds, 1 + family, seeds] with the first."""
    values = np.where(started, values, np.nan)
    return sequential.judge_contrasts(
        FigureBySeed(values[:, 1:], started[:, 1:], rules.looks),
        FigureBySeed(values[:, 0], started[:, 0], rules.looks),
        rules,
    )


def _found_in_any_order(
    source: np.random.Generator, values: Array, rules: Decision, analyses: int = 6
) -> Array:
    """Whether each contrast [worlds, family] is found at any of several times.

    Arms begin at different times and are run at different speeds, seeds overtake one another, the
    data so far are analysed at random times, and an arm that is settled gets no more runs.
    """
    worlds, arms, seeds = values.shape
    begin, pace = 10 * source.random((worlds, arms, 1)), 0.5 + source.random((worlds, arms, 1))
    arrival = begin + pace * (np.arange(seeds) + 3 * source.random(values.shape))
    times = np.sort(source.random((analyses, worlds, 1, 1)) * arrival.max((1, 2), keepdims=True), 0)
    times[-1] = np.inf
    started = np.zeros(values.shape, bool)
    found = np.zeros((worlds, arms - 1), bool)
    for time in times:
        more = arrival <= time
        more[:, 1:] &= ~found[..., None]
        started |= more
        found |= _judge(values, started, rules).effect != Effect.UNDECIDED
    return found


def _family_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """A false find anywhere in the family of contrasts."""
    family = len(rules.contrasts.variants)
    values = _family(source, worlds, [0.0] * family, rules)
    found = _judge(values, np.ones(values.shape, bool), rules).effect != Effect.UNDECIDED
    case = f"{family} contrasts"
    none = "none real: any found"
    yield Rate(f"{case}, all looks complete, {none}", float(found.any(1).mean()), high=MOST)
    case += ", arms in any order, stopped when settled"
    found = _found_in_any_order(source, values, rules)
    yield Rate(f"{case}, {none}", float(found.any(1).mean()), high=MOST)
    values[source.random(values.shape) < 0.02] = np.nan
    found = _found_in_any_order(source, values, rules)
    yield Rate(f"{case}, 2 % of the runs failed, {none}", float(found.any(1).mean()), high=MOST)
    for effect in (0.5, 1.0):
        real = np.resize([effect, 0.0], family)
        found = _found_in_any_order(source, _family(source, worlds, real, rules), rules)
        yield Rate(
            f"{case}, every other one {effect:+g}: a false one found",
            float(found[:, real == 0].any(1).mean()),
            high=MOST,
        )


def _contrast_power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """One real difference among six that are not; arms are stopped when settled."""
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    family = len(rules.contrasts.variants)
    sd = DEVIATIONS[0]
    for effect, low in ((0.0, None), (0.5, 0.80), (1.0, 0.99), (2.0, 0.999)):
        values = _runs(source, (worlds, family + 1), sd, rules)
        values[:, 1] += effect / 100
        judged = _judge(values, np.ones(values.shape, bool), rules)
        case = f"Contrast of {effect:g}, SD {sd:.2f}, the others 0"
        if effect:
            right = float((judged.effect[:, 0] == Effect.HELPS).mean())
            yield Rate(f"{case}: HELPS", right, low=low)
        yield Rate(
            f"{case}: seeds until settled", float(seeds[judged.look[:, 0]].mean()), unit="seeds"
        )


def _claim_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Claims on limits and ranges where the truth is at a threshold."""
    limits, sd = rules.ranges, DEVIATIONS[0]
    confirms, refutes = limits.gap_confirms, limits.gap_refutes
    noise = _runs(source, (worlds, 1), sd, rules)
    for gap, status in ((confirms, ClaimStatus.CONFIRMED), (refutes, ClaimStatus.REFUTED)):
        runs = _complete(noise + gap, rules)
        judged = ranges.judge_limits(runs, confirms, refutes, rules)
        yield Rate(
            f"Gap of {100 * gap:g} points, SD {sd:.2f}: {status}",
            float((judged.status == status).mean()),
            high=0.028,  # one side of 5 %
        )
    # Independent curves are the worst case: they go the wrong way together.
    threshold, spread = limits.wrong_way_refutes, 5 * sd
    runs = _complete(_runs(source, (worlds, 4), spread, rules) + threshold, rules)
    judged = ranges.judge_limits(runs, limits.wrong_way_confirms, threshold, rules)
    yield Rate(
        f"Four independent curves at {100 * threshold:g} % of the epochs: {ClaimStatus.REFUTED}",
        float((judged.status == ClaimStatus.REFUTED).mean()),
        high=0.028,
    )
    # Recall of one class varies over seeds five times as much as accuracy.
    noise = _runs(source, (worlds, 10), 5 * sd, rules)
    for means, case, status in (
        ([0.6, *[0.7] * 9], "one class at", ClaimStatus.CONFIRMED),
        ([0.6] * 10, "all classes at", ClaimStatus.REFUTED),
    ):
        runs = _complete(noise + np.array(means)[:, None], rules)
        judged = ranges.judge_range(runs, 0.6, 0.8, rules)
        yield Rate(
            f"Range of 10 classes, {case} its end, SD {5 * sd:.2f}: {status}",
            float((judged.status == status).mean()),
            high=0.028,
        )


def _held(interval: Difference | Interval, truth: Any, look: int) -> float:
    """How often the interval of a look (from 0) [..., looks] holds the truth."""
    return float(((interval.low < truth) & (interval.high > truth))[..., look].mean())


def _coverage(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Whether the intervals that are shown hold the truth as often as their level says."""
    sd, family = DEVIATIONS[0], len(rules.contrasts.variants)
    values = _family(source, worlds, [0.0] * family, rules)
    reported = source.normal(0, sd, (worlds, REPORTED)) / 100
    own = _complete(values[:, 0], rules)
    accuracy = sequential.judge_accuracy(own, reported, rules).difference
    contrast = _judge(values, np.ones(values.shape, bool), rules).difference
    mean = ranges.judge_limits(_complete(values[:, :1], rules), 0, 1, rules).mean
    for look, (n, weight) in enumerate(zip(rules.looks.seeds, rules.looks.weights, strict=True)):
        for what, level, held in (
            ("d", 1 - 2 * rules.accuracy.levels[look], _held(accuracy, 0, look)),
            ("a contrast", 1 - rules.contrasts.alpha * weight / family, _held(contrast, 0, look)),
            ("the mean", 1 - rules.ranges.alpha * weight, _held(mean, 0, look)),
        ):
            # Four standard errors of the rate in all worlds, or 0.1 points.
            slack = max(0.001, 4 * math.sqrt(level * (1 - level) / WORLDS))
            yield Rate(
                f"{n} seeds: the {100 * level:.2f} % interval of {what} holds the truth",
                held,
                level - slack,
                level + slack,
            )
        level = rules.description.level
        ends = stats.prediction_interval(own.values[:, :n], REPORTED, level)
        both = (reported > ends.low[:, None]) & (reported < ends.high[:, None])
        yield Rate(
            f"{n} seeds: the {100 * level:g} % prediction interval holds both reported runs",
            float(both.all(1).mean()),
            low=level - 0.005,
        )
