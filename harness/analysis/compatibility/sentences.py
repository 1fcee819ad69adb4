"""Say in words whether runs are compatible with reference runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.analysis.compatibility.prediction import (
    LEVEL,
    MIN_REFERENCE,
    POWER,
    Compatibility,
    Outcome,
    Outlier,
)
from harness.formatting import number, percent, pluralize

NO_REFERENCE = (
    f"{Outcome.NOT_COMPARED}: this version comes with no reference runs yet; "
    "give a folder with finished runs: check --against FOLDER"
)

_NAMES = {"train_accuracy": "accuracy on the training images"}


def line(comparison: Compatibility | None) -> str:
    """Describe the comparison of one run in a line."""
    if comparison is None:
        return f"{Outcome.NOT_COMPARED}: the run failed, or its settings are damaged"
    outcome, count = comparison.outcome, pluralize(comparison.n_reference, "reference run")
    if outcome is Outcome.IS_REFERENCE:
        return f"{outcome} itself (same setting, seed and weights)"
    if outcome is Outcome.NOT_COMPARED:
        if comparison.n_reference < MIN_REFERENCE:
            return f"{outcome}: {count}, at least {MIN_REFERENCE} are needed"
        return f"{outcome}: no figure varies in its {count}"
    if outcome is Outcome.NOT_COMPATIBLE:
        outliers = "; ".join(map(_outlier, comparison.outside))
        return f"{outcome} with {count}: {outliers}{_left_out(comparison)}"
    text = f"{outcome} with {count} in {pluralize(len(comparison.compared), 'figure')}"
    if "accuracy" in comparison.compared:
        text += f"; {power(comparison.smallest_shift)}"
    return text + _left_out(comparison)


def power(shift: float) -> str:
    """Describe how well a difference of the accuracy, a fraction, would be found."""
    return (
        f"a true difference of {percent(shift, 1)} points in accuracy would be found with "
        f"{percent(POWER, 0)} % probability"
    )


def _outlier(outlier: Outlier) -> str:
    name, low = _name(outlier.name), max(outlier.low, 0)
    if outlier.name == "loss":
        expected = f"{number(low, 3)} to {number(outlier.high, 3)}"
        return f"{name} is {number(outlier.value, 3)}, expected {expected}"
    expected = f"{percent(low)} to {percent(min(outlier.high, 1))}"
    return f"{name} is {percent(outlier.value)} %, expected {expected} %"


def _left_out(comparison: Compatibility) -> str:
    if not comparison.left_out:
        return ""
    listed = ", ".join(map(_name, comparison.left_out))
    return f" (left out, as it does not vary or is missing: {listed})"


def _name(figure: str) -> str:
    kind, _, class_name = figure.partition(".")
    return f"recall of {class_name}" if class_name else _NAMES.get(kind, kind)


def summary(comparisons: Iterable[Compatibility | None]) -> str:
    """Describe the comparisons of many runs in a line."""
    counts = Counter(comparison.outcome for comparison in comparisons if comparison is not None)
    compatible, incompatible = counts[Outcome.COMPATIBLE], counts[Outcome.NOT_COMPATIBLE]
    compared = compatible + incompatible
    text = f"{pluralize(compared, 'run')} compared with reference runs: {compatible} compatible"
    if incompatible:
        text += f", {incompatible} {Outcome.NOT_COMPATIBLE}"
        text += f" (of sound runs, up to {percent(1 - LEVEL, 0)} % are)"
    if counts[Outcome.IS_REFERENCE]:
        text += f"; {pluralize(counts[Outcome.IS_REFERENCE], 'run')} of the reference itself"
    if counts[Outcome.NOT_COMPARED]:
        text += f"; {counts[Outcome.NOT_COMPARED]} not compared: too few reference runs"
    return text
