"""A section of the pages: text and tables on one subject."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from harness.report.tables.table import Table

_Subject = TypeVar("_Subject")


class Kind(StrEnum):
    """What a section is about; begins its anchor. Of readings and independent runs there is one."""

    GROUP = "group"
    BUDGETS = "budgets"
    READINGS = "readings"
    INDEPENDENT = "independent"
    CALIBRATION = "calibration"
    SEARCH = "search"
    FOLDS = "folds"


# Evaluated on held-out training images.
HELD_OUT = (Kind.CALIBRATION, Kind.SEARCH, Kind.FOLDS)


@dataclass(frozen=True)
class Section:
    """The text and the tables on one subject; figures are in `harness.report.drawings`.

    Attributes:
        kind: of the subject.
        anchor: id of the section, and prefix of the names of its figures.
        title: what the runs have in common.
        subtitle: whether their figures give a verdict.
        sentences: what the runs show beside the answer of the page.
        notes: what a reader must know about the records.
        tables: in the order of the page.
        repeat: the commands that repeat the runs.
        facts: dataset, environment, code and cost, as (name, text) pairs.
    """

    kind: Kind
    anchor: str
    title: str
    subtitle: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    repeat: Table | None = None
    facts: tuple[tuple[str, str], ...] = ()


def anchored(kind: Kind, subjects: Iterable[_Subject]) -> Iterator[tuple[str, _Subject]]:
    """Yield the subjects of the sections of a kind with their anchors."""
    for number, subject in enumerate(subjects, start=1):
        yield f"{kind}-{number}", subject
