"""Write tables as Markdown and LaTeX, and raw figures as CSV and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness.report.tables.table import Table


def markdown(table: Table, width: int | None = None) -> str:
    """Write a table with pipes: numbers to the right, words to the left.

    Args:
        table: the table.
        width: cut the last column so that lines have at most this many characters.
    """
    names = [name.replace("|", "\\|") for name, _ in table.headers]
    rows = [[cell.text.replace("|", "\\|") for cell in row] for row in table.rows]
    if width is not None and rows:
        _cut_last_column(names, rows, width)
    return tabulate(
        rows,
        headers=names,
        tablefmt="github",
        colalign=["right" if numeric else "left" for numeric in table.is_numeric],
        disable_numparse=True,
    )


def _cut_last_column(names: list[str], rows: list[list[str]], width: int) -> None:
    # tabulate leaves two blanks beside a header.
    widths = [
        max(len(name) + 2, *map(len, column))
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    left = max(6, widths[-1] - (sum(widths) + 3 * len(widths) + 1 - width))
    for row in rows:
        if len(row[-1]) > left:
            row[-1] = row[-1][: left - 1] + "…"


def latex(table: Table) -> str:
    """Write a booktabs table."""
    rows = [[cell.text for cell in row] for row in table.rows]
    names = [name for name, _ in table.headers]
    text = tabulate(rows, headers=names, tablefmt="latex_booktabs", disable_numparse=True)
    return text.replace("±", r"$\pm$")


def csv(frame: pd.DataFrame) -> str:
    """Write raw numbers, comma separated."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_json(value: Any) -> str:
    """Write JSON without NaN: a missing number is null."""
    return json.dumps(_plain(value), indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
