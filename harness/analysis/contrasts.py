"""Results of variants, and their contrasts with a baseline variant. Pure.

Contrasts that the decision file plans are tested by `harness.analysis.sequential`; all others are
exploratory and have an interval, but no test.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

import variants
from harness.analysis import looks, sequential, stats
from harness.analysis.groups import VariantRuns
from harness.analysis.looks import FigureBySeed
from harness.analysis.sequential import Effect
from harness.analysis.stats import Difference
from harness.protocol.decision import Decision


class Finding(StrEnum):
    """What a contrast says so far, in the words of every page.

    Like `Effect`, of the variant: where `no_augmentation` hurts, augmentation helps
    (`harness.report.text.contributions` says it that way round).
    """

    HELPS = "helps"
    HURTS = "hurts"
    NOT_SETTLED = "not settled"
    NOT_TESTED = "not tested"


_FINDINGS = {
    Effect.HELPS: Finding.HELPS,
    Effect.HURTS: Finding.HURTS,
    Effect.UNDECIDED: Finding.NOT_SETTLED,
}


def finding(effect: Effect | None, look: int) -> Finding:
    """The outcome of a contrast at a look; NOT_TESTED if exploratory or before the first look."""
    return Finding.NOT_TESTED if effect is None or not look else _FINDINGS[effect]


@dataclass(frozen=True)
class Contrast:
    """Accuracy of one variant compared with another; fractions, NaN if not available.

    Attributes:
        variant, against: names of the two variants.
        effect: outcome of the planned test; None for an exploratory contrast.
        settled_look: number of the look that settled it, 0 if none has.
        look: number of the latest look that is usable for both, 0 if none is: all figures are of
            its runs.
        difference: of mean accuracies; before the first look of both, of the runs that count.
        low, high: interval of the difference; NaN before the first look.
        level: of that interval.
        p: of Welch's t at the look; NaN for an exploratory contrast, as are q and p_holm.
        q: sequential p over the looks so far.
        p_holm: q after Holm over the family; it decides.
        better: P(a random run of the variant beats one of the other); failed runs lose.
        detectable: smallest true difference that this number of seeds detects with the decision
            file's power at the level of the interval.
        correlation: Pearson's r of the two over the seeds of the look.
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

    @property
    def finding(self) -> Finding:
        """See `finding`."""
        return finding(self.effect, self.look)


@dataclass(frozen=True)
class VariantResult:
    """Accuracy of one variant; fractions, NaN if not available.

    Attributes:
        variant: its name.
        look: number of the look whose runs count; 0 before the first look, when all count.
        n, failed: finished and failed runs that count.
        waiting: runs that do not count: there is no usable look that has them.
        runs: accuracies before the first look, empty after it.
        mean: of the accuracies.
        low, high: interval of the mean.
        sd: standard deviation of the accuracies over seeds.
        contrast: with the baseline; None for the baseline itself.
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
    by_variant: Mapping[str, VariantRuns], against: str, rules: Decision, planned: bool
) -> tuple[VariantResult, ...]:
    """Result of every variant that has runs, in the order of the registry.

    Args:
        by_variant: the runs of each variant that has any.
        against: the baseline that the others are compared with.
        rules: the decision file.
        planned: whether the decision file's contrasts are tested. If so, the result has every
            variant of its family, even one without runs.
    """
    family = rules.contrasts.variants if planned else []
    named = variants.in_order({*by_variant, *family, *([against] if planned else [])})
    by_name = {name: by_variant.get(name) or VariantRuns(name, {}, rules) for name in named}
    base = by_name.get(against)
    if base is None:
        return tuple(_result(runs, None) for runs in by_name.values())
    contrasts = _tested([by_name[name] for name in family], base) if planned else {}
    contrasts |= {
        name: _exploratory(runs, base)
        for name, runs in by_name.items()
        if name not in contrasts and name != against
    }
    return tuple(_result(runs, contrasts.get(name)) for name, runs in by_name.items())


def _result(runs: VariantRuns, contrast: Contrast | None) -> VariantResult:
    low, high = runs.interval
    return VariantResult(
        variant=runs.name,
        look=runs.look,
        n=runs.n_finished,
        failed=runs.n_failed,
        waiting=runs.waiting,
        runs=() if runs.look else tuple(map(float, runs.accuracies)),
        mean=runs.mean,
        low=low,
        high=high,
        sd=runs.deviation,
        contrast=contrast,
    )


def _tested(family: Collection[VariantRuns], base: VariantRuns) -> dict[str, Contrast]:
    """The planned contrasts, by variant."""
    rules = base.rules
    accuracies = FigureBySeed.stack([runs.accuracy_runs for runs in family])
    judgement = sequential.judge_contrasts(accuracies, base.accuracy_runs, rules)
    contrasts = {}
    for i, runs in enumerate(family):
        look = int(judgement.latest_look[i])
        at_looks = Difference(*(field[i] for field in judgement.difference))
        contrasts[runs.name] = dataclasses.replace(
            _contrast(runs, base, at_looks, look, float(looks.at(judgement.levels, look))),
            effect=judgement.effect[i],
            settled_look=int(judgement.settled_look[i]),
            q=float(judgement.q[i]),
            p_holm=float(judgement.p_holm[i]),
        )
    return contrasts


def _exploratory(runs: VariantRuns, base: VariantRuns) -> Contrast:
    """A contrast with an interval and without a test."""
    a, b, level = runs.accuracy_runs, base.accuracy_runs, runs.rules.description.level
    usable = a.usable & b.usable
    at_looks = looks.at_looks(
        runs.rules.looks.seeds,
        usable,
        lambda n, _: stats.welch(a.values[:n], b.values[:n], level),
    )
    look = int(looks.last(usable))
    contrast = _contrast(runs, base, at_looks, look, level if look else math.nan)
    return dataclasses.replace(contrast, p=math.nan)


def _contrast(
    runs: VariantRuns, base: VariantRuns, at_looks: Difference, look: int, level: float
) -> Contrast:
    """A contrast from its differences at every look [looks], without the results of a test."""
    value, error, freedom, low, high, p = (float(looks.at(field, look)) for field in at_looks)
    better = correlation = detectable = math.nan
    if look:
        better, correlation = _run_by_run(runs, base, look)
        detectable = stats.min_detectable(error, freedom, 1 - level, runs.rules.description.power)
    return Contrast(
        variant=runs.name,
        against=base.name,
        effect=None,
        settled_look=0,
        look=look,
        difference=value if look else runs.mean - base.mean,
        low=low,
        high=high,
        level=level,
        p=p,
        q=math.nan,
        p_holm=math.nan,
        better=better,
        detectable=detectable,
        correlation=correlation,
    )


def _run_by_run(runs: VariantRuns, base: VariantRuns, look: int) -> tuple[float, float]:
    """P(a run > one of the baseline) and their correlation, over the seeds of a look."""
    seeds = runs.rules.looks.seeds_of(look)
    a, b = runs.accuracy_runs.values[:seeds], base.accuracy_runs.values[:seeds]
    better = stats.probability_of_improvement(*(np.nan_to_num(v, nan=-math.inf) for v in (a, b)))
    both = ~np.isnan(a) & ~np.isnan(b)
    return better, stats.correlation(a[both], b[both])
