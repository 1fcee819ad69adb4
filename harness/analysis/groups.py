"""Group comparable records, and select the runs of a variant that count. Pure."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import variants
from harness.analysis import stats
from harness.analysis.looks import FigureBySeed
from harness.formatting import enumerate_words, pluralize
from harness.protocol import datasets
from harness.protocol.decision import Decision
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.record import DatasetInfo, Metrics, RunRecord


@dataclass(frozen=True)
class RunGroup:
    """Runs that may share a table: same data, same protocol, same type of device.

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
        """Data, budget, precision and type of device as a heading."""
        return self._named(f"{pluralize(self.protocol.epochs, 'epoch')}, ")

    @property
    def title_without_epochs(self) -> str:
        """The title without the budget."""
        return self._named("")

    def _named(self, budget: str) -> str:
        split = ", validation split" if self.dataset.split == "validation" else ""
        device = f"{self.protocol.precision} on {self.device_type}"
        return f"{self.dataset.title}, {budget}{device}{split}"

    @property
    def comparable_to_paper(self) -> bool:
        """Whether these runs were evaluated on the paper's classes and on test images."""
        return tuple(self.dataset.classes) == datasets.CLASSES and self.dataset.split == "test"


def group(records: Iterable[RunRecord]) -> tuple[list[RunGroup], list[str]]:
    """Group records by data, protocol and type of device.

    Returns:
        The groups, and a line for each record left out because the group already has one of its
        variant and seed. Groups evaluated on test images come first, then those with more runs,
        then those with fewer epochs.
    """
    by_setting: dict[str, dict[tuple[str, int], RunRecord]] = {}
    faults = []
    for record in records:
        shared = (record.dataset, record.protocol, record.environment.device_type)
        runs = by_setting.setdefault(repr(shared), {})
        key = (record.variant, record.seed)
        if key in runs:
            faults.append(
                f"{record.variant} seed {record.seed} is duplicated: only the first record is used."
            )
        runs.setdefault(key, record)
    groups = []
    for runs in by_setting.values():
        members = tuple(runs.values())
        first = members[0]
        groups.append(
            RunGroup(first.dataset, first.protocol, first.environment.device_type, members)
        )
    return sorted(groups, key=_order), faults


def _order(group: RunGroup) -> tuple[Any, ...]:
    held_out = group.dataset.split != "test"
    return held_out, -len(group.records), group.protocol.epochs, group.title


# Differences to name first, as many others follow from them.
_MAIN_FIELDS = ("data.title", "data.split", "device", "protocol.epochs", "protocol.precision")


def why_separate(first: RunGroup, second: RunGroup) -> list[str]:
    """Differences that keep two groups in separate tables, one phrase each, main ones first."""
    before, after = (
        {
            "data": {**g.dataset.model_dump(), "fingerprint": g.dataset.fingerprint[:12]},
            "device": g.device_type,
            "protocol": g.protocol.to_dict(),
        }
        for g in (first, second)
    )
    return sorted(
        store.diff(before, after),
        key=lambda phrase: not phrase.startswith(tuple(f"{name} " for name in _MAIN_FIELDS)),
    )


def environments(records: Iterable[RunRecord]) -> list[str]:
    """Device, torch version and threads of the runs: one phrase for each, most frequent first.

    All but the first name the variants.
    """
    by_environment: dict[str, list[str]] = {}
    for record in records:
        e = record.environment
        phrase = f"{e.device}, torch {e.torch}, {pluralize(e.threads, 'thread')}"
        by_environment.setdefault(phrase, []).append(record.variant)
    ordered = sorted(by_environment.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        f"{phrase} ({pluralize(len(of), 'run')}"
        + (f" of {enumerate_words(variants.in_order(of))})" if number else ")")
        for number, (phrase, of) in enumerate(ordered)
    ]


