"""A results folder, read and judged; what is wrong with it is told, not raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis import calibration, calibration_record
from harness.analysis import groups as analysis_groups
from harness.analysis.calibration import Calibration
from harness.analysis.groups import Group
from harness.errors import InputError
from harness.formatting import count
from harness.protocol import presets
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict import verdict as verdict_verdict
from harness.verdict.verdict import Judgement, Verdict


@dataclass(frozen=True)
class Problem:
    """One kind of thing that a reader must know before the figures.

    Attributes:
        sentence: how many of what.
        cases: each of them.
    """

    sentence: str
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """What a report is about.

    Attributes:
        results: the folder.
        verdict: of all groups of records; at least one.
        lead: the judgement that the report opens with.
        problems: worst first.
        calibrations: how the number of epochs was chosen, by the path of its record.
    """

    results: Path
    verdict: Verdict
    lead: Judgement
    problems: tuple[Problem, ...]
    calibrations: Mapping[Path, Calibration]

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """The lead, then the others in the verdict's order."""
        return (self.lead, *(j for j in self.verdict.judgements if j is not self.lead))


def read(results: Path) -> Study:
    """Read and judge the records below a folder, without those that tuned the protocol.

    A calibration shows these. Where a folder has no others, they are judged too.

    Args:
        results: the folder.

    Raises:
        InputError: if there is no such folder or no readable record in it.
    """
    records, damaged = store.load_all(results)
    groups, doubled = analysis_groups.group(records)
    if not groups:
        named = f" ({len(damaged)} are damaged; check names them)" if damaged else ""
        raise InputError(
            f"no readable record below {results}{named}: train something with run first."
        )
    calibrations, unread = calibration_record.stored(results)
    found = calibrations.values()
    groups = calibration.without_tuning(groups, found)
    judged = verdict_verdict.judge(groups, len(damaged) + len(doubled))
    problems = (
        *_of_files(damaged, unread, doubled),
        *_of_groups(groups),
        *_of_calibrations(found, records, groups),
    )
    return Study(results, judged, _lead(judged), problems, calibrations)


def _lead(judged: Verdict) -> Judgement:
    """The judgement that answers best: one that decides, on CIFAR-10's classes and test images,
    at the protocol's budget, with most looks and runs."""
    tuned = presets.PROTOCOLS["cifar10"].epochs

    def rank(judgement: Judgement) -> tuple[int, ...]:
        return (
            judgement.standing.decides,
            judgement.group.beside_paper,
            judgement.group.dataset.split == "test",
            judgement.epochs == tuned,
            judgement.arm.look,
            judgement.arm.n,
            len(judgement.group.records),
        )

    return max(judged.judgements, key=rank)


def _of_files(
    damaged: Sequence[str], unread: Sequence[str], doubled: Sequence[str]
) -> Iterator[Problem]:
    if damaged:
        yield Problem(f"{count(len(damaged), 'record')} could not be read.", (*damaged,))
    if unread:
        named = count(len(unread), "calibration")
        yield Problem(
            f"{named} could not be read; its runs are judged like all others.", (*unread,)
        )
    if doubled:
        yield Problem(f"{count(len(doubled), 'record')} stood there twice.", (*doubled,))


def _of_groups(groups: Sequence[Group]) -> Iterator[Problem]:
    failed = tuple(
        f"{r.variant}, seed {r.seed} ({group.title}): {r.reason}"
        for group in groups
        for r in group.records
        if r.failed
    )
    if failed:
        total = sum(len(group.records) for group in groups)
        yield Problem(f"{len(failed)} of {count(total, 'run')} failed.", failed)
    shared = {repr((g.dataset, dataclasses.replace(g.protocol, epochs=1))) for g in groups}
    if len(shared) > 1:
        titles = tuple(
            f"{g.title} ({count(len(g.records), 'run')}; data {g.dataset.fingerprint[:12]})"
            for g in groups
        )
        yield Problem(
            f"{len(groups)} groups of runs differ in data or protocol; "
            "each has a section of its own and none are mixed.",
            titles,
        )
    for group in groups:
        if len(places := analysis_groups.environments(group.records)) > 1:
            yield Problem(
                f"Runs of one table come from several environments ({group.title}).", (*places,)
            )


def _of_calibrations(
    calibrations: Collection[Calibration], records: Sequence[RunRecord], groups: Sequence[Group]
) -> Iterator[Problem]:
    gone = tuple(
        f"{c.variant}, {epochs} epochs, seed {seed} ({c.dataset.title})"
        for c in calibrations
        for epochs, seed in calibration.missing(c, records)
    )
    if gone:
        total = sum(len(c.runs) for c in calibrations)
        yield Problem(
            f"{len(gone)} of {count(total, 'run')} behind the number of epochs "
            f"{'is' if len(gone) == 1 else 'are'} not in this folder.",
            gone,
        )
    shared = tuple(
        f"{group.title}: {tuning} of {count(len(group.records), 'run')}"
        for group in groups
        if 0 < (tuning := calibration.tuning(group, calibrations)) < len(group.records)
    )
    if shared:
        yield Problem(
            "Runs behind the number of epochs stand in a section of their own too, "
            "with others of the same data and protocol.",
            shared,
        )
