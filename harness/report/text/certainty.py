"""What the interval of the accuracy rests on, and where two more runs would lie. Pure."""

from __future__ import annotations

import math
import statistics

from harness.analysis.groups import VariantRuns
from harness.formatting import percent, pluralize
from harness.verdict.outcomes import AccuracyResult


def assumptions(accuracy: AccuracyResult) -> str:
    """Return what is assumed of the paper's two runs and of the test images.

    Args:
        accuracy: at a look.
    """
    return (
        "We assume that the paper's two runs vary over seeds as ours do (standard deviation "
        f"{percent(accuracy.sd)} points over {pluralize(accuracy.n, 'run')}; its two are "
        f"{percent(max(accuracy.reported) - min(accuracy.reported))} apart), else the interval is "
        f"too narrow{_if_the_paper_varies_more(accuracy)}; and that they were not "
        "chosen for their accuracy, though they were chosen from several. The choice of the test "
        "images has a standard error of its own, "
        f"{percent(accuracy.sampling)} points, which largely cancels if the paper used the same."
    )


def _if_the_paper_varies_more(accuracy: AccuracyResult) -> str:
    """The standard error of the difference if the paper's runs vary as its two do among them."""
    ours, theirs = accuracy.sd, statistics.stdev(accuracy.reported)
    if not ours < theirs:
        return ""
    assumed, more = (
        math.sqrt(ours**2 / accuracy.n + sd**2 / len(accuracy.reported)) for sd in (ours, theirs)
    )
    return (
        f" (if theirs is {percent(theirs)}, the standard error of the difference is "
        f"{percent(more)} points and not {percent(assumed)})"
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
        f"{later if runs.look > accuracy.look else 'With'} "
        f"{100 * runs.rules.description.level:g} % probability two more runs like ours would both "
        f"lie within {percent(low)} to {percent(high)} %; {theirs}."
    )
