"""Numbers and tables as text, for every command that prints them."""

from __future__ import annotations

import math

EMPTY = "-"


def percent(value: float, digits: int = 2) -> str:
    """A fraction as a bare percentage."""
    return EMPTY if math.isnan(value) else f"{100 * value:.{digits}f}"


def signed_points(value: float, digits: int = 2) -> str:
    """A difference of fractions in signed points."""
    return EMPTY if math.isnan(value) else f"{100 * value:+.{digits}f}"


def interval(low: float, high: float) -> str:
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


def pluralize(found: int | str, thing: str) -> str:
    """So many things, as "1 run" and "2 runs"."""
    return f"{found} {thing}" + "s" * (str(found) != "1")


def count_runs(finished: int, failed: int) -> str:
    """How many runs a row is about."""
    return f"{finished} ({failed} failed)" if failed else str(finished)


def number(value: float, digits: int = 2) -> str:
    """A plain number."""
    return EMPTY if math.isnan(value) else f"{value:.{digits}f}"
