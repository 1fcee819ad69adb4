"""Which records a verdict rests on, and whether one may be given at all. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from harness.analysis.contrasts import Arm
from harness.analysis.groups import Group, environments
from harness.protocol import budget, datasets, decision, presets
from harness.protocol.decision import Decision
from harness.runs import store


@dataclass(frozen=True)
class Standing:
    """Attributes:
    decides: whether a verdict is given on these records.
    heading: why, or why not.
    cifar10: whether the classes are CIFAR-10's, so that the paper's figures compare.
    stated: whether a verdict is stated for this number of epochs; for others there are figures
        alone. True where the classes are not CIFAR-10's.
    planned: whether the decision file's seeds and tests are for such runs: CIFAR-10's classes, its
        test images, the protocol, and a budget for which a verdict is stated.
    """

    decides: bool
    heading: str
    cifar10: bool
    stated: bool
    planned: bool


def standing(group: Group, rules: Decision) -> Standing:
    """What the verdict on a group is worth, and whether there can be one at its budget.

    Args:
        group: the records that count, see `planned`.
        rules: the decision file.
    """
    budgets = _budgets(rules)
    cifar10 = tuple(group.dataset.classes) == datasets.CLASSES
    epochs = group.protocol.epochs
    obstacle = _obstacle(group, cifar10, budgets)
    return Standing(
        decides=not obstacle,
        heading=f"{obstacle}: figures, no verdict" if obstacle else budgets[epochs],
        cifar10=cifar10,
        stated=not cifar10 or epochs in budgets,
        planned=group.beside_paper and epochs in budgets and not _departs(group),
    )


def _budgets(rules: Decision) -> dict[int, str]:
    """The numbers of epochs for which a verdict is stated, with what each is."""
    own = f"the protocol's budget, tuned on {budget.load().calibrated_on}"
    return {rules.budgets.reference: "the reference's budget"} | {
        presets.PROTOCOLS["cifar10"].epochs: own
    }


def _obstacle(group: Group, cifar10: bool, budgets: Mapping[int, str]) -> str:
    """Why there is no verdict on a group; empty where there is one."""
    data, epochs = group.dataset, group.protocol.epochs
    elsewhere = cifar10 and epochs not in budgets
    stated = f"the verdict is stated for {' and '.join(map(str, sorted(budgets)))} epochs"
    if not (data.official and cifar10):
        what = "not the official CIFAR-10 bytes" if cifar10 else "not CIFAR-10"
        return f"NOT THE OFFICIAL DATA ({what}" + f"; {stated}" * elsewhere + ")"
    if data.split != "test":
        return "NOT THE TEST IMAGES"
    if departs := _departs(group):
        return f"NOT THE PROTOCOL ({'; '.join(departs[:3])})"
    if others := sum(r.decision_sha256 != decision.sha256() for r in group.records):
        return (
            f"OTHER RULES ({others} of {len(group.records)} records do not cite this decision file)"
        )
    if elsewhere:
        return f"ANOTHER BUDGET ({stated})"
    tuned = budget.load()
    if tuned.provisional and epochs == tuned.epochs:
        return "PROVISIONAL BUDGET (`calibrate` has not set it)"
    return ""


# What the data and the budget say themselves.
_ELSEWHERE = ("dataset", "epochs")


def _departs(group: Group) -> list[str]:
    """Where the protocol, but for data and budget, is not that of CIFAR-10."""
    standard, own = (
        store.to_json_types(protocol.to_dict())
        for protocol in (presets.PROTOCOLS["cifar10"], group.protocol)
    )
    for fields in (standard, own):
        for name in _ELSEWHERE:
            del fields[name]
    return store.diff(standard, own)


def planned(group: Group, rules: Decision) -> tuple[Group, int]:
    """The group without seeds beyond the planned ones, and how many those were."""
    if not rules.exclusions.beyond_plan:
        return group, 0
    kept = tuple(r for r in group.records if r.seed in rules.planned(r.variant))
    return dataclasses.replace(group, records=kept), len(group.records) - len(kept)


def notes(group: Group, beyond: int, worth: Standing, rules: Decision) -> list[str]:
    """What a reader must know about the records of a group: one sentence each.

    Args:
        group: the records that count.
        beyond: how many others there were, see `planned`.
        worth: see `standing`.
        rules: the decision file.
    """
    lines = [_cited(group)]
    if worth.planned and (short := _short(group, rules)):
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
    own, *others = (
        Arm.of(name, group.records) for name in (rules.accuracy.variant, *rules.contrasts.variants)
    )
    return ", ".join(
        f"{arm.ran} of {len(rules.planned(arm.name))} of {arm.name}"
        for arm in (own, *(arm for arm in others if arm.ran))
        if arm.interim(rules)
    )


def _cited(group: Group) -> str:
    """Whether the records were made under this decision file."""
    own = decision.sha256()
    cited = Counter(r.decision_sha256 for r in group.records)
    total = len(group.records)
    if cited[own] == total:
        return f"All {total} records cite this decision file ({own[:12]})."
    others = [f"{n} cite {sha[:12]}" for sha, n in sorted(cited.items()) if sha != own]
    return (
        f"WARNING: {total - cited[own]} of {total} records do not cite this decision file "
        f"({own[:12]}): {', '.join(others)}. They were not made under the rules applied here."
    )
