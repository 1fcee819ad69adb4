"""Sequential tests: what the decision file's rules make of runs, look by look. Pure.

All runs are `harness.analysis.looks.FigureBySeed`. What the first look that settles a question says
stands, whatever later looks say. The answers depend on which runs there are, and not on the order
in which they came: p values only fall as looks are added, and with them Holm's rejections only
grow. `harness.analysis.simulation` measures the error rates of these very functions.
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
    """Of the accuracy claim: where the difference from the reported mean lies."""

    REPRODUCED = "REPRODUCED"
    EXCEEDED = "EXCEEDED"
    NOT_REACHED = "NOT REACHED"
    UNDECIDED = "UNDECIDED"


class Effect(StrEnum):
    """Of a contrast: HELPS if the variant is more accurate than the one it is compared with, HURTS
    if less. That `no_augmentation` HURTS means that augmentation helps."""

    HELPS = "HELPS"
    HURTS = "HURTS"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class AccuracyJudgement:
    """The accuracy claim.

    Attributes:
        outcome: `Outcome`.
        look: number of the look that settled it, 0 if none has.
        latest: number of the latest usable look.
        difference: ours - reported at every look [..., looks], with the interval that decides
            there; NaN where the look is not usable.
    """

    outcome: Any
    look: Any
    latest: Any
    difference: Difference

    @property
    def interval(self) -> Interval:
        """Of the difference at the look that settled it, else at the latest usable one."""
        shown = np.where(self.look, self.look, self.latest)
        return looks.interval(self.difference, shown)


@dataclass(frozen=True)
class ContrastJudgement:
    """A family of contrasts, each on the last axis [..., family].

    Attributes:
        effect: `Effect`.
        look: number of the look up to which the data settled it, 0 if none has.
        latest: number of the latest look that is usable in both arms.
        difference: variant - the other at every look [..., family, looks], with the interval of
            that look; NaN where the look is not usable.
        q: sequential p value over all looks so far, 1 where there is none.
        p_holm: q after Holm over the family; a contrast is settled if it is below alpha.
    """

    effect: Any
    look: Any
    latest: Any
    difference: Difference
    q: Any
    p_holm: Any

    @property
    def interval(self) -> Interval:
        """Of the difference at the latest usable look; if it is clear of zero, the contrast is
        settled, and the reverse need not hold."""
        return looks.interval(self.difference, self.latest)


def judge_accuracy(runs: FigureBySeed, reported: ArrayLike, rules: Decision) -> AccuracyJudgement:
    """Compare our mean with the reported one, at every look.

    Args:
        runs: accuracies of the variant that the paper is read as.
        reported: accuracies of the reported runs [..., R].
        rules: the decision file.
    """
    margin = rules.accuracy.margin
    difference = looks.at_looks(
        runs.rules.seeds,
        runs.usable,
        lambda n, k: stats.difference_from_reported(
            runs.values[..., :n], reported, 1 - 2 * rules.accuracy.levels[k]
        ),
    )
    inside = stats.within_margin(difference, margin)
    above, below = difference.low > margin, difference.high < -margin
    look = looks.first(inside | above | below)
    outcome = looks.choose(
        {
            Outcome.REPRODUCED: looks.at(inside, look) == 1,
            Outcome.EXCEEDED: looks.at(above, look) == 1,
            Outcome.NOT_REACHED: looks.at(below, look) == 1,
        },
        Outcome.UNDECIDED,
    )
    return AccuracyJudgement(outcome, look, runs.latest, difference)


def judge_contrasts(
    variants: FigureBySeed, against: FigureBySeed, rules: Decision
) -> ContrastJudgement:
    """Compare each variant of a family with one other, at every look that both have.

    Where q at the look that settles a contrast is that of an earlier look (Holm's other
    rejections have made room for it), the sign is that of this earlier look.

    Args:
        variants: accuracies of the whole family [..., family, seeds], including those without runs.
        against: accuracies of the other [..., seeds].
        rules: the decision file.
    """
    weights = np.array(rules.looks.weights)
    family = variants.values.shape[-2]
    usable = variants.usable & against.usable[..., None, :]
    difference = looks.at_looks(
        variants.rules.seeds,
        usable,
        lambda n, k: stats.welch(
            variants.values[..., :n],
            against.values[..., None, :n],
            1 - rules.contrasts.alpha * weights[k] / family,
        ),
    )
    weighted = np.where(np.isnan(difference.p), np.inf, difference.p) / weights
    q = np.minimum(np.minimum.accumulate(weighted, -1), 1)
    p_holm = stats.holm(q.swapaxes(-1, -2)).swapaxes(-1, -2)
    look = looks.first(p_holm < rules.contrasts.alpha)
    # The look whose p value is q when the contrast is settled: its sign is what was tested.
    up_to = np.arange(len(weights)) < np.asarray(look)[..., None]
    sign = looks.at(difference.value, np.where(up_to, weighted, np.inf).argmin(-1) + 1)
    effect = looks.choose(
        {Effect.HELPS: (look > 0) & (sign > 0), Effect.HURTS: (look > 0) & (sign < 0)},
        Effect.UNDECIDED,
    )
    return ContrastJudgement(
        effect, look, looks.last(usable), difference, q[..., -1][()], p_holm[..., -1][()]
    )


def judge_classes(
    recall: FigureBySeed, reported: ArrayLike, rules: Decision
) -> tuple[Difference, Array]:
    """Compare the recall of every class with the reported mean; tested at the last look alone.

    Args:
        recall: [..., classes, seeds].
        reported: of the reported runs [classes, R].
        rules: the decision file.

    Returns:
        Ours - reported at every look [..., classes, looks], exploratory and without p before the
        last, and p at the last after Holm over the classes [..., classes], NaN before.
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
