"""Each claim of the paper against our runs: confirmed, refuted or open. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness import formatting
from harness.analysis import learning_curves, stats
from harness.analysis.contrasts import Arm
from harness.analysis.groups import Group
from harness.formatting import count
from harness.paper import claims
from harness.protocol import datasets
from harness.protocol.decision import Decision
from harness.runs.record import RunRecord
from harness.verdict import audit
from harness.verdict.outcomes import AblationResult, AccuracyResult

CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "open"


class Answer(NamedTuple):
    """What became of a claim.

    Attributes:
        status: CONFIRMED, REFUTED or OPEN.
        evidence: the figures behind it, in words.
        by_tables: whether the paper's own tables refute it, whatever our runs are worth.
    """

    status: str
    evidence: str
    by_tables: bool = False


_TOO_FEW = Answer(OPEN, "too few seeds")

_NOT_CIFAR10 = Answer(OPEN, "the paper says nothing about these images")


@dataclass(frozen=True)
class Evidence:
    """What the claims of one group are settled by.

    Attributes:
        group: its records.
        arm: those of the variant that the paper is read as.
        accuracy: None where the classes are not CIFAR-10's.
        ablations: see `harness.verdict.outcomes.ablations`.
        rules: the decision file.
        planned: whether it plans seeds and tests for such runs.
    """

    group: Group
    arm: Arm
    accuracy: AccuracyResult | None
    ablations: Sequence[AblationResult]
    rules: Decision
    planned: bool

    @property
    def enough(self) -> bool:
        """Whether there are seeds enough for any interval."""
        return self.arm.n >= self.rules.seeds.least

    def few(self, text: str) -> Answer:
        """The answer where seeds are too few for an interval: open, with the figure so far."""
        return Answer(OPEN, f"{text} ({count(self.arm.n, 'run')}); too few seeds")

    def final(self, status: str, text: str, *others: str, test: str = "") -> Answer:
        """The answer; open, and without the outcome of its test, while planned seeds of the arm or
        of other variants are to come, where too many of their runs failed, and where no test is
        planned."""
        if not self.planned:
            return Answer(OPEN, f"{text}; no test is planned for such runs")
        arms = [self.arm, *(Arm.of(name, self.group.records) for name in others)]
        why = next((why for arm in arms if (why := arm.unsettled(self.rules))), "")
        return Answer(OPEN, f"{text}; {why}") if why else Answer(status, text + test)


@dataclass(frozen=True)
class Settled:
    """A claim with what became of it: see `Answer`."""

    claim: claims.Claim
    status: str
    evidence: str
    by_tables: bool

    def told(self, decides: bool) -> str:
        """What stands in the column of verdicts, where these runs allow one or not."""
        if decides:
            return self.status
        return "contradicted by its own tables" if self.by_tables else "none given"


def settle(evidence: Evidence) -> tuple[Settled, ...]:
    """All claims, in the order of `harness.paper.claims`."""
    return tuple(
        Settled(claim, *_JUDGES[claim.key](evidence)) for claim in claims.claims(evidence.rules)
    )


def _accuracy(evidence: Evidence) -> Answer:
    found = evidence.accuracy
    if found is None:
        return _NOT_CIFAR10
    text = f"ours - reported = {formatting.points(found.difference)} points"
    if not evidence.enough:
        return evidence.few(text) if found.n else _TOO_FEW
    outcomes = evidence.rules.outcomes
    status = {outcomes.inside: CONFIRMED, outcomes.outside: REFUTED}.get(found.outcome, OPEN)
    return evidence.final(status, f"{text} {formatting.span(found.low, found.high)}")


def _range(bounds: claims.Range) -> Callable[[Evidence], Answer]:
    """The judgement of a claim about a figure of every class.

    The sentence is about the paper's two runs: what its own tables contradict is refuted,
    whatever ours show.
    """
    (own,) = audit.audit(ranges=[bounds]).ranges

    def judge(evidence: Evidence) -> Answer:
        said = "contradict" if own.outside else "keep"
        misprint = own.largest - own.largest_from_matrix > 0.01
        by_matrix = f", by its matrices {own.largest_from_matrix:.2f}" * misprint
        span = f"{own.smallest:.2f} to {own.largest:.2f}{by_matrix}"
        tables = f"the paper's own tables {said} it ({span})"
        against = bool(own.outside)
        if evidence.accuracy is None:
            return _NOT_CIFAR10
        if not evidence.arm.n:
            return Answer(REFUTED if against else OPEN, f"{tables}; too few seeds of ours", against)
        values = evidence.arm.figure(bounds.figure, datasets.CLASSES)
        means = values.mean(1)
        text = f"{tables}; ours: class means {means.min():.2f} to {means.max():.2f}"
        if not evidence.enough:
            found = evidence.few(text)
            return Answer(REFUTED, found.evidence, True) if against else found
        each = 1 - (1 - evidence.rules.tests.level) / len(values)
        low, high = stats.mean_interval(values, each)
        beyond = (high < bounds.low) | (low > bounds.high)
        status = REFUTED if beyond.any() else OPEN
        if ((low >= bounds.low) & (high <= bounds.high)).all():
            status = CONFIRMED
        names = ", ".join(np.array(datasets.CLASSES)[beyond])
        found = evidence.final(status, text + f", outside: {names}" * bool(names))
        return Answer(REFUTED, found.evidence, True) if against else found

    return judge


def _helps(without: str) -> Callable[[Evidence], Answer]:
    """The judgement of a claim that what `without` lacks improves accuracy."""

    def judge(evidence: Evidence) -> Answer:
        row = next((a for a in evidence.ablations if a.variant == without), None)
        contrast = row.contrast if row else None
        if row is None or contrast is None or math.isnan(contrast.difference):
            return _TOO_FEW
        text = f"without it {formatting.points(contrast.difference)} points"
        if math.isnan(contrast.holm):
            return evidence.few(f"{text}, {count(row.n, 'run')} against ours")
        found = contrast.holm < evidence.rules.tests.alpha
        status = (CONFIRMED if contrast.difference < 0 else REFUTED) if found else OPEN
        text += f" {formatting.span(contrast.low, contrast.high)}"
        test = f", Holm p {formatting.p_value(contrast.holm)}"
        seen = (
            f"; {formatting.percent(contrast.detectable)} points would have been found in "
            f"{100 * evidence.rules.tests.power:g} % of cases"
        )
        return evidence.final(status, text, without, test=test + seen * (not found))

    return judge


def _curves(evidence: Evidence) -> Answer:
    runs = [learning_curves.wrong_ways(r.history) for r in _finished(evidence)]
    if not runs:
        return _TOO_FEW
    if not all(run.keys() == learning_curves.RISING.keys() for run in runs):
        return Answer(OPEN, "not every run recorded every epoch")
    shares = np.array([list(run.values()) for run in runs]).T
    worst = ", ".join(
        f"{name.replace('_', ' ')} {formatting.percent(share, 1)} %"
        for name, share in zip(runs[0], shares.mean(1), strict=True)
    )
    text = f"epochs that go the wrong way: {worst}"
    if not evidence.enough:
        return evidence.few(text)
    low, high = stats.mean_interval(shares, evidence.rules.tests.level)
    status = OPEN
    if (high <= evidence.rules.curves.wrong_way_confirms).all():
        status = CONFIRMED
    elif (low >= evidence.rules.curves.wrong_way_refutes).any():
        status = REFUTED
    return evidence.final(status, text)


def _overfitting(evidence: Evidence) -> Answer:
    gaps = [learning_curves.generalization_gap(r.metrics) for r in _finished(evidence) if r.metrics]
    if not gaps:
        return _TOO_FEW
    mean = formatting.points(float(np.mean(gaps)))
    text = f"training - test accuracy at the end = {mean} points"
    if not evidence.enough:
        return evidence.few(text)
    low, high = map(float, stats.mean_interval(gaps, evidence.rules.tests.level))
    status = OPEN
    if high <= evidence.rules.curves.gap_confirms:
        status = CONFIRMED
    elif low >= evidence.rules.curves.gap_refutes:
        status = REFUTED
    return evidence.final(status, f"{text} {formatting.span(low, high)}")


def _finished(evidence: Evidence) -> list[RunRecord]:
    name = evidence.arm.name
    return [r for r in evidence.group.records if r.variant == name and not r.failed]


_JUDGES: dict[str, Callable[[Evidence], Answer]] = {
    "accuracy": _accuracy,
    "precision": _range(claims.PRECISION),
    "f1": _range(claims.F1),
    "augmentation": _helps("no_augmentation"),
    "decay": _helps("no_lr_decay"),
    "curves": _curves,
    "overfitting": _overfitting,
}
