"""Comparison tables as text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness import decision, paper, rendering
from harness.compare import Group, apart, environments, table
from harness.errors import InputError
from harness.rendering import EMPTY, FORMATS, Cells, percent, points

# Characters; a terminal's or a page's.
WIDTH = 120
# Columns that only the full table shows.
_FULL_ONLY = ("accuracy_optimistic", "recall_difference_", "recall_q_")


def render(
    groups: Sequence[Group], form: str, baseline: str = "paper", *, full: bool = False
) -> str:
    """All groups in one text, each in a table of its own.

    Args:
        groups: see `harness.compare.group`.
        form: one of FORMATS. CSV and JSON hold raw fractions and seconds.
        baseline: the variant that differences are taken from.
        full: every column and the classes, at any width.

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
        frame = pd.concat([_identified(g, baseline, full) for g in groups], ignore_index=True)
        if form == "csv":
            return rendering.csv(frame)
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    write = _markdown if form == "markdown" else _latex
    return "\n\n".join(write(g, groups[0], baseline, full) for g in groups) + "\n"


def _identified(group: Group, baseline: str, full: bool) -> pd.DataFrame:
    frame = table(group, baseline)
    if not full:
        frame = frame[[c for c in frame.columns if not c.startswith(_FULL_ONLY)]]
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


def _markdown(group: Group, first: Group, baseline: str, full: bool) -> str:
    frame = table(group, baseline)
    parts = [f"## {group.title}", *_notes(group, first)]
    for heading, cells in _views(frame, group.dataset["classes"], baseline, full):
        parts += [f"### {heading}"] if heading else []
        parts.append(rendering.markdown(cells if full else _fitted(cells)))
    return "\n\n".join([*parts, *_legend(group, frame, baseline, full)])


def _latex(group: Group, first: Group, baseline: str, full: bool) -> str:
    frame = table(group, baseline)
    parts = [f"% {line}" for line in (group.title, *_notes(group, first))]
    for heading, cells in _views(frame, group.dataset["classes"], baseline, full):
        parts += [f"% {heading}"] if heading else []
        parts.append(rendering.latex(cells))
    return "\n".join([*parts, *(f"% {s}" for s in _legend(group, frame, baseline, full))])


