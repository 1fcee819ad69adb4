"""Tables of numbers to text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness import paper
from harness.compare import Group, apart, table
from harness.errors import InputError

FORMATS = ("markdown", "csv", "latex", "json")
_EMPTY = "-"


def render(groups: Sequence[Group], form: str, baseline: str = "paper") -> str:
    """All groups in one text, each in a table of its own.

    Args:
        groups: see `harness.compare.group`.
        form: one of FORMATS. CSV and JSON hold raw fractions and seconds.
        baseline: the variant that differences are taken from.

    Raises:
        InputError: if the form is unknown or no group has the baseline.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: use {', '.join(FORMATS)}.")
    present = {r.variant for g in groups for r in g.records}
    if baseline not in present and baseline != "paper":
        raise InputError(
            f"--baseline {baseline}: no stored run of that variant. "
            f"There are: {', '.join(sorted(present))}."
        )
    if form in ("csv", "json"):
        frame = pd.concat([_identified(g, baseline) for g in groups], ignore_index=True)
        if form == "csv":
            return frame.to_csv(index=False, lineterminator="\n")
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    write = _markdown if form == "markdown" else _latex
    return "\n\n".join(write(g, groups[0], baseline) for g in groups) + "\n"


def _identified(group: Group, baseline: str) -> pd.DataFrame:
    frame = table(group, baseline)
    about = {
        "dataset": group.dataset["title"],
        "fingerprint": group.dataset["fingerprint"],
        "official": group.dataset["official"],
        "split": group.dataset["split"],
        "epochs": group.protocol["epochs"],
        "precision": group.protocol["precision"],
    }
    for position, (name, value) in enumerate(about.items()):
        frame.insert(position, name, value)
    return frame


def _markdown(group: Group, first: Group, baseline: str) -> str:
    frame = table(group, baseline)
    parts = [f"## {group.title}", *_notes(group, first)]
    for heading, cells in _views(frame, group.dataset["classes"], baseline):
        aligned = ["left" if c in ("variant", "changes") else "right" for c in cells]
        text = tabulate(
            cells, headers="keys", tablefmt="github", colalign=aligned, disable_numparse=True
        )
        parts += [f"### {heading}", text] if heading else [text]
    return "\n\n".join(parts)


def _latex(group: Group, first: Group, baseline: str) -> str:
    frame = table(group, baseline)
    parts = [f"% {line}" for line in (group.title, *_notes(group, first))]
    for heading, cells in _views(frame, group.dataset["classes"], baseline):
        parts += [f"% {heading}"] if heading else []
        parts.append(
            tabulate(cells, headers="keys", tablefmt="latex_booktabs", disable_numparse=True)
        )
    return "\n".join(parts).replace("±", r"$\pm$")


def _notes(group: Group, first: Group) -> list[str]:
    """What a reader must know about the table: which bytes, and why it stands alone."""
    data = group.dataset
    notes = [
        f"Trained on {data['train_size']:,} images, judged on {data['test_size']:,} "
        f"({data['split']}); {_origin(data)}; data fingerprint {data['fingerprint'][:12]}. "
        "Means over n seeds; the figure of a run is its last epoch's."
    ]
    if group is not first:
        reasons = "; ".join(apart(first, group)[:3])
        notes.append(f"Kept apart from the first table: {reasons}.")
    return notes


def _origin(data: dict[str, Any]) -> str:
    if data["official"]:
        return "the official archive"
    same_task = tuple(data["classes"]) == paper.CLASSES
    return "NOT the official CIFAR-10 bytes" if same_task else "not CIFAR-10"


def _views(
    frame: pd.DataFrame, classes: Sequence[str], baseline: str
) -> list[tuple[str, dict[str, list[str]]]]:
    """The wide table as two that fit a page, as cells for people."""
    accuracy = [
        _percent(mean, 2) + (f" ± {100 * sd:.2f}" if not math.isnan(sd) else "")
        for mean, sd in zip(frame["accuracy"], frame["accuracy_sd"], strict=True)
    ]
    runs = [
        f"{n} ({failed} failed)" if failed else str(n)
        for n, failed in zip(frame["n"], frame["failed"], strict=True)
    ]
    main = {
        "variant": list(frame["variant"]),
        "n": runs,
        "accuracy, %": accuracy,
        "macro F1, %": [_percent(v, 2) for v in frame["macro_f1"]],
        f"against {baseline}": [_points(v) for v in frame["difference"]],
        "changes": [v or _EMPTY for v in frame["changes"]],
        "train time": [_duration(v) for v in frame["train_seconds"]],
    }
    recall = {
        "variant": list(frame["variant"]),
        **{c: [_percent(v, 1) for v in frame[f"recall_{c}"]] for c in classes},
    }
    return [("", main), ("Recall of each class, %", recall)]


def _percent(value: float, digits: int) -> str:
    return _EMPTY if math.isnan(value) else f"{100 * value:.{digits}f}"


def _points(value: float) -> str:
    return _EMPTY if math.isnan(value) else f"{100 * value:+.2f}"


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return _EMPTY
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
