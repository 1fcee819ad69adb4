"""All claims of the paper by their status, in words. Pure."""

from __future__ import annotations

from harness.analysis.ranges import ClaimStatus
from harness.analysis.sequential import Outcome
from harness.formatting import pluralize
from harness.verdict.claim_status import ClaimResult
from harness.verdict.verdict import GroupVerdict

_REFUTED_BY = {Outcome.EXCEEDED: "ours is higher", Outcome.NOT_REACHED: "ours is lower"}


def by_status(group_verdict: GroupVerdict) -> str:
    """Return the claims by status with the runs that they are judged by; empty without claims."""
    claims = {
        status: [result for result in group_verdict.claims if result.status is status]
        for status in ClaimStatus
    }
    listed = " ".join(
        f"{status.value.capitalize()}: {'; '.join(_claim(r, group_verdict) for r in results)}."
        for status, results in claims.items()
        if results
    )
    runs = f"`{group_verdict.claim_runs.name}` after {pluralize(group_verdict.epochs, 'epoch')}"
    if not listed:
        return ""
    return f"By {runs}; error rates hold for each claim, not for all together. {listed}"


def _claim(result: ClaimResult, group_verdict: GroupVerdict) -> str:
    reason = "by its own tables" if result.refuted_by_own_tables else ""
    if result.claim.key == "accuracy" and group_verdict.outcome in _REFUTED_BY:
        reason = _REFUTED_BY[group_verdict.outcome]
    return f"{result.claim.sentence} ({reason})" if reason else result.claim.sentence
