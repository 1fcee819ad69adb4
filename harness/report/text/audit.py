"""An audit as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from harness import formatting
from harness.formatting import pluralize
from harness.paper.reported import TITLE
from harness.report.tables import writers
from harness.report.tables.table import Table, text_table
from harness.verdict.audit import Audit


def render(found: Audit, form: str) -> str:
    """An audit in one of `rendering.FORMATS`; CSV is a row a finding, JSON holds it all."""
    return {"markdown": _markdown, "csv": _csv, "latex": _latex, "json": _json}[form](found)


def _rows(found: Audit) -> list[dict[str, Any]]:
    """Findings as flat rows with raw numbers, rounded to four decimals."""
    rows = [
        {
            "finding": "disagreement",
            "run": d.run,
            "class": d.row,
            "figure": d.column,
            "printed": d.printed,
            "from_matrix": round(d.from_matrix, 4),
        }
        for d in found.disagreements
    ]
    rows += [
        {
            "finding": "outside the claimed range",
            "run": run,
            "class": name,
            "figure": c.figure,
            "printed": printed,
            "claimed_low": c.low,
            "claimed_high": c.high,
        }
        for c in found.contradictions
        for run, name, printed in c.outside
    ]
    return rows


def _csv(found: Audit) -> str:
    columns = ["finding", "run", "class", "figure", "printed", "from_matrix"]
    return writers.csv(
        pd.DataFrame(_rows(found), columns=[*columns, "claimed_low", "claimed_high"])
    )


def _json(found: Audit) -> str:
    return writers.as_json(
        {
            "paper": TITLE,
            "runs": [
                {
                    "run": s.run,
                    "right": s.right,
                    "total": s.total,
                    "accuracy": round(s.accuracy, 4),
                    "macro_f1": round(s.macro_f1, 4),
                    "wilson_95": [round(s.low, 4), round(s.high, 4)],
                    "images_a_class": list(s.rows_of),
                }
                for s in found.summaries
            ],
            "disagreements": [
                {k: v for k, v in row.items() if k != "finding"}
                for row in _rows(found)
                if row["finding"] == "disagreement"
            ],
            "contradictions": [
                {
                    "figure": c.figure,
                    "claimed": [c.low, c.high],
                    "printed": [c.smallest, c.largest],
                    "largest_from_matrix": round(c.largest_from_matrix, 4),
                    "outside": [
                        {"run": run, "class": name, "printed": value}
                        for run, name, value in c.outside
                    ],
                }
                for c in found.contradictions
            ],
            "runs_compared": None
            if found.z is None or found.p is None
            else {
                "z": round(found.z, 2),
                "p": round(found.p, 4),
                "distinguishable": found.distinguishable,
            },
            "selection": found.selection,
        }
    )


def _runs(found: Audit) -> Table:
    return text_table(
        "The reported runs",
        {
            "run": [str(s.run) for s in found.summaries],
            "right": [f"{s.right:,} of {s.total:,}" for s in found.summaries],
            "accuracy, %": [formatting.percent(s.accuracy) for s in found.summaries],
            "95 % interval (Wilson)": [
                f"[{formatting.percent(s.low)}, {formatting.percent(s.high)}]"
                for s in found.summaries
            ],
            "macro F1": [f"{s.macro_f1:.4f}" for s in found.summaries],
            "images a class": [", ".join(f"{n:,}" for n in s.rows_of) for s in found.summaries],
        },
    )


def _printed(found: Audit) -> Table:
    wrong = found.disagreements
    return text_table(
        "Printed figures that disagree",
        {
            "run": [str(d.run) for d in wrong],
            "row": [d.row for d in wrong],
            "column": [d.column for d in wrong],
            "printed": [f"{d.printed:g}" for d in wrong],
            "from the matrix": [f"{d.from_matrix:.4f}" for d in wrong],
        },
    )


def sentences(found: Audit) -> list[str]:
    """What the tables contradict or keep, whether the runs differ, how they were picked."""
    lines = []
    for c in found.ranges:
        claim = f'"{c.figure} between {100 * c.low:g} % and {100 * c.high:g} %"'
        printed = f"printed are {c.smallest:.2f} to {c.largest:.2f}"
        if not c.outside:
            lines.append(f"Kept by its own tables: {claim}; {printed}.")
            continue
        cells = ", ".join(f"{value:.2f} ({name}, run {run})" for run, name, value in c.outside)
        lines.append(
            f"Contradicted by its own tables: {claim}; {printed} (by the matrices at most "
            f"{c.largest_from_matrix:.2f}); outside: {cells}."
        )
    if found.z is not None and found.p is not None:
        lines.append(
            f"The two runs {'can' if found.distinguishable else 'cannot'} be told apart by their "
            f"accuracy: unpaired z = {found.z:.2f}, p = {found.p:.2f}."
        )
    lines.append(f"Selected: {found.selection}.")
    return lines


def _markdown(found: Audit) -> str:
    parts = [f"## The paper's own tables, recomputed ({TITLE})", writers.markdown(_runs(found))]
    if count := len(found.disagreements):
        parts.append(
            "Printed reports against printed matrices: "
            f"{pluralize(count, 'disagreement')} (ties in rounding are tolerated)."
        )
        parts.append(writers.markdown(_printed(found)))
    else:
        parts.append("Printed reports agree with the printed matrices.")
    return "\n\n".join([*parts, *sentences(found)]) + "\n"


def _latex(found: Audit) -> str:
    parts = [f"% {TITLE}", writers.latex(_runs(found))]
    if found.disagreements:
        parts.append(writers.latex(_printed(found)))
    return "\n".join([*parts, *(f"% {line}" for line in sentences(found))]) + "\n"
