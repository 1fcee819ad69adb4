"""Measure all rates, in one fixed order of random draws."""

from __future__ import annotations

import numpy as np

from harness.analysis.simulation import accuracy, contrasts, intervals
from harness.analysis.simulation.worlds import WORLDS, Rate
from harness.protocol.decision import load

SEED = 20_240


def simulate(worlds: int = WORLDS) -> list[Rate]:
    """Simulate all rates by the decision file, from a fixed seed.

    Args:
        worlds: number of simulated worlds for each rate.
    """
    source, rules = np.random.default_rng(SEED), load()
    return [
        *accuracy.errors(source, worlds, rules),
        *accuracy.power(source, worlds, rules),
        *contrasts.errors(source, worlds, rules),
        *contrasts.power(source, worlds, rules),
        *intervals.claim_errors(source, worlds, rules),
        *intervals.coverage(source, worlds, rules),
        *accuracy.unequal_deviations(source, worlds, rules),
        *contrasts.steady_common_arm(source, worlds, rules),
    ]
