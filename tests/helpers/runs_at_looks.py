"""Synthetic accuracies by seed, as the interim looks of the decision file see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.analysis.looks import FigureBySeed
from harness.protocol import decision

RULES = decision.load()

REPORTED = (0.7539, 0.7485)  # mean 0.7512

MISSING = FigureBySeed.from_figures({}, RULES.looks)


def runs_of(values: Sequence[float | None]) -> FigureBySeed:
    """Runs with seeds 0, 1, ...; None is a failed one."""
    return FigureBySeed.from_figures(dict(enumerate(values)), RULES.looks)


def spread(n: int, mean: float, sd: float = 0.003) -> list[float | None]:
    """Runs alternately above and below a mean, with standard deviation `sd` (divisor n)."""
    noise = np.resize([sd, -sd], n)
    return list(mean + noise - noise.mean())


def family(by_position: Mapping[int, FigureBySeed]) -> FigureBySeed:
    """All variants of the contrasts; those that `by_position` lacks have no runs."""
    count = len(RULES.contrasts.variants)
    return FigureBySeed.stack([by_position.get(i, MISSING) for i in range(count)])
