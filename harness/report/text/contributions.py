"""What each ingredient of the method contributes to the accuracy. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness import formatting
from harness.analysis.contrasts import Contrast, Finding, VariantResult
from harness.formatting import pluralize, signed_points
from harness.paper.ingredients import INGREDIENTS
from harness.verdict.verdict import GroupVerdict

_INTERVALS = (
    "In brackets the interval that the runs leave open. A look is one of the analyses that were "
    "planned before the runs."
)

_OPPOSITE = {Finding.HELPS: Finding.HURTS, Finding.HURTS: Finding.HELPS}


@dataclass(frozen=True)
class Contribution:
    """The contribution of one ingredient to the accuracy; fractions.

    Attributes:
        variant: the ablation that shows it.
        ingredient: in words.
        finding: whether the ingredient helps.
        difference: accuracy with the ingredient minus accuracy without it.
        low, high: interval of the difference that decides; NaN before the first look.
        basis: which runs it is from.
    """

    variant: str
    ingredient: str
    finding: Finding
    difference: float
    low: float
    high: float
    basis: str

    @property
    def sentence(self) -> str:
        """The contribution in words, without a full stop."""
        points = f"{signed_points(self.difference)} points"
        if not math.isnan(self.low):
            points += f" {formatting.interval(self.low, self.high)}"
        if self.finding in _OPPOSITE:
            return f"{self.ingredient} {self.finding.value}: {points} ({self.basis})"
        return f"{self.ingredient}: {self.finding.value}, {points} ({self.basis})"


def contributions(group_verdict: GroupVerdict) -> tuple[Contribution, ...]:
    """Return the contribution of each ingredient whose ablation has been run in a group."""
    results = {result.variant: result for result in group_verdict.variants}
    return tuple(
        _contribution(result, result.contrast)
        for name in INGREDIENTS
        if (result := results.get(name)) is not None
        and result.contrast is not None
        and not math.isnan(result.contrast.difference)
    )


def note(of: Sequence[Contribution]) -> str:
    """Return how to read contributions."""
    has_intervals = any(not math.isnan(contribution.low) for contribution in of)
    return f"In points of accuracy. {_INTERVALS if has_intervals else ''}".rstrip()


def _contribution(result: VariantResult, contrast: Contrast) -> Contribution:
    ingredient, finding = INGREDIENTS[result.variant], contrast.finding
    if ingredient.in_paper:  # the ablation lacks it
        finding = _OPPOSITE.get(finding, finding)
    figures = ingredient.contribution(contrast.difference, contrast.low, contrast.high)
    return Contribution(
        result.variant, ingredient.name, finding, *figures, _basis(result, contrast)
    )


def _basis(result: VariantResult, contrast: Contrast) -> str:
    if contrast.settled_look:
        basis = f"settled at look {contrast.settled_look}"
        if contrast.low * contrast.high > 0:
            return basis
        return f"{basis} by Holm's test, which finds more than the interval shows"
    if contrast.look:
        return f"look {contrast.look}"
    return f"{pluralize(result.n, 'run')} of {result.variant}"
