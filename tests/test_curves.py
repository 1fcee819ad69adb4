"""Curves that go the wrong way, counted by hand."""

from __future__ import annotations

import math

import pytest

from harness import curves
from tests.made import curve


def test_steps_the_wrong_way_are_counted() -> None:
    assert curves.wrong_way([1, 2, 2, 1, 3], rising=True) == 0.25
    assert curves.wrong_way([1, 2, 2, 1, 3], rising=False) == 0.5
    assert math.isnan(curves.wrong_way([1], rising=True))


def test_the_four_curves_of_a_run() -> None:
    found = curves.wrong_ways(curve([0.1, 0.3, 0.2, 0.4]), "test")
    assert found == dict.fromkeys(
        ("train_accuracy", "test_accuracy", "train_loss", "test_loss"), pytest.approx(1 / 3)
    )


def test_a_run_without_curves_says_nothing() -> None:
    history = curve([0.1, 0.2])
    del history[0]["test_loss"]
    assert curves.wrong_ways(history, "test") == {}
    assert curves.wrong_ways(curve([0.1]), "test") == {}
    assert math.isnan(curves.gap([], 0.7))


def test_the_gap_is_that_of_the_last_epoch() -> None:
    assert curves.gap(curve([0.9, 0.7], gap=0.05), 0.7) == pytest.approx(0.05)


def test_a_last_epoch_is_held_against_the_five_before() -> None:
    rows = curve([0.1, 0.6, 0.7, 0.7, 0.7, 0.8, 0.75])
    assert curves.jump(rows, "test") == pytest.approx(0.05)
    assert math.isnan(curves.jump(rows[:5], "test"))
    assert math.isnan(curves.jump(rows, "validation"))
