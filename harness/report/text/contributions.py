"""What each ingredient of the method contributes to the accuracy. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness import formatting
from harness.analysis.contrasts import Contrast, Finding, VariantResult
from harness.formatting import enumerate_words, pluralize, signed_points
from harness.paper.ingredients import INGREDIENTS
from harness.verdict.verdict import GroupVerdict

_OPPOSITE = {Finding.HELPS: Finding.HURTS, Finding.HURTS: Finding.HELPS}


@dataclass(frozen=True)
class Contribution:
    """The contribution of one ingredient to the accuracy; fractions.

    Attributes:
        variant: the ablation that shows it.
        ingredient: in words.
        finding: whether the ingredient helps.
        difference: accuracy with the ingredient minus accuracy without it.
        low, high: interval of the difference; NaN before the first look.
        level: of that interval.
        basis: which runs it is from.
    """

    variant: str
    ingredient: str
    finding: Finding
    difference: float
    low: float
    high: float
    level: float
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


def note(group_verdict: GroupVerdict, of: Sequence[Contribution]) -> str:
    """Return how to read the contributions of a group."""
    epochs = pluralize(group_verdict.epochs, "epoch")
    text = (
        f"Points of accuracy after {epochs}, all else as in "
        f"`{group_verdict.rules.contrasts.against}`, our reading of the paper; they cannot be "
        "summed, and may differ after other numbers of epochs."
    )
    levels = sorted({contribution.level for contribution in of if not math.isnan(contribution.low)})
    if not levels:
        return text
    named = enumerate_words(f"{100 * level:.4g}" for level in levels)
    text += f" In brackets the {named} % interval{'s' if len(levels) > 1 else ''}"
    if group_verdict.eligibility.allows_verdict:
        contrasts, looks = group_verdict.rules.contrasts, group_verdict.rules.looks
        text += (
            f", wide because {len(contrasts.variants)} comparisons and {len(looks.seeds)} planned "
            f"looks share a {100 * contrasts.alpha:g} % risk of a false alarm"
        )
    return f"{text}."


def _contribution(result: VariantResult, contrast: Contrast) -> Contribution:
    ingredient, finding = INGREDIENTS[result.variant], contrast.finding
    if ingredient.in_paper:  # the ablation lacks it
        finding = _OPPOSITE.get(finding, finding)
    figures = ingredient.contribution(contrast.difference, contrast.low, contrast.high)
    return Contribution(
        result.variant,
        ingredient.name,
        finding,
        *figures,
        contrast.level,
        _basis(result, contrast),
    )


def _basis(result: VariantResult, contrast: Contrast) -> str:
    if contrast.settled_look:
        basis = f"settled at look {contrast.settled_look}"
        if contrast.look != contrast.settled_look:
            return f"{basis}; figures of look {contrast.look}"
        if contrast.low * contrast.high > 0:
            return basis
        return f"{basis} by Holm's test, which finds more than the interval shows"
    if contrast.look:
        return f"look {contrast.look}"
    return f"{pluralize(result.n, 'run')} of {result.variant}"
