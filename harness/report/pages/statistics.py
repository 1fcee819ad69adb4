"""docs/statistics.md: the simulated error rates of the statistics, as a page."""

from __future__ import annotations

from harness import formatting
from harness.analysis.simulation.accuracy import RATIOS
from harness.analysis.simulation.worlds import Kind, Rate
from harness.analysis.studies import coverage
from harness.analysis.studies.coverage import Coverage
from harness.formatting import percent
from harness.report.tables import writers
from harness.report.tables.table import text_table


def page(rates: list[Rate], worlds: int, coverages: list[Coverage], validations: int) -> str:
    """The page as Markdown.

    Args:
        rates: measured figures with their bounds.
        worlds: simulated worlds behind each.
        coverages: of the intervals of a cross-validation.
        validations: simulated cross-validations behind each.
    """
    return f"{_error_rates(rates, worlds)}\n{_cross_validation(coverages, validations)}"


def _error_rates(rates: list[Rate], worlds: int) -> str:

    def measured(rate: Rate) -> str:
        value = 100 * rate.value if rate.unit == "%" else rate.value
        return f"{value:.2f} {rate.unit}"

    def bounds(rate: Rate) -> str:
        low = None if rate.low is None else f"{100 * rate.low:.2f}"
        high = None if rate.high is None else f"{100 * rate.high:.2f}"
        if low and high:
            return f"{low} to {high} %"
        if low:
            return f"at least {low} %"
        return f"at most {high} %" if high else formatting.EMPTY

    table = writers.markdown(
        text_table(
            "Error rates",
            {
                "what": [rate.what for rate in rates],
                "measured": [measured(rate) for rate in rates],
                "must be": [bounds(rate) for rate in rates],
            },
        )
    )
    # The edge of the margin is where errors are most frequent.
    wrong_outcome, unequal, false_positive = (
        max(rate.value for rate in rates if rate.kind is kind)
        for kind in (Kind.WRONG_OUTCOME, Kind.UNEQUAL, Kind.FALSE_POSITIVE)
    )
    return (
        "# Error rates, coverage and power\n\n"
        "In short, over all cases simulated here: where the true difference from the paper is "
        "exactly the margin, each wrong\noutcome of the accuracy claim is given with a probability "
        f"of at most {percent(wrong_outcome)} %; that any of the contrasts is called\nreal and is "
        f"not, with one of at most {percent(false_positive)} %. The former holds if the paper's "
        "runs vary over seeds as ours do.\nIf their standard deviation is "
        f"{max(RATIOS):g} times ours, it is {percent(unequal)} %.\n\n"
        f"Each line is measured in {worlds:,} simulations in which the truth is known, by the "
        "functions that judge real runs.\nAccuracies are normal and independent, and the reported "
        "mean is that of two runs with the same SD as ours. "
        "d: our mean minus the reported one; SD: of the accuracy\nover seeds; both in percentage "
        "points. In a family of contrasts the deviations are unequal, 0.25 to 0.50 unless\n"
        "another range is given. Seeds until settled: mean number, 20 where nothing is settled. "
        "Must be: a bound that was\nwritten before the simulation. The standard error of a rate "
        f"of 5 % is {100 * (0.05 * 0.95 / worlds) ** 0.5:.2f} %.\n\n"
        "Written by `python -m harness docs --simulate`; `pytest -m slow` repeats it.\n\n"
        f"{table}\n"
    )


def _cross_validation(coverages: list[Coverage], validations: int) -> str:
    table = writers.markdown(
        text_table(
            "Coverage",
            {
                "learner": [c.learner for c in coverages],
                "folds": [str(c.folds) for c in coverages],
                "true accuracy": [f"{percent(c.truth)} %" for c in coverages],
                "plain t contains it": [f"{percent(c.plain)} %" for c in coverages],
                "corrected t contains it": [f"{percent(c.corrected)} %" for c in coverages],
                "mean width, plain": [f"{percent(c.plain_width)} points" for c in coverages],
                "mean width, corrected": [
                    f"{percent(c.corrected_width)} points" for c in coverages
                ],
            },
        )
    )
    return (
        "## The interval of a cross-validation\n\n"
        f"`cross-validate` prints the corrected resampled t interval, here at "
        f"{100 * coverage.LEVEL:g} %. Each line is measured in {validations:,} simulated\n"
        f"cross-validations of {coverage.IMAGES} points of two Gaussian classes with "
        f"{coverage.FEATURES} features. The true accuracy is that of the learner trained\non "
        "as many points as for a fold, from other simulated samples. Nearest mean hardly varies "
        "with its training points,\nnearest neighbor does. Plain: Student's interval, as if folds "
        "were independent. It contains the truth less often\nthan it says, most of all for the "
        "second learner. Corrected: often enough for both, at the price of a wider interval.\n\n"
        f"{table}\n"
    )
