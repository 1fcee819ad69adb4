"""Interim looks: which are complete, which failed runs block them, and which seeds they have."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from harness.analysis import looks
from harness.analysis.looks import FigureBySeed
from tests.helpers.runs_at_looks import RULES, runs_of


@pytest.mark.parametrize(
    ("seeds", "latest"),
    [
        (range(4), 0),
        (range(5), 1),
        (range(9), 1),
        (range(10), 2),
        (range(19), 2),
        (range(20), 3),
        (range(1, 20), 0),  # seed 0 is missing
        ([*range(9), 10, 11, 12], 1),  # twelve runs, but seed 9 is missing
        (range(35), 3),
    ],
)
def test_a_look_is_complete_once_all_of_its_seeds_have_been_run(
    seeds: Sequence[int], latest: int
) -> None:
    runs = FigureBySeed.from_figures(dict.fromkeys(seeds, 0.7), RULES.looks)
    assert runs.latest == latest
    assert runs.complete.tolist() == [k < latest for k in range(3)]


@pytest.mark.parametrize(
    ("failed", "usable"),
    [
        ([0], [False, True, True]),  # 1 of 5, 1 of 10, 1 of 20
        ([7], [True, True, True]),
        ([7, 8], [True, False, True]),  # 2 of 10, 2 of 20: 10 % is not more than 10 %
        ([0, 8], [False, False, True]),
        ([0, 8, 15], [False, False, False]),
        ([17, 18, 19], [True, True, False]),
    ],
)
def test_a_failed_run_counts_as_present_and_too_many_block_a_look(
    failed: list[int], usable: list[bool]
) -> None:
    runs = runs_of([None if seed in failed else 0.75 for seed in range(20)])
    assert runs.complete.all()
    assert runs.usable.tolist() == usable
    assert runs.blocked.tolist() == [not u for u in usable]
    assert runs.finished(3).size == 20 - len(failed)
    assert runs.latest == max((k + 1 for k in range(3) if usable[k]), default=0)


def test_an_incomplete_look_is_not_blocked() -> None:
    assert not runs_of([None, 0.7, 0.7]).blocked.any()


def test_the_runs_of_a_look_are_its_seeds() -> None:
    runs = FigureBySeed.from_figures(
        {3: 0.4, 0: 0.1, 2: None, 1: 0.2, 4: 0.5, 25: 0.9}, RULES.looks
    )
    assert runs.finished(1).tolist() == [0.1, 0.2, 0.4, 0.5]
    assert runs.finished(0).tolist() == [0.1, 0.2, 0.4, 0.5]
    several = FigureBySeed.from_figures({0: [0.1, 0.2], 1: None, 2: [0.3, 0.4]}, RULES.looks)
    assert several.finished(1).tolist() == [[0.1, 0.3], [0.2, 0.4]]


def test_a_look_number_selects_the_value_at_that_look() -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert looks.at(values, [3, 0]) == pytest.approx([3.0, math.nan], nan_ok=True)
    assert looks.first(np.array([[False, True, True], [False] * 3])).tolist() == [2, 0]
    assert looks.last(np.array([[True, True, False], [False] * 3])).tolist() == [2, 0]
