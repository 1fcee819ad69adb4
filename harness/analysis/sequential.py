"""Group-sequential tests by the rules of the decision file. Pure.

The first look that settles a question is final, whatever later looks give. Results depend on
which runs there are, not on the order in which they were made: sequential p values only fall as
looks are added, so Holm's rejections only grow. `harness.analysis.simulation` measures the error
rates of these functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.analysis import looks, stats
from harness.analysis.looks import FigureBySeed
from harness.analysis.stats import Difference, Interval
from harness.protocol.decision import Decision

Array = NDArray[Any]


class Outcome(StrEnum):
    """Outcome of the accuracy claim: the difference from the reported mean against the margin."""

    REPRODUCED = "REPRODUCED"
    EXCEEDED = "EXCEEDED"
    NOT_REACHED = "NOT REACHED"
    UNDECIDED = "UNDECIDED"


class Effect(StrEnum):
    """Outcome of a contrast: HELPS if the variant is more accurate than the one it is compared
    with, HURTS if it is less accurate. `no_augmentation` HURTS means that augmentation helps."""

    HELPS = "HELPS"
    HURTS = "HURTS"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class AccuracyJudgement:
    """Test results for the accuracy claim.

    Attributes:
        outcome: `Outcome` [...].
        settled_look: number of the look that settled it [...], 0 if none has.
        latest_look: number of the latest usable look [...].
        difference: ours - reported at every look [..., looks], with the interval that decides
            there; NaN where the look is not usable.
        levels: of that interval at every look [looks].
    """

    outcome: Any
    settled_look: Any
    latest_look: Any
    difference: Difference
    levels: Array

    @property
    def look(self) -> Any:
        """Number of the look whose figures are shown [...]: of the one that settled it, else of the
        latest usable."""
        return np.where(self.settled_look, self.settled_look, self.latest_look)[()]

    @property
    def interval(self) -> Interval:
        """Interval of the difference at that look."""
        return looks.interval(self.difference, self.look)


@dataclass(frozen=True)
class ContrastJudgement:
    """Test results for a family of contrasts.

    Attributes:
        effect: `Effect` [..., family].
        settled_look: number of the look whose data settled it [..., family], 0 if none has.
        latest_look: number of the latest look that is usable in both variants [..., family].
        difference: variant - baseline at every look [..., family, looks], with the interval of
            that look; NaN where the look is not usable.
        levels: of that interval at every look [looks].
        q: sequential p value over all looks so far [..., family], 1 before the first.
        p_holm: q after Holm over the family; a contrast is settled if it is below alpha.
    """

    effect: Any
    settled_look: Any
    latest_look: Any
    difference: Difference
    levels: Array
    q: Any
    p_holm: Any

    @property
    def interval(self) -> Interval:
        """Interval of the difference at the latest usable look. If it excludes zero, the contrast
        is settled; the converse need not hold."""
        return looks.interval(self.difference, self.latest_look)


def judge_accuracy(
    runs: FigureBySeed, reported: ArrayLike, rules: Decision, reported_sd: float | None = None
) -> AccuracyJudgement:
    """Compare our mean with the reported one, at every look.

    Args:
        runs: accuracies of the variant that the accuracy claim is about; fractions.
        reported: accuracies of the reported runs [..., R]; fractions.
        rules: the decision file.
        reported_sd: what if this were their standard deviation, a fraction; None to judge by the
            rules, which take it to be that of ours.
    """
    margin = rules.accuracy.margin
    levels = 1 - 2 * np.array(rules.accuracy.levels)
    difference = looks.at_looks(
        runs.rules.seeds,
        runs.usable,
        lambda n, k: stats.difference_from_reported(
            runs.values[..., :n], reported, levels[k], reported_sd
        ),
    )
    inside = stats.within_margin(difference, margin)
    above, below = difference.low > margin, difference.high < -margin
    settled_look = looks.first(inside | above | below)
    outcome = looks.choose(
        {
            Outcome.REPRODUCED: looks.at(inside, settled_look) == 1,
            Outcome.EXCEEDED: looks.at(above, settled_look) == 1,
            Outcome.NOT_REACHED: looks.at(below, settled_look) == 1,
        },
        Outcome.UNDECIDED,
    )
    return AccuracyJudgement(outcome, settled_look, runs.latest, difference, levels)


def contrast_levels(rules: Decision, family: int) -> Array:
    """Levels of the intervals at every look [looks]; Bonferroni over a family of that size."""
    return 1 - rules.contrasts.alpha * np.array(rules.looks.weights) / family


def judge_contrasts(
    variants: FigureBySeed, against: FigureBySeed, rules: Decision
) -> ContrastJudgement:
    """Compare each variant of a family with a baseline, at every look that both have.

    A contrast may be settled by the p value of an earlier look, once Holm has rejected others of
    the family. Its sign is then that of the earlier look.

    Args:
        variants: accuracies of the whole family [..., family, seeds], including those without runs.
        against: accuracies of the baseline [..., seeds].
        rules: the decision file.
    """
    weights = np.array(rules.looks.weights)
    levels = contrast_levels(rules, variants.values.shape[-2])
    usable = variants.usable & against.usable[..., None, :]
    difference = looks.at_looks(
        variants.rules.seeds,
        usable,
        lambda n, k: stats.welch(
            variants.values[..., :n], against.values[..., None, :n], levels[k]
        ),
    )
    weighted = np.where(np.isnan(difference.p), np.inf, difference.p) / weights
    q = np.minimum(np.minimum.accumulate(weighted, -1), 1)
    p_holm = stats.holm(q.swapaxes(-1, -2)).swapaxes(-1, -2)
    settled_look = looks.first(p_holm < rules.contrasts.alpha)
    # The look whose p value is q when the contrast is settled: its sign is what was tested.
    up_to = np.arange(len(weights)) < np.asarray(settled_look)[..., None]
    sign = looks.at(difference.value, np.where(up_to, weighted, np.inf).argmin(-1) + 1)
    effect = looks.choose(
        {
            Effect.HELPS: (settled_look > 0) & (sign > 0),
            Effect.HURTS: (settled_look > 0) & (sign < 0),
        },
        Effect.UNDECIDED,
    )
    latest_look = looks.last(usable)
    q_so_far, p_so_far = q[..., -1][()], p_holm[..., -1][()]
    return ContrastJudgement(
        effect, settled_look, latest_look, difference, levels, q_so_far, p_so_far
    )


def judge_classes(
    recall: FigureBySeed, reported: ArrayLike, rules: Decision
) -> tuple[Difference, Array]:
    """Compare the recall of every class with the reported mean; only the last look has a test.

    Args:
        recall: [..., classes, seeds].
        reported: recall in the reported runs [classes, R].
        rules: the decision file.

    Returns:
        Ours - reported at every look [..., classes, looks], whose p is NaN before the last look,
        and p at the last look after Holm over the classes [..., classes], NaN before that look.
    """
    difference = looks.at_looks(
        recall.rules.seeds,
        recall.usable,
        lambda n, _: stats.difference_from_reported(
            recall.values[..., :n], reported, rules.description.level
        ),
    )
    p = difference.p.copy()
    p[..., :-1] = np.nan
    return difference._replace(p=p), stats.holm(p[..., -1], family=p.shape[-2])
