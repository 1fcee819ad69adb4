"""The accuracy claim in words. Pure."""

from __future__ import annotations

from harness import formatting
from harness.analysis.sequential import Outcome
from harness.formatting import pluralize
from harness.protocol import budget
from harness.protocol.decision import Decision
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.verdict import GroupVerdict

NO_VERDICT = "NO VERDICT"

_MEANING = {
    Outcome.REPRODUCED: "the interval lies inside the margin",
    Outcome.EXCEEDED: "the interval lies wholly above the margin",
    Outcome.NOT_REACHED: "the interval lies wholly below the margin",
    Outcome.UNDECIDED: "the interval reaches across the margin",
}


def verdict_label(judgement: GroupVerdict) -> str:
    """The outcome; NO_VERDICT where none is given."""
    return judgement.outcome.value if judgement.outcome else NO_VERDICT


def look_name(look: int, rules: Decision) -> str:
    """A look with its seeds: "look 1 (seeds 0-4)"."""
    return f"look {look} (seeds 0-{rules.looks.seeds[look - 1] - 1})"


def sentences(judgement: GroupVerdict, rules: Decision) -> list[str]:
    """The figures and what follows from them; no outcome where none is given."""
    found = judgement.accuracy
    if found is None:
        return ["The paper's figures do not compare with these: only our variants do."]
    lines = [_figures(found, rules)]
    if judgement.outcome:
        lines.append(f"{verdict_label(judgement)}: {reason(judgement, rules)}.")
    if judgement.outcome is Outcome.REPRODUCED:
        lines.append(
            "That means that the paper's text can be read so that it gives 75 %, and no more: "
            "the paper leaves most settings open and its two runs were selected."
        )
    if judgement.outcome is Outcome.EXCEEDED and is_tuned(judgement):
        lines.append(built_in(rules))
    return lines


def reason(judgement: GroupVerdict, rules: Decision) -> str:
    """Why the accuracy claim has its outcome, and the look that it is of."""
    found = judgement.accuracy
    if found is None or found.outcome is None:
        return judgement.eligibility.reason
    if found.look:
        return f"{_MEANING[found.outcome]} at {look_name(found.look, rules)}"
    runs = judgement.claim_runs.accuracy_runs
    blocked = [number for number, there in enumerate(runs.blocked, start=1) if there]
    if blocked:
        failed = pluralize(int(runs.failed[blocked[-1] - 1]), "run")
        return f"{look_name(blocked[-1], rules)} settles nothing, as {failed} failed"
    return f"{look_name(1, rules)} is not complete"


def _figures(found: AccuracyResult, rules: Decision) -> str:
    name = rules.accuracy.variant
    ran = f"{pluralize(found.n, 'run')} of {name}"
    if found.failed:
        ran += f" ({found.failed} more failed)"
    if not found.n:
        return f"No finished run of {name}."
    reported = formatting.percent(sum(found.reported) / len(found.reported))
    if not found.look:
        shown = ", ".join(formatting.percent(a) for a in found.runs)
        return f"{ran}: {shown} %; the paper's two average {reported} %."
    margin = f", against a margin of {100 * rules.accuracy.margin:g} point" if found.outcome else ""
    return (
        f"{ran} reach {formatting.percent(found.mean)} % on average "
        f"(SD {formatting.percent(found.sd)}); the paper's two average {reported} %. The "
        f"difference is {formatting.signed_points(found.difference)} points, "
        f"{interval(found)}{margin}. "
        "The choice of the test images alone has a standard error of "
        f"{formatting.percent(found.sampling)} points."
    )


def interval(found: AccuracyResult) -> str:
    """That of the difference, with its level."""
    return f"{100 * found.level:g} % interval {formatting.interval(found.low, found.high)}"


def is_tuned(judgement: GroupVerdict) -> bool:
    """Whether the runs were trained for the tuned number of epochs."""
    return judgement.epochs == budget.load().epochs


def built_in(rules: Decision) -> str:
    """Why runs at the tuned budget may exceed the paper's accuracy."""
    return (
        "Part of that may be built in: the number of epochs, which the paper does not state, is "
        f"the smallest tried that reached {100 * rules.budgets.target:g} % on held-out training "
        "images, and the smallest that reaches it may reach more."
    )
