"""The paper's claims against stored records, by the decision file. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis import contrasts
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import RunGroup, VariantRuns
from harness.analysis.sequential import Outcome
from harness.protocol import decision
from harness.protocol.decision import Decision
from harness.verdict import claim_status, eligibility, outcomes
from harness.verdict.claim_status import ClaimResult, Evidence
from harness.verdict.eligibility import Eligibility
from harness.verdict.outcomes import AccuracyResult, ClassResult


@dataclass(frozen=True)
class GroupVerdict:
    """What one group of records says.

    Attributes:
        group: the records with planned seeds.
        title, epochs: of the group.
        standing: whether this is a verdict; where it is none, there are figures, and no outcome,
            test or claim.
        arm: runs of the variant that the paper is read as.
        results: of every variant, against the one that the decision file names.
        accuracy, classes, pattern: None or empty where the paper's figures do not compare.
        claims: each claim of the paper.
        notes: what a reader must know about the records.
    """

    group: RunGroup
    title: str
    epochs: int
    eligibility: Eligibility
    claim_runs: VariantRuns
    variants: tuple[VariantResult, ...]
    accuracy: AccuracyResult | None
    classes: tuple[ClassResult, ...]
    confusions: ConfusionTest | None
    claims: tuple[ClaimResult, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome | None:
        """Of the accuracy claim; None where no verdict is given."""
        return self.accuracy.outcome if self.accuracy else None


@dataclass(frozen=True)
class Verdict:
    """All groups, those that decide first.

    Attributes:
        rules, sha256: the decision file.
        judgements: a group each.
        curves: judgements of the same data at several budgets, by budget.
        unread: records left out because they cannot be read or are there twice.
    """

    rules: Decision
    sha256: str
    group_verdicts: tuple[GroupVerdict, ...]
    curves: tuple[tuple[GroupVerdict, ...], ...]
    unread: int


def judge_groups(
    groups: Sequence[RunGroup], unread: int = 0, rules: Decision | None = None
) -> Verdict:
    """Judge every group of records.

    Args:
        groups: see `harness.analysis.groups.group`; those that decide come first, else their
            order stays.
        unread: records that are in no group.
        rules: the decision file's if None.
    """
    rules = rules or decision.load()
    kept = [eligibility.drop_unplanned_seeds(group, rules) for group in groups]
    standings = eligibility.assess_groups([group for group, _ in kept], rules)
    judgements = [
        _judge_group(group, unplanned, standing, rules)
        for (group, unplanned), standing in zip(kept, standings, strict=True)
    ]
    judgements.sort(key=lambda judgement: not judgement.eligibility.allows_verdict)
    return Verdict(
        rules=rules,
        sha256=decision.sha256(),
        group_verdicts=tuple(judgements),
        curves=_budget_curves(judgements),
        unread=unread,
    )


def _judge_group(
    group: RunGroup, unplanned: int, standing: Eligibility, rules: Decision
) -> GroupVerdict:
    decides = standing.allows_verdict
    arm = VariantRuns.of(rules.accuracy.variant, group.records, rules)
    results = contrasts.results(group, rules.contrasts.against, rules, planned=decides)
    accuracy = outcomes.accuracy(arm, decides, group.dataset.test_size)
    beside = group.comparable_to_paper
    return GroupVerdict(
        group=group,
        title=group.title,
        epochs=group.protocol.epochs,
        eligibility=standing,
        claim_runs=arm,
        variants=results,
        accuracy=accuracy if beside else None,
        classes=outcomes.classes(arm, decides) if beside else (),
        confusions=outcomes.confusions(arm) if decides else None,
        claims=claim_status.judge_claims(Evidence(arm, accuracy, results)) if decides else (),
        notes=tuple(eligibility.notes(group, unplanned, standing, rules)),
    )


def _budget_curves(
    judgements: Sequence[GroupVerdict],
) -> tuple[tuple[GroupVerdict, ...], ...]:
    """Judgements that differ in nothing but the budget, where there are several."""
    together: dict[str, list[GroupVerdict]] = {}
    for judgement in judgements:
        group = judgement.group
        shared = dataclasses.replace(group.protocol, epochs=1)
        key = repr((group.dataset, shared, group.device_type))
        together.setdefault(key, []).append(judgement)
    return tuple(
        tuple(sorted(same, key=lambda j: j.epochs)) for same in together.values() if len(same) > 1
    )
