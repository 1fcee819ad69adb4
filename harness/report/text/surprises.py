"""What the runs show against expectation, with what explains it as far as records show. Pure.

Expected were the paper's accuracy from the paper's method, a gain from each of its ingredients,
and what the paper says of its curves. What counts as a surprise was written before the runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.contrasts import Finding
from harness.analysis.groups import VariantRuns
from harness.analysis.ranges import ClaimStatus
from harness.formatting import percent
from harness.paper.ingredients import INGREDIENTS
from harness.protocol.decision import Decision
from harness.report.text.contributions import contributions
from harness.verdict.verdict import GroupVerdict

# Claims on the accuracy, which the answer opens with, and on ingredients, see `_harmful`.
_TOLD_ELSEWHERE = ("accuracy", "augmentation", "decay")

_OVERFITS = ": it overfits, and the paper says that overfitting is mitigated"


def surprises(group_verdict: GroupVerdict, rules: Decision) -> Iterator[str]:
    """Yield a sentence or two for each surprise that a look has shown; none before the first."""
    if group_verdict.eligibility.allows_verdict:
        yield from _nearest(group_verdict, rules)
        yield from _harmful(group_verdict, rules)
        yield from _refuted(group_verdict)


def _nearest(group_verdict: GroupVerdict, rules: Decision) -> Iterator[str]:
    """Yield which variant has the paper's accuracy, if it is not the one of the paper's method."""
    accuracy, base = group_verdict.accuracy, rules.accuracy.variant
    means = {r.variant: r.mean for r in group_verdict.variants if r.look}
    if accuracy is None or base not in means:
        return
    reported = float(np.mean(accuracy.reported))
    nearest = min(means, key=lambda name: abs(means[name] - reported))
    if nearest == base:
        return
    runs = group_verdict.runs[nearest]
    on_training_images = _on_training_images(runs)
    overfits = on_training_images - runs.mean >= rules.ranges.gap_refutes
    yield (
        f"Nearest to the paper's {percent(reported)} % is `{nearest}` with {percent(runs.mean)} %, "
        f"not `{base}` with {percent(means[base])} %. On the training images `{nearest}` gets "
        f"{percent(on_training_images)} % (`{base}` "
        f"{percent(_on_training_images(group_verdict.runs[base]))} %)"
        f"{_OVERFITS if overfits else ''}."
    )


def _harmful(group_verdict: GroupVerdict, rules: Decision) -> Iterator[str]:
    """Yield the paper's ingredients that were found to lower the accuracy."""
    runs, base = group_verdict.runs, rules.contrasts.against
    for found in contributions(group_verdict):
        if found.finding is Finding.HURTS and INGREDIENTS[found.variant].in_paper:
            without, with_it = runs[found.variant], runs[base]
            yield (
                f"{found.ingredient} lowers the accuracy, from {percent(without.mean)} to "
                f"{percent(with_it.mean)} % (on the training images from "
                f"{percent(_on_training_images(without))} to "
                f"{percent(_on_training_images(with_it))} %)."
            )


def _refuted(group_verdict: GroupVerdict) -> Iterator[str]:
    """Yield the other claims that our runs refute, and not the paper's own tables already."""
    for result in group_verdict.claims:
        refuted = result.status is ClaimStatus.REFUTED and not result.refuted_by_own_tables
        if refuted and result.claim.key not in _TOLD_ELSEWHERE:
            yield f"The paper says that {result.claim.sentence}. Our runs: {result.evidence}."


def _on_training_images(runs: VariantRuns) -> float:
    """Mean accuracy of the trained networks on the training images; a fraction."""
    return float(np.mean([metrics.train_accuracy for metrics in runs.finished]))
