"""Format numbers, intervals, p-values, counts and faults as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

EMPTY = "-"


def percent(value: float, digits: int = 2) -> str:
    """Format a fraction as a percentage, without the sign."""
    return EMPTY if math.isnan(value) else f"{100 * value:.{digits}f}"


def signed_points(value: float, digits: int = 2) -> str:
    """Format a difference of fractions in percentage points, with its sign."""
    return EMPTY if math.isnan(value) else f"{100 * value:+.{digits}f}"


def interval(low: float, high: float) -> str:
    """Format an interval of differences of fractions, in percentage points."""
    if math.isnan(low):
        return EMPTY
    return f"[{100 * low:+.2f}, {100 * high:+.2f}]"


def p_value(p: float) -> str:
    """Format a p-value with three decimals; small ones as "<0.001"."""
    if math.isnan(p):
        return EMPTY
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def plus_minus(text: str, half_width: float) -> str:
    """Append an interval's half-width, a fraction, in percentage points; NaN appends nothing."""
    return text if math.isnan(half_width) else f"{text} ± {100 * half_width:.2f}"


def duration(seconds: float) -> str:
    """Format seconds as s, as min from two minutes on, and as h from two hours on."""
    if math.isnan(seconds):
        return EMPTY
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def pluralize(count: int | str, noun: str) -> str:
    """Format a count with its noun: "1 run", "2 runs"."""
    return f"{count} {noun}" if str(count) == "1" else f"{count} {noun}s"


def enumerate_words(words: Iterable[str]) -> str:
    """Join words as in a sentence: "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def count_runs(finished: int, failed: int) -> str:
    """Format the number of finished runs, and of failed ones if any."""
    return f"{finished} ({failed} failed)" if failed else str(finished)


def number(value: float, digits: int = 2) -> str:
    """Format a number with a fixed number of decimals."""
    return EMPTY if math.isnan(value) else f"{value:.{digits}f}"


def printable(text: str, limit: int | None = 300) -> str:
    """Escape and shorten untrusted text to one line that is safe to print.

    Args:
        text: any text.
        limit: maximum number of characters; None for no limit.
    """
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if limit is None or len(line) <= limit else line[:limit] + "..."


def first_fault(error: ValidationError) -> str:
    """First error that pydantic reports, such as "metrics.accuracy: Field required"."""
    fault = error.errors(include_url=False)[0]
    field, message = ".".join(map(str, fault["loc"])), fault["msg"].removeprefix("Value error, ")
    return printable(f"{field}: {message}" if field else message)
