"""What the runs show against expectation, with what explains it as far as records show. Pure.

Expected were the paper's accuracy from the paper's method, a gain from each of its ingredients,
and what the paper says of its curves. This was written before any look at the runs on the official
images, but after four of them (seed 0), and reworded after sixteen (seeds 0 and 1) and after look
1. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import variants
from harness.analysis import learning_curves
from harness.analysis.contrasts import Contrast, Finding
from harness.analysis.groups import VariantRuns
from harness.analysis.ranges import ClaimStatus
from harness.formatting import percent, pluralize
from harness.paper import reported
from harness.paper.ingredients import INGREDIENTS
from harness.verdict.verdict import GroupVerdict

_OVERFITS = (
    ": it overfits, so a run like it would not fit the paper's claim that overfitting is mitigated"
)


def surprises(group_verdict: GroupVerdict) -> Iterator[str]:
    """Yield a sentence or two for each surprise that a look has shown; none before the first."""
    if group_verdict.eligibility.allows_verdict:
        yield from _nearest(group_verdict)
        yield from _harmful(group_verdict)
        yield from _refuted(group_verdict)


def _nearest(group_verdict: GroupVerdict) -> Iterator[str]:
    """Yield which ablation is nearer to the paper's accuracy than its own method and was found to
    differ from it; the nearest if several are, none while one that is not settled is nearer."""
    theirs, rules = reported.mean_accuracy(), group_verdict.rules

    def distance(runs: VariantRuns) -> float:
        return abs(runs.mean - theirs)

    settled = [(runs, base, contrast.look) for contrast, runs, base in _found(group_verdict)]
    ablations = [r for n, r in group_verdict.runs.items() if n in rules.contrasts.variants]
    open_ = [r for r in ablations if r.n_finished and r.name not in {s.name for s, *_ in settled}]
    if not settled:
        return
    runs, base, look = min(settled, key=lambda found: distance(found[0]))
    if distance(runs) >= min(map(distance, [base, *open_])):
        return
    gap = np.mean([learning_curves.generalization_gap(metrics) for metrics in runs.finished])
    in_training = [f"{percent(_on_training_images(r))} %" for r in (runs, base)]
    yield (
        f"After {pluralize(group_verdict.epochs, 'epoch')}, of `{base.name}` and its ablations, "
        f"the nearest to the paper's {percent(theirs)} % is `{runs.name}` "
        f"({variants.get(runs.name).summary}) with {percent(runs.mean)} %, a ranking that is not "
        f"tested; `{base.name}` gets {percent(base.mean)} % (look {look}). On the training images "
        f"`{runs.name}` gets {in_training[0]} (`{base.name}` {in_training[1]})"
        f"{_OVERFITS if gap >= rules.ranges.gap_refutes else ''}."
    )


def _harmful(group_verdict: GroupVerdict) -> Iterator[str]:
    """Yield the paper's ingredients that were found to lower the accuracy."""
    for contrast, runs, base in _found(group_verdict):
        ingredient = INGREDIENTS.get(contrast.variant)
        if ingredient and ingredient.in_paper and contrast.finding is Finding.HELPS:
            yield (
                f"{ingredient.name} lowers the accuracy, from {percent(runs.mean)} to "
                f"{percent(base.mean)} % (look {contrast.look}; on the training images from "
                f"{percent(_on_training_images(runs))} to "
                f"{percent(_on_training_images(base))} %)."
            )


def _found(group_verdict: GroupVerdict) -> Iterator[tuple[Contrast, VariantRuns, VariantRuns]]:
    """Yield the contrasts that are settled, with the runs of both variants at their look."""
    runs = group_verdict.runs
    for result in group_verdict.variants:
        contrast = result.contrast
        if contrast is not None and contrast.finding in (Finding.HELPS, Finding.HURTS):
            variant, against = runs[contrast.variant], runs[contrast.against]
            yield contrast, variant.at_look(contrast.look), against.at_look(contrast.look)


def _refuted(group_verdict: GroupVerdict) -> Iterator[str]:
    """Yield the other claims that our runs refute, and not the paper's own tables already."""
    for result in group_verdict.claims:
        refuted = result.status is ClaimStatus.REFUTED and not result.refuted_by_own_tables
        if refuted and not result.on_accuracy:  # the answer and `_harmful` tell those
            yield f"The paper says that {result.claim.sentence}. Our runs: {result.ours}."


def _on_training_images(runs: VariantRuns) -> float:
    """Mean accuracy of the trained networks on the training images; a fraction."""
    return float(np.mean([metrics.train_accuracy for metrics in runs.finished]))
