"""Comparison tables as text: Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness import formatting
from harness.analysis import contrasts
from harness.analysis.comparison import table
from harness.analysis.sequential import Effect
from harness.errors import InputError
from harness.formatting import EMPTY, percent, signed_points
from harness.protocol import decision
from harness.report.text import comparison_notes, markup
from harness.report.text.markup import FORMATS, Columns
from harness.verdict.verdict import GroupVerdict

# Characters; a terminal's or a page's.
WIDTH = 120

# What stands in the column of effects.
EFFECTS = {Effect.HELPS: "helps", Effect.HURTS: "hurts", Effect.UNDECIDED: "open"}

# Columns that only the full table shows.
_FULL_ONLY = ("accuracy_optimistic", "recall_difference_")


def render(
    judgements: Sequence[GroupVerdict], form: str, baseline: str = "paper", *, full: bool = False
) -> str:
    """All groups in one text, each in a table of its own.

    Args:
        judgements: of a `harness.verdict.verdict.Verdict`.
        form: one of FORMATS. CSV and JSON hold raw fractions and seconds.
        baseline: the variant that differences are taken from.
        full: every column and the classes, at any width.

    Raises:
        InputError: if the form is unknown or no group has the baseline.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: use {', '.join(FORMATS)}.")
    present = {r.variant for j in judgements for r in j.group.records}
    if baseline not in present and baseline != "paper":
        raise InputError(
            f"--baseline {baseline}: no stored run of that variant. "
            f"There are: {', '.join(sorted(present))}."
        )
    if form in ("csv", "json"):
        frames = [_identified(judgement, baseline, full) for judgement in judgements]
        frame = pd.concat(frames, ignore_index=True)
        if form == "csv":
            return markup.csv(frame)
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1) + "\n"
    write = _markdown if form == "markdown" else _latex
    title = [comparison_notes.title(baseline)] if full and form == "markdown" else []
    return (
        "\n\n".join([*title, *(write(j, judgements[0], baseline, full) for j in judgements)]) + "\n"
    )


def in_short(judgement: GroupVerdict) -> str:
    """One group in Markdown as `render` has it, without its classes."""
    return _markdown(judgement, judgement, "paper", full=False, classes=False)


def numbers(judgement: GroupVerdict, baseline: str) -> pd.DataFrame:
    """The table of a group, see `harness.analysis.comparison.table`: the numbers of its judgement;
    against another variant than the decision file's, nothing is tested."""
    rules, results = decision.load(), judgement.variants
    if baseline != rules.contrasts.against:
        results = contrasts.results(judgement.group, baseline, rules, planned=False)
    return table(judgement.group, results, baseline, rules)


def _identified(judgement: GroupVerdict, baseline: str, full: bool) -> pd.DataFrame:
    group, frame = judgement.group, numbers(judgement, baseline)
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


def _markdown(
    judgement: GroupVerdict,
    first: GroupVerdict,
    baseline: str,
    full: bool,
    classes: bool = True,
) -> str:
    group, frame = judgement.group, numbers(judgement, baseline)
    parts = [f"## {group.title}", *comparison_notes.notes(group, first.group)]
    views = _views(frame, group.dataset.classes, baseline, full)
    for heading, cells in views if classes else views[:1]:
        parts += [f"### {heading}"] if heading else []
        parts.append(markup.markdown(cells if full else _fitted(cells)))
    return "\n\n".join([*parts, *comparison_notes.legend(judgement, frame, baseline, full)])


def _latex(judgement: GroupVerdict, first: GroupVerdict, baseline: str, full: bool) -> str:
    group, frame = judgement.group, numbers(judgement, baseline)
    parts = [f"% {line}" for line in (group.title, *comparison_notes.notes(group, first.group))]
    for heading, cells in _views(frame, group.dataset.classes, baseline, full):
        parts += [f"% {heading}"] if heading else []
        parts.append(markup.latex(cells))
    legend = comparison_notes.legend(judgement, frame, baseline, full)
    return "\n".join([*parts, *(f"% {sentence}" for sentence in legend)])


