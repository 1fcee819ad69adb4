"""Decide which groups of records may give a verdict, and note what a reader must know. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

import variants
from harness.analysis.groups import RunGroup, VariantRuns, environments
from harness.formatting import pluralize
from harness.protocol import budget, datasets, decision, presets
from harness.protocol.decision import Decision
from harness.runs import store
from harness.runs.record import DamagedRecordError, RunRecord, variant_of


class Obstacle(StrEnum):
    """Why a group of records gives no verdict."""

    OTHER_TASK = "NOT CIFAR-10"
    OTHER_BYTES = "NOT THE OFFICIAL DATA"
    OTHER_IMAGES = "NOT THE TEST IMAGES"
    OTHER_PROTOCOL = "NOT THE PROTOCOL"
    OTHER_SEEDS = "NOT THE PLANNED SEEDS"
    OTHER_RULES = "OTHER RULES"
    OTHER_BUDGET = "ANOTHER BUDGET"
    PROVISIONAL = "PROVISIONAL BUDGET"
    OTHER_DEVICE = "ANOTHER RESULTS SET"


@dataclass(frozen=True)
class Eligibility:
    """Whether a group of records gives a verdict.

    Attributes:
        obstacle: why it gives none; None if it gives one.
        detail: explains the obstacle, or the budget of the verdict, in words.
    """

    obstacle: Obstacle | None
    detail: str

    @property
    def allows_verdict(self) -> bool:
        """Whether these records give a verdict; if not, they give figures only."""
        return self.obstacle is None

    @property
    def reason(self) -> str:
        """The obstacle and its detail in one phrase, or the detail alone."""
        if self.obstacle is None:
            return self.detail
        return f"{self.obstacle.value} ({self.detail}): figures, no verdict"


def assess_groups(groups: Sequence[RunGroup], rules: Decision) -> list[Eligibility]:
    """Decide which groups give a verdict; of several types of device at most one does.

    Args:
        groups: of planned seeds, see `drop_unplanned_seeds`.
        rules: the decision file.

    Returns:
        The eligibility of each group, in the order of `groups`.
    """
    alone = [_assess(group, rules) for group in groups]
    eligible = [g for g, assessed in zip(groups, alone, strict=True) if assessed.allows_verdict]
    excluded = _excluded_devices(eligible, rules)
    return [
        Eligibility(Obstacle.OTHER_DEVICE, excluded[group.device_type])
        if assessed.allows_verdict and group.device_type in excluded
        else assessed
        for group, assessed in zip(groups, alone, strict=True)
    ]


def _excluded_devices(groups: Sequence[RunGroup], rules: Decision) -> dict[str, str]:
    """Types of device whose records give no verdict, with the reason.

    The first type for which look 1 is complete for all variants decides. Records have no date:
    if look 1 is complete on several types, the first by name decides. Runs of other variants alone
    give a type of device no say.
    """
    types = sorted({group.device_type for group in groups})
    if len(types) < 2:
        return {}
    planned = sorted(
        {g.device_type for g in groups if any(r.variant in rules.variants for r in g.records)}
    )
    complete = [
        group.device_type
        for group in sorted(groups, key=lambda group: group.device_type)
        if group.protocol.epochs == presets.EPOCHS and not missing_first_look(group, rules)
    ]
    if complete:
        deciding, why = complete[0], "where look 1 is complete"
    elif len(planned) == 1:
        deciding, why = planned[0], "where all runs of the planned variants are"
    else:
        reason = f"of {' and '.join(types)}, none has look 1 complete for all variants"
        return dict.fromkeys(types, reason)
    reason = f"{deciding} decides, {why}; types of device are never pooled"
    return dict.fromkeys((t for t in types if t != deciding), reason)


def missing_first_look(group: RunGroup, rules: Decision) -> dict[str, int]:
    """Number of runs missing from look 1, for each planned variant that misses some."""
    seeds = range(rules.looks.seeds[0])
    present = {(r.variant, r.seed) for r in group.records}
    missing = {name: sum((name, s) not in present for s in seeds) for name in rules.variants}
    return {name: count for name, count in missing.items() if count}


def budgets(rules: Decision) -> dict[int, str]:
    """The numbers of epochs for which a verdict is given, with a description of each."""
    tuned = f"the protocol's budget, tuned on {budget.load().calibrated_on}"
    return {rules.budgets.reference: "the reference's budget", presets.EPOCHS: tuned}


def _assess(group: RunGroup, rules: Decision) -> Eligibility:
    """Whether a group gives a verdict, apart from its type of device."""
    data, epochs = group.dataset, group.protocol.epochs
    verdict_budgets = budgets(rules)
    tuned = budget.load()
    uncited = sum(r.decision_sha256 != decision.sha256() for r in group.records)
    departures = [*_departures(group), *_other_settings(group.records, rules)]
    # The first that applies is the group's. `verdict.readings` passes over those from OTHER_BUDGET
    # on, for which all before them must have been ruled out.
    obstacles: Mapping[Obstacle, tuple[bool, str]] = {
        Obstacle.OTHER_TASK: (tuple(data.classes) != datasets.CLASSES, data.title),
        Obstacle.OTHER_BYTES: (not data.official, "not the official CIFAR-10 bytes"),
        Obstacle.OTHER_IMAGES: (data.split != "test", f"the {data.split} split"),
        Obstacle.OTHER_PROTOCOL: (bool(departures), "; ".join(departures[:3])),
        Obstacle.OTHER_SEEDS: (
            not group.records,
            f"the seeds of the analysis are 0 to {rules.planned_seeds[-1]}",
        ),
        Obstacle.OTHER_RULES: (
            uncited > 0,
            f"{uncited} of {len(group.records)} records do not cite this decision file",
        ),
        Obstacle.OTHER_BUDGET: (
            epochs not in verdict_budgets,
            f"the verdict is given for {' and '.join(map(str, sorted(verdict_budgets)))} epochs",
        ),
        Obstacle.PROVISIONAL: (
            tuned.provisional and epochs == tuned.epochs,
            "the number of epochs is provisional until `calibrate` sets it",
        ),
    }
    for obstacle, (applies, detail) in obstacles.items():
        if applies:
            return Eligibility(obstacle, detail)
    return Eligibility(None, verdict_budgets[epochs])


# Fields of the protocol on data and budget, which have obstacles of their own.
_CHECKED_SEPARATELY = ("dataset", "epochs", "validation", "fold", "folds")


def _departures(group: RunGroup) -> list[str]:
    """Differences from CIFAR-10's protocol in other fields than data and budget."""
    standard, protocol = (
        store.to_json_types(each.to_dict())
        for each in (presets.PROTOCOLS["cifar10"], group.protocol)
    )
    for fields in (standard, protocol):
        for name in _CHECKED_SEPARATELY:
            del fields[name]
    return store.diff(standard, protocol)


