"""What the paper's own tables say of its claims, in sentences. Pure."""

from __future__ import annotations

from harness.formatting import pluralize
from harness.verdict.audit import Audit, RangeCheck


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


def contradictions(found: Audit) -> str:
    """Return the claims that the paper's own tables contradict; empty if there are none."""
    if not found.contradictions:
        return ""
    claims = pluralize(len(found.contradictions), "claim")
    details = "; ".join(map(_contradiction, found.contradictions))
    return f"They contradict {claims} of its text: {details}."


def _contradiction(claim: RangeCheck) -> str:
    text = (
        f"{claim.figure} of every class is said to be {100 * claim.low:g} to "
        f"{100 * claim.high:g} %, and is {100 * claim.smallest:.0f} to "
        f"{100 * claim.largest_from_matrix:.0f} %"
    )
    if claim.has_misprint:
        text += f" ({100 * claim.largest:.0f} in print is an error)"
    return text
