"""Judge groups of stored records by the rules of the decision file. Pure."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.analysis import comparison, contrasts
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import RunGroup, VariantRuns, runs_by_variant
from harness.analysis.sequential import Outcome
from harness.protocol import budget, decision
from harness.protocol.decision import Decision
from harness.verdict import claim_status, eligibility, outcomes
from harness.verdict.claim_status import ClaimResult, Evidence
from harness.verdict.eligibility import Eligibility
from harness.verdict.outcomes import AccuracyResult, ClassResult


@dataclass(frozen=True)
class GroupVerdict:
    """Verdict on one group of records.

    Attributes:
        group: the records with planned seeds.
        eligibility: whether the group gives a verdict; if not, there are figures, but no outcome,
            test or claim.
        runs: of each variant that has any, in the order of the tables.
        claim_runs: runs of the variant that the accuracy claim is about.
        variants: result of every variant, compared with the one that the decision file names.
        accuracy, classes, confusions: comparison with the paper's figures; None or empty if these
            are not comparable.
        claims: status of each claim of the paper.
        notes: sentences on the records that a reader must know.
    """

    group: RunGroup
    eligibility: Eligibility
    runs: Mapping[str, VariantRuns]
    claim_runs: VariantRuns
    variants: tuple[VariantResult, ...]
    accuracy: AccuracyResult | None
    classes: tuple[ClassResult, ...]
    confusions: ConfusionTest | None
    claims: tuple[ClaimResult, ...]
    notes: tuple[str, ...]

    @property
    def rules(self) -> Decision:
        """The decision file."""
        return self.claim_runs.rules

    @property
    def title(self) -> str:
        """Of the group."""
        return self.group.title

    @property
    def epochs(self) -> int:
        """Of the group's protocol."""
        return self.group.protocol.epochs

    @property
    def outcome(self) -> Outcome | None:
        """Outcome of the accuracy claim; None if the group gives no verdict."""
        return self.accuracy.outcome if self.accuracy else None

    @property
    def is_tuned(self) -> bool:
        """Whether the runs give a verdict, and were trained for the number of epochs that a
        calibration on the same images has chosen."""
        tuned = budget.load()
        chosen = (tuned.epochs, tuned.calibrated_on)
        return (
            self.eligibility.allows_verdict
            and not tuned.provisional
            and chosen == (self.epochs, self.group.dataset.title)
        )

    @property
    def exceeds_as_tuned(self) -> bool:
        """Whether our accuracy exceeds the paper's at the number of epochs that was chosen to reach
        it: no evidence against the paper's figure."""
        return self.is_tuned and self.outcome is Outcome.EXCEEDED

    @property
    def has_looks(self) -> bool:
        """Whether the planned looks matter to a reader: for a verdict, or as one is complete."""
        return self.eligibility.allows_verdict or any(runs.look for runs in self.runs.values())

    @functools.cached_property
    def numbers(self) -> pd.DataFrame:
        """Comparison table as numbers, see `harness.analysis.comparison.table`."""
        against = self.rules.contrasts.against
        return comparison.table(self.group, self.runs, self.variants, against)


@dataclass(frozen=True)
class Verdict:
    """Verdicts on all groups.

    Attributes:
        rules: the decision file.
        group_verdicts: one for each group, those that decide first.
        curves: verdicts on groups that differ in nothing but the budget, smallest budget first.
        unread: number of records left out as unreadable or duplicate.
    """

    rules: Decision
    group_verdicts: tuple[GroupVerdict, ...]
    curves: tuple[tuple[GroupVerdict, ...], ...]
    unread: int

    def curve_of(self, group_verdict: GroupVerdict) -> tuple[GroupVerdict, ...]:
        """The curve that a group verdict is part of; itself alone if there is no other budget."""
        curves = (curve for curve in self.curves if group_verdict in curve)
        return next(curves, (group_verdict,))


def judge_groups(
    groups: Sequence[RunGroup], unread: int = 0, rules: Decision | None = None
) -> Verdict:
    """Judge every group of records.

    Args:
        groups: see `harness.analysis.groups.group`.
        unread: number of records that are in no group.
        rules: the decision file's if None.

    Returns:
        The groups that decide first, otherwise in the order of `groups`.
    """
    rules = rules or decision.load()
    planned = [eligibility.drop_unplanned_seeds(group, rules) for group in groups]
    assessed = eligibility.assess_groups([group for group, _ in planned], rules)
    group_verdicts = [
        _judge_group(group, unplanned, eligible, rules)
        for (group, unplanned), eligible in zip(planned, assessed, strict=True)
    ]
    group_verdicts.sort(key=lambda group_verdict: not group_verdict.eligibility.allows_verdict)
    return Verdict(
        rules=rules,
        group_verdicts=tuple(group_verdicts),
        curves=_budget_curves(group_verdicts),
        unread=unread,
    )


def _judge_group(
    group: RunGroup, unplanned: int, eligible: Eligibility, rules: Decision
) -> GroupVerdict:
    decides = eligible.allows_verdict
    by_variant = runs_by_variant(group.records, rules)
    claimed = rules.accuracy.variant
    runs = by_variant.get(claimed) or VariantRuns(claimed, {}, rules)
    results = contrasts.results(by_variant, rules.contrasts.against, rules, planned=decides)
    accuracy = outcomes.accuracy(runs, decides, group.dataset.test_size)
    comparable = group.comparable_to_paper
    return GroupVerdict(
        group=group,
        eligibility=eligible,
        runs=by_variant,
        claim_runs=runs,
        variants=results,
        accuracy=accuracy if comparable else None,
        classes=outcomes.classes(runs, decides) if comparable else (),
        confusions=outcomes.confusions(runs) if decides else None,
        claims=claim_status.judge_claims(Evidence(runs, accuracy, results)) if decides else (),
        notes=tuple(eligibility.notes(group, by_variant, unplanned, eligible, rules)),
    )


def _budget_curves(
    group_verdicts: Sequence[GroupVerdict],
) -> tuple[tuple[GroupVerdict, ...], ...]:
    """Group verdicts that differ in nothing but the budget, if there are several budgets."""
    by_setting: dict[str, list[GroupVerdict]] = {}
    for group_verdict in group_verdicts:
        group = group_verdict.group
        shared = dataclasses.replace(group.protocol, epochs=1)
        key = repr((group.dataset, shared, group.device_type))
        by_setting.setdefault(key, []).append(group_verdict)
    return tuple(
        tuple(sorted(curve, key=lambda g: g.epochs))
        for curve in by_setting.values()
        if len(curve) > 1
    )
