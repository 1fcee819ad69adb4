"""Compare accuracy, recall of the classes and confusion pattern with the paper's. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.analysis import confusion_pattern, looks, sequential, stats
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Outcome
from harness.analysis.stats import Interval
from harness.paper import reported as paper_reported
from harness.protocol import datasets
from harness.protocol.decision import Decision


@dataclass(frozen=True)
class WhatIf:
    """The accuracy claim judged as if the standard deviation of the paper's runs were known.

    Attributes:
        sd: that of the paper's two runs, a fraction.
        outcome: of the accuracy claim then.
        look: number of the look that the interval is of.
        low, high: interval of the difference.
    """

    sd: float
    outcome: Outcome
    look: int
    low: float
    high: float


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
        what_if: the judgement if the paper's runs vary as its two do; None where ours vary as much,
            and without an outcome or a look.
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
    what_if: WhatIf | None
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
    ends, level = judgement.interval, float(looks.at(judgement.levels, look))
    predicted = (math.nan, math.nan)
    if look:
        further = stats.prediction_interval(latest.accuracies, len(reported), described)
        predicted = (float(further.low), float(further.high))
    if look and not decides:
        difference = stats.difference_from_reported(ours, reported, described)
        ends, level = Interval(difference.low, difference.high), described
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
        difference=runs.mean - paper_reported.mean_accuracy(),
        low=float(ends.low),
        high=float(ends.high),
        level=level,
        what_if=_what_if(latest, runs.deviation, rules) if decides and look else None,
        predicted=predicted,
        sampling=math.sqrt(runs.mean * (1 - runs.mean) / test_size),
    )


def _what_if(runs: VariantRuns, deviation: float, rules: Decision) -> WhatIf | None:
    """Judge the accuracy as if the paper's runs varied as its two do, if ours vary less.

    Args:
        runs: of the variant that the accuracy claim is about.
        deviation: of those that it was judged by.
        rules: the decision file.
    """
    reported = paper_reported.reported_accuracies()
    sd = paper_reported.accuracy_deviation()
    if not deviation < sd:
        return None
    judgement = sequential.judge_accuracy(runs.accuracy_runs, reported, rules, sd)
    low, high = map(float, judgement.interval)
    return WhatIf(sd, judgement.outcome, int(judgement.look), low, high)


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
