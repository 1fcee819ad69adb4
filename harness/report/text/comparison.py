"""Comparison tables as text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from harness import formatting
from harness.analysis.comparison import table
from harness.analysis.groups import Group
from harness.errors import InputError
from harness.formatting import EMPTY, percent, points
from harness.protocol import decision
from harness.report.text import comparison_notes, markup
from harness.report.text.markup import FORMATS, Cells

# Characters; a terminal's or a page's.
WIDTH = 120

# Columns that only the full table shows.
_FULL_ONLY = ("accuracy_optimistic", "recall_difference_", "recall_q_")


def render(
    groups: Sequence[Group], form: str, baseline: str = "paper", *, full: bool = False
) -> str:
    """All groups in one text, each in a table of its own.

    Args:
        groups: see `harness.analysis.groups.group`.
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
            return markup.csv(frame)
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    write = _markdown if form == "markdown" else _latex
    title = [comparison_notes.title(baseline)] if full and form == "markdown" else []
    return "\n\n".join([*title, *(write(g, groups[0], baseline, full) for g in groups)]) + "\n"


def in_short(group: Group, tested: Collection[str]) -> str:
    """One group in Markdown as `render` has it, without its classes.

    Args:
        group: see `harness.analysis.groups.group`.
        tested: the variants whose tests against `paper` may be shown.
    """
    frame = table(group)
    frame.loc[~frame["variant"].isin(tested), ["p", "p_holm"]] = math.nan
    return _text(group, group, frame, "paper", full=False, classes=False)


def _identified(group: Group, baseline: str, full: bool) -> pd.DataFrame:
    frame = table(group, baseline)
    if not full:
        frame = frame[[c for c in frame.columns if not c.startswith(_FULL_ONLY)]]
    about: dict[str, str | int] = {
        "dataset": group.dataset.title,
        "fingerprint": group.dataset.fingerprint,
        "official": group.dataset.official,
        "split": group.dataset.split,
        "epochs": group.protocol.epochs,
        "precision": group.protocol.precision,
        "device_type": group.device_type,
    }
    for position, (name, value) in enumerate(about.items()):
        frame.insert(position, name, value)
    return frame


def _markdown(group: Group, first: Group, baseline: str, full: bool) -> str:
    return _text(group, first, table(group, baseline), baseline, full=full)


def _text(
    group: Group,
    first: Group,
    frame: pd.DataFrame,
    baseline: str,
    *,
    full: bool,
    classes: bool = True,
) -> str:
    parts = [f"## {group.title}", *comparison_notes.notes(group, first)]
    views = _views(frame, group.dataset.classes, baseline, full)
    for heading, cells in views if classes else views[:1]:
        parts += [f"### {heading}"] if heading else []
        parts.append(markup.markdown(cells if full else _fitted(cells)))
    return "\n\n".join([*parts, *comparison_notes.legend(group, frame, baseline, full)])


def _latex(group: Group, first: Group, baseline: str, full: bool) -> str:
    frame = table(group, baseline)
    parts = [f"% {line}" for line in (group.title, *comparison_notes.notes(group, first))]
    for heading, cells in _views(frame, group.dataset.classes, baseline, full):
        parts += [f"% {heading}"] if heading else []
        parts.append(markup.latex(cells))
    return "\n".join(
        [*parts, *(f"% {s}" for s in comparison_notes.legend(group, frame, baseline, full))]
    )


def _views(
    frame: pd.DataFrame, classes: Sequence[str], baseline: str, full: bool
) -> list[tuple[str, Cells]]:
    """The wide frame as tables for people: the main one, the classes, with `full` their tests."""
    main = markup.used(_main(frame, baseline, full))
    recall = {
        "variant": list(frame["variant"]),
        **{c: [percent(v, 1) for v in frame[f"recall_{c}"]] for c in classes},
    }
    views = [("", main), ("Recall of each class, %", recall)]
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
        "n": [formatting.runs(r["n"], r["failed"]) for r in rows],
        "accuracy, %": [_accuracy(r, full) for r in rows],
        "F1, %": [percent(r["macro_f1"]) for r in rows],
        f"vs {baseline}": [
            formatting.plus_minus(
                points(r["difference"]), (r["difference_high"] - r["difference_low"]) / 2
            )
            for r in rows
        ],
        "p": [formatting.p_value(r["p_holm"]) for r in rows],
        "P(>)": [formatting.number(r["p_better"]) for r in rows],
    }
    more = {
        "p raw": [formatting.p_value(r["p"]) for r in rows],
        "detects": [percent(r["detectable"]) for r in rows],
        "r": [formatting.number(r["correlation"]) for r in rows],
        "SD": [percent(r["accuracy_sd"]) for r in rows],
        "optimistic, %": [percent(r["accuracy_optimistic"]) for r in rows],
        "AUC": [formatting.number(r["auc"], 4) for r in rows],
        "train time": [formatting.duration(r["train_seconds"]) for r in rows],
    }
    return {**short, **(more if full else {}), "changes": [r["changes"] or EMPTY for r in rows]}


def _accuracy(row: dict[str, Any], full: bool) -> str:
    if row["runs"] and not math.isnan(row["accuracy"]):
        runs = row["runs"].split()
        # In a short table three and more with two digits would leave no room for the rest.
        digits, between = (2, ", ") if full or len(runs) < 3 else (1, " ")
        return between.join(percent(float(value), digits) for value in runs)
    half = (row["accuracy_high"] - row["accuracy_low"]) / 2
    return formatting.plus_minus(percent(row["accuracy"]), half)


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
