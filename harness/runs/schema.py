"""The form of a record below its top level: what tables, figures and `verify` read, declared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeAlias

# A type; a dict of the keys that must be there; a list of any length with one form for all its
# items; a tuple for a list of exactly these.
Form: TypeAlias = "type | UnionType | dict[str, Form] | list[Form] | tuple[Form, ...]"

NUMBER = int | float

_DESCRIPTION: Form = {
    "seed": int,
    "train_seconds": NUMBER,
    "dataset": {
        **dict.fromkeys(("name", "title", "fingerprint", "split"), str),
        "official": bool,
        "classes": [str],
        "train_size": int,
        "test_size": int,
    },
    "protocol": {"epochs": int, "precision": str},
    "environment": {"device_type": str},
}

_ROW = ("train_loss", "train_accuracy", "lr", "seconds", "images_per_second")


def fault(fields: dict[str, Any]) -> str | None:
    """The first thing in a record's nested fields that is not of its form, or None.

    Args:
        fields: of a record, each of the type that `RunRecord` gives it.
    """
    # What came out is held against the classes, so they come first.
    described = next(faults(fields, _DESCRIPTION), None)
    return described or next(faults(fields, _outcome(fields)), None)


def _outcome(fields: dict[str, Any]) -> Form:
    """The form of what came out, for the classes and the split that the record names."""
    classes, split = fields["dataset"]["classes"], fields["dataset"]["split"]
    row: dict[str, Form] = {"epoch": int, **dict.fromkeys(_ROW, NUMBER)}
    for key in (f"{split}_loss", f"{split}_accuracy"):  # in every epoch or, by protocol, in none
        if any(isinstance(one, dict) and key in one for one in fields["history"]):
            row[key] = NUMBER
    if fields["metrics"] is None:
        return {"history": [row]}
    scores: Form = dict.fromkeys(("precision", "recall", "f1"), NUMBER)
    metrics: Form = {
        **dict.fromkeys(("accuracy", "macro_f1", "loss"), NUMBER),
        "auc": NUMBER | None,
        "per_class": dict.fromkeys(classes, scores),
        "confusion_matrix": ((int,) * len(classes),) * len(classes),
    }
    return {"history": [row], "metrics": metrics}


def faults(value: Any, form: Form, place: str = "") -> Iterator[str]:
    """What in a value from JSON is not of its form, each named by its place: "metrics.accuracy".

    Numbers are finite, a bool is none of them, and a dict may have more keys than its form.
    """
    if isinstance(form, dict) and isinstance(value, dict):
        if lacking := [key for key in form if key not in value]:
            yield f"{place} lacks {', '.join(lacking)}".lstrip()
        for key in (key for key in form if key in value):
            yield from faults(value[key], form[key], f"{place}.{key}".lstrip("."))
    elif isinstance(form, list | tuple) and isinstance(value, list):
        if isinstance(form, tuple) and len(value) != len(form):
            yield f"{place} has {len(value)} items, not {len(form)}"
            return
        parts = form if isinstance(form, tuple) else form * len(value)
        for number, (item, part) in enumerate(zip(value, parts, strict=True)):
            yield from faults(item, part, f"{place}.{number}")
    elif isinstance(form, dict | list | tuple) or not _is(value, form):
        yield f"{place} is {str(value)[:40]!r}"


def _is(value: Any, kind: type | UnionType) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) and not (isinstance(value, float) and not math.isfinite(value))
