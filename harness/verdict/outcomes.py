"""Compare accuracy, recall of the classes and confusion pattern with the paper's. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.analysis import confusion_pattern, looks, sequential, stats
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Outcome
from harness.analysis.stats import Interval
from harness.paper import reported as paper_reported
from harness.protocol import datasets

_NONE = Interval(np.array(math.nan), np.array(math.nan))


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
        reported_sd: standard deviation of the paper's runs.
        wider: the interval if that is how the paper's runs vary, and not as ours do; NaN where ours
            vary as much.
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
    reported_sd: float
    wider: tuple[float, float]
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
    look = int(judgement.look) if decides else runs.look
    latest, runs = runs, runs.at_look(look)
    ours, described = runs.accuracies, rules.description.level
    ends, level, predicted = judgement.interval, float(looks.at(judgement.levels, look)), _NONE
    if look:
        predicted = stats.prediction_interval(latest.accuracies, len(reported), described)
    if look and not decides:
        difference = stats.difference_from_reported(ours, reported, described)
        ends, level = Interval(difference.low, difference.high), described
    reported_sd, wider = float(np.std(reported, ddof=1)), _NONE
    if look and runs.deviation < reported_sd:
        assumed = stats.difference_from_reported(ours, reported, level, reported_sd)
        wider = Interval(assumed.low, assumed.high)
    return AccuracyResult(
        outcome=judgement.outcome if decides else None,
        settled=decides and bool(judgement.settled_look),
        look=look,
        n=runs.n_finished,
        failed=runs.n_failed,
        runs=() if look else tuple(map(float, ours)),
        mean=runs.mean,
        sd=runs.deviation,
        reported=tuple(map(float, reported)),
        difference=runs.mean - float(reported.mean()),
        low=float(ends.low),
        high=float(ends.high),
        level=level,
        reported_sd=reported_sd,
        wider=(float(wider.low), float(wider.high)),
        predicted=(float(predicted.low), float(predicted.high)),
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
