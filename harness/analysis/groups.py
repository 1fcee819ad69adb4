"""Which runs may stand in one table. Pure: no files, no printing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.formatting import count
from harness.protocol import datasets
from harness.runs import store
from harness.runs.record import RunRecord


@dataclass(frozen=True)
class Group:
    """Runs that may stand in one table: same data, same protocol, same precision.

    Attributes:
        dataset, protocol: as in the records; the dataset without what names the run's part.
        records: one for each variant and seed.
    """

    dataset: dict[str, Any]
    protocol: dict[str, Any]
    records: tuple[RunRecord, ...]

    @property
    def title(self) -> str:
        """Data, budget and precision, for people."""
        return self._named(f"{count(self.protocol['epochs'], 'epoch')}, ")

    @property
    def setting(self) -> str:
        """The title without the budget."""
        return self._named("")

    def _named(self, budget: str) -> str:
        elsewhere = ", validation split" if self.dataset["split"] == "validation" else ""
        return f"{self.dataset['title']}, {budget}{self.protocol['precision']}{elsewhere}"

    @property
    def beside_paper(self) -> bool:
        """Whether the paper's figures may stand beside these: its classes, and test images."""
        return (
            tuple(self.dataset["classes"]) == datasets.CLASSES and self.dataset["split"] == "test"
        )


def group(records: Iterable[RunRecord]) -> tuple[list[Group], list[str]]:
    """Divide records into groups that must not be mixed.

    Returns:
        The groups, and a line for each record left out because its variant and seed are there
        already. Groups judged on test images come first, then those with more runs, then those
        with fewer epochs.
    """
    kept: dict[str, dict[tuple[str, int], RunRecord]] = {}
    faults = []
    for found in records:
        runs = kept.setdefault(repr((found.dataset, found.protocol)), {})
        key = (found.variant, found.seed)
        if key in runs:
            faults.append(f"{found.variant} seed {found.seed} is there twice: one was left out.")
        runs.setdefault(key, found)
    groups = []
    for runs in kept.values():
        members = tuple(runs.values())
        groups.append(Group(members[0].dataset, members[0].protocol, members))
    return sorted(groups, key=_place), faults


def _place(group: Group) -> tuple[Any, ...]:
    elsewhere = group.dataset["split"] != "test"
    return elsewhere, -len(group.records), group.protocol["epochs"], group.title


# What a reader asks for first; much of the rest follows from it.
_TELLING = ("data.title", "data.split", "protocol.epochs", "protocol.precision")


def apart(one: Group, other: Group) -> list[str]:
    """Why two groups stand in different tables: what differs, one phrase for each value, the
    most telling first."""
    before, after = (
        {
            "data": {**g.dataset, "fingerprint": g.dataset["fingerprint"][:12]},
            "protocol": g.protocol,
        }
        for g in (one, other)
    )
    return sorted(
        store.differences(before, after),
        key=lambda phrase: not phrase.startswith(tuple(f"{name} " for name in _TELLING)),
    )


def environments(records: Iterable[RunRecord]) -> list[str]:
    """What the runs ran on, with the number of each, most first: one phrase if all agree."""
    found = Counter(
        f"{e.get('device', 'unknown device')}, torch {e.get('torch', '?')}, "
        f"{count(e.get('threads', '?'), 'thread')}"
        for e in (record.environment for record in records)
    )
    return [
        f"{place} ({count(n, 'run')})"
        for place, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
