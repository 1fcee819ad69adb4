"""Judge claims that figures are below a limit or in a range, look by look. Pure.

As in `harness.analysis.sequential`, the first look that settles a claim is final.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis import looks, stats
from harness.analysis.looks import FigureBySeed
from harness.analysis.stats import Interval
from harness.protocol.decision import Decision

Array = NDArray[Any]


class ClaimStatus(StrEnum):
    """Status of a claim of the paper."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True)
class ClaimJudgement:
    """Status of a claim on figures of the runs of one variant.

    Attributes:
        status: `ClaimStatus` [...].
        settled_look: number of the look that settled it [...], 0 if none has.
        latest_look: number of the latest look that is usable for all figures [...].
        mean: interval of the mean of each figure at every look [..., figures, looks].
    """

    status: Any
    settled_look: Any
    latest_look: Any
    mean: Interval

    @property
    def look(self) -> Any:
        """Number of the look whose figures are shown [...]: of the one that settled it, else of the
        latest usable."""
        return np.where(self.settled_look, self.settled_look, self.latest_look)[()]

    @property
    def interval(self) -> Interval:
        """Interval of each figure's mean at that look."""
        return looks.interval(self.mean, np.asarray(self.look)[..., None])


def judge_limits(
    runs: FigureBySeed, confirms: float, refutes: float, rules: Decision
) -> ClaimJudgement:
    """Judge a claim that figures are small.

    Confirmed if the interval of every mean ends at or below `confirms`, refuted if that of one
    begins at or above `refutes`; Bonferroni over the figures.

    Args:
        runs: [..., figures, seeds]; [seeds] is one figure.
        confirms, refutes: the thresholds, in the unit of the figures.
        rules: the decision file.
    """
    mean, usable = _means(runs, rules)
    return _claim(mean, usable, mean.high <= confirms, mean.low >= refutes)


def judge_range(runs: FigureBySeed, low: float, high: float, rules: Decision) -> ClaimJudgement:
    """Judge a claim that figures are in a range.

    Confirmed if the interval of every mean is in the range, refuted if that of one is entirely
    outside; Bonferroni over the figures.

    Args:
        runs: [..., figures, seeds].
        low, high: the closed range, in the unit of the figures.
        rules: the decision file.
    """
    mean, usable = _means(runs, rules)
    inside = (mean.low >= low) & (mean.high <= high)
    outside = (mean.high < low) | (mean.low > high)
    return _claim(mean, usable, inside, outside)


def _means(runs: FigureBySeed, rules: Decision) -> tuple[Interval, Array]:
    """Intervals of the means at every look, Bonferroni over the figures, and whether each look is
    usable; both [..., figures, looks]."""
    values = np.atleast_2d(runs.values)
    alpha = rules.ranges.alpha / values.shape[-2]
    usable = np.broadcast_to(runs.usable, (*values.shape[:-1], len(runs.rules.seeds)))
    mean = looks.at_looks(
        runs.rules.seeds,
        usable,
        lambda n, k: stats.mean_interval(values[..., :n], 1 - alpha * runs.rules.weights[k]),
    )
    return mean, usable


def _claim(mean: Interval, usable: Array, confirms: Array, refutes: Array) -> ClaimJudgement:
    """Combine the conditions of all figures at all looks [..., figures, looks]."""
    confirmed, refuted = np.asarray(confirms.all(-2)), np.asarray(refutes.any(-2))
    settled_look = looks.first(confirmed | refuted)
    status = looks.choose(
        {
            ClaimStatus.CONFIRMED: looks.at(confirmed, settled_look) == 1,
            ClaimStatus.REFUTED: looks.at(refuted, settled_look) == 1,
        },
        ClaimStatus.OPEN,
    )
    return ClaimJudgement(status, settled_look, looks.last(np.asarray(usable.all(-2))), mean)
