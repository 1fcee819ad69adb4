"""What the interval of the accuracy rests on, and where two more runs would lie. Pure."""

from __future__ import annotations

import math

from harness import formatting
from harness.analysis.groups import VariantRuns
from harness.formatting import percent, pluralize
from harness.paper import reported
from harness.verdict.outcomes import AccuracyResult


def assumptions(accuracy: AccuracyResult) -> str:
    """Return what is assumed of the paper's two runs and of the test images.

    Args:
        accuracy: at a look.
    """
    return (
        "We assume that the paper's two runs vary over seeds as ours do. Ours have a standard "
        f"deviation of {percent(accuracy.sd)} points ({pluralize(accuracy.n, 'run')}), its two one "
        f"of {percent(reported.accuracy_deviation())}, but two are too few to know it"
        f"{_what_if(accuracy)}. We also assume that its two matrices are of two trainings, not "
        "chosen for their accuracy, though chosen from several. Not in the interval: the choice of "
        "the test images, which gives one accuracy a standard error of "
        f"{percent(accuracy.sampling)} points, and the difference about "
        f"{percent(math.sqrt(2) * accuracy.sampling)} if the paper used others; much less if it "
        "used the same."
    )


def _what_if(accuracy: AccuracyResult) -> str:
    """The outcome if the paper's runs vary as its two do among them, and more than ours."""
    other = accuracy.what_if
    if other is None:
        return ""
    outcome = "the same" if other.outcome is accuracy.outcome else str(other.outcome)
    at = "" if other.look == accuracy.look else f" (look {other.look})"
    return (
        f": if its runs vary by {percent(other.sd)}, the interval is "
        f"{formatting.interval(other.low, other.high)}{at}, the outcome {outcome}, and wrong "
        "outcomes more frequent than planned (docs/statistics.md)"
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
        f"{100 * runs.rules.description.level:g} % probability two more single runs like ours "
        f"would both lie within {percent(low)} to {percent(high)} %; {theirs}."
    )
