"""What goes beyond the paper's method, against that method, in one sentence. Pure."""

from __future__ import annotations

import math

import variants
from harness.formatting import enumerate_words, pluralize, signed_points
from harness.verdict.verdict import GroupVerdict

FAMILY = "extensions"


def sentence(group_verdict: GroupVerdict) -> str:
    """Return the accuracy of each extension against the paper's method.

    Args:
        group_verdict: the group.

    Returns:
        Empty if no extension has a difference.
    """
    results = {result.variant: result for result in group_verdict.variants}
    shown = [
        (variants.get(name), result.contrast.difference, result.n)
        for name in variants.names(FAMILY)
        if (result := results.get(name)) is not None
        and result.contrast is not None
        and not math.isnan(result.contrast.difference)
    ]
    if not shown:
        return ""
    listed = enumerate_words(
        f"`{spec.name}` {signed_points(difference)} ({spec.summary}; {pluralize(n, 'run')})"
        for spec, difference, n in shown
    )
    return (
        f"Points against `{group_verdict.rules.contrasts.against}` after "
        f"{pluralize(group_verdict.epochs, 'epoch')}, not tested: {listed}."
    )