def _other_settings(records: Sequence[RunRecord], rules: Decision) -> list[str]:
    """Differences of planned variants' settings from those of the variant of that name."""
    differences = []
    for record in records:
        if record.variant in rules.variants:
            run = f"{record.variant} seed {record.seed}"
            try:
                # As a variant of today, so that a setting that was added since has its default.
                settings = variant_of(record).settings()
            except DamagedRecordError as error:
                differences.append(str(error))
                continue
            differences += store.diff(variants.get(record.variant).settings(), settings, f"{run}: ")
    return differences


def drop_unplanned_seeds(group: RunGroup, rules: Decision) -> tuple[RunGroup, int]:
    """Drop the records with unplanned seeds.

    Returns:
        The group without them, and how many they were.
    """
    planned = tuple(r for r in group.records if r.seed in rules.planned_seeds)
    return dataclasses.replace(group, records=planned), len(group.records) - len(planned)


def notes(
    group: RunGroup,
    by_variant: Mapping[str, VariantRuns],
    unplanned: int,
    eligible: Eligibility,
    rules: Decision,
) -> list[str]:
    """Notes on the records of a group that a reader must know: one sentence each.

    Args:
        group: of planned seeds.
        by_variant: the runs of each variant among them.
        unplanned: how many other records were dropped, see `drop_unplanned_seeds`.
        eligible: the eligibility of the group.
        rules: the decision file.
    """
    lines = _cited(group, eligible)
    if eligible.allows_verdict and (missing := missing_first_look(group, rules)):
        named = ", ".join(f"{name} {count}" for name, count in missing.items())
        lines.append(f"Look 1 is not complete for all variants; runs lacking: {named}.")
        if group.protocol.epochs == presets.EPOCHS:
            lines[-1] += " If another type of device completes it first, that one decides."
    if unplanned:
        lines.append(f"Left out: {pluralize(unplanned, 'run')} with unplanned seeds.")
    for look_follows, until in ((True, "before the next look of the variant"), (False, "at all")):
        arms = [r for r in by_variant.values() if look_follows != r.accuracy_runs.complete[-1]]
        if waiting := sum(runs.waiting for runs in arms):
            lines.append(f"{pluralize(waiting, 'run')} not counted {until}.")
    for runs in by_variant.values():
        for look in np.flatnonzero(runs.accuracy_runs.blocked):
            failed, seeds = runs.accuracy_runs.failed[look], rules.looks.seeds[look]
            lines.append(
                f"Look {look + 1} of {runs.name} settles nothing: {failed} of {seeds} runs failed."
            )
    failed = sum(r.failed for r in group.records)
    if failed:
        lines.append(
            f"{failed} of {len(group.records)} runs failed: in no mean, and behind every finished "
            "run in P(A > B)."
        )
    if (versions := len({r.sources_sha256 for r in group.records})) > 1:
        lines.append(f"Rows come from {versions} versions of the code that decides bits.")
    if len(descriptions := environments(group.records)) > 1:
        lines.append(f"Rows come from more than one environment: {'; '.join(descriptions)}.")
    return lines


def _cited(group: RunGroup, eligible: Eligibility) -> list[str]:
    """Note on the decision files that the records cite, if it matters for the verdict."""
    current, total = decision.sha256(), len(group.records)
    if eligible.allows_verdict:
        cite = "The record cites" if total == 1 else f"All {total} records cite"
        return [f"{cite} this decision file ({current[:12]})."]
    if eligible.obstacle is not Obstacle.OTHER_RULES:
        return []
    cited = Counter(r.decision_sha256 for r in group.records)
    others = [f"{n} cite {sha[:12]}" for sha, n in sorted(cited.items()) if sha != current]
    return [
        f"WARNING: {total - cited[current]} of {total} records do not cite this decision file "
        f"({current[:12]}): {', '.join(others)}. They were not made under the rules applied here."
    ]
