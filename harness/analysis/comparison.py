"""Records to tables of numbers. Pure: no files, no printing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import variants
from harness.analysis import contrasts
from harness.analysis.contrasts import Arm, Contrast
from harness.analysis.groups import Group
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol import datasets, decision
from harness.protocol.decision import Decision
from harness.runs.record import RunRecord


def family(baseline: str, rules: Decision) -> tuple[str, ...]:
    """Variants whose tests against the baseline the decision file plans: one family for Holm,
    whether or not all have been run. None where it plans tests against another."""
    return tuple(rules.contrasts.variants) if baseline == rules.contrasts.against else ()


def table(runs: Group, baseline: str = "paper", rules: Decision | None = None) -> pd.DataFrame:
    """One row for each variant over its seeds, and for each run that the paper reports if they
    were judged on test images of its classes.

    Args:
        runs: records of one data, protocol and precision.
        baseline: the variant that differences are taken from.
        rules: levels and least numbers of seeds; the decision file's if None.

    Returns:
        Columns variant, n (finished runs), failed, runs (accuracies where they are too few
        for an interval), accuracy with its interval (accuracy_low, accuracy_high), accuracy_sd
        (over seeds, n - 1, where there is an interval), accuracy_optimistic (of each run's best
        epoch), macro_f1, auc, what `harness.analysis.contrasts.Contrast` says against the baseline
        (difference with its interval, p, p_holm, p_better, detectable, correlation), changes
        (from `paper`), train_seconds, and for each class recall_<class>,
        recall_difference_<class> and recall_q_<class> (false discovery rate). Means over seeds,
        fractions; NaN where there is nothing to show.
    """
    rules = rules or decision.load()
    classes = runs.dataset.classes
    names = _order({r.variant for r in runs.records})
    arms = {name: Arm.of(name, runs.records) for name in names}
    rows = [_row(runs, arm, rules) for arm in arms.values()]
    if baseline in arms:
        _add_contrasts(rows, arms, baseline, classes, rules)
    if runs.beside_paper:
        base = rows[names.index(baseline)]["accuracy"] if baseline in arms else np.nan
        rows = [_reported_row(run, base) for run in paper_reported.REPORTED_RUNS] + rows
    return pd.DataFrame(rows, columns=_columns(classes))


_BEFORE = (
    *("variant", "n", "failed", "runs", "accuracy", "accuracy_low", "accuracy_high"),
    *("accuracy_sd", "accuracy_optimistic", "macro_f1", "auc"),
)

# Field of a Contrast -> column.
_CONTRAST = {
    "difference": "difference",
    "low": "difference_low",
    "high": "difference_high",
    "p": "p",
    "holm": "p_holm",
    "better": "p_better",
    "detectable": "detectable",
    "correlation": "correlation",
}

_PER_CLASS = ("recall_", "recall_difference_", "recall_q_")


def _columns(classes: Sequence[str]) -> list[str]:
    per_class = [prefix + c for prefix in _PER_CLASS for c in classes]
    return [*_BEFORE, *_CONTRAST.values(), "changes", "train_seconds", *per_class]


def _row(runs: Group, arm: Arm, rules: Decision) -> dict[str, Any]:
    records = [r for r in runs.records if r.variant == arm.name]
    finished = [r for r in records if not r.failed]
    low, high = contrasts.interval(arm, rules)
    few = arm.n < rules.seeds.least
    recall = arm.figure("recall", runs.dataset.classes)
    best = [_best(r) for r in finished]
    return {
        "variant": arm.name,
        "n": arm.n,
        "failed": arm.failed,
        "runs": " ".join(f"{a:.4f}" for a in arm.accuracies) if few else "",
        "accuracy": _mean(arm.accuracies),
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_sd": np.nan if few else contrasts.deviation(arm),
        "accuracy_optimistic": _mean(best),
        "macro_f1": _mean([m.macro_f1 for m in arm.finished.values()]),
        "auc": _mean([m.auc for m in arm.finished.values()]),
        "changes": ", ".join(f"{k}={v}" for k, v in records[0].changes.items()),
        "train_seconds": _mean([r.train_seconds for r in finished]),
        **{
            f"recall_{c}": _mean(values)
            for c, values in zip(runs.dataset.classes, recall, strict=True)
        },
    }


def _add_contrasts(
    rows: list[dict[str, Any]],
    arms: Mapping[str, Arm],
    baseline: str,
    classes: Sequence[str],
    rules: Decision,
) -> None:
    """Put every other variant's tests against the baseline into its row."""
    others = [arm for name, arm in arms.items() if name != baseline]
    found = _contrasts(others, arms[baseline], rules)
    values, q = contrasts.class_differences(others, arms[baseline], classes, rules)
    by_name = {row["variant"]: row for row in rows}
    for arm, differences, rates in zip(others, values, q, strict=True):
        row = by_name[arm.name]
        row |= {column: getattr(found[arm.name], field) for field, column in _CONTRAST.items()}
        row |= {f"recall_difference_{c}": d for c, d in zip(classes, differences, strict=True)}
        row |= {f"recall_q_{c}": r for c, r in zip(classes, rates, strict=True)}


def _contrasts(others: Sequence[Arm], base: Arm, rules: Decision) -> dict[str, Contrast]:
    """Tests by variant. Those that the decision file plans are corrected as the verdict corrects
    them; the others are a family of their own, so that they cannot change those."""
    names = family(base.name, rules)
    planned = [arm for arm in others if arm.name in names]
    unplanned = [arm for arm in others if arm.name not in names]
    found = contrasts.contrast(planned, base, rules, family=len(names))
    return {one.variant: one for one in [*found, *contrasts.contrast(unplanned, base, rules)]}


def _mean(values: Iterable[float | None]) -> float:
    there = [v for v in values if v is not None]
    return float(np.mean(there)) if there else float("nan")


def _best(record: RunRecord) -> float | None:
    """Accuracy of the best epoch, chosen by the very images it is measured on."""
    values = [row.eval_accuracy for row in record.history if row.eval_accuracy is not None]
    return max(values, default=None)


def _reported_row(reported: paper_reported.ReportedRun, base: float) -> dict[str, Any]:
    """The same figures from a reported confusion matrix."""
    lines, accuracy = recomputed(reported)
    return {
        "variant": reported.name,
        "n": 1,
        "failed": 0,
        "runs": f"{accuracy:.4f}",
        "accuracy": accuracy,
        "macro_f1": lines["macro avg"][2],
        "difference": accuracy - base,
        "changes": "",
        **{f"recall_{c}": lines[c][1] for c in datasets.CLASSES},
    }


def _order(names: set[str]) -> list[str]:
    """Registered variants as they were registered, then the others by name."""
    registered = [name for name in variants.names() if name in names]
    return registered + sorted(names - set(registered))
