"""Searches as their records tell them: trials, ranking, and the settings that were varied. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.runs.record import DatasetInfo, RunRecord


@dataclass(frozen=True)
class Search:
    """The recorded trials of one search.

    Attributes:
        name: of the study.
        settings: of the study, such as sampler, space and number of trials.
        dataset: of the trials.
        epochs: of every trial.
        trials: best first: by accuracy, then loss, then number; failed ones last.
    """

    name: str
    settings: dict[str, Any]
    dataset: DatasetInfo
    epochs: int
    trials: tuple[RunRecord, ...]

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the settings that are numbers in every trial, in the order of the space."""
        space = self.settings.get("space")
        names = space if isinstance(space, dict) else {}
        return tuple(
            name
            for name in names
            if all(_is_number(trial.settings.get(name)) for trial in self.trials)
        )

    def is_logarithmic(self, name: str) -> bool:
        """Whether a setting was varied on a logarithmic scale."""
        limits = self.settings["space"][name]
        return isinstance(limits, dict) and limits.get("log") is True

    @property
    def planned(self) -> int | None:
        """Number of trials as planned; None if the record does not say."""
        number = self.settings.get("trials")
        return number if isinstance(number, int) else None

    @property
    def finished(self) -> tuple[RunRecord, ...]:
        """The trials with metrics, best first."""
        return tuple(trial for trial in self.trials if trial.metrics is not None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_in_study(record: RunRecord) -> bool:
    """Whether a run belongs to a study, which none does that was evaluated on the test images."""
    return record.study is not None and record.dataset.split == "validation"


def index(trial: RunRecord) -> int:
    """The number of a trial or fold in its study."""
    assert trial.study is not None
    return trial.study.index


def searches(records: Iterable[RunRecord]) -> list[Search]:
    """Collect the searches in records, by name.

    Trials of different data, protocols or training seeds are different searches. Of several
    records of one trial the first counts.
    """
    by_search: dict[str, dict[int, RunRecord]] = defaultdict(dict)
    for record in records:
        if is_in_study(record) and record.study is not None and record.study.kind == "search":
            key = repr((record.study.name, record.dataset, record.protocol, record.seed))
            by_search[key].setdefault(record.study.index, record)
    return [search_of(list(trials.values())) for _, trials in sorted(by_search.items())]


def search_of(trials: list[RunRecord]) -> Search:
    """The search of these trials, at least one."""
    first = min(trials, key=index)
    assert first.study is not None
    return Search(
        name=first.study.name,
        settings=first.study.settings,
        dataset=first.dataset,
        epochs=first.protocol.epochs,
        trials=tuple(sorted(trials, key=_rank)),
    )


def _rank(trial: RunRecord) -> tuple[float, float, int]:
    if trial.metrics is None:
        return float("inf"), 0.0, index(trial)
    return -trial.metrics.accuracy, trial.metrics.loss, index(trial)
