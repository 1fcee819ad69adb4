"""Accuracy and ablations against the number of epochs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.contrasts import VariantResult
from harness.verdict.verdict import GroupVerdict

# Results by variant and number of epochs.
Results = dict[str, dict[int, VariantResult]]


def results_by_epochs(curve: Sequence[GroupVerdict]) -> Results:
    """Results of the decision file's variants, at each budget with finished or failed runs.

    Args:
        curve: verdicts that differ in nothing but the budget; at least one.

    Returns:
        Those with runs, in the order of the decision file: the variant that the others are compared
        with is first.
    """
    rows: Results = {name: {} for name in curve[0].rules.variants}
    for group_verdict in curve:
        for row in group_verdict.variants:
            if row.variant in rows and (row.n or row.failed):
                rows[row.variant][group_verdict.epochs] = row
    return {variant: by_epochs for variant, by_epochs in rows.items() if by_epochs}


def comparable(curve: Sequence[GroupVerdict]) -> Results:
    """The results without those with too many failed runs."""
    runs = {group_verdict.epochs: group_verdict.runs for group_verdict in curve}
    return {
        variant: {e: r for e, r in by_epochs.items() if not runs[e][variant].too_many_failed}
        for variant, by_epochs in results_by_epochs(curve).items()
    }


def differences(curve: Sequence[GroupVerdict]) -> dict[str, dict[int, float]]:
    """Differences in accuracy from the baseline variant, by variant and number of epochs.

    Returns:
        Fractions; only variants that can be compared at two budgets or more.
    """
    rows = comparable(curve)
    base = rows.pop(curve[0].rules.contrasts.against, {})
    by_variant = {
        name: {
            epochs: row.contrast.difference
            for epochs, row in by_epochs.items()
            if epochs in base and row.contrast is not None
        }
        for name, by_epochs in rows.items()
    }
    return {name: by_epochs for name, by_epochs in by_variant.items() if len(by_epochs) > 1}


def missing(curve: Sequence[GroupVerdict]) -> dict[int, list[str]]:
    """Planned variants without runs at each planned number of epochs; only if some are missing.

    Empty if no group of the curve gives a verdict.
    """
    if not any(group_verdict.eligibility.allows_verdict for group_verdict in curve):
        return {}
    rules = curve[0].rules
    run = {group_verdict.epochs: set(group_verdict.runs) for group_verdict in curve}
    lacking = {
        epochs: [name for name in rules.variants if name not in run.get(epochs, ())]
        for epochs in rules.budgets.curve
    }
    return {epochs: names for epochs, names in lacking.items() if names}


def changes_sign(by_epochs: dict[int, float]) -> bool:
    """Whether a difference is positive at one budget and negative at another."""
    return min(by_epochs.values()) < 0 < max(by_epochs.values())
