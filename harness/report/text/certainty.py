"""What the interval of the accuracy rests on, and where two more runs would lie. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.analysis.groups import VariantRuns
from harness.formatting import percent, pluralize
from harness.verdict.outcomes import AccuracyResult


def assumptions(accuracy: AccuracyResult, runs: VariantRuns) -> str:
    """Return what is assumed of the paper's two runs and of the test images.

    Args:
        accuracy: at a look.
        runs: of the variant that it is about.
    """
    return (
        "We assume that the paper's two runs vary over seeds as ours do (standard deviation "
        f"{percent(runs.deviation)} points over {pluralize(runs.n_finished, 'run')}; its two are "
        f"{percent(max(accuracy.reported) - min(accuracy.reported))} apart), else the interval is "
        f"too narrow{_if_the_paper_varies_more(accuracy.reported, runs)}; and that they were not "
        "chosen for their accuracy, though they were chosen from several. The choice of the test "
        "images has a standard error of its own, "
        f"{percent(accuracy.sampling)} points, which largely cancels if the paper used the same."
    )


def _if_the_paper_varies_more(reported: Sequence[float], runs: VariantRuns) -> str:
    """The standard error of the difference if the paper's runs vary as its two do among them."""
    ours, theirs = runs.deviation, statistics.stdev(reported)
    if not ours < theirs:
        return ""
    assumed, more = (
        math.sqrt(ours**2 / runs.n_finished + sd**2 / len(reported)) for sd in (ours, theirs)
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
    of_all = f"By all {runs.n_finished} runs, with" if runs.look > accuracy.look else "With"
    return (
        f"{of_all} {100 * runs.rules.description.level:g} % probability two more runs like ours "
        f"would both lie within {percent(low)} to {percent(high)} %; {theirs}."
    )
