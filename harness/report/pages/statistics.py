"""docs/statistics.md: the simulated error rates of the statistics, as a page."""

from __future__ import annotations

from harness import formatting
from harness.analysis.simulation import Rate
from harness.report.tables import writers
from harness.report.tables.table import text_table


def page(rates: list[Rate], worlds: int) -> str:
    """The page as Markdown.

    Args:
        rates: measured figures with their bounds.
        worlds: simulated worlds behind each.
    """

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
    return (
        "# Error rates, coverage and power\n\n"
        f"Each line is measured in {worlds:,} simulated worlds in which the truth is known, by the "
        "functions that judge real runs.\nThe reported mean is drawn from two noisy runs in each "
        "world. d: our mean minus the reported one; SD: of the accuracy\nover seeds; both in "
        "percentage points. In a family of contrasts the deviations are unequal, 0.25 to 0.50. "
        "Seeds until\nsettled: mean number, 20 where nothing is settled. The standard error of a "
        f"rate of 5 % is {100 * (0.05 * 0.95 / worlds) ** 0.5:.2f} %.\n\n"
        "Written by `python -m harness docs --simulate`; `pytest -m slow` repeats it.\n\n"
        f"{table}\n"
    )
