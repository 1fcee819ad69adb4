"""Comparison table of a group of runs, as numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.contrasts import VariantResult
from harness.analysis.groups import RunGroup, VariantRuns
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol import datasets
from harness.runs.record import RunRecord

_LEADING_COLUMNS = (
    *("variant", "look", "n", "failed", "waiting", "runs"),
    *("accuracy", "accuracy_low", "accuracy_high", "accuracy_sd", "accuracy_optimistic"),
    *("macro_f1", "auc", "train_accuracy", "loss"),
)

# Field of a Contrast -> column.
_CONTRAST_COLUMNS = {
    "effect": "effect",
    "settled_look": "settled_look",
    "look": "difference_look",
    "difference": "difference",
    "low": "difference_low",
    "high": "difference_high",
    "level": "difference_level",
    "p": "p",
    "q": "q",
    "p_holm": "p_holm",
    "better": "p_better",
    "detectable": "detectable",
    "correlation": "correlation",
}

# Values of the reported runs and of the variant that the others are compared with.
_NO_CONTRAST = {"effect": None, "settled_look": 0, "difference_look": 0}


def table(
    group: RunGroup,
    by_variant: Mapping[str, VariantRuns],
    results: Sequence[VariantResult],
    against: str,
) -> pd.DataFrame:
    """Comparison table with one row for each variant, over its seeds.

    The paper's reported runs have rows too if the group is comparable to the paper.

    Args:
        group: the records.
        by_variant: the runs of each variant among them.
        results: of these variants, see `harness.analysis.contrasts.results`.
        against: the variant that differences are taken from.

    Returns:
        Columns variant; look, n, failed, waiting, runs, accuracy with its interval (accuracy_low,
        accuracy_high) and accuracy_sd, see `VariantResult`; accuracy_optimistic (of each run's best
        epoch), macro_f1, auc, train_accuracy, loss; the fields of `Contrast` (effect, settled_look,
        difference_look, difference with its interval and its level, p, q, p_holm, p_better,
        detectable, correlation); changes (from `paper`), undisturbed_seconds, and for each class
        recall_<class> and recall_difference_<class>. Means over the runs that count, differences
        over those of the latest look of both, fractions; None or NaN if not available.
    """
    classes = group.dataset.classes
    rows = [
        _row(result, by_variant[result.variant], classes)
        for result in results
        if result.n or result.failed
    ]
    base = next((row for row in rows if row["variant"] == against), None)
    for row in rows:
        if base and row is not base:
            # Of the same runs as the difference in accuracy.
            both = (
                by_variant[name].at_look(row["difference_look"])
                for name in (row["variant"], against)
            )
            ours, theirs = (runs.per_class("recall", classes) for runs in both)
            for c, a, b in zip(classes, ours, theirs, strict=True):
                row[f"recall_difference_{c}"] = _mean(a) - _mean(b)
    if group.comparable_to_paper:
        rows = [_reported_row(run, base) for run in paper_reported.REPORTED_RUNS] + rows
    per_class = [prefix + c for prefix in ("recall_", "recall_difference_") for c in classes]
    contrasts = _CONTRAST_COLUMNS.values()
    columns = [*_LEADING_COLUMNS, *contrasts, "changes", "undisturbed_seconds", *per_class]
    return pd.DataFrame(rows, columns=columns)


def _row(result: VariantResult, runs: VariantRuns, classes: Sequence[str]) -> dict[str, Any]:
    finished = [r for r in runs.counted if not r.failed]
    contrast = result.contrast
    recall = runs.per_class("recall", classes)
    return {
        "variant": result.variant,
        "look": result.look,
        "n": result.n,
        "failed": result.failed,
        "waiting": result.waiting,
        "runs": " ".join(f"{a:.4f}" for a in result.runs),
        "accuracy": result.mean,
        "accuracy_low": result.low,
        "accuracy_high": result.high,
        "accuracy_sd": result.sd,
        "accuracy_optimistic": _mean(_best(r) for r in finished),
        "macro_f1": _mean(m.macro_f1 for m in runs.finished),
        "auc": _mean(m.auc for m in runs.finished),
        "train_accuracy": _mean(m.train_accuracy for m in runs.finished),
        "loss": _mean(m.loss for m in runs.finished),
        **_NO_CONTRAST,
        **{column: getattr(contrast, f) for f, column in _CONTRAST_COLUMNS.items() if contrast},
        "changes": ", ".join(f"{k}={v}" for k, v in runs.counted[0].changes.items()),
        "undisturbed_seconds": _mean(r.undisturbed_seconds for r in finished),
        **{f"recall_{c}": _mean(values) for c, values in zip(classes, recall, strict=True)},
    }


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def _best(record: RunRecord) -> float | None:
    """Accuracy of the best epoch; optimistic, as the same images choose the epoch."""
    values = [row.eval_accuracy for row in record.history if row.eval_accuracy is not None]
    return max(values, default=None)


def _reported_row(
    reported: paper_reported.ReportedRun, base: dict[str, Any] | None
) -> dict[str, Any]:
    """Table row of a reported run, from its confusion matrix."""
    lines, accuracy = recomputed(reported)
    return {
        "variant": reported.name,
        "look": 0,
        "n": 1,
        "failed": 0,
        "waiting": 0,
        **_NO_CONTRAST,
        "runs": f"{accuracy:.4f}",
        "accuracy": accuracy,
        "macro_f1": lines["macro avg"][2],
        "difference": accuracy - base["accuracy"] if base else math.nan,
        "changes": "",
        **{f"recall_{c}": lines[c][1] for c in datasets.CLASSES},
    }
