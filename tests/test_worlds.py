"""Error rates, coverage and power where the truth is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness.analysis import simulation
from harness.report import docs


def test_rates_keep_their_bounds_in_a_thousand_worlds() -> None:
    rates = simulation.simulate(1_000)
    assert not [r for r in rates if not r.kept(1_000)]


@pytest.mark.slow
def test_rates_keep_their_bounds_in_ten_thousand_worlds_and_are_those_in_the_docs() -> None:
    rates = simulation.simulate(simulation.WORLDS)
    assert not [r for r in rates if not r.kept(simulation.WORLDS)]
    assert docs.document(rates, simulation.WORLDS) == docs.DOCUMENT.read_text()


def test_the_figures_in_the_docs_keep_their_bounds() -> None:
    text = docs.DOCUMENT.read_text()
    assert f"{simulation.WORLDS:,} simulated worlds" in text
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(simulation.simulate(50))
    for _, what, value, bounds, _ in rows:
        if "at most" in bounds:
            assert float(value) <= float(bounds.split()[-1]), what
        if "at least" in bounds:
            assert float(value) >= float(bounds.split()[-1]), what


def test_a_rate_out_of_bounds_is_noticed() -> None:
    assert not simulation.Rate("", 0.057, high=0.056).kept(10_000)
    assert not simulation.Rate("", 0.94, low=0.944).kept(10_000)
    assert not simulation.Rate("", 0.2, high=0.056).kept(1_000)
    assert simulation.Rate("", 0.06, high=0.056).kept(1_000)


def test_the_simulation_repeats_itself_and_leaves_global_generators_alone() -> None:
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert simulation.simulate(50) == simulation.simulate(50)
    after = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert before == after
