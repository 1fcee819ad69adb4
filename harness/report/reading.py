"""A results folder, read and judged; what is wrong with it is told, not raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import calibration, compare, record, verdict
from harness.calibration import Calibration
from harness.compare import Group
from harness.errors import InputError
from harness.rendering import count
from harness.verdict import Judgement, Verdict


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
class Found:
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


def read(results: Path) -> Found:
    """Read and judge the records below a folder, without those that tuned the protocol.

    Args:
        results: the folder.

    Raises:
        InputError: if there is no such folder or no readable record in it.
    """
    records, damaged = record.load_all(results)
    groups, doubled = compare.group(records)
    if not groups:
        named = f" ({len(damaged)} are damaged; check names them)" if damaged else ""
        raise InputError(
            f"no readable record below {results}{named}: train something with run first."
        )
    calibrations, unread = calibration.stored(results)
    groups = [g for g in groups if not _tuned(g, calibrations.values())] or groups
    judged = verdict.judge(groups, len(damaged) + len(doubled))
    problems = tuple(_problems(groups, [*damaged, *unread], doubled))
    return Found(results, judged, _lead(judged), problems, calibrations)


def _tuned(group: Group, calibrations: Iterable[Calibration]) -> bool:
    """Whether a calibration shows all runs of a group already."""
    return any(all(calibration.rests_on(c, r) for r in group.records) for c in calibrations)


def _lead(judged: Verdict) -> Judgement:
    """The judgement that answers best: one that decides, on CIFAR-10's classes and test images,
    with seeds enough, at the protocol's budget rather than the reference's, with most runs."""
    rules = judged.rules

    def worth(judgement: Judgement) -> tuple[int, ...]:
        runs = judgement.accuracy.n if judgement.accuracy else 0
        return (
            judgement.standing.decides,
            judgement.standing.cifar10,
            judgement.group.dataset["split"] == "test",
            runs >= rules.seeds.least,
            judgement.epochs != rules.budgets.reference,
            runs,
            len(judgement.group.records),
        )

    return max(judged.judgements, key=worth)


def _problems(groups: list[Group], damaged: list[str], doubled: list[str]) -> list[Problem]:
    found = []
    if damaged:
        found.append(Problem(f"{count(len(damaged), 'record')} could not be read.", (*damaged,)))
    if doubled:
        found.append(Problem(f"{count(len(doubled), 'record')} stood there twice.", (*doubled,)))
    failed = tuple(
        f"{r.variant}, seed {r.seed} ({group.title}): {r.reason}"
        for group in groups
        for r in group.records
        if r.failed
    )
    if failed:
        total = sum(len(group.records) for group in groups)
        found.append(Problem(f"{len(failed)} of {count(total, 'run')} failed.", failed))
    if len(groups) > 1:
        titles = tuple(
            f"{g.title} ({count(len(g.records), 'run')}; data {g.dataset['fingerprint'][:12]})"
            for g in groups
        )
        found.append(
            Problem(
                f"{len(groups)} groups of runs differ in data or protocol; "
                "each has a section of its own and none are mixed.",
                titles,
            )
        )
    for group in groups:
        if len(places := compare.environments(group.records)) > 1:
            found.append(
                Problem(
                    f"Runs of one table come from several environments ({group.title}).", (*places,)
                )
            )
    return found
