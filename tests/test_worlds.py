"""Error rates, coverage and power where the truth is known."""

from __future__ import annotations

import random

import numpy as np
import pytest

from harness import worlds


def test_rates_keep_their_bounds_in_a_thousand_worlds() -> None:
    rates = worlds.simulate(1_000)
    assert not [r for r in rates if not r.kept(1_000)]


@pytest.mark.slow
def test_rates_keep_their_bounds_in_ten_thousand_worlds_and_are_those_in_the_docs() -> None:
    rates = worlds.simulate(worlds.WORLDS)
    assert not [r for r in rates if not r.kept(worlds.WORLDS)]
    assert worlds.document(rates, worlds.WORLDS) == worlds.DOCUMENT.read_text()


def test_the_figures_in_the_docs_keep_their_bounds() -> None:
    text = worlds.DOCUMENT.read_text()
    assert f"{worlds.WORLDS:,} simulated worlds" in text
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(worlds.simulate(50))
    for _, what, value, bounds, _ in rows:
        if "at most" in bounds:
            assert float(value) <= float(bounds.split()[-1]), what
        if "at least" in bounds:
            assert float(value) >= float(bounds.split()[-1]), what


def test_a_rate_out_of_bounds_is_noticed() -> None:
    assert not worlds.Rate("", 0.057, high=0.056).kept(10_000)
    assert not worlds.Rate("", 0.94, low=0.944).kept(10_000)
    assert not worlds.Rate("", 0.2, high=0.056).kept(1_000)
    assert worlds.Rate("", 0.06, high=0.056).kept(1_000)


def test_the_simulation_repeats_itself_and_leaves_global_generators_alone() -> None:
    before = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert worlds.simulate(50) == worlds.simulate(50)
    after = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index, union-attr]
    assert before == after
