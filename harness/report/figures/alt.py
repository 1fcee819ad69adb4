"""Words of alternative texts: how a line runs, and where values lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def course(values: Sequence[float]) -> str:
    """Describe how a line runs: "rises from 30.00 to 75.00", with a turn if it has one."""
    ends = first, last = f"{values[0]:.2f}", f"{values[-1]:.2f}"
    if first == last:
        text = f"begins and ends at {last}"
    else:
        text = f"{'rises' if values[-1] > values[0] else 'falls'} from {first} to {last}"
    for name, turn in (("highest", f"{max(values):.2f}"), ("lowest", f"{min(values):.2f}")):
        if turn not in ends:
            text += f" ({name}: {turn})"
    return text


def grouped(names: Mapping[str, Sequence[str]]) -> str:
    """List names by what holds for them, without what holds for none: "above: a, b; below: c"."""
    return "; ".join(f"{what}: {', '.join(which)}" for what, which in names.items() if which)


def beside(value: float, others: Sequence[float]) -> str:
    """Say where a value lies beside several others: "above", "below" or "between"."""
    if value > max(others):
        return "above"
    return "below" if value < min(others) else "between"
