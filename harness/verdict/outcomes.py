"""The accuracy claim, recall of the classes and the confusion pattern. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.analysis import confusion_pattern, sequential, stats
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Outcome
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol import datasets


@dataclass(frozen=True)
class AccuracyResult:
    """Our accuracy against the paper's; fractions, NaN before the first look.

    Attributes:
        outcome: of the accuracy claim; None where the runs decide nothing.
        settled: whether a look has settled it.
        look: number of the look that all figures are of: the one that settled it, else the latest
            at which the variant may be judged. 0 if there is none: the figures are of all runs.
        n, failed: runs of the look, finished and failed.
        runs: their accuracies, while there is no look.
        mean, sd: over seeds. reported: the paper's runs.
        difference: ours - reported, with its interval of this level. It is the one that decides
            where there is an outcome.
        predicted: interval that should hold both reported runs; decides nothing.
        sampling: standard error of one accuracy from the choice of the test images.
    """

    outcome: Outcome | None
    settled: bool
    look: int
    n: int
    failed: int
    runs: tuple[float, ...]
    mean: float
    sd: float
    reported: tuple[float, ...]
    difference: float
    low: float
    high: float
    level: float
    predicted: tuple[float, float]
    sampling: float


@dataclass(frozen=True)
class ClassResult:
    """Recall of one class at a look, ours against the reported mean; fractions.

    Attributes:
        difference: ours - reported, with its interval at the level of description.
        p, p_holm: raw and after Holm over the classes; NaN before the last look, where it is
            tested.
        detectable: the smallest true difference that the test finds with the decision file's power.
    """

    name: str
    ours: float
    reported: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    detectable: float


def accuracy(arm: VariantRuns, decides: bool, test_size: int) -> AccuracyResult:
    """Compare the mean of our runs with the reported one.

    Args:
        arm: of the variant that the paper is read as.
        decides: whether these runs give a verdict.
        test_size: images that they were evaluated on.
    """
    rules = arm.rules
    reported = np.array([recomputed(run)[1] for run in paper_reported.REPORTED_RUNS])
    judged = sequential.judge_accuracy(arm.accuracy_runs, reported, rules)
    settled = int(judged.look) if decides else 0
    look = settled or arm.look
    arm = arm.at_look(look)
    level, low, high = math.nan, math.nan, math.nan
    predicted = (math.nan, math.nan)
    ours = arm.accuracies
    if look:
        level = 1 - 2 * rules.accuracy.levels[look - 1] if decides else rules.description.level
        found = stats.difference_from_reported(ours, reported, level)
        low, high = float(found.low), float(found.high)
        ends = stats.prediction_interval(ours, len(reported), rules.description.level)
        predicted = (float(ends.low), float(ends.high))
    return AccuracyResult(
        outcome=judged.outcome if decides else None,
        settled=settled > 0,
        look=look,
        n=arm.n_finished,
        failed=arm.n_failed,
        runs=() if look else tuple(map(float, ours)),
        mean=arm.mean,
        sd=arm.deviation,
        reported=tuple(map(float, reported)),
        difference=arm.mean - float(reported.mean()),
        low=low,
        high=high,
        level=level,
        predicted=predicted,
        sampling=math.sqrt(arm.mean * (1 - arm.mean) / test_size),
    )


def classes(arm: VariantRuns, decides: bool) -> tuple[ClassResult, ...]:
    """Recall of every class against the reported mean; empty before the first look."""
    rules, look = arm.rules, arm.look
    if not look:
        return ()
    lines = [recomputed(run)[0] for run in paper_reported.REPORTED_RUNS]
    reported = np.array([[line[name][1] for line in lines] for name in datasets.CLASSES])
    recall = arm.figures(lambda m: [m.per_class[name].recall for name in datasets.CLASSES])
    difference, p_holm = sequential.judge_classes(recall, reported, rules)
    value, error, freedom, low, high, p = (field[:, look - 1] for field in difference)
    alpha = rules.classes.alpha / len(datasets.CLASSES)
    means = arm.per_class("recall", datasets.CLASSES).mean(1)
    return tuple(
        ClassResult(
            name=name,
            ours=float(means[i]),
            reported=float(reported[i].mean()),
            difference=float(value[i]),
            low=float(low[i]),
            high=float(high[i]),
            p=float(p[i]) if decides else math.nan,
            p_holm=float(p_holm[i]) if decides else math.nan,
            detectable=stats.min_detectable(
                float(error[i]), float(freedom[i]), alpha, rules.description.power
            ),
        )
        for i, name in enumerate(datasets.CLASSES)
    )


def confusions(arm: VariantRuns) -> ConfusionTest | None:
    """Whether errors go where the paper's go; None before the last look, where it is tested."""
    if arm.look < len(arm.rules.looks.seeds):
        return None
    ours = [metrics.confusion_matrix for metrics in arm.finished]
    reported = [run.confusion_matrix for run in paper_reported.REPORTED_RUNS]
    return confusion_pattern.permutation_test(ours, reported, arm.rules.classes.alpha)
