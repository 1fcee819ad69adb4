"""Which readings of the paper's unstated settings fit it, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import variants
from harness.formatting import enumerate_words, percent
from harness.paper import reported
from harness.protocol import budget
from harness.protocol.decision import Decision
from harness.verdict import readings
from harness.verdict.readings import Fit, ReadingResult

_SUBJECT = "other readings of the paper's unstated settings"

_CRITERIA = "by all our criteria (accuracy, curves, gap and recall of the classes)"


def sentence(results: Sequence[ReadingResult], rules: Decision) -> str:
    """Return which readings fit the paper, that none does, or that there are no runs of them.

    Args:
        results: of `harness.verdict.readings.judge`.
        rules: the decision file.
    """
    if not results:
        return f"{_SUBJECT.capitalize()}: no runs on the official test images yet."
    others = [result for result in results if result.variant != rules.accuracy.variant]
    fitting = [result for result in others if result.fit is Fit.FITS]
    unjudged = [result for result in others if result.fit is Fit.CANNOT_BE_JUDGED]
    planned, run = variants.names(readings.FAMILY), {result.variant for result in others}
    text = f"Of {len(planned)} {_SUBJECT} {len(run)} {'was' if len(run) == 1 else 'were'} run"
    if fitting:
        text += f"; fitting {_CRITERIA}: {_named(fitting)}"
    elif len(unjudged) == len(others):
        text += f"; none can be judged {_CRITERIA}"
    elif unjudged:
        text += f"; none that can be judged fits {_CRITERIA}"
    else:
        text += f"; none fits {_CRITERIA}"
    if unjudged and len(unjudged) < len(others):
        text += f"; not to be judged: {_named(unjudged)}"
    if in_part := [r for r in others if r.fit is Fit.DOES_NOT_FIT and _has_accuracy(r)]:
        text += f"; by accuracy alone: {_named(in_part)}"
    if paper := [result for result in results if result.variant == rules.accuracy.variant]:
        text += f"; {_paper(paper, rules)}"
    return f"{text}."


def _has_accuracy(result: ReadingResult) -> bool:
    return result.criteria["accuracy"] is Fit.FITS


def _paper(results: Sequence[ReadingResult], rules: Decision) -> str:
    """What holds for the paper's own variant, the reading of the verdict."""
    name = f"`{rules.accuracy.variant}` itself"
    if fitting := [result for result in results if result.fit is Fit.FITS]:
        return f"{name} fits {_budgets(fitting)}"
    fails = any(result.fit is Fit.DOES_NOT_FIT for result in results)
    return f"{name} does not fit" if fails else f"{name} cannot be judged"


def _named(results: Sequence[ReadingResult]) -> str:
    """Variants with the numbers of epochs that something holds for."""
    by_variant: dict[str, list[ReadingResult]] = {}
    for result in results:
        by_variant.setdefault(result.variant, []).append(result)
    return enumerate_words(f"`{name}` {_budgets(of)}" for name, of in by_variant.items())


def _budgets(results: Sequence[ReadingResult]) -> str:
    """Such as "after 20 and 40 epochs (cpu)": each type of device has results of its own."""
    by_device: dict[str, list[str]] = {}
    for result in results:
        by_device.setdefault(result.device_type, []).append(str(result.epochs))
    return " and ".join(
        f"after {enumerate_words(epochs)} {'epoch' if epochs == ['1'] else 'epochs'} ({device})"
        for device, epochs in by_device.items()
    )


def notes(rules: Decision) -> Iterator[str]:
    """Yield the rule, and how the public figures are to be read."""
    points = f"{100 * rules.readings.accuracy:g} point"
    epochs = budget.load().epochs
    allowed = int(rules.ranges.wrong_way_confirms * (epochs - 1))
    yield (
        f"A reading fits if its accuracy lies within {points} of the paper's mean of "
        f"{percent(reported.mean_accuracy())} %, at most "
        f"{100 * rules.ranges.wrong_way_confirms:g} % of the steps from epoch to epoch of each of "
        f"the four curves go the wrong way (in a single run of {epochs} epochs: "
        f"{allowed or 'none'}), the gap is at most {100 * rules.ranges.gap_confirms:g} points, "
        f"and the recall of its classes is at most {rules.readings.recall_distance:g} times as "
        "far from the mean of the paper's two runs as these are from each other. These limits are "
        "ours; they were fixed before the runs, and are descriptive: no tests."
    )
    yield (
        "Each number of epochs and each type of device is judged by itself; runs on other images, "
        "or under another protocol or other rules, are not judged."
    )
    yield (
        "Each reading may pass 75 % at some number of epochs, so accuracy alone identifies none. "
        "The public figures are as their authors give them, some chosen by the test images."
    )
