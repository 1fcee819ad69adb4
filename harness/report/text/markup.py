"""Tables as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness.formatting import EMPTY

FORMATS = ("markdown", "csv", "latex", "json")

# Columns of words stand to the left, numbers to the right.
_WORDS = ("variant", "changes", "claim", "verdict", "evidence", "row", "column", "class", "what")

Columns = Mapping[str, Sequence[str]]


def drop_empty_columns(cells: Columns) -> Columns:
    """The columns in which something stands."""
    return {k: v for k, v in cells.items() if any(cell != EMPTY for cell in v)}


def markdown(cells: Columns, words: bool = False) -> str:
    """A table with pipes; with `words`, no column of it holds numbers."""
    aligned = ["left" if words or name in _WORDS else "right" for name in cells]
    return tabulate(
        cells, headers="keys", tablefmt="github", colalign=aligned, disable_numparse=True
    )


def latex(cells: Columns) -> str:
    """A booktabs table."""
    text = tabulate(cells, headers="keys", tablefmt="latex_booktabs", disable_numparse=True)
    return text.replace("±", r"$\pm$")


def csv(frame: pd.DataFrame) -> str:
    """Raw numbers, comma separated."""
    return frame.to_csv(index=False, lineterminator="\n")


def as_json(value: Any) -> str:
    """JSON without NaN: what is not there is null."""
    return json.dumps(_plain(value), indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
