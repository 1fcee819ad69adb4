"""Cross-validations as their records tell them, and the interval of the mean over folds. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as distributions

from harness.analysis.stats import Interval, mean_interval
from harness.analysis.studies.search import index, is_in_study
from harness.runs.record import DatasetInfo, RunRecord


def corrected_interval(accuracies: ArrayLike, test_share: float, level: float) -> Interval:
    """Corrected resampled t interval of the mean accuracy over folds.

    The folds share most of their training images, so that their accuracies are correlated and
    Student's interval is too narrow. Nadeau and Bengio (2003) replace its variance of the mean,
    s^2 / k, by s^2 (1/k + n_test/n_train); Bouckaert and Frank (2004) apply that to
    cross-validation.

    Args:
        accuracies: of the folds [..., k], k >= 2, fractions.
        test_share: n_test/n_train: images evaluated on divided by images trained on.
        level: of the interval.
    """
    values = np.asarray(accuracies, float)
    folds = values.shape[-1]
    mean, variance = values.mean(-1), values.var(-1, ddof=1)
    quantile = distributions.t.ppf((1 + level) / 2, folds - 1)
    half = quantile * np.sqrt(variance * (1 / folds + test_share))
    return Interval(mean - half, mean + half)


class Estimate(NamedTuple):
    """Mean accuracy over the folds with its intervals; fractions.

    Attributes:
        mean: of the folds.
        corrected: corrected resampled t interval.
        plain: Student's interval, as if folds were independent.
    """

    mean: float
    corrected: tuple[float, float]
    plain: tuple[float, float]


@dataclass(frozen=True)
class CrossValidation:
    """The recorded folds of one cross-validation.

    Attributes:
        name: of the study.
        variant, seed: of every run.
        dataset: of the first recorded fold.
        epochs: of every run.
        folds: number of folds as planned.
        runs: the recorded folds, by number.
    """

    name: str
    variant: str
    seed: int
    dataset: DatasetInfo
    epochs: int
    folds: int
    runs: tuple[RunRecord, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every fold has finished."""
        return len(self.runs) == self.folds and all(run.metrics is not None for run in self.runs)

    def estimate(self, level: float) -> Estimate | None:
        """The mean accuracy with intervals; None before every fold has finished.

        A mean over some of the folds would leave out images, and those of failed runs at that.

        Args:
            level: of the intervals.
        """
        if not self.is_complete:
            return None
        accuracies = [run.metrics.accuracy for run in self.runs if run.metrics is not None]
        evaluated = sum(run.dataset.test_size for run in self.runs)
        trained = sum(run.dataset.train_size for run in self.runs)
        corrected = corrected_interval(accuracies, evaluated / trained, level)
        plain = mean_interval(accuracies, level)
        return Estimate(
            math.fsum(accuracies) / len(accuracies),
            (float(corrected.low), float(corrected.high)),
            (float(plain.low), float(plain.high)),
        )


def cross_validations(records: Iterable[RunRecord]) -> list[CrossValidation]:
    """Collect the cross-validations in records, by name.

    Folds of different data, protocols or training seeds are different cross-validations. Of
    several records of one fold the first counts.
    """
    by_study: dict[str, dict[int, RunRecord]] = defaultdict(dict)
    for record in records:
        protocol = record.protocol.to_dict()
        fold = protocol.pop("fold")
        if not is_in_study(record) or record.study is None or fold is None:
            continue
        data = record.dataset.fingerprint
        key = repr((record.study.name, record.variant, data, protocol, record.seed))
        by_study[key].setdefault(record.study.index, record)
    return [cross_validation_of(list(runs.values())) for _, runs in sorted(by_study.items())]


def cross_validation_of(runs: list[RunRecord]) -> CrossValidation:
    """The cross-validation of these runs of folds, at least one."""
    ordered = sorted(runs, key=index)
    first = ordered[0]
    assert first.study is not None and first.protocol.folds is not None
    return CrossValidation(
        name=first.study.name,
        variant=first.variant,
        seed=first.seed,
        dataset=first.dataset,
        epochs=first.protocol.epochs,
        folds=first.protocol.folds,
        runs=tuple(ordered),
    )
