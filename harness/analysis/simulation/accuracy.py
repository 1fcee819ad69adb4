"""Errors and power of the accuracy claim's tests."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.analysis import sequential
from harness.analysis.sequential import Outcome
from harness.analysis.simulation.worlds import (
    DEVIATIONS,
    MAX_ERROR_RATE,
    N_REPORTED,
    Kind,
    Rate,
    complete,
    draw,
)
from harness.paper import reported as paper_reported
from harness.protocol.decision import Decision

# How much more the paper's runs may vary than ours, where the rule's assumption does not hold.
RATIOS = (1.5, 3.0)


def errors(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Errors in the accuracy claim if the truth is at the edge of the margin."""
    margin = 100 * rules.accuracy.margin
    outcomes = (Outcome.REPRODUCED, Outcome.EXCEEDED, Outcome.NOT_REACHED)  # each is an error
    for sd, failing in [*((sd, False) for sd in sorted(DEVIATIONS)), (DEVIATIONS[0], True)]:
        failures = ", one run failed" if failing else ""
        for edge in (margin, -margin):
            reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
            runs = draw(source, (worlds,), sd, rules) + edge / 100
            if failing:
                runs[np.arange(worlds), source.integers(0, runs.shape[1], worlds)] = np.nan
            judgement = sequential.judge_accuracy(complete(runs, rules), reported, rules)
            for outcome in outcomes:
                yield Rate(
                    f"Accuracy, d = {edge:+g}, SD {sd:.2f}{failures}: {outcome}",
                    float((judgement.outcome == outcome).mean()),
                    high=MAX_ERROR_RATE,
                    kind=Kind.WRONG_OUTCOME,
                )


def unequal_deviations(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """Errors in the accuracy claim if the paper's runs vary more than ours, which it assumes not.

    They have the standard deviation of the two reported ones, and ours a fraction of it.
    """
    theirs = 100 * paper_reported.accuracy_deviation()
    for ratio in RATIOS:
        edge = 100 * rules.accuracy.margin
        runs = draw(source, (worlds,), theirs / ratio, rules) + edge / 100
        accuracies = source.normal(0, theirs, (worlds, N_REPORTED)) / 100
        judgement = sequential.judge_accuracy(complete(runs, rules), accuracies, rules)
        for outcome in (Outcome.REPRODUCED, Outcome.EXCEEDED):
            yield Rate(
                f"Accuracy, the paper's SD {theirs:.2f}, {ratio:g} times ours, d = {edge:+g}: "
                f"{outcome}",
                float((judgement.outcome == outcome).mean()),
                kind=Kind.UNEQUAL,
            )


def power(source: np.random.Generator, worlds: int, rules: Decision) -> Iterator[Rate]:
    """How often equal accuracies are found so, and how many seeds that takes."""
    seeds = np.array([rules.looks.seeds[-1], *rules.looks.seeds])
    for sd in sorted(DEVIATIONS):
        reported = source.normal(0, sd, (worlds, N_REPORTED)) / 100
        judgement = sequential.judge_accuracy(
            complete(draw(source, (worlds,), sd, rules), rules), reported, rules
        )
        case = f"Accuracy, d = 0, SD {sd:.2f}"
        reproduced = float((judgement.outcome == Outcome.REPRODUCED).mean())
        expected = math.isclose(sd, 100 * rules.description.expected_sd)
        yield Rate(f"{case}: REPRODUCED", reproduced, low=0.94 if expected else None)
        yield Rate(
            f"{case}: seeds until settled",
            float(seeds[judgement.settled_look].mean()),
            unit="seeds",
        )
