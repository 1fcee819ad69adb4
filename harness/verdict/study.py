"""Load and judge the records of a results folder, with warnings about the data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis import calibration, calibration_record
from harness.analysis import groups as analysis_groups
from harness.analysis.calibration import Calibration
from harness.analysis.compatibility import independent as compatibility_independent
from harness.analysis.compatibility.independent import IndependentRun
from harness.analysis.groups import RunGroup
from harness.analysis.studies import cross_validation, search
from harness.analysis.studies.cross_validation import CrossValidation
from harness.analysis.studies.search import Search
from harness.errors import InputError
from harness.formatting import pluralize
from harness.protocol import budget, presets
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict import readings
from harness.verdict import verdict as verdict_verdict
from harness.verdict.readings import ReadingResult
from harness.verdict.verdict import GroupVerdict, Verdict


@dataclass(frozen=True)
class DataWarning:
    """A warning about the data that a reader must see before the figures.

    Attributes:
        sentence: the warning, with the number of cases.
        cases: one line for each.
    """

    sentence: str
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """The judged contents of a results folder.

    Searches and cross-validations, which records and `harness.studies` call studies, are parts of
    it.

    Attributes:
        results: the folder.
        verdict: on all groups of records; at least one.
        primary: the group verdict that a report opens with.
        warnings: most severe first.
        faults: a line for each damaged or duplicate record and damaged calibration.
        calibrations: calibration records by path.
        searches, cross_validations: of several runs each; their runs are in no group of records.
        independent: runs by a program that shares no code with this package.
    """

    results: Path
    verdict: Verdict
    primary: GroupVerdict
    warnings: tuple[DataWarning, ...]
    faults: tuple[str, ...]
    calibrations: Mapping[Path, Calibration]
    searches: tuple[Search, ...] = ()
    cross_validations: tuple[CrossValidation, ...] = ()
    independent: tuple[IndependentRun, ...] = ()

    @property
    def has_test_runs(self) -> bool:
        """Whether the primary runs were evaluated on test images."""
        return self.primary.group.dataset.split == "test"

    @property
    def tuning(self) -> Calibration | None:
        """The calibration that the protocol's number of epochs comes from, if it is here."""
        cited = budget.load().calibration_sha256
        return next((c for c in self.calibrations.values() if c.sha256() == cited), None)

    @functools.cached_property
    def readings(self) -> tuple[ReadingResult, ...]:
        """How the readings of the paper fit it."""
        return readings.judge(self.verdict.group_verdicts)

    @property
    def group_verdicts(self) -> tuple[GroupVerdict, ...]:
        """The primary group verdict, then the others in the verdict's order."""
        others = (g for g in self.verdict.group_verdicts if g is not self.primary)
        return (self.primary, *others)


def load_study(results: Path) -> Study:
    """Load and judge the records below a folder, without the runs of calibrations, searches and
    cross-validations.

    Reports show those in sections of their own. If a folder has no other runs, they are grouped
    like others, for `compare` and `report`; evaluated on training images, they never give a
    verdict.

    Args:
        results: the folder.

    Raises:
        InputError: if the folder is missing or has no readable record, or the file of independent
            runs is damaged.
    """
    records, damaged = store.load_all(results)
    by_path, unread = calibration_record.load_calibrations(results)
    if not records:
        if damaged:
            raise InputError(
                f"Not answered yet: no record below {results} can be read "
                f"({len(damaged)} damaged). The first: {damaged[0]}"
            )
        raise InputError(
            f"Not answered yet: no record below {results}: train something with run first."
        )
    independent = compatibility_independent.load(results, records)
    return judge_records(results, records, damaged, by_path, unread, independent)


