"""What hangs on the number of epochs: accuracy and ablations at several budgets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.protocol.decision import Decision
from harness.verdict.outcomes import AblationResult
from harness.verdict.verdict import Judgement


@dataclass(frozen=True)
class Line:
    """One variant over the budgets.

    Attributes:
        variant: its name.
        rows: by number of epochs, where it has runs, finished or failed; at least one.
    """

    variant: str
    rows: dict[int, AblationResult]

    def speaking(self, most_failed: float) -> dict[int, AblationResult]:
        """The rows but for those of which more than this share of the runs failed."""
        return {
            epochs: row
            for epochs, row in self.rows.items()
            if row.failed <= most_failed * (row.n + row.failed)
        }


def lines(curve: Sequence[Judgement]) -> list[Line]:
    """Every planned variant that has runs, in the order of the decision file, the one
    that the others are held against first.

    Args:
        curve: judgements that differ in nothing but the budget.
    """
    found: dict[str, dict[int, AblationResult]] = {}
    for judgement in curve:
        for row in judgement.ablations:
            rows = found.setdefault(row.variant, {})
            if row.n or row.failed:
                rows[judgement.epochs] = row
    return [Line(variant, rows) for variant, rows in found.items() if rows]


def _speaking(curve: Sequence[Judgement], rules: Decision) -> dict[str, dict[int, AblationResult]]:
    return {line.variant: line.speaking(rules.accuracy.most_failed) for line in lines(curve)}


def _differences(curve: Sequence[Judgement], rules: Decision) -> dict[str, dict[int, float]]:
    """Variant -> epochs -> points of accuracy (fractions) against the one that all are held
    against, where both speak at two budgets or more."""
    rows = _speaking(curve, rules)
    own = rows.pop(rules.contrasts.against, {})
    found = {
        name: {
            epochs: row.contrast.difference
            for epochs, row in by_epochs.items()
            if epochs in own and row.contrast is not None
        }
        for name, by_epochs in rows.items()
    }
    return {name: by_epochs for name, by_epochs in found.items() if len(by_epochs) > 1}


def _turns(differences: dict[int, float]) -> bool:
    return min(differences.values()) < 0 < max(differences.values())
