"""Which records a verdict rests on, and whether one may be given at all. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

from harness import budget, decision, paper, protocols, record
from harness.decision import Decision
from harness.grouping import Group, environments


@dataclass(frozen=True)
class Standing:
    """Attributes:
    decides: whether a verdict is given on these records.
    heading: why, or why not.
    cifar10: whether the classes are CIFAR-10's, so that the paper's figures compare.
    """

    decides: bool
    heading: str
    cifar10: bool


def standing(group: Group, rules: Decision) -> Standing:
    """What the verdict on a group is worth."""
    data = group.dataset
    cifar10 = tuple(data["classes"]) == paper.CLASSES
    if not data["official"]:
        what = "not the official CIFAR-10 bytes" if cifar10 else "not CIFAR-10"
        return Standing(False, f"NOT THE OFFICIAL DATA ({what}): figures, no verdict", cifar10)
    if data["split"] != "test":
        return Standing(False, "NOT THE TEST IMAGES: figures, no verdict", cifar10)
    standard = record.plain(protocols.PROTOCOLS["cifar10"].to_dict())
    known = {k: v for k, v in standard.items() if k in group.protocol and k != "epochs"}
    own = {k: v for k, v in group.protocol.items() if k != "epochs"}
    if departs := record.differences(known, own):
        why = "; ".join(departs[:3])
        return Standing(False, f"NOT THE PROTOCOL ({why}): figures, no verdict", cifar10)
    if others := sum(r.decision_sha256 != decision.sha256() for r in group.records):
        why = f"{others} of {len(group.records)} records do not cite this decision file"
        return Standing(False, f"OTHER RULES ({why}): figures, no verdict", cifar10)
    tuned = budget.load()
    own_budget = f"the protocol's budget, tuned on {tuned.calibrated_on}"
    budgets = {standard["epochs"]: own_budget}
    budgets.setdefault(rules.budgets.reference, "the reference's budget")
    if group.protocol["epochs"] not in budgets:
        stated = " and ".join(map(str, sorted(budgets)))
        why = f"the verdict is stated for {stated} epochs"
        return Standing(False, f"ANOTHER BUDGET ({why}): figures, no verdict", cifar10)
    if tuned.provisional and group.protocol["epochs"] == tuned.epochs:
        why = "`calibrate` has not set it"
        return Standing(False, f"PROVISIONAL BUDGET ({why}): figures, no verdict", cifar10)
    return Standing(True, budgets[group.protocol["epochs"]], cifar10)


def planned(group: Group, rules: Decision) -> tuple[Group, int]:
    """The group without seeds beyond the planned ones, and how many those were."""
    if not rules.exclusions.beyond_plan:
        return group, 0
    kept = tuple(r for r in group.records if r.seed in rules.planned(r.variant))
    return dataclasses.replace(group, records=kept), len(group.records) - len(kept)


def notes(group: Group, beyond: int, rules: Decision) -> list[str]:
    """What a reader must know about the records of a group: one sentence each."""
    lines = [_cited(group)]
    if short := _short(group, rules):
        lines.append(f"Interim: of the planned seeds, {short} have been run.")
    if beyond:
        lines.append(f"Left out: {beyond} runs with seeds beyond the planned ones.")
    failed = sum(r.failed for r in group.records)
    if failed:
        lines.append(
            f"{failed} of {len(group.records)} runs failed: counted, in no mean, and behind "
            "every finished run in P(A > B)."
        )
    if (versions := len({r.sources_sha256 for r in group.records})) > 1:
        lines.append(f"Rows come from {versions} versions of the code that decides bits.")
    if len(places := environments(group.records)) > 1:
        lines.append(f"Rows come from more than one environment: {'; '.join(places)}.")
    return lines


def _short(group: Group, rules: Decision) -> str:
    """The variants that lack planned seeds, with how many have been run; none that never ran."""
    ran = Counter(r.variant for r in group.records)
    ran.setdefault(rules.accuracy.variant, 0)
    names = (rules.accuracy.variant, *rules.contrasts.variants)
    return ", ".join(
        f"{ran[name]} of {planned} of {name}"
        for name in names
        if name in ran and ran[name] < (planned := len(rules.planned(name)))
    )


def _cited(group: Group) -> str:
    """Whether the records were made under this decision file."""
    own = decision.sha256()
    cited = Counter(r.decision_sha256 for r in group.records)
    total = len(group.records)
    if cited[own] == total:
        return f"All {total} records cite this decision file ({own[:12]})."
    others = [f"{n} cite {sha[:12]}" for sha, n in sorted(cited.items(), key=str) if sha]
    parts = [part for part in others if own[:12] not in part]
    if cited[None]:
        parts.append(f"{cited[None]} cite none")
    return (
        f"WARNING: {total - cited[own]} of {total} records do not cite this decision file "
        f"({own[:12]}): {', '.join(parts)}. They were not made under the rules applied here."
    )
