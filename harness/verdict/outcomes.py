"""The accuracy claim, the classes, the confusion pattern and the ablations. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis import confusion_pattern, contrasts, stats
from harness.analysis.confusion_pattern import PatternTest
from harness.analysis.contrasts import Arm, Contrast
from harness.analysis.groups import Group
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol import datasets
from harness.protocol.decision import Decision


@dataclass(frozen=True)
class AccuracyResult:
    """The accuracy claim; fractions, NaN where there are too few seeds.

    Attributes:
        n, failed: runs finished and failed.
        runs: their accuracies, where they are too few for an interval.
        mean, sd: over seeds. reported: the paper's runs.
        difference: ours - reported, with the interval that decides in `low` and `high`.
        predicted: interval that should hold both reported runs; decides nothing.
        outcome: of the decision table.
        reason: why, in words.
        undecided: whether seeds are too few or too noisy for an answer.
        needed: where undecided, seeds with which agreement would show, were it perfect; None
            if no number would do.
    """

    n: int
    failed: int
    runs: tuple[float, ...]
    mean: float
    sd: float
    reported: tuple[float, ...]
    difference: float
    low: float
    high: float
    predicted: tuple[float, float]
    outcome: str
    reason: str
    undecided: bool
    needed: int | None


@dataclass(frozen=True)
class ClassResult:
    """Recall of one class, ours against the reported mean; fractions, Holm over the classes."""

    name: str
    ours: float
    reported: float
    difference: float
    p: float
    holm: float
    detectable: float


@dataclass(frozen=True)
class AblationResult:
    """A contrast with the runs behind it.

    Attributes:
        runs: accuracies, where they are too few for an interval.
        contrast: None for the variant that the others are held against.
    """

    variant: str
    n: int
    failed: int
    runs: tuple[float, ...]
    mean: float
    sd: float
    contrast: Contrast | None


_UNDECIDED = "undecided"  # like "neither", but more seeds may settle it


def accuracy(arm: Arm, rules: Decision) -> AccuracyResult:
    """Hold the mean of our runs against the reported one, by the decision table."""
    reported = np.array([recomputed(run)[1] for run in paper_reported.REPORTED_RUNS])
    ours, limits = arm.accuracies, rules.accuracy
    mean = float(ours.mean()) if arm.n else math.nan
    low = high = math.nan
    predicted = (math.nan, math.nan)
    found = None
    if enough := arm.n >= rules.seeds.least:
        found = stats.against_reported(ours, reported, 1 - 2 * limits.alpha)
        low, high = float(found.low), float(found.high)
        ends = stats.prediction_interval(ours, len(reported), rules.tests.level)
        predicted = (float(ends.low), float(ends.high))
    where, reason = _where(found, arm, rules)
    undecided = where == _UNDECIDED
    return AccuracyResult(
        n=arm.n,
        failed=arm.failed,
        runs=() if enough else tuple(map(float, ours)),
        mean=mean,
        sd=contrasts.deviation(arm),
        reported=tuple(map(float, reported)),
        difference=mean - float(reported.mean()),
        low=low,
        high=high,
        predicted=predicted,
        outcome=getattr(rules.outcomes, "neither" if undecided else where),
        reason=reason,
        undecided=undecided,
        needed=_needed(arm, len(reported), rules) if undecided else None,
    )


def _where(found: stats.Difference | None, arm: Arm, rules: Decision) -> tuple[str, str]:
    """Which row of the decision table applies, and why; None is found with too few seeds."""
    if broken := arm.too_many_failed(rules):
        return "neither", broken
    if found is None:
        return _UNDECIDED, f"too few seeds ({arm.n})"
    margin = rules.accuracy.margin
    where, reason = _UNDECIDED, "the interval reaches across the margin"
    if stats.inside(found, margin):
        where, reason = "inside", "the interval lies inside the margin"
    elif stats.outside(found, margin):
        where, reason = "outside", "the interval lies wholly beyond the margin"
    if interim := arm.interim(rules):
        return _UNDECIDED, f"{interim} (so far {reason})"
    return where, reason


def _needed(arm: Arm, reported: int, rules: Decision) -> int | None:
    """Seeds for the decision file's power if the truth is no difference; None if none would do."""
    measured = arm.n >= rules.seeds.least
    needed = stats.seeds_to_be_inside(
        contrasts.deviation(arm) if measured else rules.accuracy.expected_sd,
        rules.accuracy.margin,
        rules.accuracy.alpha,
        rules.tests.power,
        reported,
    )
    return None if needed is None else max(needed, rules.seeds.least)


def classes(arm: Arm, rules: Decision) -> tuple[ClassResult, ...]:
    """Recall of every class against the reported mean; empty with too few seeds."""
    if arm.n < rules.seeds.least:
        return ()
    ours = arm.figure("recall", datasets.CLASSES)
    lines = [recomputed(run)[0] for run in paper_reported.REPORTED_RUNS]
    reported = np.array([[line[name][1] for line in lines] for name in datasets.CLASSES])
    found = stats.against_reported(ours, reported, rules.tests.level)
    holm = stats.holm(found.p, len(datasets.CLASSES))
    alpha = rules.tests.alpha / len(datasets.CLASSES)
    return tuple(
        ClassResult(
            name=name,
            ours=float(ours[i].mean()),
            reported=float(reported[i].mean()),
            difference=float(found.value[i]),
            p=float(found.p[i]),
            holm=float(holm[i]),
            detectable=stats.detectable(
                float(found.error[i]), float(found.freedom[i]), alpha, rules.tests.power
            ),
        )
        for i, name in enumerate(datasets.CLASSES)
    )


def confusions(arm: Arm, rules: Decision) -> PatternTest | None:
    """Whether errors go where the paper's go; None with too few seeds."""
    if arm.n < rules.seeds.least:
        return None
    ours = [m.confusion_matrix for m in arm.finished.values()]
    reported = [run.confusion_matrix for run in paper_reported.REPORTED_RUNS]
    return confusion_pattern.compare(ours, reported, rules.tests.alpha)


def ablations(group: Group, rules: Decision) -> tuple[AblationResult, ...]:
    """The variant that all others are held against, then the planned contrasts."""
    base = Arm.of(rules.contrasts.against, group.records)
    arms = [Arm.of(name, group.records) for name in rules.contrasts.variants]
    found = contrasts.contrast(arms, base, rules, family=len(arms))
    rows: Sequence[tuple[Arm, Contrast | None]] = [(base, None), *zip(arms, found, strict=True)]
    return tuple(
        AblationResult(
            variant=arm.name,
            n=arm.n,
            failed=arm.failed,
            runs=() if arm.n >= rules.seeds.least else tuple(map(float, arm.accuracies)),
            mean=float(arm.accuracies.mean()) if arm.n else math.nan,
            sd=contrasts.deviation(arm),
            contrast=one,
        )
        for arm, one in rows
    )
