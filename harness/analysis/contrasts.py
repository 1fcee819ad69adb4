"""Results of variants, and contrasts against one of them. Pure.

Contrasts that the decision file plans are judged by `harness.analysis.sequential`; all others are
exploratory and have an interval alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from harness.analysis import looks, sequential, stats
from harness.analysis.groups import RunGroup, VariantRuns, in_order
from harness.analysis.looks import FigureBySeed
from harness.analysis.sequential import Effect
from harness.analysis.stats import Difference
from harness.protocol.decision import Decision


@dataclass(frozen=True)
class Contrast:
    """One variant against another; fractions. NaN where there is nothing to say.

    Attributes:
        effect: what the planned test says; None for an exploratory contrast.
        settled_look: number of the look that settled it, 0 if none has.
        look: number of the latest look at which both may be judged, 0 if there is none: all
            figures are of its runs.
        difference: of mean accuracies, with its interval of this level. Without a look, of the
            runs that are there, and without an interval.
        p: of Welch's t at the look. q: sequential p over the looks so far. p_holm: q after Holm
            over the family, which decides. NaN for an exploratory contrast.
        better: P(a random run of the variant beats one of the other); failed runs lose.
        detectable: the smallest true difference that so many seeds show with the decision file's
            power at the level of the interval.
        correlation: of the two over the seeds of the look.
    """

    variant: str
    against: str
    effect: Effect | None
    settled_look: int
    look: int
    difference: float
    low: float
    high: float
    level: float
    p: float
    q: float
    p_holm: float
    better: float
    detectable: float
    correlation: float


@dataclass(frozen=True)
class VariantResult:
    """What the runs of a variant show; fractions.

    Attributes:
        look: number of the look whose runs count, 0 if all count, as none is complete.
        n, failed: runs that count, finished and failed.
        waiting: runs that do not count before the next look.
        runs: accuracies, while there is no look.
        mean: of the accuracies, with its interval and their standard deviation over seeds.
        contrast: None for the variant that the others are compared with.
    """

    variant: str
    look: int
    n: int
    failed: int
    waiting: int
    runs: tuple[float, ...]
    mean: float
    low: float
    high: float
    sd: float
    contrast: Contrast | None


def results(
    group: RunGroup, against: str, rules: Decision, planned: bool
) -> tuple[VariantResult, ...]:
    """Every variant that has runs, in the order of the registry.

    Args:
        group: the records.
        against: the variant that the others are compared with.
        rules: the decision file.
        planned: whether its contrasts are tested: its whole family then is in the result, whether
            or not it has been run.
    """
    family = rules.contrasts.variants if planned else []
    present = {r.variant for r in group.records}
    named = {*present, *family, *([against] if planned else [])}
    arms = {name: VariantRuns.of(name, group.records, rules) for name in in_order(named)}
    base = arms.pop(against, None)
    if base is None:
        return tuple(_result(arm, None) for arm in arms.values())
    contrasts = _tested([arms[name] for name in family], base) if planned else {}
    contrasts |= {
        name: _exploratory(arm, base) for name, arm in arms.items() if name not in contrasts
    }
    there = {against: base, **arms}
    return tuple(_result(there[name], contrasts.get(name)) for name in in_order(there))


def _result(arm: VariantRuns, contrast: Contrast | None) -> VariantResult:
    low, high = arm.interval
    return VariantResult(
        variant=arm.name,
        look=arm.look,
        n=arm.n_finished,
        failed=arm.n_failed,
        waiting=arm.waiting,
        runs=() if arm.look else tuple(map(float, arm.accuracies)),
        mean=arm.mean,
        low=low,
        high=high,
        sd=arm.deviation,
        contrast=contrast,
    )


def _tested(family: Collection[VariantRuns], base: VariantRuns) -> dict[str, Contrast]:
    """The planned contrasts, by variant."""
    rules = base.rules
    runs = FigureBySeed.stack([arm.accuracy_runs for arm in family])
    found = sequential.judge_contrasts(runs, base.accuracy_runs, rules)
    contrasts = {}
    for i, arm in enumerate(family):
        look = int(found.latest[i])
        share = rules.contrasts.alpha * rules.looks.weights[look - 1] / len(family)
        at_looks = Difference(*(field[i] for field in found.difference))
        contrasts[arm.name] = dataclasses.replace(
            _contrast(arm, base, at_looks, look, 1 - share),
            effect=found.effect[i],
            settled_look=int(found.look[i]),
            q=float(found.q[i]),
            p_holm=float(found.p_holm[i]),
        )
    return contrasts


def _exploratory(arm: VariantRuns, base: VariantRuns) -> Contrast:
    """A contrast with an interval and without a test."""
    a, b, level = arm.accuracy_runs, base.accuracy_runs, arm.rules.description.level
    usable = a.usable & b.usable
    found = looks.at_looks(
        arm.rules.looks.seeds,
        usable,
        lambda n, _: stats.welch(a.values[:n], b.values[:n], level),
    )
    contrast = _contrast(arm, base, found, int(looks.last(usable)), level)
    return dataclasses.replace(contrast, p=math.nan)


def _contrast(
    arm: VariantRuns, base: VariantRuns, found: Difference, look: int, level: float
) -> Contrast:
    """The figures of a contrast from its differences at every look."""
    value, error, freedom, low, high, p = (float(looks.at(field, look)) for field in found)
    better = correlation = detectable = math.nan
    if look:
        better, correlation = _beside(arm, base, look)
        detectable = stats.min_detectable(error, freedom, 1 - level, arm.rules.description.power)
    return Contrast(
        variant=arm.name,
        against=base.name,
        effect=None,
        settled_look=0,
        look=look,
        difference=value if look else arm.mean - base.mean,
        low=low,
        high=high,
        level=level if look else math.nan,
        p=p,
        q=math.nan,
        p_holm=math.nan,
        better=better,
        detectable=detectable,
        correlation=correlation,
    )


def _beside(arm: VariantRuns, base: VariantRuns, look: int) -> tuple[float, float]:
    """P(arm > base) and the correlation, both over the seeds of a look that both have."""
    seeds = arm.rules.looks.seeds[look - 1]
    ours, theirs = arm.accuracy_runs.values[:seeds], base.accuracy_runs.values[:seeds]
    better = stats.probability_of_improvement(
        *(np.nan_to_num(v, nan=-math.inf) for v in (ours, theirs))
    )
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    return better, stats.correlation(ours[both], theirs[both])
