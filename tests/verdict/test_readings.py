"""Readings of the paper's unstated settings: which fit accuracy, curves, gap and recall."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.analysis import groups
from harness.paper import reported
from harness.protocol import decision
from harness.protocol.decision import Decision
from harness.runs.record import RunRecord
from harness.verdict import readings, verdict
from harness.verdict.readings import CRITERIA, Fit, ReadingResult
from tests.helpers.reading_runs import reading_run, rising

RULES = decision.load()


def judge(*records: RunRecord, rules: Decision = RULES) -> tuple[ReadingResult, ...]:
    grouped, _ = groups.group(records)
    return readings.judge(verdict.judge_groups(grouped, rules=rules).group_verdicts)


def only(*records: RunRecord, rules: Decision = RULES) -> ReadingResult:
    (result,) = judge(*records, rules=rules)
    return result


def exceptions(result: ReadingResult) -> dict[str, Fit]:
    """The criteria that a reading does not fit by."""
    assert set(result.criteria) == set(CRITERIA)
    return {name: fit for name, fit in result.criteria.items() if fit is not Fit.FITS}


def test_a_reading_with_the_papers_own_figures_fits() -> None:
    result = only(reading_run(), reading_run(seed=1))
    assert (result.variant, result.epochs, result.n, result.failed) == ("low_lr", 20, 2, 0)
    assert result.fit is Fit.FITS
    assert exceptions(result) == {}
    assert result.accuracy == pytest.approx(0.7539)
    assert set(result.wrong_way.values()) == {0.0}
    assert result.gap == pytest.approx(0.02)
    # The first of two runs is half of their distance from their mean.
    assert result.recall_distance == pytest.approx(reported.recall_distance() / 2)


def test_the_distance_between_the_papers_runs_is_that_of_their_matrices() -> None:
    first = [781, 876, 575, 601, 761, 642, 810, 815, 874, 804]
    second = [815, 882, 558, 485, 733, 704, 850, 819, 806, 833]
    expected = math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True))) / 1000
    assert reported.recall_distance() == pytest.approx(expected)
    assert reported.mean_accuracy() == pytest.approx(0.7512)


@pytest.mark.parametrize(
    ("about", "criterion"),
    [
        ({"extra": 150}, "accuracy"),
        ({"extra": -150}, "accuracy"),
        ({"history": rising(20, 1, "train_accuracy")}, "curves"),
        ({"history": rising(20, 1, "eval_accuracy")}, "curves"),
        ({"history": rising(20, 1, "train_loss")}, "curves"),
        ({"history": rising(20, 1, "eval_loss")}, "curves"),
        ({"gap": 0.06}, "gap"),
        ({"uniform": True}, "recall"),
    ],
)
def test_one_criterion_alone_keeps_a_reading_from_fitting(
    about: dict[str, Any], criterion: str
) -> None:
    result = only(reading_run(**about))
    assert exceptions(result) == {criterion: Fit.DOES_NOT_FIT}
    assert result.fit is Fit.DOES_NOT_FIT


@pytest.mark.parametrize(
    ("at_limit", "beyond"),
    [
        ({"extra": 73}, {"extra": 74}),  # 76.12 %, a point above the mean of 75.12 %
        ({"extra": -127}, {"extra": -128}),  # 74.12 %
        ({"gap": 0.05}, {"gap": 0.0501}),
        (
            {"epochs": 21, "history": rising(21, 1, "eval_loss")},
            {"history": rising(20, 1, "eval_loss")},
        ),
    ],
)
def test_limits_belong_to_what_fits(at_limit: dict[str, Any], beyond: dict[str, Any]) -> None:
    assert only(reading_run(**at_limit)).fit is Fit.FITS
    assert only(reading_run(**beyond)).fit is Fit.DOES_NOT_FIT


def test_figures_are_means_over_the_finished_runs_that_count() -> None:
    low, high = reading_run(seed=0, extra=-160), reading_run(seed=1, extra=140)
    assert only(low).fit is only(high).fit is Fit.DOES_NOT_FIT
    both = only(low, high)
    assert both.fit is Fit.FITS
    assert both.accuracy == pytest.approx(0.7529)
    wrong = [reading_run(seed=s, history=rising(20, s, "eval_loss")) for s in range(3)]
    assert only(*wrong).wrong_way["eval_loss"] == pytest.approx(1 / 19)
    # As in the comparison, runs beyond the latest look wait for the next.
    assert only(*(reading_run(seed=s) for s in range(7))).n == 5


@pytest.mark.parametrize("field", ["train_accuracy", "eval_accuracy", "eval_loss"])
def test_a_missing_curve_cannot_be_judged(field: str) -> None:
    rows = [{**row, field: None} for row in rising(20)]
    result = only(reading_run(), reading_run(seed=1, history=rows))
    assert exceptions(result) == {"curves": Fit.CANNOT_BE_JUDGED}
    assert result.fit is Fit.CANNOT_BE_JUDGED
    assert [name for name, share in result.wrong_way.items() if np.isnan(share)] == [field]
    # What does not fit by another figure does not fit at all.
    assert only(reading_run(history=rows, gap=0.06)).fit is Fit.DOES_NOT_FIT
    others = [{**row, field: None} for row in rising(20, 3, "train_loss")]
    assert only(reading_run(history=others)).criteria["curves"] is Fit.DOES_NOT_FIT


def test_a_single_epoch_has_no_curve() -> None:
    result = only(reading_run(epochs=1, history=rising(1)))
    assert exceptions(result) == {"curves": Fit.CANNOT_BE_JUDGED}


def test_failed_runs_show_no_fit() -> None:
    failed = only(reading_run(failed=True))
    assert (failed.n, failed.failed, failed.fit) == (0, 1, Fit.CANNOT_BE_JUDGED)
    assert set(failed.criteria.values()) == {Fit.CANNOT_BE_JUDGED}
    assert math.isnan(failed.accuracy)
    half = only(reading_run(), reading_run(seed=1, failed=True))
    assert (half.n, half.failed, half.fit) == (1, 1, Fit.CANNOT_BE_JUDGED)
    assert only(reading_run(gap=0.06), reading_run(seed=1, failed=True)).fit is Fit.DOES_NOT_FIT
    # One in ten may fail, as at a look.
    nine = [reading_run(seed=s) for s in range(9)]
    assert only(*nine, reading_run(seed=9, failed=True)).fit is Fit.FITS
    # Five of ten may not, though look 1 has no failed run.
    failed = [reading_run(seed=s, failed=True) for s in range(5, 10)]
    judged = only(*nine[:5], *failed)
    assert (judged.n, judged.failed, judged.fit) == (5, 0, Fit.CANNOT_BE_JUDGED)


@pytest.mark.parametrize(
    "about",
    [
        {"dataset": {"official": False, "title": "a copy"}},
        {"dataset": {"split": "validation"}},
        {"dataset": {"classes": list("0123456789"), "name": "digits"}, "uniform": True},
        {"protocol": {"precision": "fp32"}},
        {"protocol": {"learning_rate": 0.02}},
        {"decision_sha256": "0" * 64},
    ],
)
def test_only_runs_under_the_protocol_on_the_official_test_images_are_judged(
    about: dict[str, Any],
) -> None:
    assert judge(reading_run(**about)) == ()
    official = reading_run("stem_11x11", epochs=40)
    assert [r.variant for r in judge(official, reading_run(**about))] == ["stem_11x11"]


def test_without_a_reading_there_is_no_result() -> None:
    assert judge(reading_run("paper"), reading_run("lrn")) == ()


def test_each_number_of_epochs_and_type_of_device_is_judged_by_itself() -> None:
    cuda = {"environment": {"device_type": "cuda"}}
    results = judge(
        reading_run("keras_sgd", epochs=90, gap=0.06),
        reading_run("stem_11x11"),
        reading_run("lrn"),
        reading_run("paper", extra=300),
        reading_run("paper", epochs=40, extra=300),
        reading_run("stem_11x11", epochs=40, gap=0.06),
        reading_run("stem_11x11", gap=0.06, **cuda),
    )
    no, yes = Fit.DOES_NOT_FIT, Fit.FITS
    assert [(r.device_type, r.epochs, r.variant, r.fit) for r in results] == [
        ("cpu", 20, "paper", no),
        ("cpu", 20, "stem_11x11", yes),
        ("cpu", 40, "paper", no),
        ("cpu", 40, "stem_11x11", no),
        ("cpu", 90, "keras_sgd", no),
        ("cuda", 20, "stem_11x11", no),
    ]


@pytest.mark.usefixtures("adopted")
def test_a_device_that_decides_no_claim_is_judged_too() -> None:
    cuda = {"environment": {"device_type": "cuda"}}
    results = judge(reading_run(epochs=90), reading_run(epochs=90, **cuda))
    assert [r.device_type for r in results] == ["cpu", "cuda"]


def test_the_limits_are_those_of_the_decision_file() -> None:
    def changed(section: str, **values: float) -> Decision:
        changes = getattr(RULES, section).model_copy(update=values)
        return RULES.model_copy(update={section: changes})

    worse = reading_run(extra=150), changed("readings", accuracy=0.02)
    uniform = reading_run(uniform=True), changed("readings", recall_distance=3.0)
    gap = reading_run(gap=0.06), changed("ranges", gap_confirms=0.07)
    curves = (
        reading_run(history=rising(20, 1, "eval_loss")),
        changed("ranges", wrong_way_confirms=0.1),
    )
    for record, rules in (worse, uniform, gap, curves):
        assert only(record).fit is Fit.DOES_NOT_FIT
        assert only(record, rules=rules).fit is Fit.FITS
