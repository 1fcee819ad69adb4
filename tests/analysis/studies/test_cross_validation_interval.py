"""The corrected resampled t interval, and cross-validations read from records."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analysis import stats
from harness.analysis.studies.cross_validation import (
    CrossValidation,
    corrected_interval,
    cross_validations,
)
from harness.runs.record import RunRecord, StudyInfo
from tests.helpers.records import make_record

LEVEL = 0.95


def test_two_folds_by_hand() -> None:
    # Mean 0.75, variance 0.005, n_test/n_train 1: s^2 (1/2 + 1) = 0.0075, t(1; 0.975) = 12.7062.
    low, high = corrected_interval([0.7, 0.8], 1.0, LEVEL)
    assert (high + low) / 2 == pytest.approx(0.75)
    assert (high - low) / 2 == pytest.approx(12.7062047 * math.sqrt(0.0075))


def test_five_folds_by_hand() -> None:
    # Deviations -2, -1, 0, 1, 2 points: variance 2.5e-4; 1/5 + 1/4 = 0.45; t(4; 0.975) = 2.77645.
    low, high = corrected_interval([0.70, 0.71, 0.72, 0.73, 0.74], 0.25, LEVEL)
    half = 2.7764451 * math.sqrt(2.5e-4 * 0.45)
    assert low == pytest.approx(0.72 - half)
    assert high == pytest.approx(0.72 + half)
    assert half == pytest.approx(0.029448, abs=1e-6)


def test_it_is_students_interval_if_nothing_is_shared() -> None:
    values = np.random.default_rng(0).normal(size=(7, 6))
    assert np.allclose(corrected_interval(values, 0.0, 0.9), stats.mean_interval(values, 0.9))


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_it_is_wider_than_students_by_the_known_factor(folds: int) -> None:
    values = np.random.default_rng(folds).normal(size=folds)
    corrected = corrected_interval(values, 1 / (folds - 1), LEVEL)
    plain = stats.mean_interval(values, LEVEL)
    factor = math.sqrt(1 + folds / (folds - 1))
    assert corrected.high - corrected.low == pytest.approx(factor * (plain.high - plain.low))


def test_equal_folds_have_an_interval_of_no_width() -> None:
    assert corrected_interval([0.5, 0.5, 0.5], 0.5, LEVEL) == (0.5, 0.5)


def fold(
    number: int, right: int, folds: int = 5, *, seed: int = 0, failed: bool = False
) -> RunRecord:
    study = StudyInfo(
        kind="cross-validation", name=f"paper_{folds}_folds", index=number, settings={}
    )
    record = make_record(
        right=right,
        seed=seed,
        failed=failed,
        dataset={"split": "validation", "train_size": 40_000, "test_size": 10_000},
        protocol={"fold": number, "folds": folds},
    )
    return record.model_copy(update={"study": study})


FIVE = [fold(number, 700 + 10 * number) for number in range(5)]


def test_a_cross_validation_is_read_from_its_records_in_any_order() -> None:
    (found,) = cross_validations([make_record(), *FIVE[::-1]])
    assert found.runs == tuple(FIVE)
    assert (found.variant, found.folds, found.is_complete) == ("paper", 5, True)
    estimate = found.estimate(LEVEL)
    assert estimate is not None
    assert estimate.mean == pytest.approx(0.72)
    assert estimate.corrected[1] - estimate.mean == pytest.approx(0.029448, abs=1e-6)
    assert estimate.plain[1] - estimate.mean == pytest.approx(2.7764451 * math.sqrt(2.5e-4 / 5))


def estimates(*runs: RunRecord) -> list[object]:
    return [found.estimate(LEVEL) for found in cross_validations(runs)]


def test_there_is_no_mean_before_every_fold_has_finished() -> None:
    assert estimates(*FIVE[:4]) == [None]
    assert estimates(*FIVE[:4], fold(4, 0, failed=True)) == [None]


def test_other_seeds_and_numbers_of_folds_are_other_cross_validations() -> None:
    others = [fold(0, 700, seed=1), fold(0, 700, folds=3)]
    found: list[CrossValidation] = cross_validations([*FIVE, *others])
    assert sorted(len(validation.runs) for validation in found) == [1, 1, 5]


def test_of_several_records_of_one_fold_the_first_counts() -> None:
    (found,) = cross_validations([*FIVE, fold(0, 100)])
    assert found.runs == tuple(FIVE)


def test_a_run_on_the_test_images_is_in_no_cross_validation() -> None:
    on_test = FIVE[0].model_copy(update={"dataset": make_record().dataset})
    assert cross_validations([on_test]) == []
