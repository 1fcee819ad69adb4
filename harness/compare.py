"""Records to tables of numbers. Pure: no files, no printing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import variants
from harness import paper, record
from harness.evaluate import counted
from harness.record import RunRecord


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
        return (
            f"{self.dataset['title']}, {_count(self.protocol['epochs'], 'epoch')}, "
            f"{self.protocol['precision']}"
            + (", validation split" if self.dataset["split"] == "validation" else "")
        )


def group(records: Iterable[RunRecord]) -> tuple[list[Group], list[str]]:
    """Divide records into groups that must not be mixed.

    Returns:
        The groups, largest first, and a line for each record left out because its variant
        and seed are there already.
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
    return sorted(groups, key=lambda g: (-len(g.records), g.title)), faults


def apart(one: Group, other: Group) -> list[str]:
    """Why two groups stand in different tables: what differs, one phrase for each value."""
    before, after = (
        {
            "data": {**g.dataset, "fingerprint": g.dataset["fingerprint"][:12]},
            "protocol": g.protocol,
        }
        for g in (one, other)
    )
    return record.differences(before, after)


def table(runs: Group, baseline: str = "paper") -> pd.DataFrame:
    """One row for each variant over its seeds, and for each run that the paper reports.

    Args:
        runs: records of one data, protocol and precision.
        baseline: the variant that differences are taken from.

    Returns:
        Columns variant, n (finished runs), failed, accuracy, accuracy_sd (over seeds, n - 1),
        macro_f1, auc, difference (of mean accuracy), changes (from `paper`), train_seconds
        and recall_<class>. Means over seeds, fractions; NaN where there is nothing to show.
    """
    classes = runs.dataset["classes"]
    rows = []
    if tuple(classes) == paper.CLASSES:
        rows += [_reported_row(reported, classes) for reported in paper.REPORTED_RUNS]
    for name in _order({r.variant for r in runs.records}):
        rows.append(_row(name, [r for r in runs.records if r.variant == name], classes))
    frame = pd.DataFrame(rows)
    is_baseline = frame["variant"] == baseline
    zero = frame.loc[is_baseline, "accuracy"].iloc[0] if is_baseline.any() else np.nan
    difference = (frame["accuracy"] - zero).mask(is_baseline)
    frame.insert(list(frame.columns).index("changes"), "difference", difference)
    return frame


def _row(name: str, records: Sequence[RunRecord], classes: Sequence[str]) -> dict[str, Any]:
    finished = [r.metrics for r in records if r.metrics is not None]

    def mean(value: Callable[[dict[str, Any]], float | None]) -> float:
        values = [v for v in map(value, finished) if v is not None]
        return float(np.mean(values)) if values else np.nan

    accuracies = [m["accuracy"] for m in finished]
    seconds = [r.train_seconds for r in records if not r.failed]
    return {
        "variant": name,
        "n": len(finished),
        "failed": len(records) - len(finished),
        "accuracy": mean(lambda m: m["accuracy"]),
        "accuracy_sd": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else np.nan,
        "macro_f1": mean(lambda m: m["macro_f1"]),
        "auc": mean(lambda m: m["auc"]),
        "changes": ", ".join(f"{k}={v}" for k, v in records[0].changes.items()),
        "train_seconds": float(np.mean(seconds)) if seconds else np.nan,
        **{f"recall_{c}": mean(lambda m, c=c: m["per_class"][c]["recall"]) for c in classes},  # type: ignore[misc]
    }


def _reported_row(reported: paper.ReportedRun, classes: Sequence[str]) -> dict[str, Any]:
    """The same figures from a reported confusion matrix, image by image."""
    matrix = np.array(reported.confusion_matrix)
    truth, predicted = np.indices(matrix.shape).reshape(2, -1)
    counts = matrix.ravel()
    metrics = counted(predicted.repeat(counts), truth.repeat(counts), classes)
    return {
        "variant": reported.name,
        "n": 1,
        "failed": 0,
        "accuracy": metrics["accuracy"],
        "accuracy_sd": np.nan,
        "macro_f1": metrics["macro_f1"],
        "auc": np.nan,
        "changes": "",
        "train_seconds": np.nan,
        **{f"recall_{c}": metrics["per_class"][c]["recall"] for c in classes},
    }


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)


def _order(names: set[str]) -> list[str]:
    """Registered variants as they were registered, then the others by name."""
    registered = [name for name in variants.names() if name in names]
    return registered + sorted(names - set(registered))
