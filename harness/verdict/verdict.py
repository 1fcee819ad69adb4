"""The paper's claims against stored records, by the decision file. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.confusion_pattern import PatternTest
from harness.analysis.contrasts import Arm
from harness.analysis.groups import Group
from harness.protocol import decision
from harness.protocol.decision import Decision
from harness.verdict import claim_status, eligibility, outcomes
from harness.verdict.claim_status import Evidence, Settled
from harness.verdict.eligibility import Standing
from harness.verdict.outcomes import AblationResult, AccuracyResult, ClassResult


@dataclass(frozen=True)
class Judgement:
    """What one group of records says.

    Attributes:
        group: the records that count: those of planned seeds.
        title, epochs: of the group.
        standing: whether this is a verdict; where it is none, no outcome and no status may be
            shown, and `outcome` is None.
        outcome: of the accuracy claim by the decision table.
        accuracy, classes, pattern: None or empty where the classes are not CIFAR-10's.
        ablations: see `harness.verdict.outcomes.ablations`.
        claims: each claim of the paper.
        notes: what a reader must know about the records.
    """

    group: Group
    title: str
    epochs: int
    standing: Standing
    outcome: str | None
    accuracy: AccuracyResult | None
    classes: tuple[ClassResult, ...]
    pattern: PatternTest | None
    ablations: tuple[AblationResult, ...]
    claims: tuple[Settled, ...]
    notes: tuple[str, ...]

    def own(self, rules: Decision) -> Arm:
        """The runs of the variant that the accuracy claim is judged on."""
        return Arm.of(rules.accuracy.variant, self.group.records)

    def tested(self, rules: Decision, *names: str) -> bool:
        """Whether tests of these variants, and of the one they are held against, may be shown:
        not where none are planned, not before all planned seeds have been run, and not where too
        many of them failed."""
        arms = [Arm.of(name, self.group.records) for name in (rules.contrasts.against, *names)]
        return self.standing.planned and not any(arm.unsettled(rules) for arm in arms)


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
    judgements: tuple[Judgement, ...]
    curves: tuple[tuple[Judgement, ...], ...]
    unread: int


def judge(groups: Sequence[Group], unread: int = 0, rules: Decision | None = None) -> Verdict:
    """Judge every group of records.

    Args:
        groups: see `harness.analysis.groups.group`; those that decide come first, else their
            order stays.
        unread: records that are in no group.
        rules: the decision file's if None.
    """
    rules = rules or decision.load()
    found = [(group, _judgement(group, rules)) for group in groups]
    ordered = sorted(found, key=lambda pair: not pair[1].standing.decides)
    return Verdict(
        rules=rules,
        sha256=decision.sha256(),
        judgements=tuple(judgement for _, judgement in ordered),
        curves=_budget_curves(ordered),
        unread=unread,
    )


def _judgement(group: Group, rules: Decision) -> Judgement:
    kept, beyond = eligibility.planned(group, rules)
    worth = eligibility.standing(kept, rules)
    arm = Arm.of(rules.accuracy.variant, kept.records)
    accuracy = outcomes.accuracy(arm, rules) if worth.cifar10 else None
    ablations = outcomes.ablations(kept, rules)
    evidence = Evidence(kept, arm, accuracy, ablations, rules, worth.planned)
    return Judgement(
        group=kept,
        title=group.title,
        epochs=group.protocol.epochs,
        standing=worth,
        outcome=accuracy.outcome if accuracy and worth.decides else None,
        accuracy=accuracy,
        classes=outcomes.classes(arm, rules) if worth.cifar10 else (),
        pattern=outcomes.confusions(arm, rules) if worth.cifar10 else None,
        ablations=ablations,
        claims=claim_status.settle(evidence),
        notes=tuple(eligibility.notes(kept, beyond, worth, rules)),
    )


def _budget_curves(
    found: Sequence[tuple[Group, Judgement]],
) -> tuple[tuple[Judgement, ...], ...]:
    """Judgements that differ in nothing but the budget, where there are several."""
    together: dict[str, list[Judgement]] = {}
    for group, judgement in found:
        shared = dataclasses.replace(group.protocol, epochs=1)
        key = repr((group.dataset, shared, group.device_type))
        together.setdefault(key, []).append(judgement)
    return tuple(
        tuple(sorted(same, key=lambda j: j.epochs)) for same in together.values() if len(same) > 1
    )