@dataclass(frozen=True)
class VariantRuns:
    """The runs of one variant with planned seeds.

    All figures are of the runs that count: those of the latest usable look, or all of them before
    the first. Runs beyond that look do not count before the next.

    Attributes:
        name: of the variant.
        by_seed: records by seed, in ascending order.
        rules: the decision file.
    """

    name: str
    by_seed: Mapping[int, RunRecord]
    rules: Decision

    def at_look(self, look: int) -> VariantRuns:
        """Only the runs of a look, counted from 1; all runs for 0."""
        seeds = self.rules.looks.seeds_of(look)
        return dataclasses.replace(
            self, by_seed={s: r for s, r in self.by_seed.items() if s < seeds}
        )

    def figures(self, figure: Callable[[Metrics], ArrayLike]) -> FigureBySeed:
        """Compute a figure, or several, of each run.

        Args:
            figure: returns one number, or an array of them, from the metrics of a run.
        """
        by_seed = {
            seed: None if record.metrics is None else figure(record.metrics)
            for seed, record in self.by_seed.items()
        }
        return FigureBySeed.from_figures(by_seed, self.rules.looks)

    @functools.cached_property
    def accuracy_runs(self) -> FigureBySeed:
        """Accuracies of all runs, fractions."""
        return self.figures(lambda metrics: metrics.accuracy)

    @property
    def look(self) -> int:
        """Number of the latest usable look, 0 before the first."""
        return int(self.accuracy_runs.latest)

    @functools.cached_property
    def counted(self) -> tuple[RunRecord, ...]:
        """The runs that count, finished or failed, by seed."""
        return tuple(self.at_look(self.look).by_seed.values())

    @property
    def finished(self) -> list[Metrics]:
        """Metrics of the runs that count, by seed."""
        return [r.metrics for r in self.counted if r.metrics is not None]

    @property
    def n_finished(self) -> int:
        """Number of finished runs among those that count."""
        return len(self.finished)

    @property
    def n_failed(self) -> int:
        """Number of failed runs among those that count."""
        return len(self.counted) - self.n_finished

    @property
    def too_many_failed(self) -> bool:
        """Whether more of all its runs, counted or not, failed than the decision file allows."""
        failed = sum(record.failed for record in self.by_seed.values())
        return failed > self.rules.looks.allowed_failures(len(self.by_seed))

    @property
    def waiting(self) -> int:
        """Number of runs that do not count: there is no usable look that has them."""
        return len(self.by_seed) - len(self.counted)

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """Accuracies of the finished runs that count [n], by seed; fractions."""
        return np.array([metrics.accuracy for metrics in self.finished], float)

    def per_class(self, name: str, classes: Sequence[str]) -> NDArray[np.float64]:
        """Figures of every class in the finished runs that count.

        Args:
            name: "precision", "recall" or "f1".
            classes: names of the classes.

        Returns:
            Fractions [classes, n].
        """
        runs = [[getattr(m.per_class[c], name) for c in classes] for m in self.finished]
        return np.array(runs, float).reshape(self.n_finished, len(classes)).T

    @property
    def mean(self) -> float:
        """Mean accuracy; NaN without a finished run."""
        return float(self.accuracies.mean()) if self.n_finished else math.nan

    @property
    def deviation(self) -> float:
        """Standard deviation of the accuracy over seeds (n - 1); NaN before the first look."""
        return float(np.std(self.accuracies, ddof=1)) if self.look else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the mean accuracy; NaN before the first look."""
        if not self.look:
            return math.nan, math.nan
        low, high = stats.mean_interval(self.accuracies, self.rules.description.level)
        return float(low), float(high)


def runs_by_variant(records: Iterable[RunRecord], rules: Decision) -> dict[str, VariantRuns]:
    """Return the runs of each variant that has any, in the order of the tables.

    Args:
        records: at most one for each variant and seed; those with unplanned seeds are left out.
        rules: the decision file.
    """
    by_variant: dict[str, dict[int, RunRecord]] = {}
    for record in sorted(records, key=lambda record: record.seed):
        if record.seed in rules.planned_seeds:
            by_variant.setdefault(record.variant, {})[record.seed] = record
    return {
        name: VariantRuns(name, by_variant[name], rules) for name in variants.in_order(by_variant)
    }
