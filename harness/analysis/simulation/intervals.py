"""Errors in the claims on ranges, curves and the gap, and coverage of all intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.analysis import ranges, sequential, stats
from harness.analysis.ranges import ClaimJudgement, ClaimStatus
from harness.analysis.simulation.contrasts import family_runs, judge
from harness.analysis.simulation.worlds import DEVIATIONS, N_REPORTED, WORLDS, Rate, complete, draw
from harness.protocol.decision import Decision


def claim_errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Errors in claims on limits and ranges if the truth is at a threshold."""
    limits, sd = rules.ranges, DEVIATIONS[0]

    def rate(case: str, judgement: ClaimJudgement, status: ClaimStatus) -> Rate:
        wrong = float((judgement.status == status).mean())
        return Rate(f"{case}: {status}", wrong, high=0.028)  # one side of 5 %

    confirms, refutes = limits.gap_confirms, limits.gap_refutes
    noise = draw(source, (worlds, 1), sd, rules)
    for gap, status in ((confirms, ClaimStatus.CONFIRMED), (refutes, ClaimStatus.REFUTED)):
        runs = complete(noise + gap, rules)
        judgement = ranges.judge_limits(runs, confirms, refutes, rules)
        yield rate(f"Gap of {100 * gap:g} points, SD {sd:.2f}", judgement, status)
    # Independent curves are the worst case; real ones are correlated.
    threshold, spread = limits.wrong_way_refutes, 5 * sd
    runs = complete(draw(source, (worlds, 4), spread, rules) + threshold, rules)
    judgement = ranges.judge_limits(runs, limits.wrong_way_confirms, threshold, rules)
    case = f"Four independent curves at {100 * threshold:g} % of the steps"
    yield rate(case, judgement, ClaimStatus.REFUTED)
    # Recall of one class varies over seeds five times as much as accuracy.
    noise = draw(source, (worlds, 10), 5 * sd, rules)
    for means, which, status in (
        ([0.6, *[0.7] * 9], "one class at", ClaimStatus.CONFIRMED),
        ([0.6] * 10, "all classes at", ClaimStatus.REFUTED),
    ):
        runs = complete(noise + np.array(means)[:, None], rules)
        judgement = ranges.judge_range(runs, 0.6, 0.8, rules)
        case = f"Range of 10 classes, {which} its end, SD {5 * sd:.2f}"
        yield rate(case, judgement, status)


def coverage(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Coverage of the intervals that tables and reports show."""
    sd, family = DEVIATIONS[0], len(rules.contrasts.variants)
    values = family_runs(source, worlds, [0.0] * family, rules)
    reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
    ours = complete(values[:, 0], rules)
    accuracy = sequential.judge_accuracy(ours, reported, rules).difference
    contrast = judge(values, np.ones(values.shape, bool), rules).difference
    mean = ranges.judge_limits(complete(values[:, :1], rules), 0, 1, rules).mean
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
