"""Compare single runs with prediction intervals from reference runs. Pure.

For each figure of a run, Student's interval for one further run, mean +- t * s * sqrt(1 + 1/n) from
n reference runs (Hahn 1970); Bonferroni over the figures that are compared for the run. A sound run
is then called incompatible with a probability of at most 1 - LEVEL. What is compatible need not be
correct: a shift smaller than the intervals is not seen.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from harness.analysis import stats
from harness.analysis.compatibility import reference as compatibility_reference
from harness.analysis.compatibility.reference import ReferenceRuns, RunFigures
from harness.analysis.stats import Interval
from harness.runs.record import RunRecord

# Probability that all figures of a sound run are in their intervals, at least.
LEVEL = 0.95

# As at the first look of the decision file: an interval from fewer runs is too wide to find much.
MIN_REFERENCE = 5

# Power for the smallest shift that is found.
POWER = 0.8


class Outcome(StrEnum):
    """How a run compares with the reference runs."""

    COMPATIBLE = "compatible"
    NOT_COMPATIBLE = "NOT COMPATIBLE"
    NOT_COMPARED = "not compared"
    IS_REFERENCE = "is a reference run"


@dataclass(frozen=True)
class Outlier:
    """A figure outside its interval; losses in nats, others fractions."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Compatibility:
    """A finished run compared with the reference runs of its setting.

    Attributes:
        outcome: of the comparison.
        n_reference: number of reference runs of its setting.
        compared: names of the figures that were compared.
        left_out: those that were not: missing, or equal in all reference runs.
        outside: the figures outside their intervals.
        smallest_shift: shift of the accuracy, a fraction, that is found with probability `POWER`;
            NaN if accuracy was not compared.
    """

    outcome: Outcome
    n_reference: int
    compared: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    outside: tuple[Outlier, ...] = ()
    smallest_shift: float = math.nan


def intervals(reference: ArrayLike, steps: ArrayLike) -> Interval:
    """Intervals of the figures of one further run [..., figures].

    Student's interval is too narrow for counts of a few images, such as the errors of a class that
    is nearly always recognized. So a count is assumed to have a standard deviation of at least half
    an image, and its interval has one image more at both ends. With this, errors that are rare and
    independent (Poisson) are in their interval as often as they should.

    Args:
        reference: figures of the reference runs [..., figures, n].
        steps: difference that one image makes in each figure [figures], 0 for losses.
    """
    runs, step = np.asarray(reference, float), np.asarray(steps, float)
    low, high = stats.prediction_interval(runs, runs.shape[-2], LEVEL, step / 2)
    return Interval(low - step, high + step)


def smallest_shift(runs: ArrayLike, step: float, figures: int) -> float:
    """Shift of one figure of one run that is found with probability `POWER`.

    Args:
        runs: the figure in the reference runs [n]; their deviation is taken as the true one.
        step: difference that one image makes in it.
        figures: number of figures that are compared.
    """
    values = np.asarray(runs, float)
    deviation = max(float(values.std(ddof=1)), step / 2)
    return step + deviation * _shift_in_deviations(len(values), figures)


@functools.cache
def _shift_in_deviations(n: int, figures: int) -> float:
    error = math.sqrt(1 + 1 / n)
    return stats.min_detectable(error, n - 1, (1 - LEVEL) / figures, POWER)


def _expected(
    runs: Sequence[RunFigures], steps: Mapping[str, float]
) -> tuple[Compatibility, Interval]:
    """What the reference runs of one setting let expect of another run of it.

    Returns:
        The comparison of a run without outliers, and the intervals of the figures compared.
    """
    names, step = list(steps), np.array(list(steps.values()))
    values = np.array([[r.values.get(name, math.nan) for r in runs] for name in names])
    known = np.isfinite(values).all(-1) & np.isfinite(step)
    usable = known & ((step > 0) | (np.ptp(values, -1) > 0))
    compared = tuple(name for name, is_used in zip(names, usable, strict=True) if is_used)
    step, values = step[usable], values[usable]
    shift = math.nan
    if "accuracy" in compared:
        at = compared.index("accuracy")
        shift = smallest_shift(values[at], step[at], len(compared))
    left_out = tuple(name for name in names if name not in compared)
    ends = intervals(values, step) if compared else Interval(step, step)
    outcome = Outcome.COMPATIBLE if compared else Outcome.NOT_COMPARED
    return Compatibility(outcome, len(runs), compared, left_out, (), shift), ends


def compare_runs(
    records: Iterable[RunRecord], reference: ReferenceRuns
) -> list[Compatibility | None]:
    """Compare runs with the reference runs of their settings.

    Device and versions of a run may be others: bits cannot agree then, figures must. A run that is
    among the reference runs is not compared: it is compatible with itself by construction. One with
    the seed of a reference run and other weights is: if the two are alike, the intervals are only
    too wide.

    Returns:
        One for each record, None for a failed run or damaged settings.
    """
    compare = Comparer(reference)

    def compare_record(record: RunRecord) -> Compatibility | None:
        run = compatibility_reference.figures_of(record)
        if run is None:
            return None
        return compare(run, compatibility_reference.smallest_steps(record))

    return [compare_record(record) for record in records]


class Comparer:
    """Compares runs with reference runs; what those let expect is computed once for each setting.

    Args:
        reference: the reference runs.
    """

    def __init__(self, reference: ReferenceRuns) -> None:
        self._reference = reference
        self._expected: dict[str, tuple[Compatibility, Interval]] = {}

    def __call__(self, run: RunFigures, steps: Mapping[str, float]) -> Compatibility:
        """Compare a run.

        Args:
            run: its figures.
            steps: difference that one image makes in each figure.
        """
        runs = self._reference.same_setting(run)
        if self._reference.contains(run):
            return Compatibility(Outcome.IS_REFERENCE, len(runs))
        if len(runs) < MIN_REFERENCE:
            return Compatibility(Outcome.NOT_COMPARED, len(runs))
        if run.setting not in self._expected:
            self._expected[run.setting] = _expected(runs, steps)
        return _compare(run, *self._expected[run.setting])


def _compare(run: RunFigures, expected: Compatibility, ends: Interval) -> Compatibility:
    outside = tuple(
        Outlier(name, run.values[name], float(low), float(high))
        for name, low, high in zip(expected.compared, *ends, strict=True)
        if not low <= run.values[name] <= high
    )
    if not outside:
        return expected
    return dataclasses.replace(expected, outcome=Outcome.NOT_COMPATIBLE, outside=outside)
