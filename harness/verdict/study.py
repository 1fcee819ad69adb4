"""A results folder, read and judged; what is wrong with it is told, not raised."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis import calibration, calibration_record
from harness.analysis import groups as analysis_groups
from harness.analysis.calibration import Calibration
from harness.analysis.groups import RunGroup
from harness.errors import InputError
from harness.formatting import pluralize
from harness.protocol import presets
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict import verdict as verdict_verdict
from harness.verdict.verdict import GroupVerdict, Verdict


@dataclass(frozen=True)
class DataWarning:
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
    primary: GroupVerdict
    warnings: tuple[DataWarning, ...]
    calibrations: Mapping[Path, Calibration]

    @property
    def group_verdicts(self) -> tuple[GroupVerdict, ...]:
        """The lead, then the others in the verdict's order."""
        return (self.primary, *(j for j in self.verdict.group_verdicts if j is not self.primary))


def load_study(results: Path) -> Study:
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
    calibrations, unread = calibration_record.load_calibrations(results)
    found = calibrations.values()
    groups = calibration.drop_calibration_groups(groups, found)
    judged = verdict_verdict.judge_groups(groups, len(damaged) + len(doubled))
    problems = (
        *_of_files(damaged, unread, doubled),
        *_of_groups(groups),
        *_of_calibrations(found, records, groups),
    )
    return Study(results, judged, _primary(judged), problems, calibrations)


def _primary(judged: Verdict) -> GroupVerdict:
    """The judgement that answers best: one that decides, on CIFAR-10's classes and test images,
    at the protocol's budget, with most looks and runs."""
    tuned = presets.PROTOCOLS["cifar10"].epochs

    def rank(judgement: GroupVerdict) -> tuple[int, ...]:
        return (
            judgement.eligibility.allows_verdict,
            judgement.group.comparable_to_paper,
            judgement.group.dataset.split == "test",
            judgement.epochs == tuned,
            judgement.claim_runs.look,
            judgement.claim_runs.n_finished,
            len(judgement.group.records),
        )

    return max(judged.group_verdicts, key=rank)


def _of_files(
    damaged: Sequence[str], unread: Sequence[str], doubled: Sequence[str]
) -> Iterator[DataWarning]:
    if damaged:
        yield DataWarning(f"{pluralize(len(damaged), 'record')} could not be read.", (*damaged,))
    if unread:
        named = pluralize(len(unread), "calibration")
        yield DataWarning(
            f"{named} could not be read; its runs are judged like all others.", (*unread,)
        )
    if doubled:
        yield DataWarning(f"{pluralize(len(doubled), 'record')} stood there twice.", (*doubled,))


def _of_groups(groups: Sequence[RunGroup]) -> Iterator[DataWarning]:
    failed = tuple(
        f"{r.variant}, seed {r.seed} ({group.title}): {r.reason}"
        for group in groups
        for r in group.records
        if r.failed
    )
    if failed:
        total = sum(len(group.records) for group in groups)
        yield DataWarning(f"{len(failed)} of {pluralize(total, 'run')} failed.", failed)
    shared = {repr((g.dataset, dataclasses.replace(g.protocol, epochs=1))) for g in groups}
    if len(shared) > 1:
        titles = tuple(
            f"{g.title} ({pluralize(len(g.records), 'run')}; data {g.dataset.fingerprint[:12]})"
            for g in groups
        )
        yield DataWarning(
            f"{len(groups)} groups of runs differ in data or protocol; "
            "each has a section of its own and none are mixed.",
            titles,
        )
    for group in groups:
        if len(places := analysis_groups.environments(group.records)) > 1:
            yield DataWarning(
                f"Runs of one table come from several environments ({group.title}).", (*places,)
            )


def _of_calibrations(
    calibrations: Collection[Calibration], records: Sequence[RunRecord], groups: Sequence[RunGroup]
) -> Iterator[DataWarning]:
    gone = tuple(
        f"{c.variant}, {epochs} epochs, seed {seed} ({c.dataset.title})"
        for c in calibrations
        for epochs, seed in calibration.missing_runs(c, records)
    )
    if gone:
        total = sum(len(c.runs) for c in calibrations)
        yield DataWarning(
            f"{len(gone)} of {pluralize(total, 'run')} behind the number of epochs "
            f"{'is' if len(gone) == 1 else 'are'} not in this folder.",
            gone,
        )
    shared = tuple(
        f"{group.title}: {tuning} of {pluralize(len(group.records), 'run')}"
        for group in groups
        if 0
        < (tuning := calibration.count_calibration_runs(group, calibrations))
        < len(group.records)
    )
    if shared:
        yield DataWarning(
            "Runs behind the number of epochs stand in a section of their own too, "
            "with others of the same data and protocol.",
            shared,
        )
