"""Simulated coverage of the intervals of a cross-validation, and its table in the docs."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from harness.analysis.studies import coverage
from harness.analysis.studies.coverage import Coverage
from tests.helpers.paths import ROOT

FEW = 500

PAGE = ROOT / "docs/statistics.md"


@pytest.fixture(scope="module")
def measured() -> list[Coverage]:
    return coverage.simulate(FEW)


def test_the_corrected_interval_contains_the_truth_often_enough_and_the_plain_one_does_not(
    measured: list[Coverage],
) -> None:
    slack = 3 * math.sqrt(coverage.LEVEL * (1 - coverage.LEVEL) / FEW)
    assert [c.folds for c in measured] == [5, 10, 5, 10]
    for case in measured:
        assert case.corrected > coverage.LEVEL - slack
        assert case.plain < case.corrected
        factor = math.sqrt(1 + case.folds / (case.folds - 1))
        assert case.corrected_width == pytest.approx(factor * case.plain_width)
    assert all(c.plain < coverage.LEVEL - slack for c in measured if "neighbor" in c.learner)


def test_the_true_accuracy_of_the_nearest_mean_is_below_that_of_the_best_rule(
    measured: list[Coverage],
) -> None:
    best = (1 + math.erf(coverage.DISTANCE / 2 / math.sqrt(2))) / 2
    for case in measured[:2]:
        assert best - 0.03 < case.truth < best


def test_the_learners_learn_from_the_images_of_their_own_world() -> None:
    images = np.array([[[0.0], [9.0]], [[9.0], [0.0]]])
    labels, new_images = np.array([0, 1]), np.array([[[1.0], [8.0]]] * 2)
    for learn in coverage.LEARNERS.values():
        assert learn(images, labels, new_images).astype(int).tolist() == [[0, 1], [1, 0]]


def test_the_simulation_repeats_itself() -> None:
    assert coverage.simulate(20) == coverage.simulate(20)


def test_the_table_in_the_docs_has_every_case_and_the_conclusion_that_stands_beside_it() -> None:
    text = PAGE.read_text().partition("## The interval of a cross-validation")[2]
    assert f"{coverage.WORLDS:,} simulated" in text
    rows = re.findall(
        r"^\| (nearest \w+) +\| +(\d+) +\| +[\d.]+ % +\| +([\d.]+) % +\| +([\d.]+) % ",
        text,
        re.MULTILINE,
    )
    assert [(name, int(folds)) for name, folds, _, _ in rows] == [
        (name, folds) for name in coverage.LEARNERS for folds in coverage.FOLDS
    ]
    for name, _, plain, corrected in rows:
        assert float(corrected) >= 95
        assert float(plain) < (90 if "neighbor" in name else 95)