def _views(
    frame: pd.DataFrame, classes: Sequence[str], baseline: str, full: bool
) -> list[tuple[str, Columns]]:
    """The wide frame as tables for people: the main one, the classes, with `full` their tests."""
    main = markup.drop_empty_columns(_main(frame, baseline, full))
    recall = {
        "variant": list(frame["variant"]),
        **{c: [percent(v, 1) for v in frame[f"recall_{c}"]] for c in classes},
    }
    views = [("", main), ("Recall of each class, %", recall)]
    if not full:
        return views
    against = frame[frame[[f"recall_difference_{c}" for c in classes]].notna().any(axis=1)]
    if len(against):
        differences = {
            "variant": list(against["variant"]),
            **{
                c: [signed_points(v, 1) for v in against[f"recall_difference_{c}"]] for c in classes
            },
        }
        views.append((f"Recall against {baseline}, points", differences))
    return views


def _main(frame: pd.DataFrame, baseline: str, full: bool) -> Columns:
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    short = {
        "variant": [r["variant"] for r in rows],
        "n": [formatting.count_runs(r["n"], r["failed"]) for r in rows],
        "accuracy, %": [_accuracy(r, full) for r in rows],
        "F1, %": [percent(r["macro_f1"]) for r in rows],
        f"vs {baseline}": [
            formatting.plus_minus(
                signed_points(r["difference"]), (r["difference_high"] - r["difference_low"]) / 2
            )
            for r in rows
        ],
        "p": [formatting.p_value(r["p_holm"]) if r["difference_look"] else EMPTY for r in rows],
        "effect": [_effect(r) for r in rows],
        "P(>)": [formatting.number(r["p_better"]) for r in rows],
    }
    more = {
        "look": [str(r["difference_look"] or EMPTY) for r in rows],
        "settled": [str(r["settled_look"] or EMPTY) for r in rows],
        "p raw": [formatting.p_value(r["p"]) for r in rows],
        "q": [formatting.p_value(r["q"]) if r["difference_look"] else EMPTY for r in rows],
        "detects": [percent(r["detectable"]) for r in rows],
        "r": [formatting.number(r["correlation"]) for r in rows],
        "SD": [percent(r["accuracy_sd"]) for r in rows],
        "optimistic, %": [percent(r["accuracy_optimistic"]) for r in rows],
        "AUC": [formatting.number(r["auc"], 4) for r in rows],
        "train time": [formatting.duration(r["train_seconds"]) for r in rows],
    }
    return {**short, **(more if full else {}), "changes": [r["changes"] or EMPTY for r in rows]}


def _effect(row: dict[str, Any]) -> str:
    """What the planned test says so far."""
    planned = isinstance(row["effect"], str) and row["difference_look"]
    return EFFECTS[Effect(row["effect"])] if planned else EMPTY


def _accuracy(row: dict[str, Any], full: bool) -> str:
    runs = [float(value) for value in row["runs"].split()]
    if not full and 2 < len(runs) < 5:  # all of them would leave no room for the rest
        return f"{percent(min(runs))} to {percent(max(runs))}"
    if 0 < len(runs) < 5:
        return ", ".join(percent(value) for value in runs)
    half = (row["accuracy_high"] - row["accuracy_low"]) / 2
    return formatting.plus_minus(percent(row["accuracy"]), half)


def _fitted(cells: Columns) -> Columns:
    """Cut the column of changes, the last and longest, to what the width leaves it."""
    # tabulate leaves two blanks beside a header.
    widths = [max(len(name) + 2, *map(len, column)) for name, column in cells.items()]
    over = sum(widths) + 3 * len(widths) + 1 - WIDTH
    if over <= 0 or "changes" not in cells:
        return cells
    kept = max(6, widths[-1] - over)
    cut = [c if len(c) <= kept else c[: kept - 1] + "…" for c in cells["changes"]]
    return {**cells, "changes": cut}
