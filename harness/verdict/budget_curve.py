"""Accuracy and ablations at several budgets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.contrasts import VariantResult
from harness.protocol.decision import Decision
from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class Line:
    """One variant over the budgets.

    Attributes:
        variant: its name.
        rows: by number of epochs, where it has runs, finished or failed; at least one.
    """

    variant: str
    rows: dict[int, VariantResult]

    def comparable(self, most_failed: float) -> dict[int, VariantResult]:
        """The rows but for those of which more than this share of the runs failed."""
        return {
            epochs: row
            for epochs, row in self.rows.items()
            if row.failed <= most_failed * (row.n + row.failed)
        }


def lines(curve: Sequence[GroupVerdict], rules: Decision) -> list[Line]:
    """Every variant of the decision file that has runs, the one that the others are compared with
    first.

    Args:
        curve: judgements that differ in nothing but the budget.
        rules: the decision file.
    """
    rows: dict[str, dict[int, VariantResult]] = {name: {} for name in rules.variants}
    for judgement in curve:
        for row in judgement.variants:
            if row.variant in rows and (row.n or row.failed):
                rows[row.variant][judgement.epochs] = row
    return [Line(variant, by_epochs) for variant, by_epochs in rows.items() if by_epochs]


def comparable(
    curve: Sequence[GroupVerdict], rules: Decision
) -> dict[str, dict[int, VariantResult]]:
    """Variant -> epochs -> result, without those of which too many runs failed."""
    return {line.variant: line.comparable(rules.looks.most_failed) for line in lines(curve, rules)}


def differences(curve: Sequence[GroupVerdict], rules: Decision) -> dict[str, dict[int, float]]:
    """Variant -> epochs -> difference of accuracy (fractions) from the one that all are compared
    with, of those that can be compared at two budgets or more."""
    rows = comparable(curve, rules)
    base = rows.pop(rules.contrasts.against, {})
    found = {
        name: {
            epochs: row.contrast.difference
            for epochs, row in by_epochs.items()
            if epochs in base and row.contrast is not None
        }
        for name, by_epochs in rows.items()
    }
    return {name: by_epochs for name, by_epochs in found.items() if len(by_epochs) > 1}


def changes_sign(by_epochs: dict[int, float]) -> bool:
    """Whether a difference is positive at one budget and negative at another."""
    return min(by_epochs.values()) < 0 < max(by_epochs.values())
