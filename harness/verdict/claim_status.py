"""The status of each claim of the paper, by our runs and by its own tables. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness import formatting
from harness.analysis import learning_curves, ranges
from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import VariantRuns
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimJudgement, ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from harness.formatting import pluralize
from harness.paper import claims
from harness.protocol.datasets import CLASSES
from harness.runs.record import RunRecord
from harness.verdict import audit
from harness.verdict.outcomes import AccuracyResult


class ClaimFinding(NamedTuple):
    """What became of a claim.

    Attributes:
        status: CONFIRMED, REFUTED or OPEN.
        look: number of the look at which our runs settled it; 0 if they have not.
        evidence: the figures behind it, in words.
        by_tables: whether the paper's own tables refute it, whatever our runs show.
    """

    status: ClaimStatus
    look: int
    evidence: str
    refuted_by_own_tables: bool = False


@dataclass(frozen=True)
class Evidence:
    """What the claims of one group are judged by.

    Attributes:
        arm: runs of the variant that the paper is read as.
        accuracy: see `harness.verdict.outcomes.accuracy`.
        results: of all variants.
    """

    runs: VariantRuns
    accuracy: AccuracyResult
    results: Sequence[VariantResult]


@dataclass(frozen=True)
class ClaimResult:
    """A claim with what became of it: see `ClaimFinding`."""

    claim: claims.Claim
    status: ClaimStatus
    look: int
    evidence: str
    refuted_by_own_tables: bool


def judge_claims(evidence: Evidence) -> tuple[ClaimResult, ...]:
    """All claims, in the order of `harness.paper.claims`."""
    return tuple(
        ClaimResult(claim, *_JUDGES[claim.key](evidence))
        for claim in claims.claims(evidence.runs.rules)
    )


_NO_RUN = ClaimFinding(ClaimStatus.OPEN, 0, "no finished run")

_BY_OUTCOME = {
    Outcome.REPRODUCED: ClaimStatus.CONFIRMED,
    Outcome.EXCEEDED: ClaimStatus.REFUTED,
    Outcome.NOT_REACHED: ClaimStatus.REFUTED,
}


def _accuracy(evidence: Evidence) -> ClaimFinding:
    found = evidence.accuracy
    if math.isnan(found.difference):
        return _NO_RUN
    status = _BY_OUTCOME.get(found.outcome, ClaimStatus.OPEN) if found.outcome else ClaimStatus.OPEN
    text = f"ours - reported = {formatting.signed_points(found.difference)} points"
    return _finding(status, found.look, text, found.low, found.high, found.n)


def _range(bounds: claims.Range) -> Callable[[Evidence], ClaimFinding]:
    """The judgement of a claim about a figure of every class.

    The sentence is about the paper's two runs: what its own tables contradict is refuted,
    whatever ours show.
    """
    (tables,) = audit.audit(ranges=[bounds]).ranges
    contradicted = bool(tables.outside)
    span = f"{tables.smallest:.2f} to {tables.largest:.2f}"
    if tables.largest - tables.largest_from_matrix > 0.01:
        span += f", by its matrices {tables.largest_from_matrix:.2f}"
    verb = "contradict" if contradicted else "keep"
    own_tables = f"the paper's own tables {verb} it ({span})"

    def judge(evidence: Evidence) -> ClaimFinding:
        arm = evidence.runs
        if not arm.n_finished:
            found = _NO_RUN
        else:
            runs = arm.figures(lambda m: [getattr(m.per_class[c], bounds.figure) for c in CLASSES])
            judged = ranges.judge_range(runs, bounds.low, bounds.high, arm.rules)
            means = runs.finished(_look(judged)).mean(-1)
            text = f"ours: class means {means.min():.2f} to {means.max():.2f}"
            beyond = (judged.interval.high < bounds.low) | (judged.interval.low > bounds.high)
            if beyond.any():
                text += f", outside: {', '.join(np.array(CLASSES)[beyond])}"
            found = _of_claim(judged, text, arm.n_finished)
        text = f"{own_tables}; {found.evidence}"
        if contradicted:
            return ClaimFinding(ClaimStatus.REFUTED, found.look, text, refuted_by_own_tables=True)
        return found._replace(evidence=text)

    return judge


def _helps(without: str) -> Callable[[Evidence], ClaimFinding]:
    """The judgement of a claim that what `without` lacks improves accuracy."""

    def judge(evidence: Evidence) -> ClaimFinding:
        result = next((r for r in evidence.results if r.variant == without), None)
        contrast = result.contrast if result else None
        if result is None or contrast is None or math.isnan(contrast.difference):
            return _NO_RUN
        status = {
            Effect.HURTS: ClaimStatus.CONFIRMED,
            Effect.HELPS: ClaimStatus.REFUTED,
        }.get(contrast.effect or Effect.UNDECIDED, ClaimStatus.OPEN)
        text = f"without it {formatting.signed_points(contrast.difference)} points"
        found = _finding(status, contrast.look, text, contrast.low, contrast.high, result.n)
        if not contrast.look:
            return found
        p = f"Holm p {formatting.p_value(contrast.p_holm)}"
        return found._replace(look=contrast.settled_look, evidence=f"{found.evidence}, {p}")

    return judge


def _curves(evidence: Evidence) -> ClaimFinding:
    arm, rules = evidence.runs, evidence.runs.rules
    if not arm.n_finished:
        return _NO_RUN
    shares = {s: None if r.failed else _wrong_ways(r) for s, r in arm.by_seed.items()}
    if any(share is not None and np.isnan(share).any() for share in shares.values()):
        return ClaimFinding(ClaimStatus.OPEN, 0, "not every run recorded every epoch")
    runs = FigureBySeed.from_figures(shares, rules.looks)
    limits = rules.ranges.wrong_way_confirms, rules.ranges.wrong_way_refutes
    judged = ranges.judge_limits(runs, *limits, rules)
    means = runs.finished(_look(judged)).mean(-1)
    named = ", ".join(
        f"{name.replace('eval', 'test').replace('_', ' ')} {formatting.percent(share, 1)} %"
        for name, share in zip(learning_curves.RISING, means, strict=True)
    )
    return _of_claim(judged, f"epochs that go the wrong way: {named}", arm.n_finished)


def _wrong_ways(record: RunRecord) -> list[float]:
    """Share of wrong steps of the four curves; NaN of one that was not recorded."""
    shares = learning_curves.fractions_against_trend(record.history)
    return [shares.get(name, math.nan) for name in learning_curves.RISING]


def _overfitting(evidence: Evidence) -> ClaimFinding:
    arm, rules = evidence.runs, evidence.runs.rules
    if not arm.n_finished:
        return _NO_RUN
    runs = arm.figures(learning_curves.generalization_gap)
    limits = rules.ranges.gap_confirms, rules.ranges.gap_refutes
    judged = ranges.judge_limits(runs, *limits, rules)
    mean = float(runs.finished(_look(judged)).mean())
    text = f"training - test accuracy = {formatting.signed_points(mean)} points"
    (low,), (high,) = judged.interval
    return _of_claim(judged, text, arm.n_finished, float(low), float(high))


def _look(judged: ClaimJudgement) -> int:
    """Number of the look that figures are of: the one that settled the claim, else the latest."""
    return int(judged.look) or int(judged.latest)


def _of_claim(
    judged: ClaimJudgement, text: str, n: int, low: float = math.nan, high: float = math.nan
) -> ClaimFinding:
    return _finding(judged.status, _look(judged), text, low, high, n)


def _finding(
    status: ClaimStatus, look: int, text: str, low: float, high: float, n: int
) -> ClaimFinding:
    """A finding whose figures are of a look, or of `n` runs before the first."""
    if not math.isnan(low):
        text += f" {formatting.interval(low, high)}"
    of = f"look {look}" if look else f"{pluralize(n, 'run')}, no look yet"
    return ClaimFinding(status, 0 if status is ClaimStatus.OPEN else look, f"{text} ({of})")


_JUDGES: dict[str, Callable[[Evidence], ClaimFinding]] = {
    "accuracy": _accuracy,
    "precision": _range(claims.PRECISION),
    "f1": _range(claims.F1),
    "augmentation": _helps("no_augmentation"),
    "decay": _helps("no_lr_decay"),
    "curves": _curves,
    "overfitting": _overfitting,
}
