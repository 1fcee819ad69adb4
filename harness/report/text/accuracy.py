"""What came out of the accuracy claim: its word, and sentences. Pure."""

from __future__ import annotations

import math

from harness import formatting
from harness.formatting import count
from harness.protocol import budget
from harness.protocol.decision import Decision
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.verdict import Judgement

NO_VERDICT = "NO VERDICT"

# The decision table calls this end open too; said of runs that go on, its word would read as final.
NOT_DECIDED_YET = "NOT DECIDED YET"

UNPLANNED = "no verdict and no tests are planned for such runs"


def word(judgement: Judgement, rules: Decision) -> str:
    """The outcome; NOT_DECIDED_YET while planned seeds are to come, NO_VERDICT where no outcome
    may be given."""
    if judgement.outcome is None or judgement.accuracy is None:
        return NO_VERDICT
    return NOT_DECIDED_YET if judgement.own(rules).interim(rules) else judgement.outcome


def sentences(judgement: Judgement, rules: Decision) -> list[str]:
    """The figures and what follows from them; no outcome where it may not be shown."""
    found, planned = judgement.accuracy, judgement.standing.planned
    if found is None:
        return [
            "The images are not CIFAR-10's, so the paper's figures do not compare; only our "
            "variants do."
        ]
    lines = [_figures(found, planned, rules)]
    if judgement.outcome is None and (why := judgement.own(rules).too_many_failed(rules)):
        lines.append(f"{why}.")
    if judgement.outcome is not None:
        lines.append(f"{word(judgement, rules)}: {found.reason}.")
    if judgement.outcome == rules.outcomes.inside:
        lines.append(
            "That means that the paper's text can be read so that it gives 75 %, and no more: "
            "the paper leaves most settings open and its two runs were selected."
        )
    if exceeds(judgement, rules):
        lines += ["Ours is higher than the paper's.", built_in(judgement, rules)]
    if not planned:
        of_curve = not judgement.standing.stated and judgement.epochs in rules.budgets.curve
        lines.append(f"{UNPLANNED.capitalize()}" + ", but for the budget curve" * of_curve + ".")
    elif found.undecided:
        lines.append(needed(judgement, found, rules))
    return lines


def _figures(found: AccuracyResult, planned: bool, rules: Decision) -> str:
    name, limits = rules.accuracy.variant, rules.accuracy
    if not found.n:
        return f"No finished run of {name}" + f" ({found.failed} failed)" * bool(found.failed) + "."
    reported = formatting.percent(sum(found.reported) / len(found.reported))
    ran = f"{count(found.n, 'run')} of {name}"
    ran += f" ({found.failed} more failed)" * bool(found.failed)
    if math.isnan(found.low):
        alike = f"all {formatting.percent(found.mean)}"
        shown = ", ".join(formatting.percent(a) for a in found.runs) or alike
        return f"{ran}: {shown} %; the paper's two average {reported} %."
    margin = f", against a margin of {100 * limits.margin:g} point" * planned
    return (
        f"{ran} reach {formatting.percent(found.mean)} % on average "
        f"(SD {formatting.percent(found.sd)}); the paper's two average {reported} %. The "
        f"difference is {formatting.points(found.difference)} points, "
        f"{interval(found, rules)}{margin}."
    )


def interval(found: AccuracyResult, rules: Decision) -> str:
    """That of the difference, with its level."""
    level = f"{100 * (1 - 2 * rules.accuracy.alpha):g} %"
    return f"{level} interval {formatting.span(found.low, found.high)}"


def exceeds(judgement: Judgement, rules: Decision) -> bool:
    """Whether the outcome is that ours lies beyond the margin, and above."""
    found = judgement.accuracy
    return (
        found is not None and judgement.outcome == rules.outcomes.outside and found.difference > 0
    )


def built_in(judgement: Judgement, rules: Decision) -> str:
    """Why runs at the tuned budget may exceed the paper's accuracy; empty at another one."""
    return (
        "Part of that may be built in: the number of epochs, which the paper does not state, is "
        f"the smallest tried that reached {100 * rules.budgets.target:g} % on held-out training "
        "images, and the smallest that reaches it may reach more."
        if judgement.epochs == budget.load().epochs
        else ""
    )


def needed(judgement: Judgement, found: AccuracyResult, rules: Decision) -> str:
    """What is still to come, and where it may help, how many seeds would do; empty where nothing
    is to come and so many have been run."""
    planned, margin = rules.seeds.accuracy, rules.accuracy.margin
    measured = found.n >= rules.seeds.least
    least = f"At least {rules.seeds.least} seeds are needed for any interval; {planned} are planned"
    if measured and (found.low > margin or found.high < -margin):
        return (
            f"So far the interval lies wholly beyond the margin; {planned} seeds are planned, "
            "and nothing is decided before."
        )
    if not measured and abs(found.difference) > margin:
        return f"{least}."
    spread = found.sd if measured else rules.accuracy.expected_sd
    power = f"{100 * rules.tests.power:g} %"
    told = f"with a deviation of {formatting.percent(spread)} points over seeds"
    if found.needed is None:
        return (
            f"No number of seeds would settle it {told}: the reported mean rests on two runs only."
        )
    if found.n >= found.needed:
        to_come = f"{planned} seeds are planned, and nothing is decided before."
        return to_come if judgement.own(rules).interim(rules) else ""
    return (
        f"{least}. " * (not measured)
        + f"About {found.needed} seeds would show agreement, were it perfect, with {power} "
        + f"power {told}"
        + (f"; {planned} are planned." if measured else ".")
    )
