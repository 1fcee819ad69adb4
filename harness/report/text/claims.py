"""All claims of the paper by their status, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Outcome
from harness.formatting import enumerate_words, pluralize
from harness.verdict.claim_status import ClaimResult
from harness.verdict.verdict import GroupVerdict

# An excess at a number of epochs that was chosen to reach the paper's accuracy refutes nothing.
_EXCEEDED = "Exceeded, which is no evidence against the paper's figure"

_HEADINGS = ("Confirmed", _EXCEEDED, "Refuted", "Open")

# What our runs do where the claim on the accuracy is refuted.
_REFUTED_BY = {Outcome.EXCEEDED: "get more", Outcome.NOT_REACHED: "get less"}

# The sign that the difference of an ablation has where it says the opposite of the verdict on the
# ingredient: confirmed if the ablation, which lacks it, is less accurate.
_OPPOSITE = {ClaimStatus.CONFIRMED: 1, ClaimStatus.REFUTED: -1}


def by_status(group_verdict: GroupVerdict, changing: Mapping[str, Mapping[int, float]]) -> str:
    """Return the claims by status with the runs that they are judged by; empty without claims.

    Args:
        group_verdict: the group.
        changing: differences of the ablations whose sign changes with the number of epochs, by
            that number.
    """
    named: dict[str, list[str]] = {heading: [] for heading in _HEADINGS}
    for result in group_verdict.claims:
        named[_heading(result, group_verdict)].append(_claim(result, group_verdict, changing))
    listed = " ".join(
        f"{heading}: {'; '.join(names)}." for heading, names in named.items() if names
    )
    if not listed:
        return ""
    runs = f"`{group_verdict.claim_runs.name}` after {pluralize(group_verdict.epochs, 'epoch')}"
    return (
        f"By {runs}; error rates hold for each claim, not for all together, and the limits for "
        f"curves and overfitting are ours. {listed}"
    )


def _heading(result: ClaimResult, group_verdict: GroupVerdict) -> str:
    if result.claim.key == "accuracy" and group_verdict.exceeds_as_tuned:
        return _EXCEEDED
    return result.status.value.capitalize()


def _claim(
    result: ClaimResult,
    group_verdict: GroupVerdict,
    changing: Mapping[str, Mapping[int, float]],
) -> str:
    sentence, is_open = result.claim.sentence, result.status is ClaimStatus.OPEN
    if result.refuted_by_own_tables:
        return f"{sentence} (by its own tables)"
    if result.claim.key == "accuracy" and group_verdict.outcome in _REFUTED_BY:
        return f"{sentence} (our runs {_REFUTED_BY[group_verdict.outcome]})"
    if result.ablation and result.ablation in changing and not is_open:
        sign = _OPPOSITE[result.status]
        differences = changing[result.ablation].items()
        opposite = [str(epochs) for epochs, difference in differences if sign * difference > 0]
        return f"{sentence} (the opposite after {enumerate_words(opposite)} epochs, not tested)"
    if result.on_accuracy or is_open:
        return sentence
    return f"{sentence} (ours: {result.ours})"
