"""Which records decide: the data, the protocol, the budget, the rules and the type of device."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.analysis.sequential import Effect, Outcome
from harness.protocol import budget
from harness.protocol.presets import EPOCHS
from harness.verdict.eligibility import Obstacle
from tests.helpers.judged_studies import (
    full_study,
    judge_one_group,
    result_of,
    runs_near,
    verdict_of,
    verdict_text,
)
from tests.helpers.records import make_record

pytestmark = pytest.mark.usefixtures("adopted")

GPU = {"device": "a GPU", "device_type": "cuda"}


@pytest.mark.parametrize(
    ("about", "obstacle"),
    [
        ({"dataset": {"official": False}}, Obstacle.OTHER_BYTES),
        ({"dataset": {"split": "validation"}}, Obstacle.OTHER_IMAGES),
        ({"protocol": {"precision": "fp32"}}, Obstacle.OTHER_PROTOCOL),
        ({"protocol": {"epochs": 40}}, Obstacle.OTHER_BUDGET),
        ({"decision_sha256": "ab" * 32}, Obstacle.OTHER_RULES),
    ],
)
def test_an_ineligible_group_has_the_same_figures_and_no_verdict(
    about: dict[str, Any], obstacle: Obstacle
) -> None:
    if "precision" in about.get("protocol", {}):
        about = {"protocol": {"precision": "bf16" if _precision() == "fp32" else "fp32"}}
    records = full_study(n=5, **about)
    text, raw = verdict_text(records), verdict_text(records, "json")
    assert f"{obstacle.value} (" in text
    for word in (*Outcome, "helps:", "hurts:", "| helps", "| hurts", "confirmed", "| p "):
        assert word not in text
    (group_verdict,) = json.loads(raw)["judgements"]
    assert (group_verdict["decides"], group_verdict["verdict"], group_verdict["claims"]) == (
        False,
        None,
        [],
    )
    assert group_verdict["standing"].startswith(obstacle.value)
    official = json.loads(verdict_text(full_study(n=5), "json"))["judgements"][0]
    for row, other in zip(group_verdict["variants"], official["variants"], strict=True):
        assert row["mean"] == other["mean"]
        if row["contrast"]:
            assert row["contrast"]["difference"] == other["contrast"]["difference"]
            assert (row["contrast"]["effect"], row["contrast"]["p_holm"]) == (None, None)


def _precision() -> str:
    return make_record().protocol.precision


def test_other_classes_are_another_task() -> None:
    digits = {"classes": [*"0123456789"], "official": False, "title": "digits"}
    group_verdict = judge_one_group(runs_near(n=1, dataset=digits))
    assert group_verdict.eligibility.obstacle is Obstacle.OTHER_TASK
    assert group_verdict.accuracy is None
    assert "These runs say nothing about the paper's accuracy" in verdict_text(
        runs_near(n=1, dataset=digits)
    )


def test_a_provisional_budget_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    provisional = budget.load().model_copy(update={"calibration_sha256": ""})
    monkeypatch.setattr(budget, "load", lambda: provisional)
    assert judge_one_group(full_study()).eligibility.obstacle is Obstacle.PROVISIONAL
    assert judge_one_group(full_study()).outcome is None
    assert judge_one_group(runs_near(protocol={"epochs": 90})).outcome is Outcome.REPRODUCED


def test_the_reference_budget_has_a_verdict_and_a_family_of_its_own() -> None:
    reference = {"protocol": {"epochs": 90}}
    records = [
        *runs_near(),
        *runs_near("no_lr_decay", 740, n=5),
        *runs_near(right=790, **reference),
        *runs_near("no_lr_decay", 795, n=5, **reference),
    ]
    tuned, other = verdict_of(records).group_verdicts
    assert (tuned.epochs, tuned.outcome) == (EPOCHS, Outcome.REPRODUCED)
    assert (other.epochs, other.outcome) == (90, Outcome.EXCEEDED)
    effects = [result_of(j, "no_lr_decay").contrast for j in (tuned, other)]
    assert [c.effect for c in effects if c] == [Effect.HURTS, Effect.HELPS]
    text = verdict_text(records)
    curve_of = text[text.index("## Accuracy by number of epochs: CIFAR-10 (official)") :]
    assert f" {EPOCHS} epochs |" in curve_of
    assert (
        "**Planned and not run.** all 8 variants at 10 and 40 epochs; no_augmentation, baseline, "
        in text
    )
    assert "**After 90 epochs.** EXCEEDED: 78.94 % on average of 5 runs." in text


def test_types_of_device_are_never_pooled_and_the_complete_one_decides() -> None:
    cpu, gpu = full_study(n=4), full_study(n=5, right=790, environment=GPU)
    first, second = verdict_of([*cpu, *gpu]).group_verdicts
    assert [g.group.device_type for g in (first, second)] == ["cuda", "cpu"]
    assert [g.eligibility.obstacle for g in (first, second)] == [None, Obstacle.OTHER_DEVICE]
    assert first.outcome is Outcome.EXCEEDED
    assert result_of(second, "paper").n == 4
    assert "cuda decides, where look 1 is complete" in second.eligibility.reason


def test_of_several_types_none_decides_before_look_1_is_complete_for_all_eight() -> None:
    gpu = [run for run in full_study(n=5, environment=GPU) if run.variant != "dropout_75"]
    group_verdicts = verdict_of([*full_study(n=4), *gpu]).group_verdicts
    assert {g.eligibility.obstacle for g in group_verdicts} == {Obstacle.OTHER_DEVICE}
    both = verdict_of([*full_study(n=5), *full_study(n=5, environment=GPU)]).group_verdicts
    assert [j.group.device_type for j in both if j.eligibility.allows_verdict] == ["cpu"]


def test_the_type_that_decides_does_so_at_the_reference_budget_too() -> None:
    reference = {"protocol": {"epochs": 90}}
    records = [
        *full_study(n=5),
        *runs_near(n=5, environment=GPU),
        *runs_near(n=20, environment=GPU, **reference),
    ]
    decide = {
        (j.group.device_type, j.epochs): j.eligibility.allows_verdict
        for j in verdict_of(records).group_verdicts
    }
    assert decide == {("cpu", EPOCHS): True, ("cuda", EPOCHS): False, ("cuda", 90): False}


def test_runs_of_other_variants_on_another_device_take_no_verdict_away() -> None:
    records = [*runs_near(right=790, n=5), *runs_near("mixup", 780, 1, environment=GPU)]
    ours, theirs = verdict_of(records).group_verdicts
    assert (ours.group.device_type, ours.outcome) == ("cpu", Outcome.EXCEEDED)
    assert theirs.eligibility.obstacle is Obstacle.OTHER_DEVICE
    assert "cpu decides, where all runs of the planned variants are" in theirs.eligibility.reason


def test_runs_with_other_settings_than_their_variant_give_no_verdict() -> None:
    *runs, last = runs_near(right=790, n=5)
    assert judge_one_group([*runs, last]).outcome is Outcome.EXCEEDED
    other = last.model_copy(update={"settings": {**last.settings, "dropout": 0.0}})
    eligibility = judge_one_group([*runs, other]).eligibility
    assert eligibility.obstacle is Obstacle.OTHER_PROTOCOL
    assert eligibility.detail == "paper seed 4: dropout was 0.5 and is 0.0"
    damaged = last.model_copy(update={"settings": {**last.settings, "dropout": 7}})
    assert judge_one_group([*runs, damaged]).eligibility.obstacle is Obstacle.OTHER_PROTOCOL


def test_one_type_decides_alone_and_runs_missing_from_look_1_are_listed() -> None:
    (note,) = [
        n for n in judge_one_group(runs_near(n=5)).notes if n.startswith("Look 1 is not complete")
    ]
    assert "runs lacking: no_augmentation 5, no_lr_decay 5" in note
    assert not [
        n for n in judge_one_group(full_study(n=5)).notes if n.startswith("Look 1 is not complete")
    ]
