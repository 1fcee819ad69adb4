"""The trials of a search: values that a sampler of Optuna proposes.

The samplers are those that learn nothing from results. All trials are thus known before the first
is trained: they are the same however many workers train them, in whatever order they end, and
after every interruption.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, missing_extra
from harness.studies.space import Range, Space, Values

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Name of a sampler -> its arguments beside seed and, for the grid, its values.
SAMPLERS: Mapping[str, Mapping[str, Any]] = {
    "qmc": {"qmc_type": "sobol", "scramble": True},
    "random": {},
    "grid": {},
}

DEFAULT_TRIALS = 16

# So that a setting can be read and copied, and is the one that was trained with.
SIGNIFICANT_DIGITS = 4


def number_of_trials(space: Space, sampler: str, trials: int | None) -> int:
    """The number of trials: as asked for, else all points of a grid, else 16 if there are as many.

    16 is a power of two, as a Sobol sequence should have.

    Raises:
        InputError: if there is no such sampler, or the space has no grid, or has fewer points.
    """
    if sampler not in SAMPLERS:
        raise InputError(f"unknown sampler {sampler!r}. Known samplers: {', '.join(SAMPLERS)}.")
    ranges = _ranges(space)
    if sampler == "grid" and ranges:
        raise InputError(
            f"--sampler grid needs values of {ranges[0]}, not a range: "
            "give --space such as dropout=0/0.25/0.5."
        )
    if ranges:
        return DEFAULT_TRIALS if trials is None else trials
    points = math.prod(len(v.values) for v in space.values() if isinstance(v, Values))
    if trials is not None and trials > points:
        raise InputError(f"--trials is {trials}: the space has {points} points.")
    if trials is not None:
        return trials
    return points if sampler == "grid" else min(DEFAULT_TRIALS, points)


def propose(space: Space, sampler: str, seed: int, trials: int) -> list[dict[str, float]]:
    """Propose the settings of every trial; the same arguments give the same trials.

    No two are alike in a space of listed values alone.

    Args:
        space: what is varied.
        sampler: one of `SAMPLERS`.
        seed: of the sampler.
        trials: number of trials, see `number_of_trials`.

    Returns:
        {setting: value} of each trial.

    Raises:
        InputError: if Optuna is not installed, or as `number_of_trials`.
    """
    trials = number_of_trials(space, sampler, trials)
    try:
        import optuna
    except ImportError as error:
        raise missing_extra("search", "optuna", "search") from error
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    def distribution(name: str, values: Range | Values) -> BaseDistribution:
        if isinstance(values, Values):
            return CategoricalDistribution(values.values)
        if name == "batch_size":
            return IntDistribution(int(values.low), int(values.high), log=values.log)
        return FloatDistribution(values.low, values.high, log=values.log)

    distributions = {name: distribution(name, values) for name, values in space.items()}
    arguments: dict[str, Any] = {**SAMPLERS[sampler], "seed": seed}
    if sampler == "grid":
        arguments["search_space"] = {
            name: values.values for name, values in space.items() if isinstance(values, Values)
        }
    makers = {
        "qmc": optuna.samplers.QMCSampler,
        "random": optuna.samplers.RandomSampler,
        "grid": optuna.samplers.GridSampler,
    }
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study in memory is no news
    with warnings.catch_warnings():
        # Of QMC, whose interface is pinned by the version in pyproject.toml.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(sampler=makers[sampler](**arguments))
    if sampler == "qmc":
        # It takes the space from a trial that has ended; without one its first point is random.
        ended = {name: _first(values) for name, values in space.items()}
        study.add_trial(
            optuna.trial.create_trial(params=ended, distributions=distributions, value=0.0)
        )
    few = not _ranges(space)
    proposed: list[dict[str, float]] = []
    while len(proposed) < trials:
        params = study.ask(distributions).params
        settings = {name: _rounded(params[name], space[name]) for name in space}
        # Two runs of the same settings and seed have the same bits.
        if not (few and settings in proposed):
            proposed.append(settings)
    return proposed


def _ranges(space: Space) -> list[str]:
    """The settings that are varied over a range."""
    return [name for name, values in space.items() if isinstance(values, Range)]


def _first(values: Range | Values) -> float:
    return values.low if isinstance(values, Range) else values.values[0]


def _rounded(value: float, values: Range | Values) -> float:
    if isinstance(values, Values) or isinstance(value, int):
        return value
    return min(max(float(f"{value:.{SIGNIFICANT_DIGITS}g}"), values.low), values.high)
