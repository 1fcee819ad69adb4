"""The paper's claims on made records: confirmed, refuted or open."""

from __future__ import annotations

import re

import pytest

from tests.made import curve, made
from tests.verdicts import RULES, judged, runs

pytestmark = pytest.mark.usefixtures("adopted")


def test_an_ablation_is_open_until_the_plan_of_both_variants_is_through() -> None:
    found = judged(runs() + runs("no_augmentation", 720, n=19) + runs("no_lr_decay", 720))
    by_key = {s.claim.key: s for s in found.claims}
    assert by_key["augmentation"].status == "open"
    assert "interim, 19 of 20 planned seeds of no_augm" in by_key["augmentation"].evidence
    assert by_key["decay"].status == "confirmed"


@pytest.mark.parametrize("name", ["paper", "no_augmentation"])
def test_claims_are_open_where_too_many_runs_of_either_arm_failed(name: str) -> None:
    history = curve([0.1 * e for e in range(1, 8)])

    def statuses(failed: int) -> dict[str, tuple[str, str]]:
        records = runs(history=history) + runs("no_augmentation", 700) + runs("no_lr_decay", 700)
        last = len(RULES.planned(name)) - failed
        lost = [made(name, seed, failed=True) for seed in RULES.planned(name)[last:]]
        kept = [r for r in records if r.variant != name or r.seed < last]
        return {s.claim.key: (s.status, s.evidence) for s in judged(kept + lost).claims}

    allowed = int(RULES.accuracy.most_failed * len(RULES.planned(name)))
    sound, broken = statuses(allowed), statuses(allowed + 1)
    affected = {"accuracy", "f1", "augmentation", "decay", "curves", "overfitting"}
    if name != "paper":
        affected = {"augmentation"}
    assert {key for key in sound if sound[key][0] != broken[key][0]} == affected
    for key in affected:
        assert sound[key][0] == "confirmed"
        assert broken[key][0] == "open"
        assert f"runs of {name} failed, so the rest cannot speak for all" in broken[key][1]


def test_where_no_test_is_planned_claims_do_not_wait_for_seeds() -> None:
    accuracy, *_ = judged(runs(n=6, protocol={"epochs": 40})).claims
    assert accuracy.status == "open"
    assert accuracy.evidence.endswith("]; no test is planned for such runs")


def test_ablation_claims_are_confirmed_refuted_or_open() -> None:
    found = judged(runs() + runs("no_augmentation", 720) + runs("no_lr_decay", 780))
    by_key = {s.claim.key: s.status for s in found.claims}
    assert (by_key["augmentation"], by_key["decay"]) == ("confirmed", "refuted")
    even = judged(runs() + runs("no_augmentation"))
    settled = next(s for s in even.claims if s.claim.key == "augmentation")
    assert settled.status == "open"
    assert "points would have been found in 80 % of cases" in settled.evidence


def test_holm_counts_the_planned_family_though_only_one_contrast_was_run() -> None:
    found = judged(runs(n=8) + runs("no_augmentation", 753, n=8))
    contrast = found.ablations[1].contrast
    assert contrast is not None
    assert contrast.holm == pytest.approx(min(1, 7 * contrast.p))


def test_range_claims_follow_the_papers_own_tables_and_ours() -> None:
    by_key = {s.claim.key: s for s in judged(runs()).claims}
    assert by_key["precision"].status == "refuted"
    assert (
        "own tables contradict it (0.55 to 0.96, by its matrices 0.90)"
        in by_key["precision"].evidence
    )
    assert by_key["f1"].status == "confirmed"
    low = {s.claim.key: s.status for s in judged(runs(right=450)).claims}
    assert low["f1"] == "refuted"


@pytest.mark.parametrize(
    ("accuracies", "gap", "curves", "overfitting"),
    [
        ([0.1 * e for e in range(1, 8)], 0.02, "confirmed", "confirmed"),
        ([0.3, 0.2, 0.4, 0.3, 0.5, 0.4, 0.751], 0.3, "refuted", "refuted"),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.71, 0.70, 0.72, 0.73], 0.07, "open", "open"),
    ],
)
def test_claims_about_curves(
    accuracies: list[float], gap: float, curves: str, overfitting: str
) -> None:
    history = curve([*accuracies, 0.751], gap)
    by_key = {s.claim.key: s.status for s in judged(runs(history=history)).claims}
    assert (by_key["curves"], by_key["overfitting"]) == (curves, overfitting)


def test_few_runs_leave_claims_open_with_the_figures_so_far() -> None:
    history = curve([0.1, 0.3, 0.2, 0.7])
    few = judged([*runs(n=2, history=history), *runs("no_augmentation", 700, n=1)])
    told = {s.claim.key: (s.status, s.evidence) for s in few.claims}
    assert told["accuracy"] == ("open", "ours - reported = -0.22 points (2 runs); too few seeds")
    assert told["augmentation"][0] == "open"
    assert re.match(
        r"without it -\d\.\d\d points, 1 run against ours \(2 runs\); too few seeds$",
        told["augmentation"][1],
    )
    assert told["decay"] == ("open", "too few seeds")
    assert "test accuracy 33.3 %" in told["curves"][1]
    assert told["overfitting"][1].endswith("points (2 runs); too few seeds")
    assert told["precision"][0] == "refuted"
    assert told["f1"][1].endswith("ours: class means 0.75 to 0.75 (2 runs); too few seeds")
    assert {told[key][0] for key in ("f1", "curves", "overfitting")} == {"open"}
