"""Simulated error rates, coverage and power: bounds, reproducibility and the documented table."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from harness.analysis.simulation.rates import simulate
from harness.analysis.simulation.worlds import WORLDS, Rate
from harness.analysis.studies import coverage
from harness.report.pages import statistics
from tests.helpers.paths import ROOT

FEW = 2_000
PAGE = ROOT / "docs/statistics.md"


def test_rates_are_within_their_bounds_in_two_thousand_worlds() -> None:
    rates = simulate(FEW)
    assert not [r for r in rates if not r.within_bounds(FEW)]


@pytest.mark.slow
def test_rates_are_within_their_bounds_in_all_worlds_and_are_those_in_the_docs() -> None:
    rates = simulate(WORLDS)
    assert not [r for r in rates if not r.within_bounds(WORLDS)]
    page = statistics.page(rates, WORLDS, coverage.simulate(), coverage.WORLDS)
    assert page == PAGE.read_text()


def test_the_figures_in_the_docs_are_within_their_bounds() -> None:
    text = PAGE.read_text()
    assert f"{WORLDS:,} simulations" in text
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    table = [row[1:4] for row in rows if len(row) == 5][2:]
    assert [what for what, _, _ in table] == [rate.what for rate in simulate(50)]
    for what, measured, must_be in table:
        value, (*ends,) = float(measured.split()[0]), map(float, re.findall(r"[\d.]+", must_be))
        low = ends[0] if "least" in must_be or " to " in must_be else 0.0
        high = ends[-1] if "most" in must_be or " to " in must_be else 100.0
        assert low <= value <= high, what


def test_every_error_rate_has_the_bound_of_the_plan() -> None:
    errors = [r for r in simulate(50) if "Accuracy, d = +" in r.what or "none real" in r.what]
    errors += [r for r in simulate(50) if "every other one" in r.what]
    assert len(errors) == 12 + 4 + 2
    assert {r.high for r in errors} == {0.054}


def test_a_rate_out_of_bounds_is_noticed() -> None:
    assert not Rate("", 0.055, high=0.054).within_bounds(WORLDS)
    assert not Rate("", 0.94, low=0.944).within_bounds(WORLDS)
    assert not Rate("", 0.2, high=0.054).within_bounds(1_000)
    assert Rate("", 0.06, high=0.054).within_bounds(1_000)


def test_the_simulation_repeats_itself_and_leaves_global_generators_alone() -> None:
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert simulate(50) == simulate(50)
    after = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert before == after
