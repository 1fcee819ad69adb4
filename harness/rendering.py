"""Numbers and tables as text, for every command that prints them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

FORMATS = ("markdown", "csv", "latex", "json")
EMPTY = "-"
# Columns of words stand to the left, numbers to the right.
_WORDS = ("variant", "changes", "claim", "verdict", "evidence", "row", "column", "class", "what")

Cells = Mapping[str, Sequence[str]]


def percent(value: float, digits: int = 2) -> str:
    """A fraction as a bare percentage."""
    return EMPTY if math.isnan(value) else f"{100 * value:.{digits}f}"


def points(value: float, digits: int = 2) -> str:
    """A difference of fractions in signed points."""
    return EMPTY if math.isnan(value) else f"{100 * value:+.{digits}f}"


def span(low: float, high: float) -> str:
    """An interval of differences, in points."""
    if math.isnan(low):
        return EMPTY
    return f"[{100 * low:+.2f}, {100 * high:+.2f}]"


def p_value(p: float) -> str:
    """Three decimals; never a plain zero."""
    if math.isnan(p):
        return EMPTY
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def plus_minus(text: str, half: float) -> str:
    """A figure with half the width of its interval, a fraction, where there is one."""
    return text if math.isnan(half) else f"{text} ± {100 * half:.2f}"


def duration(seconds: float) -> str:
    """Seconds, from two minutes on minutes, from two hours on hours."""
    if math.isnan(seconds):
        return EMPTY
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def count(found: int | str, thing: str) -> str:
    """So many things, as "1 run" and "2 runs"."""
    return f"{found} {thing}" + "s" * (str(found) != "1")


def runs(finished: int, failed: int) -> str:
    """How many runs a row is about."""
    return f"{finished} ({failed} failed)" if failed else str(finished)


def number(value: float, digits: int = 2) -> str:
    """A plain number."""
    return EMPTY if math.isnan(value) else f"{value:.{digits}f}"


def used(cells: Cells) -> Cells:
    """The columns in which something stands."""
    return {k: v for k, v in cells.items() if any(cell != EMPTY for cell in v)}


def markdown(cells: Cells, words: bool = False) -> str:
    """A table with pipes; with `words`, no column of it holds numbers."""
    aligned = ["left" if words or name in _WORDS else "right" for name in cells]
    return tabulate(
        cells, headers="keys", tablefmt="github", colalign=aligned, disable_numparse=True
    )


def latex(cells: Cells) -> str:
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
