"""Judge each claim of the paper by our runs and by the paper's own tables. Pure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness import formatting
from harness.analysis import learning_curves, ranges
from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import VariantRuns
from harness.analysis.looks import FigureBySeed
from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Effect, Outcome
from harness.formatting import pluralize
from harness.paper import claims
from harness.paper.claims import Claim
from harness.protocol.datasets import CLASSES
from harness.verdict import audit
from harness.verdict.outcomes import AccuracyResult

# Claims on an ingredient, with the variant that lacks it.
_ABLATIONS = {"augmentation": "no_augmentation", "decay": "no_lr_decay"}


@dataclass(frozen=True)
class ClaimResult:
    """The status of one claim.

    Attributes:
        claim: the claim.
        status: CONFIRMED, REFUTED or OPEN.
        look: number of the look at which our runs settled it; 0 if they have not.
        ours: what our runs show, in words.
        own_tables: what the paper's own tables show, in words; empty if they are not asked.
        refuted_by_own_tables: whether the paper's own tables refute it, whatever our runs show.
    """

    claim: Claim
    status: ClaimStatus
    look: int
    ours: str
    own_tables: str = ""
    refuted_by_own_tables: bool = False

    @property
    def on_accuracy(self) -> bool:
        """Whether it is about the accuracy, or an ingredient's contribution to it."""
        return self.claim.key == "accuracy" or self.ablation is not None

    @property
    def ablation(self) -> str | None:
        """The variant without the ingredient that the claim is about; None if it is about none."""
        return _ABLATIONS.get(self.claim.key)

    @property
    def evidence(self) -> str:
        """All that the status follows from, in words."""
        return f"{self.own_tables}; ours: {self.ours}" if self.own_tables else self.ours


@dataclass(frozen=True)
class Evidence:
    """The results of one group that its claims are judged by.

    Attributes:
        runs: runs of the variant that the accuracy claim is about.
        accuracy: see `harness.verdict.outcomes.accuracy`.
        results: of all variants.
    """

    runs: VariantRuns
    accuracy: AccuracyResult
    results: Sequence[VariantResult]


_Judge = Callable[[Claim, Evidence], ClaimResult]


def judge_claims(evidence: Evidence) -> tuple[ClaimResult, ...]:
    """Judge all claims, in the order of `harness.paper.claims`."""
    return tuple(
        _JUDGES[claim.key](claim, evidence) for claim in claims.claims(evidence.runs.rules)
    )


_BY_OUTCOME = {
    Outcome.REPRODUCED: ClaimStatus.CONFIRMED,
    Outcome.EXCEEDED: ClaimStatus.REFUTED,
    Outcome.NOT_REACHED: ClaimStatus.REFUTED,
}


def _accuracy(claim: Claim, evidence: Evidence) -> ClaimResult:
    accuracy = evidence.accuracy
    if math.isnan(accuracy.difference):
        return _no_run(claim)
    status = ClaimStatus.OPEN
    if accuracy.outcome:
        status = _BY_OUTCOME.get(accuracy.outcome, ClaimStatus.OPEN)
    text = f"ours - reported = {formatting.signed_points(accuracy.difference)} points"
    return _result(claim, status, accuracy.look, text, accuracy.n, (accuracy.low, accuracy.high))


def _range(bounds: claims.Range) -> _Judge:
    """Judge a claim about a figure of every class.

    The claim is about the paper's two runs: if the paper's own tables contradict it, it is
    refuted whatever our runs show.
    """

    def judge(claim: Claim, evidence: Evidence) -> ClaimResult:
        tables = audit.check_range(bounds)
        span = f"{tables.smallest:.2f} to {tables.largest:.2f}"
        if tables.has_misprint:
            span += f", by its matrices {tables.largest_from_matrix:.2f}"
        verb = "contradict" if tables.outside else "keep"
        result = dataclasses.replace(
            _range_of_runs(claim, evidence.runs, bounds),
            own_tables=f"the paper's own tables {verb} it ({span})",
        )
        if not tables.outside:
            return result
        return dataclasses.replace(result, status=ClaimStatus.REFUTED, refuted_by_own_tables=True)

    return judge


def _range_of_runs(claim: Claim, runs: VariantRuns, bounds: claims.Range) -> ClaimResult:
    """Judge a claim about a figure of every class by our runs alone."""
    if not runs.n_finished:
        return _no_run(claim)
    figures = runs.figures(lambda m: [getattr(m.per_class[c], bounds.figure) for c in CLASSES])
    judgement = ranges.judge_range(figures, bounds.low, bounds.high, runs.rules)
    means = figures.finished(int(judgement.look)).mean(-1)
    text = f"class means {means.min():.2f} to {means.max():.2f}"
    interval = judgement.interval
    outside = (interval.high < bounds.low) | (interval.low > bounds.high)
    if outside.any():
        names = ", ".join(np.array(CLASSES)[outside])
        text += f", whole interval outside the range: {names}"
    return _result(claim, judgement.status, int(judgement.look), text, runs.n_finished)


