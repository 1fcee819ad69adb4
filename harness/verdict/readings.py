"""Judge whether readings of the paper's unstated settings fit what it reports. Pure.

The rule is in `[readings]` of the decision file. It is descriptive: means over runs and limits,
without tests or intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.analysis import learning_curves
from harness.analysis.groups import RunGroup, VariantRuns
from harness.paper import reported
from harness.protocol.datasets import CLASSES
from harness.verdict.eligibility import Obstacle
from harness.verdict.verdict import GroupVerdict

FAMILY = "readings"

CRITERIA = ("accuracy", "curves", "gap", "recall")

# What keeps a group from a verdict and not from this: readings are judged at each number of epochs
# and on each type of device, by themselves.
_NO_OBSTACLES = (None, Obstacle.OTHER_BUDGET, Obstacle.PROVISIONAL, Obstacle.OTHER_DEVICE)

# Figures are ratios of counts: the rounding of floats must not decide at a limit.
_ROUNDING = 1e-9


class Fit(StrEnum):
    """Whether a reading fits the paper."""

    FITS = "fits"
    DOES_NOT_FIT = "does not fit"
    CANNOT_BE_JUDGED = "cannot be judged"


@dataclass(frozen=True)
class ReadingResult:
    """One reading, or `paper`, at one number of epochs; means over the finished runs that count.

    Attributes:
        variant, epochs, device_type: of the runs.
        n, failed: finished and failed runs.
        accuracy: fraction.
        wrong_way: fraction of the steps of each curve that go the wrong way, by field of the
            history; NaN if a run did not record the curve in every epoch.
        gap: see `harness.analysis.learning_curves.generalization_gap`; a fraction.
        recall_distance: Euclidean distance of the recall of the classes from the mean of the
            paper's two runs; a fraction.
        criteria: the fit by each of `CRITERIA`.
    """

    variant: str
    epochs: int
    device_type: str
    n: int
    failed: int
    accuracy: float
    wrong_way: Mapping[str, float]
    gap: float
    recall_distance: float
    criteria: Mapping[str, Fit]

    @property
    def fit(self) -> Fit:
        """Fits if every criterion does, and does not fit if one does not."""
        fits = set(self.criteria.values())
        if Fit.DOES_NOT_FIT in fits:
            return Fit.DOES_NOT_FIT
        return Fit.FITS if fits == {Fit.FITS} else Fit.CANNOT_BE_JUDGED


def judge(group_verdicts: Sequence[GroupVerdict]) -> tuple[ReadingResult, ...]:
    """Judge the readings, and `paper` beside them, at each number of epochs.

    Args:
        group_verdicts: on all groups of records.

    Returns:
        By type of device, number of epochs and variant; empty if no reading can be judged.
    """
    judged = [
        (g.rules.accuracy.variant, result) for g in group_verdicts for result in judge_group(g)
    ]
    if all(result.variant == paper for paper, result in judged):
        return ()
    results = (result for _, result in judged)
    # The sort is stable: variants stay in the order of the group.
    return tuple(sorted(results, key=lambda result: (result.device_type, result.epochs)))


def judge_group(group_verdict: GroupVerdict) -> tuple[ReadingResult, ...]:
    """Judge the readings of one group, and `paper`.

    Returns:
        In the order of the tables; empty if the runs are not on CIFAR-10's official test images,
        under the protocol and this decision file.
    """
    if group_verdict.eligibility.obstacle not in _NO_OBSTACLES:
        return ()
    group = group_verdict.group
    names = {record.variant for record in group.records if record.family == FAMILY}
    return tuple(
        _judge_runs(runs, group)
        for name, runs in group_verdict.runs.items()
        if name in {*names, group_verdict.rules.accuracy.variant}
    )


def _judge_runs(runs: VariantRuns, group: RunGroup) -> ReadingResult:
    histories = [record.history for record in runs.counted if not record.failed]
    shares = [learning_curves.fractions_against_trend(history) for history in histories]
    curves = _mean(np.reshape(shares, (-1, len(learning_curves.RISING)))).tolist()
    gap = float(_mean([learning_curves.generalization_gap(m) for m in runs.finished]))
    recall = _mean(runs.per_class("recall", CLASSES).T)
    distance = float(np.linalg.norm(recall - reported.reported_recalls().mean(1)))
    rules = runs.rules
    fits = (
        _at_most(rules.readings.accuracy, abs(runs.mean - reported.mean_accuracy())),
        _at_most(rules.ranges.wrong_way_confirms, curves),
        _at_most(rules.ranges.gap_confirms, gap),
        _at_most(rules.readings.recall_distance * reported.recall_distance(), distance),
    )
    criteria = dict(zip(CRITERIA, fits, strict=True))
    if runs.too_many_failed:
        # The runs that are left are a selection: they can show that a reading does not fit alone.
        criteria = {
            name: Fit.CANNOT_BE_JUDGED if fit is Fit.FITS else fit for name, fit in criteria.items()
        }
    return ReadingResult(
        variant=runs.name,
        epochs=group.protocol.epochs,
        device_type=group.device_type,
        n=runs.n_finished,
        failed=runs.n_failed,
        accuracy=runs.mean,
        wrong_way=dict(zip(learning_curves.RISING, curves, strict=True)),
        gap=gap,
        recall_distance=distance,
        criteria=criteria,
    )


def _mean(runs: ArrayLike) -> NDArray[np.float64]:
    """Mean over runs [runs, ...], NaN without a run."""
    values = np.asarray(runs, float)
    return values.mean(0) if len(values) else np.full(values.shape[1:], np.nan)


def _at_most(limit: float, figures: ArrayLike) -> Fit:
    """Whether every figure is at most a limit; with a missing one (NaN) it cannot be judged."""
    values = np.asarray(figures, float)
    if (values > limit + _ROUNDING).any():
        return Fit.DOES_NOT_FIT
    return Fit.CANNOT_BE_JUDGED if np.isnan(values).any() else Fit.FITS
