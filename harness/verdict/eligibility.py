"""Decide which groups of records may give a verdict, and note what a reader must know. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from harness.analysis.groups import RunGroup, VariantRuns, environments
from harness.formatting import pluralize
from harness.protocol import budget, datasets, decision, presets
from harness.protocol.decision import Decision
from harness.runs import store


class Obstacle(StrEnum):
    """Why a group of records gives no verdict."""

    OTHER_TASK = "NOT CIFAR-10"
    OTHER_BYTES = "NOT THE OFFICIAL DATA"
    OTHER_IMAGES = "NOT THE TEST IMAGES"
    OTHER_PROTOCOL = "NOT THE PROTOCOL"
    OTHER_RULES = "OTHER RULES"
    OTHER_BUDGET = "ANOTHER BUDGET"
    PROVISIONAL = "PROVISIONAL BUDGET"
    OTHER_DEVICE = "ANOTHER RESULTS SET"


@dataclass(frozen=True)
class Eligibility:
    """Whether a group of records gives a verdict.

    Attributes:
        obstacle: why not; None where it does.
        detail: more about that, in words.
    """

    obstacle: Obstacle | None
    detail: str

    @property
    def allows_verdict(self) -> bool:
        """Whether these records give a verdict; others give figures."""
        return self.obstacle is None

    @property
    def reason(self) -> str:
        """For people."""
        if self.obstacle is None:
            return self.detail
        return f"{self.obstacle.value} ({self.detail}): figures, no verdict"


def assess_groups(groups: Sequence[RunGroup], rules: Decision) -> list[Eligibility]:
    """Whether each group gives a verdict; of several types of device one does.

    Args:
        groups: of planned seeds, see `drop_unplanned_seeds`.
        rules: the decision file.
    """
    found = [_assess(group, rules) for group in groups]
    eligible = [g for g, standing in zip(groups, found, strict=True) if standing.allows_verdict]
    others = _not_deciding(eligible, rules)
    return [
        Eligibility(Obstacle.OTHER_DEVICE, others[group.device_type])
        if standing.allows_verdict and group.device_type in others
        else standing
        for group, standing in zip(groups, found, strict=True)
    ]


def _not_deciding(groups: Sequence[RunGroup], rules: Decision) -> dict[str, str]:
    """Types of device whose records give no verdict, with the reason.

    The first type for which look 1 is complete for all variants decides. Records have no date:
    where several are complete, the first by name does.
    """
    types = sorted({group.device_type for group in groups})
    if len(types) < 2:
        return {}
    tuned = presets.PROTOCOLS["cifar10"].epochs
    complete = [
        group.device_type
        for group in sorted(groups, key=lambda group: group.device_type)
        if group.protocol.epochs == tuned and not missing_first_look(group, rules)
    ]
    if not complete:
        why = f"of {' and '.join(types)}, none has look 1 complete for all variants"
        return dict.fromkeys(types, why)
    why = f"{complete[0]} decides, where look 1 is complete; types of device are never pooled"
    return dict.fromkeys((t for t in types if t != complete[0]), why)


def missing_first_look(group: RunGroup, rules: Decision) -> dict[str, int]:
    """Planned variants for which look 1 is not complete, with the number of runs that lack."""
    first = range(rules.looks.seeds[0])
    present = {(r.variant, r.seed) for r in group.records}
    lack = {name: sum((name, s) not in present for s in first) for name in rules.variants}
    return {name: number for name, number in lack.items() if number}


def budgets(rules: Decision) -> dict[int, str]:
    """The numbers of epochs for which a verdict is given, with what each is."""
    own = f"the protocol's budget, tuned on {budget.load().calibrated_on}"
    return {rules.budgets.reference: "the reference's budget"} | {
        presets.PROTOCOLS["cifar10"].epochs: own
    }


def _assess(group: RunGroup, rules: Decision) -> Eligibility:
    """Whether a group gives a verdict, whatever its type of device."""
    data, epochs = group.dataset, group.protocol.epochs
    stated = budgets(rules)
    tuned = budget.load()
    uncited = sum(r.decision_sha256 != decision.sha256() for r in group.records)
    departs = _departs(group)
    obstacles: Mapping[Obstacle, tuple[bool, str]] = {
        Obstacle.OTHER_TASK: (tuple(data.classes) != datasets.CLASSES, data.title),
        Obstacle.OTHER_BYTES: (not data.official, "not the official CIFAR-10 bytes"),
        Obstacle.OTHER_IMAGES: (data.split != "test", f"the {data.split} split"),
        Obstacle.OTHER_PROTOCOL: (bool(departs), "; ".join(departs[:3])),
        Obstacle.OTHER_RULES: (
            uncited > 0,
            f"{uncited} of {len(group.records)} records do not cite this decision file",
        ),
        Obstacle.OTHER_BUDGET: (
            epochs not in stated,
            f"the verdict is given for {' and '.join(map(str, sorted(stated)))} epochs",
        ),
        Obstacle.PROVISIONAL: (
            tuned.provisional and epochs == tuned.epochs,
            "`calibrate` has not set it",
        ),
    }
    for obstacle, (there, detail) in obstacles.items():
        if there:
            return Eligibility(obstacle, detail)
    return Eligibility(None, stated[epochs])


# What the data and the budget say themselves.
_ELSEWHERE = ("dataset", "epochs", "validation", "fold", "folds")


def _departs(group: RunGroup) -> list[str]:
    """Where the protocol, but for data and budget, is not that of CIFAR-10."""
    standard, own = (
        store.to_json_types(protocol.to_dict())
        for protocol in (presets.PROTOCOLS["cifar10"], group.protocol)
    )
    for fields in (standard, own):
        for name in _ELSEWHERE:
            del fields[name]
    return store.diff(standard, own)


def drop_unplanned_seeds(group: RunGroup, rules: Decision) -> tuple[RunGroup, int]:
    """The group without seeds beyond the planned ones, and how many those were."""
    kept = tuple(r for r in group.records if r.seed in rules.planned_seeds)
    return dataclasses.replace(group, records=kept), len(group.records) - len(kept)


def notes(group: RunGroup, unplanned: int, standing: Eligibility, rules: Decision) -> list[str]:
    """What a reader must know about the records of a group: one sentence each.

    Args:
        group: of planned seeds.
        unplanned: how many other records there were, see `drop_unplanned_seeds`.
        standing: of the group.
        rules: the decision file.
    """
    lines = _cited(group, standing)
    if standing.allows_verdict and (lack := missing_first_look(group, rules)):
        named = ", ".join(f"{name} {number}" for name, number in lack.items())
        lines.append(
            f"Look 1 is not complete for all variants; runs lacking: {named}. If another type of "
            "device completes it first, that one decides."
        )
    if unplanned:
        lines.append(f"Left out: {pluralize(unplanned, 'run')} with unplanned seeds.")
    arms = [
        VariantRuns.of(name, group.records, rules) for name in {r.variant for r in group.records}
    ]
    if waiting := sum(arm.waiting for arm in arms):
        lines.append(
            f"{pluralize(waiting, 'run')} not counted before the next look of the variant."
        )
    for arm in sorted(arms, key=lambda arm: arm.name):
        for look in np.flatnonzero(arm.accuracy_runs.blocked):
            failed, seeds = arm.accuracy_runs.failed[look], rules.looks.seeds[look]
            lines.append(
                f"Look {look + 1} of {arm.name} settles nothing: {failed} of {seeds} runs failed."
            )
    failed = sum(r.failed for r in group.records)
    if failed:
        lines.append(
            f"{failed} of {len(group.records)} runs failed: in no mean, and behind every finished "
            "run in P(A > B)."
        )
    if (versions := len({r.sources_sha256 for r in group.records})) > 1:
        lines.append(f"Rows come from {versions} versions of the code that decides bits.")
    if len(places := environments(group.records)) > 1:
        lines.append(f"Rows come from more than one environment: {'; '.join(places)}.")
    return lines


def _cited(group: RunGroup, standing: Eligibility) -> list[str]:
    """Whether the records were made under this decision file, where that matters."""
    own, total = decision.sha256(), len(group.records)
    if standing.allows_verdict:
        return [f"All {total} records cite this decision file ({own[:12]})."]
    if standing.obstacle is not Obstacle.OTHER_RULES:
        return []
    cited = Counter(r.decision_sha256 for r in group.records)
    others = [f"{n} cite {sha[:12]}" for sha, n in sorted(cited.items()) if sha != own]
    return [
        f"WARNING: {total - cited[own]} of {total} records do not cite this decision file "
        f"({own[:12]}): {', '.join(others)}. They were not made under the rules applied here."
    ]
