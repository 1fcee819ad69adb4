"""Variants against one another: tests on their seeds. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis import stats
from harness.protocol.decision import Decision
from harness.runs.record import Metrics, RunRecord

_NAN = float("nan")


@dataclass(frozen=True)
class Arm:
    """The runs of one variant.

    Attributes:
        name: the variant's.
        finished: seed -> metrics, by seed.
        failed: number of runs without metrics.
    """

    name: str
    finished: dict[int, Metrics]
    failed: int

    @classmethod
    def of(cls, name: str, records: Iterable[RunRecord]) -> Arm:
        """The runs of a variant among records that have one for each variant and seed."""
        own = sorted((r for r in records if r.variant == name), key=lambda r: r.seed)
        finished = {r.seed: r.metrics for r in own if r.metrics is not None}
        return cls(name, finished, len(own) - len(finished))

    @property
    def n(self) -> int:
        """Finished runs."""
        return len(self.finished)

    @property
    def ran(self) -> int:
        """Runs, finished or failed."""
        return self.n + self.failed

    def interim(self, rules: Decision) -> str:
        """What of the plan has been run, in words; empty once all of it has.

        Before that nothing is settled: whoever looks after every run and stops when it pleases
        errs more often than the levels say (docs/statistics.md).
        """
        planned = len(rules.planned(self.name))
        told = f"interim, {self.ran} of {planned} planned seeds of {self.name}"
        return told * (self.ran < planned)

    def too_many_failed(self, rules: Decision) -> str:
        """How many runs failed, in words, where they are more than the decision file's share, so
        that the mean of those that finished says nothing; else empty.

        While planned seeds are to come, the share is not known yet.
        """
        if self.interim(rules) or self.failed <= rules.accuracy.most_failed * self.ran:
            return ""
        failed = f"{self.failed} of {self.ran} runs of {self.name} failed"
        return failed + ", so the rest cannot speak for all" * bool(self.n)

    def unsettled(self, rules: Decision) -> str:
        """Why these runs settle nothing, in words; empty where they may."""
        return self.interim(rules) or self.too_many_failed(rules)

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Of the finished runs [n], by seed; fractions."""
        return np.array([m.accuracy for m in self.finished.values()], float)

    @property
    def all_runs(self) -> NDArray[np.float64]:
        """Accuracies with -inf for each run that failed: it loses to all that finished."""
        return np.append(self.accuracies, np.full(self.failed, -np.inf))

    def figure(self, name: str, classes: Sequence[str]) -> NDArray[np.float64]:
        """Precision, recall or f1 of every class [classes, n]; fractions."""
        runs = self.finished.values()
        return np.array([[getattr(m.per_class[c], name) for m in runs] for c in classes], float)


@dataclass(frozen=True)
class Contrast:
    """One variant against another; fractions. NaN where there are too few seeds to say.

    Attributes:
        difference: of mean accuracies, with its interval in `low` and `high`.
        p, holm: Welch's, raw and corrected over the family.
        better: P(a random run of the variant beats one of the other); failed runs lose.
        detectable: the smallest true difference that these numbers of seeds show with the
            decision file's power after Holm's first step.
        correlation: of the two over the seeds that both have.
    """

    variant: str
    against: str
    difference: float
    low: float
    high: float
    p: float
    holm: float
    better: float
    detectable: float
    correlation: float


def contrast(arms: Sequence[Arm], base: Arm, decision: Decision, family: int = 0) -> list[Contrast]:
    """Each arm against `base`, in the order given.

    Args:
        family: number of contrasts planned; where fewer can be tested, Holm still counts it.
    """
    least = decision.seeds.least
    testable = [min(arm.n, base.n) >= least for arm in arms]
    family = max(family, sum(testable))
    welch = [
        stats.welch(arm.accuracies, base.accuracies, decision.tests.level) if able else None
        for arm, able in zip(arms, testable, strict=True)
    ]
    corrected = stats.holm([_NAN if w is None else float(w.p) for w in welch], family)
    return [
        _contrast(arm, base, w, float(p), decision, family)
        for arm, w, p in zip(arms, welch, corrected, strict=True)
    ]


def _contrast(
    arm: Arm,
    base: Arm,
    found: stats.Difference | None,
    holm: float,
    decision: Decision,
    family: int,
) -> Contrast:
    difference = float(arm.accuracies.mean() - base.accuracies.mean()) if arm.n and base.n else _NAN
    if found is None:
        return Contrast(arm.name, base.name, difference, *[_NAN] * 7)
    shared = [seed for seed in arm.finished if seed in base.finished]
    pairs = [[a.finished[s].accuracy for s in shared] for a in (arm, base)]
    return Contrast(
        variant=arm.name,
        against=base.name,
        difference=difference,
        low=float(found.low),
        high=float(found.high),
        p=float(found.p),
        holm=holm,
        better=stats.probability_better(arm.all_runs, base.all_runs),
        detectable=stats.detectable(
            float(found.error),
            float(found.freedom),
            decision.tests.alpha / family,
            decision.tests.power,
        ),
        correlation=stats.correlation(*pairs),
    )


def class_differences(
    arms: Sequence[Arm], base: Arm, classes: Sequence[str], decision: Decision
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall of every class against `base`.

    Returns:
        Differences of means and false discovery rates over all of them, both
        [arms, classes]; NaN for arms with fewer seeds than the decision file asks for.
    """
    values, p = np.full((2, len(arms), len(classes)), np.nan)
    for row, arm in enumerate(arms):
        if min(arm.n, base.n) < decision.seeds.per_class:
            continue
        found = stats.welch(
            arm.figure("recall", classes), base.figure("recall", classes), decision.tests.level
        )
        values[row], p[row] = found.value, found.p
    return values, stats.benjamini_hochberg(p.ravel()).reshape(p.shape)


def interval(arm: Arm, decision: Decision) -> tuple[float, float]:
    """Interval of the mean accuracy; NaN below the least number of seeds."""
    if arm.n < decision.seeds.least:
        return _NAN, _NAN
    low, high = stats.mean_interval(arm.accuracies, decision.tests.level)
    return float(low), float(high)


def deviation(arm: Arm) -> float:
    """Standard deviation of the accuracy over seeds (n - 1); NaN for a single one."""
    return float(np.std(arm.accuracies, ddof=1)) if arm.n > 1 else math.nan
