"""Compare accuracy, recall of the classes and confusion pattern with the paper's. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.analysis import confusion_pattern, sequential, stats
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Outcome
from harness.paper import reported as paper_reported
from harness.protocol import datasets


@dataclass(frozen=True)
class AccuracyResult:
    """Our accuracy compared with the paper's; fractions, NaN before the first look.

    Attributes:
        outcome: of the accuracy claim; None if the runs give no verdict.
        settled: whether a look has settled it.
        look: number of the look that all figures are of: the one that settled the claim, else the
            latest usable one. 0 before the first look: the figures are of all runs.
        n, failed: finished and failed runs of the look.
        runs: their accuracies before the first look, empty after it.
        mean, sd: over seeds.
        reported: accuracies of the paper's runs.
        difference: ours - reported.
        low, high: interval of the difference; if there is an outcome, it decides.
        level: of that interval.
        predicted: interval that should contain both reported runs, by the runs of the latest
            usable look; decides nothing.
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
    """Recall of one class at a look, ours compared with the reported mean; fractions.

    Attributes:
        name: of the class.
        ours, reported: mean recall.
        difference: ours - reported.
        low, high: interval of the difference at the decision file's descriptive level.
        p, p_holm: raw and after Holm over the classes; NaN before the last look, the only one at
            which classes are tested.
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


def accuracy(runs: VariantRuns, decides: bool, test_size: int) -> AccuracyResult:
    """Compare our mean accuracy with the reported one.

    Args:
        runs: of the variant that the accuracy claim is about.
        decides: whether these runs give a verdict.
        test_size: number of images that they were evaluated on.
    """
    rules = runs.rules
    reported = paper_reported.reported_accuracies()
    judgement = sequential.judge_accuracy(runs.accuracy_runs, reported, rules)
    settled_look = int(judgement.settled_look) if decides else 0
    look = settled_look or runs.look
    level, low, high = math.nan, math.nan, math.nan
    predicted = (math.nan, math.nan)
    latest, runs = runs, runs.at_look(look)
    ours = runs.accuracies
    if look:
        level = 1 - 2 * rules.accuracy.levels[look - 1] if decides else rules.description.level
        difference = stats.difference_from_reported(ours, reported, level)
        low, high = float(difference.low), float(difference.high)
        ends = stats.prediction_interval(latest.accuracies, len(reported), rules.description.level)
        predicted = (float(ends.low), float(ends.high))
    return AccuracyResult(
        outcome=judgement.outcome if decides else None,
        settled=settled_look > 0,
        look=look,
        n=runs.n_finished,
        failed=runs.n_failed,
        runs=() if look else tuple(map(float, ours)),
        mean=runs.mean,
        sd=runs.deviation,
        reported=tuple(map(float, reported)),
        difference=runs.mean - float(reported.mean()),
        low=low,
        high=high,
        level=level,
        predicted=predicted,
        sampling=math.sqrt(runs.mean * (1 - runs.mean) / test_size),
    )


def classes(runs: VariantRuns, decides: bool) -> tuple[ClassResult, ...]:
    """Compare the recall of every class with the reported mean.

    Args:
        runs: of the variant that the accuracy claim is about.
        decides: whether these runs give a verdict.

    Returns:
        One result for each class; empty before the first look.
    """
    rules, look = runs.rules, runs.look
    if not look:
        return ()
    reported = paper_reported.reported_recalls()
    recall = runs.figures(lambda m: [m.per_class[name].recall for name in datasets.CLASSES])
    difference, p_holm = sequential.judge_classes(recall, reported, rules)
    value, error, freedom, low, high, p = (field[:, look - 1] for field in difference)
    alpha = rules.classes.alpha / len(datasets.CLASSES)
    means = runs.per_class("recall", datasets.CLASSES).mean(1)
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


def confusions(runs: VariantRuns) -> ConfusionTest | None:
    """Test whether our errors go to the same classes as the paper's.

    Returns:
        None before the last look, the only one at which this is tested.
    """
    if runs.look < len(runs.rules.looks.seeds):
        return None
    ours = [metrics.confusion_matrix for metrics in runs.finished]
    reported = [run.confusion_matrix for run in paper_reported.REPORTED_RUNS]
    return confusion_pattern.permutation_test(ours, reported, runs.rules.classes.alpha)
