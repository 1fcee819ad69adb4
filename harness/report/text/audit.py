"""What the paper's own tables say of its claims, in sentences. Pure."""

from __future__ import annotations

from harness.verdict.audit import Audit


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
