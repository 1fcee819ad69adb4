"""What is not settled yet, and how many runs the next look takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.verdict.verdict import GroupVerdict


@dataclass(frozen=True)
class OpenQuestions:
    """Questions that the same look could settle.

    Attributes:
        look: number of the next look; 0 if no look is left.
        accuracy: whether the accuracy claim is one of them.
        contrasts: variants whose contrast is one of them.
        missing: runs to train before the look, over all variants that it needs.
    """

    look: int
    accuracy: bool
    contrasts: tuple[str, ...]
    missing: int


def open_questions(group_verdict: GroupVerdict) -> list[OpenQuestions]:
    """Group what a verdict has not settled by the look that could settle it, earliest first.

    Empty if everything is settled. A look is the next one if not all of its runs are there, and
    those that failed leave it able to settle something.
    """
    rules = group_verdict.rules
    present = {(record.variant, record.seed) for record in group_verdict.group.records}

    def missing(variants: set[str], look: int) -> int:
        seeds = range(rules.looks.seeds_of(look))
        return sum((name, seed) not in present for name in variants for seed in seeds)

    failed = {(r.variant, r.seed) for r in group_verdict.group.records if r.failed}

    def blocked(variants: set[str], look: int) -> bool:
        seeds = rules.looks.seeds_of(look)
        failures = (sum((name, seed) in failed for seed in range(seeds)) for name in variants)
        return any(count > rules.looks.allowed_failures(seeds) for count in failures)

    by_look: dict[int, list[set[str]]] = {}
    for variants in _unsettled(group_verdict):
        looks = range(1, len(rules.looks.seeds) + 1)
        possible = (n for n in looks if missing(variants, n) and not blocked(variants, n))
        look = next(possible, 0)
        by_look.setdefault(look, []).append(variants)
    accuracy = {rules.accuracy.variant}
    questions = [
        OpenQuestions(
            look=look,
            accuracy=accuracy in unsettled,
            contrasts=tuple(
                name
                for name in rules.contrasts.variants
                if {name, rules.contrasts.against} in unsettled
            ),
            missing=missing(set().union(*unsettled), look) if look else 0,
        )
        for look, unsettled in by_look.items()
    ]
    return sorted(questions, key=lambda question: question.look or len(rules.looks.seeds) + 1)


def _unsettled(group_verdict: GroupVerdict) -> Iterator[set[str]]:
    """Yield the variants that each unsettled question needs."""
    if group_verdict.accuracy is not None and not group_verdict.accuracy.settled:
        yield {group_verdict.rules.accuracy.variant}
    for result in group_verdict.variants:
        contrast = result.contrast
        if contrast is not None and contrast.effect is not None and not contrast.settled_look:
            yield {contrast.variant, contrast.against}
