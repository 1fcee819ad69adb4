"""Group records that one table may hold. Pure: no files, no printing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.formatting import count
from harness.protocol import datasets
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.record import DatasetInfo, RunRecord


@dataclass(frozen=True)
class Group:
    """Runs that one table may hold: same data, same protocol, same type of device.

    Attributes:
        dataset, protocol: as in the records.
        device_type: "cpu" or "cuda"; runs of different types are never pooled.
        records: one for each variant and seed.
    """

    dataset: DatasetInfo
    protocol: Protocol
    device_type: str
    records: tuple[RunRecord, ...]

    @property
    def title(self) -> str:
        """Data, budget, precision and type of device, for people."""
        return self._named(f"{count(self.protocol.epochs, 'epoch')}, ")

    @property
    def setting(self) -> str:
        """The title without the budget."""
        return self._named("")

    def _named(self, budget: str) -> str:
        elsewhere = ", validation split" if self.dataset.split == "validation" else ""
        place = f"{self.protocol.precision} on {self.device_type}"
        return f"{self.dataset.title}, {budget}{place}{elsewhere}"

    @property
    def beside_paper(self) -> bool:
        """Whether the paper's figures may stand beside these: its classes, and test images."""
        return tuple(self.dataset.classes) == datasets.CLASSES and self.dataset.split == "test"


def group(records: Iterable[RunRecord]) -> tuple[list[Group], list[str]]:
    """Divide records into groups that must not be mixed.

    Returns:
        The groups, and a line for each record left out because its variant and seed are there
        already. Groups judged on test images come first, then those with more runs, then those
        with fewer epochs.
    """
    kept: dict[str, dict[tuple[str, int], RunRecord]] = {}
    faults = []
    for record in records:
        shared = (record.dataset, record.protocol, record.environment.device_type)
        runs = kept.setdefault(repr(shared), {})
        key = (record.variant, record.seed)
        if key in runs:
            faults.append(f"{record.variant} seed {record.seed} is there twice: one was left out.")
        runs.setdefault(key, record)
    groups = []
    for runs in kept.values():
        members = tuple(runs.values())
        first = members[0]
        groups.append(Group(first.dataset, first.protocol, first.environment.device_type, members))
    return sorted(groups, key=_order), faults


def _order(group: Group) -> tuple[Any, ...]:
    elsewhere = group.dataset.split != "test"
    return elsewhere, -len(group.records), group.protocol.epochs, group.title


# What a reader asks for first; much of the rest follows from it.
_TELLING = ("data.title", "data.split", "device", "protocol.epochs", "protocol.precision")


def apart(one: Group, other: Group) -> list[str]:
    """Why two groups stand in different tables: what differs, one phrase for each value, the
    most telling first."""
    before, after = (
        {
            "data": {**g.dataset.model_dump(), "fingerprint": g.dataset.fingerprint[:12]},
            "device": g.device_type,
            "protocol": g.protocol.to_dict(),
        }
        for g in (one, other)
    )
    return sorted(
        store.diff(before, after),
        key=lambda phrase: not phrase.startswith(tuple(f"{name} " for name in _TELLING)),
    )


def environments(records: Iterable[RunRecord]) -> list[str]:
    """What the runs ran on, with the number of each, most first: one phrase if all agree."""
    found = Counter(
        f"{e.device}, torch {e.torch}, {count(e.threads, 'thread')}"
        for e in (record.environment for record in records)
    )
    return [
        f"{place} ({count(n, 'run')})"
        for place, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]
