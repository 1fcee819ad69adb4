"""What `audit` prints: the paper's own tables, recomputed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from harness import formatting
from harness.formatting import pluralize
from harness.paper.reported import TITLE
from harness.report.tables import writers
from harness.report.tables.formats import TableFormat
from harness.report.tables.table import Table, text_table
from harness.report.text.audit import sentences
from harness.verdict.audit import Audit


def render(found: Audit, form: TableFormat) -> str:
    """Return an audit as text; CSV has a row for each finding, JSON everything."""
    return _WRITERS[form](found)


def _disagreements(found: Audit) -> list[dict[str, Any]]:
    return [
        {
            "run": d.run,
            "class": d.row,
            "figure": d.column,
            "printed": d.printed,
            "from_matrix": round(d.from_matrix, 4),
        }
        for d in found.disagreements
    ]


def _csv(found: Audit) -> str:
    rows: list[dict[str, Any]] = [
        {"finding": "disagreement", **row} for row in _disagreements(found)
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
    columns = ["finding", "run", "class", "figure", "printed", "from_matrix"]
    return writers.csv(pd.DataFrame(rows, columns=[*columns, "claimed_low", "claimed_high"]))


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
            "disagreements": _disagreements(found),
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


_WRITERS: dict[TableFormat, Callable[[Audit], str]] = {
    TableFormat.MARKDOWN: _markdown,
    TableFormat.CSV: _csv,
    TableFormat.LATEX: _latex,
    TableFormat.JSON: _json,
}
