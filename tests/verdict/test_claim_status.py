"""The status of each claim, and the look that settles it, on synthetic records."""

from __future__ import annotations

import pytest

from harness.analysis.ranges import ClaimStatus
from harness.runs.record import RunRecord
from harness.verdict.claim_status import ClaimResult
from tests.helpers.judged_studies import RULES, failed_runs, judge_one_group, runs_near
from tests.helpers.records import make_history, make_record

pytestmark = pytest.mark.usefixtures("adopted")

RISING = make_history([0.1 * e for e in range(1, 8)])


def claims(records: list[RunRecord]) -> dict[str, ClaimResult]:
    return {s.claim.key: s for s in judge_one_group(records).claims}


@pytest.mark.parametrize(
    ("right", "status"),
    [(751, "confirmed"), (790, "refuted"), (710, "refuted"), (761, "open")],
)
def test_the_accuracy_claim_follows_its_outcome(right: int, status: str) -> None:
    result = claims(runs_near(right=right, n=5))["accuracy"]
    assert result.status.value == status
    assert result.look == (0 if status == "open" else 1)
    assert result.evidence.endswith("(look 1)")


def test_ablation_claims_are_confirmed_refuted_or_open() -> None:
    base = runs_near(n=5)
    results = claims(
        [*base, *runs_near("no_augmentation", 720, n=5), *runs_near("no_lr_decay", 790, n=5)]
    )
    assert results["augmentation"].status is ClaimStatus.CONFIRMED
    assert results["decay"].status is ClaimStatus.REFUTED
    assert "without it -3.1" in results["augmentation"].evidence
    assert "Holm p <0.001" in results["augmentation"].evidence
    even = claims([*base, *runs_near("no_augmentation", n=5)])["augmentation"]
    assert (even.status, even.look) == (ClaimStatus.OPEN, 0)


def test_an_ablation_claim_needs_a_look_of_both_variants() -> None:
    results = claims([*runs_near(n=10), *runs_near("no_augmentation", 700, n=4)])
    assert results["augmentation"].status is ClaimStatus.OPEN
    assert results["augmentation"].evidence.endswith("points (4 runs, no look yet)")
    assert results["decay"].evidence == "no finished run"


@pytest.mark.parametrize("name", ["paper", "no_augmentation"])
def test_a_blocked_variant_leaves_its_claims_open(name: str) -> None:
    finished = [*runs_near(n=5, history=RISING), *runs_near("no_augmentation", 700, n=5)]
    blocked = [r for r in finished if (r.variant, r.seed) != (name, 4)] + failed_runs(name, 4)
    before, after = claims(finished), claims(blocked)
    affected = {key for key in before if before[key].status is not after[key].status}
    uses_paper = {"accuracy", "f1", "augmentation", "curves", "overfitting"}
    assert affected == (uses_paper if name == "paper" else {"augmentation"})
    assert {after[key].status for key in affected} == {ClaimStatus.OPEN}


def test_range_claims_follow_the_papers_own_tables_and_ours() -> None:
    results = claims(runs_near(n=5))
    assert (results["precision"].status, results["precision"].refuted_by_own_tables) == (
        ClaimStatus.REFUTED,
        True,
    )
    assert (
        "own tables contradict it (0.55 to 0.96, by its matrices 0.90)"
        in results["precision"].evidence
    )
    assert (results["f1"].status, results["f1"].refuted_by_own_tables) == (
        ClaimStatus.CONFIRMED,
        False,
    )
    low = claims(runs_near(right=450, n=5))["f1"]
    assert low.status is ClaimStatus.REFUTED
    assert "whole interval outside the range: airplane, automobile" in low.evidence
    # What the paper's own tables contradict needs no run of ours.
    assert claims(runs_near("baseline", n=1))["precision"].status is ClaimStatus.REFUTED


@pytest.mark.parametrize(
    ("accuracies", "gap", "curves", "overfitting"),
    [
        ([0.1 * e for e in range(1, 8)], 0.02, "confirmed", "confirmed"),
        ([0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.751], 0.2, "refuted", "refuted"),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.71, 0.70, 0.72, 0.73], 0.07, "open", "open"),
    ],
)
def test_claims_about_curves_and_the_gap(
    accuracies: list[float], gap: float, curves: str, overfitting: str
) -> None:
    results = claims(runs_near(n=5, history=make_history([*accuracies, 0.751]), gap=gap))
    assert (results["curves"].status.value, results["overfitting"].status.value) == (
        curves,
        overfitting,
    )
    assert f"training - test accuracy = +{100 * gap:.2f} points" in results["overfitting"].evidence


def test_the_gap_is_that_of_the_metrics_and_not_of_the_curves() -> None:
    history = make_history([0.5, 0.6], gap=0.3)
    assert (
        claims(runs_near(n=5, history=history, gap=0.01))["overfitting"].status.value == "confirmed"
    )


def test_a_claim_keeps_the_status_of_the_first_look_that_settled_it() -> None:
    later = [make_record(seed=s, right=751, history=RISING, gap=0.2) for s in range(5, 20)]
    result = claims([*runs_near(n=5, history=RISING), *later])["overfitting"]
    assert (result.status, result.look) == (ClaimStatus.CONFIRMED, 1)
    assert "= +2.00 points" in result.evidence


def test_a_curve_that_is_missing_leaves_the_claim_open() -> None:
    rows = [{**row, "eval_loss": None} for row in RISING]
    result = claims(
        [*runs_near(n=4, history=RISING), make_record(seed=4, right=751, history=rows)]
    )["curves"]
    assert (result.status, result.look) == (ClaimStatus.OPEN, 0)
    assert result.evidence == "not every run recorded every epoch"


def test_few_runs_leave_claims_open_with_the_figures_so_far() -> None:
    results = claims(runs_near(n=2, history=make_history([0.1, 0.3, 0.2, 0.7])))
    open_claims = {key for key, claim in results.items() if claim.status is ClaimStatus.OPEN}
    assert open_claims == set(results) - {"precision"}
    assert results["accuracy"].evidence == "ours - reported = -0.22 points (2 runs, no look yet)"
    assert "test accuracy 33.3 %" in results["curves"].evidence
    assert results["f1"].evidence.endswith("class means 0.75 to 0.75 (2 runs, no look yet)")


def test_the_thresholds_are_those_of_the_decision_file() -> None:
    results = claims(runs_near(n=5))
    assert "by at most 5 points" in results["overfitting"].claim.confirmed
    assert "at least 20 %" in results["curves"].claim.refuted
    assert RULES.ranges.gap_confirms == 0.05
