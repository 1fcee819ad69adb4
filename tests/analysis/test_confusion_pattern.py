"""The permutation test of confusion patterns."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis import confusion_pattern

# Three classes; errors of class 0 go to 1 and 2 as 3:1, and so on round.
FIRST = np.array([[90, 9, 3], [3, 90, 9], [9, 3, 90]])

SECOND = np.array([[90, 3, 9], [9, 90, 3], [3, 9, 90]])


def test_the_distance_by_hand() -> None:
    # Shares 9/12 and 3/12 against 3/12 and 9/12: half of (0.5 + 0.5) in every class.
    result = confusion_pattern.permutation_test([FIRST] * 5, [SECOND] * 2, 0.05)
    assert result.distance == pytest.approx(0.5)


def test_p_counts_the_divisions_with_at_least_this_distance() -> None:
    # Of the 21 ways to choose two of seven runs only the true one is so far apart.
    result = confusion_pattern.permutation_test([FIRST] * 5, [SECOND] * 2, 0.05)
    assert result.p == pytest.approx(1 / 21)
    assert result.critical == pytest.approx(0.5)


def test_equal_patterns_have_no_distance_whatever_the_number_of_errors() -> None:
    fewer = np.array([[30, 6, 2], [2, 30, 6], [6, 2, 30]])
    result = confusion_pattern.permutation_test([FIRST] * 5, [fewer] * 2, 0.05)
    assert result.distance == pytest.approx(0)
    assert result.p == 1


def test_too_few_runs_could_not_have_shown_a_difference() -> None:
    assert confusion_pattern.permutation_test([FIRST] * 4, [SECOND] * 2, 0.05).critical is None


def test_the_cells_that_differ_most_are_named() -> None:
    changed = FIRST.copy()
    changed[0] = [90, 12, 0]
    result = confusion_pattern.permutation_test([FIRST] * 5, [changed] * 2, 0.05, shown=2)
    assert {(i, j) for i, j, _, _ in result.cells} == {(0, 1), (0, 2)}
    assert sorted(a for _, _, a, _ in result.cells) == [0.25, 0.75]


def test_a_class_without_errors_counts_as_spread_evenly() -> None:
    none = np.diag([100, 100, 100])
    result = confusion_pattern.permutation_test([none] * 5, [FIRST] * 2, 0.05)
    assert result.distance == pytest.approx(0.25)


def test_alike_runs_are_called_different_in_at_most_one_of_twenty_worlds() -> None:
    source = np.random.default_rng(7)
    rates = np.array([[0.9, 0.07, 0.03], [0.02, 0.9, 0.08], [0.05, 0.05, 0.9]])
    hits = 0
    for _ in range(300):
        runs = np.stack([source.multinomial(200, row, 12) for row in rates], axis=1)
        hits += confusion_pattern.permutation_test(runs[2:], runs[:2], 0.05).p <= 0.05
    assert hits <= 300 * 0.05 + 3 * np.sqrt(300 * 0.05 * 0.95)