def judge_records(
    results: Path,
    records: Sequence[RunRecord],
    damaged: Sequence[str] = (),
    by_path: Mapping[Path, Calibration] | None = None,
    unread: Sequence[str] = (),
    independent: Sequence[IndependentRun] = (),
) -> Study:
    """Judge records.

    Args:
        results: the folder that they are from.
        records: at least one.
        damaged: a line for each record that could not be read.
        by_path: calibrations by path.
        unread: a line for each calibration that could not be read.
        independent: runs by another program.
    """
    by_path = by_path or {}
    calibrations = by_path.values()
    others = [record for record in records if not search.is_in_study(record)]
    groups, duplicates = analysis_groups.group(others or records)
    groups = calibration.drop_calibration_groups(groups, calibrations)
    verdict = verdict_verdict.judge_groups(groups, len(damaged) + len(duplicates))
    warnings = (
        *_file_warnings(damaged, unread, duplicates),
        *_group_warnings(groups),
        *_calibration_warnings(calibrations, records, groups),
    )
    faults = (*damaged, *duplicates, *unread)
    return Study(
        results,
        verdict,
        _primary(verdict),
        warnings,
        faults,
        by_path,
        tuple(search.searches(records)),
        tuple(cross_validation.cross_validations(records)),
        tuple(independent),
    )


def _primary(verdict: Verdict) -> GroupVerdict:
    """The most informative group verdict.

    It decides, is on CIFAR-10's classes and test images, is at the protocol's budget, and has the
    most looks and runs, in this order of importance.
    """

    def rank(group_verdict: GroupVerdict) -> tuple[int, ...]:
        return (
            group_verdict.eligibility.allows_verdict,
            group_verdict.group.comparable_to_paper,
            group_verdict.group.dataset.split == "test",
            group_verdict.epochs == presets.EPOCHS,
            group_verdict.claim_runs.look,
            group_verdict.claim_runs.n_finished,
            len(group_verdict.group.records),
        )

    return max(verdict.group_verdicts, key=rank)


def _file_warnings(
    damaged: Sequence[str], unread: Sequence[str], duplicates: Sequence[str]
) -> Iterator[DataWarning]:
    if damaged:
        yield DataWarning(f"{pluralize(len(damaged), 'record')} could not be read.", (*damaged,))
    if unread:
        named = pluralize(len(unread), "calibration")
        yield DataWarning(
            f"{named} could not be read; its runs are treated like all others.", (*unread,)
        )
    if duplicates:
        counted = pluralize(len(duplicates), "duplicate record")
        verb = "was" if len(duplicates) == 1 else "were"
        yield DataWarning(f"{counted} {verb} left out.", (*duplicates,))


def _group_warnings(groups: Sequence[RunGroup]) -> Iterator[DataWarning]:
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
            f"{len(groups)} groups of runs differ in data or protocol; none are mixed.",
            titles,
        )
    for group in groups:
        environments = analysis_groups.environments(group.records)
        if len(environments) > 1:
            yield DataWarning(
                f"Runs of one group come from several environments ({group.title}).",
                (*environments,),
            )


def _calibration_warnings(
    calibrations: Collection[Calibration], records: Sequence[RunRecord], groups: Sequence[RunGroup]
) -> Iterator[DataWarning]:
    missing = tuple(
        f"{c.variant}, {epochs} epochs, seed {seed} ({c.dataset.title})"
        for c in calibrations
        for epochs, seed in calibration.missing_runs(c, records)
    )
    if missing:
        total = sum(len(c.runs) for c in calibrations)
        yield DataWarning(
            f"{len(missing)} of {pluralize(total, 'run')} of the calibrations "
            f"{'is' if len(missing) == 1 else 'are'} not in this folder.",
            missing,
        )
    shared = []
    for group in groups:
        count = calibration.count_calibration_runs(group, calibrations)
        if 0 < count < len(group.records):
            shared.append(f"{group.title}: {count} of {pluralize(len(group.records), 'run')}")
    if shared:
        yield DataWarning(
            "Runs of the calibrations are also grouped with other runs on the same data and "
            "protocol.",
            (*shared,),
        )