def _improves(ablation: str) -> _Judge:
    """Judge a claim that what the variant `ablation` lacks improves accuracy."""

    def judge(claim: Claim, evidence: Evidence) -> ClaimResult:
        variant = next((r for r in evidence.results if r.variant == ablation), None)
        contrast = variant.contrast if variant else None
        if variant is None or contrast is None or math.isnan(contrast.difference):
            return _no_run(claim)
        status = {
            Effect.HURTS: ClaimStatus.CONFIRMED,
            Effect.HELPS: ClaimStatus.REFUTED,
        }.get(contrast.effect or Effect.UNDECIDED, ClaimStatus.OPEN)
        text = f"without it {formatting.signed_points(contrast.difference)} points"
        ends = contrast.low, contrast.high
        result = _result(claim, status, contrast.look, text, variant.n, ends)
        if not contrast.look:
            return result
        p = f"Holm p {formatting.p_value(contrast.p_holm)}"
        return dataclasses.replace(result, look=contrast.settled_look, ours=f"{result.ours}, {p}")

    return judge


def _curves(claim: Claim, evidence: Evidence) -> ClaimResult:
    runs, rules = evidence.runs, evidence.runs.rules
    if not runs.n_finished:
        return _no_run(claim)
    by_seed = {
        s: None if r.failed else learning_curves.fractions_against_trend(r.history)
        for s, r in runs.by_seed.items()
    }
    if any(row is not None and np.isnan(row).any() for row in by_seed.values()):
        return ClaimResult(claim, ClaimStatus.OPEN, 0, "not every run recorded every epoch")
    fractions = FigureBySeed.from_figures(by_seed, rules.looks)
    limits = rules.ranges.wrong_way_confirms, rules.ranges.wrong_way_refutes
    judgement = ranges.judge_limits(fractions, *limits, rules)
    means = fractions.finished(int(judgement.look)).mean(-1)
    named = ", ".join(
        f"{name.replace('eval', 'test').replace('_', ' ')} {formatting.percent(mean, 1)} %"
        for name, mean in zip(learning_curves.RISING, means, strict=True)
    )
    text = f"steps from epoch to epoch that go the wrong way: {named}"
    return _result(claim, judgement.status, int(judgement.look), text, runs.n_finished)


def _overfitting(claim: Claim, evidence: Evidence) -> ClaimResult:
    runs, rules = evidence.runs, evidence.runs.rules
    if not runs.n_finished:
        return _no_run(claim)
    gaps = runs.figures(learning_curves.generalization_gap)
    limits = rules.ranges.gap_confirms, rules.ranges.gap_refutes
    judgement = ranges.judge_limits(gaps, *limits, rules)
    mean = float(gaps.finished(int(judgement.look)).mean())
    text = f"training - test accuracy = {formatting.signed_points(mean)} points"
    (low,), (high,) = judgement.interval
    ends = float(low), float(high)
    return _result(claim, judgement.status, int(judgement.look), text, runs.n_finished, ends)


def _no_run(claim: Claim) -> ClaimResult:
    return ClaimResult(claim, ClaimStatus.OPEN, 0, "no finished run")


def _result(
    claim: Claim,
    status: ClaimStatus,
    look: int,
    text: str,
    n: int,
    ends: tuple[float, float] = (math.nan, math.nan),
) -> ClaimResult:
    """A result whose figures are of a look, or of `n` runs before the first.

    Args:
        claim, status: of the result.
        look: number of the look, 0 before the first.
        text: the figures in words.
        n: finished runs.
        ends: of the interval of the figures, fractions; NaN if none is given.
    """
    if not math.isnan(ends[0]):
        text += f" {formatting.interval(*ends)}"
    source = f"look {look}" if look else f"{pluralize(n, 'run')}, no look yet"
    settled_look = 0 if status is ClaimStatus.OPEN else look
    return ClaimResult(claim, status, settled_look, f"{text} ({source})")


_JUDGES: dict[str, _Judge] = {
    "accuracy": _accuracy,
    "precision": _range(claims.PRECISION),
    "f1": _range(claims.F1),
    **{key: _improves(ablation) for key, ablation in _ABLATIONS.items()},
    "curves": _curves,
    "overfitting": _overfitting,
}