def _notes(group: Group, first: Group) -> list[str]:
    """What a reader must know about the table: which bytes, and why it stands alone."""
    data = group.dataset
    notes = [
        f"Trained on {data['train_size']:,} images, judged on {data['test_size']:,} "
        f"({data['split']}); {_origin(data)}; data fingerprint {data['fingerprint'][:12]}. "
        "Means over n seeds; F1 is macro F1; the figure of a run is its last epoch's."
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


def _legend(group: Group, frame: pd.DataFrame, baseline: str, full: bool) -> list[str]:
    """What the columns mean, and what the reader must not overlook."""
    rules = decision.load()
    lines = []
    tested = int(frame["p_holm"].notna().sum())
    if frame["accuracy_low"].notna().any():
        lines.append(f"±: half of a {100 * rules.tests.level:g} % interval (Student, Welch).")
    if tested:
        lines.append(
            f"p: Welch's t against {baseline}, after Holm over {tested} contrasts. P(>): chance "
            f"that a random run beats one of {baseline}. Differences of "
            f"{_detectable(frame)} points would be found with "
            f"{100 * rules.tests.power:g} % power."
        )
    if (frame["n"] < rules.seeds.least)[frame["accuracy_sd"].notna() | (frame["failed"] > 0)].any():
        lines.append(
            f"Fewer than {rules.seeds.least} seeds: the runs themselves, no interval, no test."
        )
    if (frame["failed"] > 0).any():
        lines.append("Failed runs are counted, enter no mean, and lose every comparison in P(>).")
    if full:
        lines.append(
            "detects: smallest difference that would be found, points; r: correlation with "
            f"{baseline} over the seeds of both (they share their batches)."
        )
        lines.append("optimistic: the best epoch by the test images themselves; decides nothing.")
    if len(places := environments(group.records)) > 1:
        lines.append(f"Rows come from more than one environment: {'; '.join(places)}.")
    return lines


def _detectable(frame: pd.DataFrame) -> str:
    low, high = (percent(v) for v in (frame["detectable"].min(), frame["detectable"].max()))
    return low if low == high else f"{low} to {high}"


def _views(
    frame: pd.DataFrame, classes: Sequence[str], baseline: str, full: bool
) -> list[tuple[str, Cells]]:
    """The wide frame as tables for people: the main one, the classes, with `full` their tests."""
    main = _main(frame, baseline, full)
    recall = {
        "variant": list(frame["variant"]),
        **{c: [percent(v, 1) for v in frame[f"recall_{c}"]] for c in classes},
    }
    views = [("", main if full else rendering.used(main)), ("Recall of each class, %", recall)]
    if not full:
        return views
    against = frame[frame[[f"recall_q_{c}" for c in classes]].notna().any(axis=1)]
    if len(against):
        differences = {
            "variant": list(against["variant"]),
            **{c: _starred(against, c) for c in classes},
        }
        count = len(against) * len(classes)
        heading = f"Recall against {baseline}, points (*: q < 0.05, Benjamini-Hochberg, {count})"
        views.append((heading, differences))
    return views


def _starred(frame: pd.DataFrame, name: str) -> list[str]:
    rate = decision.load().tests.alpha
    return [
        points(value, 1) + "*" * bool(q < rate)
        for value, q in zip(
            frame[f"recall_difference_{name}"], frame[f"recall_q_{name}"], strict=True
        )
    ]


def _main(frame: pd.DataFrame, baseline: str, full: bool) -> Cells:
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    short = {
        "variant": [r["variant"] for r in rows],
        "n": [rendering.runs(r["n"], r["failed"]) for r in rows],
        "accuracy, %": [_accuracy(r) for r in rows],
        "F1, %": [percent(r["macro_f1"]) for r in rows],
        f"vs {baseline}": [
            rendering.plus_minus(
                points(r["difference"]), (r["difference_high"] - r["difference_low"]) / 2
            )
            for r in rows
        ],
        "p": [rendering.p_value(r["p_holm"]) for r in rows],
        "P(>)": [rendering.number(r["p_better"]) for r in rows],
    }
    more = {
        "p raw": [rendering.p_value(r["p"]) for r in rows],
        "detects": [percent(r["detectable"]) for r in rows],
        "r": [rendering.number(r["correlation"]) for r in rows],
        "SD": [percent(r["accuracy_sd"]) for r in rows],
        "optimistic, %": [percent(r["accuracy_optimistic"]) for r in rows],
        "AUC": [rendering.number(r["auc"], 4) for r in rows],
        "train time": [rendering.duration(r["train_seconds"]) for r in rows],
    }
    return {**short, **(more if full else {}), "changes": [r["changes"] or EMPTY for r in rows]}


def _accuracy(row: dict[str, Any]) -> str:
    if row["runs"] and not math.isnan(row["accuracy"]):
        runs = row["runs"].split()
        # Three and more with two digits would leave no room for the rest.
        digits, between = (2, ", ") if len(runs) < 3 else (1, " ")
        return between.join(percent(float(value), digits) for value in runs)
    half = (row["accuracy_high"] - row["accuracy_low"]) / 2
    return rendering.plus_minus(percent(row["accuracy"]), half)


def _fitted(cells: Cells) -> Cells:
    """Cut the column of changes, the last and longest, to what the width leaves it."""
    # tabulate leaves two blanks beside a header.
    widths = [max(len(name) + 2, *map(len, column)) for name, column in cells.items()]
    over = sum(widths) + 3 * len(widths) + 1 - WIDTH
    if over <= 0 or "changes" not in cells:
        return cells
    kept = max(12, widths[-1] - over)
    cut = [c if len(c) <= kept else c[: kept - 1] + "…" for c in cells["changes"]]
    return {**cells, "changes": cut}
