"""All claims of the paper by their status, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection

from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Outcome
from harness.formatting import pluralize
from harness.report.text.headline import is_tuned
from harness.verdict.claim_status import ClaimResult
from harness.verdict.verdict import GroupVerdict

_REFUTED_BY = {Outcome.EXCEEDED: "gets more", Outcome.NOT_REACHED: "gets less"}


def by_status(group_verdict: GroupVerdict, changing: Collection[str]) -> str:
    """Return the claims by status with the runs that they are judged by; empty without claims.

    Args:
        group_verdict: the group.
        changing: ablations whose difference has another sign at another number of epochs.
    """
    claims = {
        status: [result for result in group_verdict.claims if result.status is status]
        for status in ClaimStatus
    }
    named = {
        status: [_claim(result, group_verdict, changing) for result in results]
        for status, results in claims.items()
        if results
    }
    listed = " ".join(f"{s.value.capitalize()}: {'; '.join(names)}." for s, names in named.items())
    runs = f"`{group_verdict.claim_runs.name}` after {pluralize(group_verdict.epochs, 'epoch')}"
    if not listed:
        return ""
    return (
        f"By {runs}; error rates hold for each claim, not for all together, and the limits for "
        f"curves and overfitting are ours. {listed}"
    )


def _claim(result: ClaimResult, group_verdict: GroupVerdict, changing: Collection[str]) -> str:
    sentence, is_open = result.claim.sentence, result.status is ClaimStatus.OPEN
    if result.refuted_by_own_tables:
        return f"{sentence} (by its own tables)"
    if result.claim.key == "accuracy" and group_verdict.outcome in _REFUTED_BY:
        reason = f"our reading of the paper {_REFUTED_BY[group_verdict.outcome]}"
        if is_tuned(group_verdict) and group_verdict.outcome is Outcome.EXCEEDED:
            reason += ", which is no evidence against its figure"
        return f"{sentence} ({reason})"
    if result.ablation in changing and not is_open:
        return f"{sentence} (the opposite at another number of epochs, not tested: see above)"
    if result.on_accuracy or is_open:
        return sentence
    return f"{sentence} (ours: {result.ours})"
