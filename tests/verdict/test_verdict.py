"""Verdicts on synthetic studies: what each look settles, and which records decide."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.analysis.contrasts import Contrast
from harness.analysis.sequential import Effect, Outcome
from harness.paper import reported
from harness.protocol import budget, datasets, decision
from harness.protocol.presets import EPOCHS
from harness.runs.record import RunRecord
from harness.verdict.eligibility import Obstacle
from harness.verdict.outcomes import AccuracyResult
from tests.helpers.judged_studies import (
    RULES,
    comparison_text,
    failed_runs,
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


def accuracy(records: list[RunRecord]) -> AccuracyResult:
    result = judge_one_group(records).accuracy
    assert result is not None
    return result


def contrast(records: list[RunRecord], name: str) -> Contrast:
    result = result_of(judge_one_group(records), name).contrast
    assert result is not None
    return result


# The accuracy claim


@pytest.mark.parametrize(
    ("right", "spread", "outcome", "look"),
    [
        (751, 1, Outcome.REPRODUCED, 1),
        (746, 1, Outcome.REPRODUCED, 2),
        (744, 1, Outcome.REPRODUCED, 3),
        (775, 1, Outcome.EXCEEDED, 1),
        (766, 1, Outcome.EXCEEDED, 2),
        (764, 1, Outcome.EXCEEDED, 3),
        (730, 1, Outcome.NOT_REACHED, 1),
        (737, 1, Outcome.NOT_REACHED, 2),
        (736, 2, Outcome.NOT_REACHED, 3),
    ],
)
def test_each_outcome_at_the_look_that_settles_it(
    right: int, spread: int, outcome: Outcome, look: int
) -> None:
    for number, seeds in enumerate(RULES.looks.seeds, start=1):
        records = runs_near(right=right, spread=spread, n=seeds)
        result = accuracy(records)
        if number < look:
            assert (result.outcome, result.settled) == (Outcome.UNDECIDED, False)
            assert result.look == number
            assert "**UNDECIDED.** Whether AlexNet" in verdict_text(records)
        else:
            # Later looks change nothing: neither the outcome nor the figures that gave it.
            assert (result.outcome, result.settled, result.look) == (outcome, True, look)
            assert result.n == RULES.looks.seeds[look - 1]
            assert f"**{outcome.value}.** AlexNet trained as" in verdict_text(records)
            settled = f"Settled with {result.n} runs, at look {look} of 3 ("
            assert settled in verdict_text(records)


def test_the_interval_that_decides_by_hand() -> None:
    # Seeds 0-4: 748, 750, 751, 751, 752; t(0.995, 4) = 4.604095
    ours = np.array([0.748, 0.750, 0.751, 0.751, 0.752])
    result = accuracy(runs_near(n=9))
    half = 4.604095 * ours.std(ddof=1) * np.sqrt(1 / 5 + 1 / 2)
    assert result.difference == pytest.approx(ours.mean() - 0.7512)
    assert result.low == pytest.approx(result.difference - half)
    assert result.high == pytest.approx(result.difference + half)
    assert result.level == pytest.approx(0.99)
    assert result.sampling == pytest.approx(math.sqrt(0.7504 * 0.2496 / 10_000))
    assert "standard error of 0.43 points" in verdict_text(runs_near(n=9))


def test_what_does_not_settle_at_the_last_look_stays_undecided() -> None:
    result = accuracy(runs_near(right=761))
    assert (result.outcome, result.look, result.settled) == (Outcome.UNDECIDED, 3, False)
    text = verdict_text(runs_near(right=761))
    assert "Not settled with 20 runs, at look 3 of 3" in text
    assert "Not settled by the last look, and no more runs are planned: the accuracy." in text


@pytest.mark.parametrize("n", [0, 1, 4])
def test_before_the_first_look_there_are_runs_and_no_interval(n: int) -> None:
    records = [*runs_near(n=n), *runs_near("baseline", 700, n=1)]
    result = accuracy(records)
    assert (result.outcome, result.look, result.n) == (Outcome.UNDECIDED, 0, n)
    assert math.isnan(result.low)
    sentence = "a verdict takes seeds 0 to 4." if n else "Not answered yet: no run of paper has"
    assert sentence in verdict_text(records)
    assert "interval [" not in verdict_text(records)


def test_a_blocked_look_settles_nothing_and_the_next_may() -> None:
    at_five = [*runs_near(n=4), *failed_runs("paper", 4)]
    assert accuracy(at_five).outcome is Outcome.UNDECIDED
    assert "the first 5 seeds settle nothing, as 1 run failed." in verdict_text(at_five)
    assert "Look 1 of paper settles nothing: 1 of 5 runs failed." in judge_one_group(at_five).notes
    at_ten = [*at_five, *(run for run in runs_near(n=10) if run.seed > 4)]
    result = accuracy(at_ten)
    assert (result.outcome, result.look, result.n, result.failed) == (Outcome.REPRODUCED, 2, 9, 1)
    assert "with 9 runs (1 failed), at look 2 of 3" in verdict_text(at_ten)
    hopeless = [*runs_near(n=17), *failed_runs("paper", 17, 18, 19)]
    assert (
        accuracy([r for r in hopeless if r.seed not in (2, 7)] + failed_runs("paper", 2, 7)).look
        == 0
    )


def test_a_study_of_failed_runs_is_judged_without_figures() -> None:
    records = failed_runs("paper", *range(20))
    assert accuracy(records).outcome is Outcome.UNDECIDED
    assert "**UNDECIDED.** Not answered yet: no run of paper has finished." in verdict_text(records)


# Contrasts


def test_a_contrast_keeps_the_sign_of_the_look_that_settled_it() -> None:
    turned = [
        *runs_near("baseline", 700, n=5),
        *(r for r in runs_near("baseline", 790) if r.seed > 4),
    ]
    difference = contrast([*runs_near(), *turned], "baseline")
    assert (difference.effect, difference.settled_look, difference.look) == (Effect.HURTS, 1, 3)
    assert difference.difference > 0
    assert "Augmentation plus learning-rate decay helps: " in verdict_text([*runs_near(), *turned])


@pytest.mark.parametrize(
    ("right", "effect"),
    [(700, Effect.HURTS), (790, Effect.HELPS), (751, Effect.UNDECIDED)],
)
def test_effects(right: int, effect: Effect) -> None:
    records = [*runs_near(n=5, spread=2), *runs_near("dropout_0", right, n=5)]
    difference = contrast(records, "dropout_0")
    assert (difference.effect, difference.settled_look) == (effect, 0 if right == 751 else 1)
    assert (difference.p_holm < RULES.contrasts.alpha) == (right != 751)


def test_variants_with_unequal_seeds_are_compared_over_shared_looks() -> None:
    records = [
        *runs_near(n=20),
        *runs_near("baseline", 748, n=10),
        *runs_near("dropout_0", 700, n=4),
    ]
    longer = contrast(records, "baseline")
    a, b = (
        np.array([r.metrics.accuracy for r in runs_near(name, right, n=10) if r.metrics])
        for name, right in (("baseline", 748), ("paper", 751))
    )
    p = [stats.ttest_ind(a[:n], b[:n], equal_var=False).pvalue for n in (5, 10)]
    assert longer.q == pytest.approx(min(p) / 0.25)
    assert (longer.look, result_of(judge_one_group(records), "paper").look) == (2, 3)
    shorter = contrast(records, "dropout_0")
    assert (shorter.look, shorter.effect, shorter.p_holm) == (0, Effect.UNDECIDED, 1)
    text = verdict_text(records)
    assert "Dropout 0.5 instead of none: not tested, +5.18 points (4 runs of dropout_0)." in text


def test_a_contrast_waits_for_a_look_that_neither_variant_blocks() -> None:
    records = [*runs_near(n=10), *runs_near("baseline", 700, n=4), *failed_runs("baseline", 4)]
    assert contrast(records, "baseline").effect is Effect.UNDECIDED
    more = [*records, *(run for run in runs_near("baseline", 700, n=10) if run.seed > 4)]
    assert contrast(more, "baseline").settled_look == 2


def test_every_variant_of_the_family_has_a_row_and_others_follow() -> None:
    names = [
        row.variant for row in judge_one_group([*runs_near(), *runs_near("lrn", n=2)]).variants
    ]
    assert names == [*RULES.variants, "lrn"]


# Classes and pattern


def test_classes_and_pattern_are_tested_at_the_last_look_alone() -> None:
    # All our classes have one recall, so every one that differs from the paper's is found.
    for n_seeds in (5, 10, 20):
        group_verdict, last = judge_one_group(runs_near(n=n_seeds)), n_seeds == 20
        assert [c.name for c in group_verdict.classes] == list(datasets.CLASSES)
        assert all(math.isnan(c.p_holm) != last for c in group_verdict.classes)
        assert all(math.isnan(c.p) != last for c in group_verdict.classes)
        assert (group_verdict.confusions is not None) == last
        assert (
            "Recall differs from the paper's in airplane" in verdict_text(runs_near(n=n_seeds))
        ) == last
        assert ("The confusion pattern differs" in verdict_text(runs_near(n=n_seeds))) == last
    assert judge_one_group(runs_near(n=4)).classes == ()


def test_if_no_class_differs_the_detectable_difference_is_reported() -> None:
    text = verdict_text([reported_again(run) for run in runs_near()])
    assert "Recall of the classes: no difference found; differences of" in text
    assert "would have been seen in 80 % of cases" in text
    assert "The confusion pattern: no difference found" in text


def reported_again(record: RunRecord) -> RunRecord:
    """Return the record with figures drawn around the mean of the reported matrices."""
    source = np.random.default_rng(record.seed)
    assert record.metrics is not None
    mean = np.mean([run.confusion_matrix for run in reported.REPORTED_RUNS], axis=0)
    matrix = np.stack([source.multinomial(1000, row / row.sum()) for row in mean])
    # Deviations of recall over runs are a few points, as between the reported two.
    per_class = {
        name: figures.model_copy(update={"recall": mean[i, i] / 1000 + source.normal(0, 0.03)})
        for i, (name, figures) in enumerate(record.metrics.per_class.items())
    }
    changed = {"confusion_matrix": matrix.tolist(), "per_class": per_class}
    return record.model_copy(update={"metrics": record.metrics.model_copy(update=changed)})


# Which records decide


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
    assert "**Planned and not run.** paper, no_augmentation, no_lr_decay" in text
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


def test_one_type_decides_alone_and_runs_missing_from_look_1_are_listed() -> None:
    (note,) = [
        n for n in judge_one_group(runs_near(n=5)).notes if n.startswith("Look 1 is not complete")
    ]
    assert "runs lacking: no_augmentation 5, no_lr_decay 5" in note
    assert not [
        n for n in judge_one_group(full_study(n=5)).notes if n.startswith("Look 1 is not complete")
    ]


# Notes


def test_unplanned_seeds_are_left_out_and_counted() -> None:
    group_verdict = judge_one_group(runs_near(n=25))
    assert result_of(group_verdict, "paper").n == 20
    assert "Left out: 5 runs with unplanned seeds." in group_verdict.notes
    other_rules = make_record(seed=20, decision_sha256="ab" * 32)
    assert judge_one_group([*full_study(), other_rules]).eligibility.allows_verdict
    assert not judge_one_group(
        [*full_study(n=19), make_record(seed=19, decision_sha256="ab" * 32)]
    ).eligibility.allows_verdict


def test_a_group_of_unplanned_seeds_alone_has_no_rows() -> None:
    group_verdict = judge_one_group([make_record(seed=30)])
    assert not any(row.n for row in group_verdict.variants)
    assert "Left out: 1 run with unplanned seeds." in group_verdict.notes
    assert "no run of paper has finished" in verdict_text([make_record(seed=30)])


def test_runs_that_wait_for_the_next_look_are_counted() -> None:
    assert (
        "4 runs not counted before the next look of the variant."
        in judge_one_group(runs_near(n=9)).notes
    )
    assert not [note for note in judge_one_group(runs_near(n=10)).notes if "not counted" in note]


def test_records_that_do_not_cite_the_decision_file_are_counted() -> None:
    current = decision.sha256()
    assert "All 20 records cite this decision file" in verdict_text(runs_near(n=20))
    mixed = [*runs_near(n=19), make_record(seed=19, decision_sha256="ab" * 32)]
    assert (
        "WARNING: 1 of 20 records do not cite this decision file "
        f"({current[:12]}): 1 cite ababab" in verdict_text(mixed)
    )


def test_rows_from_several_versions_or_environments_are_noted() -> None:
    records = runs_near(n=5)
    assert not [n for n in judge_one_group(records).notes if "versions" in n or "environment" in n]
    other = records[0].model_copy(update={"sources_sha256": "1" * 64})
    notes = judge_one_group([other, *records[1:]]).notes
    assert "Rows come from 2 versions of the code that decides bits." in notes
    mixed = [*records[1:], make_record(environment={"device": "another CPU"})]
    assert [n for n in judge_one_group(mixed).notes if "more than one environment: a CPU" in n]


# One source of numbers


def test_compare_and_verdict_give_the_same_numbers() -> None:
    records = [
        *full_study(n=11, others=748),
        *runs_near("lrn", 760, n=6),
        *runs_near("low_lr", 600, n=2),
    ]
    table = json.loads(comparison_text(records, "json", full=True))
    (group_verdict,) = json.loads(verdict_text(records, "json"))["judgements"]
    rows = {row["variant"]: row for row in table}
    assert len(group_verdict["variants"]) == 10
    for variant in group_verdict["variants"]:
        row, difference, name = rows[variant["variant"]], variant["contrast"], variant["variant"]
        for field in ("n", "look", "waiting"):
            assert row[field] == variant[field], (name, field)
        figures = {"accuracy": "mean", "accuracy_low": "low", "accuracy_sd": "sd"}
        for column, field in figures.items():
            assert row[column] == pytest.approx(variant[field]), (name, column)
        assert (difference is None) == (name == "paper")
        for field in ("difference", "p", "q", "p_holm") if difference else ():
            assert row[field] == pytest.approx(difference[field]), (name, field)
        for field in ("effect", "settled_look") if difference else ():
            assert row[field] == difference[field], (name, field)


def test_the_order_of_records_does_not_matter() -> None:
    records = [
        *runs_near(),
        *runs_near("baseline", 700),
        *runs_near(right=760, protocol={"epochs": 90}),
    ]
    assert verdict_text(records) == verdict_text(records[::-1])
    assert verdict_text(records, "json") == verdict_text(records[::-1], "json")
