"""What the interval of the accuracy rests on, and where two more runs would lie. Pure."""

from __future__ import annotations

import math

from harness import formatting
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Outcome
from harness.formatting import percent, pluralize
from harness.verdict.outcomes import AccuracyResult


def assumptions(accuracy: AccuracyResult, margin: float) -> str:
    """Return what is assumed of the paper's two runs and of the test images.

    Args:
        accuracy: at a look.
        margin: of the accuracy claim, a fraction.
    """
    return (
        "We assume that the paper's two runs vary over seeds as ours do. The standard deviation is "
        f"{percent(accuracy.sd)} points over our {pluralize(accuracy.n, 'run')} and "
        f"{percent(accuracy.reported_sd)} over its two, which are too few to know it"
        f"{_if_the_paper_varies_more(accuracy, margin)}. We also assume that its two matrices are "
        "of two trainings, not chosen for their accuracy, though chosen from several. The choice "
        f"of the test images gives one accuracy a standard error of {percent(accuracy.sampling)} "
        f"points, and the difference about {percent(math.sqrt(2) * accuracy.sampling)} if the "
        "paper used others; much less if it used the same."
    )


def _if_the_paper_varies_more(accuracy: AccuracyResult, margin: float) -> str:
    low, high = accuracy.wider
    if math.isnan(low):
        return ""
    same = {
        Outcome.EXCEEDED: low > margin,
        Outcome.NOT_REACHED: high < -margin,
        Outcome.REPRODUCED: -margin < low and high < margin,
    }.get(accuracy.outcome or Outcome.UNDECIDED, True)
    return (
        f": with {percent(accuracy.reported_sd)} the interval would be "
        f"{formatting.interval(low, high)}, the outcome {'the same' if same else 'UNDECIDED'}, and "
        "wrong outcomes more frequent than planned (docs/statistics.md)"
    )


def predicted(accuracy: AccuracyResult, runs: VariantRuns) -> str:
    """Return where two more runs like ours would lie, and whether the paper's do.

    Args:
        accuracy: at a look.
        runs: of the variant that it is about.
    """
    low, high = accuracy.predicted
    inside = sum(low <= value <= high for value in accuracy.reported)
    theirs = ("neither of the paper's does", "one of the paper's does", "the paper's do")[inside]
    later = f"By the {runs.n_finished} runs of look {runs.look}, with"
    return (
        f"{later if runs.look > accuracy.look else 'With'} at least "
        f"{100 * runs.rules.description.level:g} % probability two more runs like ours would both "
        f"lie within {percent(low)} to {percent(high)} %; {theirs}."
    )
