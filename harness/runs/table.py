"""Runs as tables: every field of the records, and the selection in `results/runs.csv`."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

import variants
from harness.runs.record import RunRecord

# What was trained on what, and how well; a column with the recall of each class follows.
_RESULTS = (
    *("variant", "seed", "protocol.epochs", "protocol.precision"),
    *("dataset.split", "dataset.title", "dataset.fingerprint", "dataset.official", "status"),
    *("metrics.accuracy", "metrics.macro_f1", "metrics.auc", "metrics.loss"),
    "metrics.train_accuracy",
)

# Where and with what it was trained.
_ORIGIN = (
    *("environment.device", "environment.device_type", "environment.threads"),
    *("environment.torch", "environment.python"),
    *("code.commit", "sources_sha256", "weights_sha256", "train_seconds"),
)


def frame(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per run with every field; nested ones are columns such as `metrics.accuracy`."""
    return pd.json_normalize([record.model_dump() for record in records])


def selection(records: Sequence[RunRecord]) -> pd.DataFrame:
    """The main columns of `frame`; rows by variant in the registry's order, epochs and seed."""
    names = variants.in_order({r.variant for r in records})
    ordered = sorted(records, key=lambda r: (names.index(r.variant), r.protocol.epochs, r.seed))
    classes = dict.fromkeys(name for record in ordered for name in record.dataset.classes)
    recalls = (f"metrics.per_class.{name}.recall" for name in classes)
    return frame(ordered).reindex(columns=[*_RESULTS, *recalls, *_ORIGIN])


def csv(records: Sequence[RunRecord]) -> str:
    """The selection as CSV, with every digit of a float; empty where a run has no value."""
    return selection(records).to_csv(index=False, lineterminator="\n")
