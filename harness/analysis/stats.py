"""Statistics on arrays. Pure: nothing is drawn, read or written.

Runs lie on the last axis; any axes before it are worked on at once, so that a simulation of
thousands of worlds calls what the tables call. NaN is a failed run and in no figure. Values keep
their unit: fractions give fractions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

Array = NDArray[Any]


class Interval(NamedTuple):
    """Both ends, in the unit of the data."""

    low: Array
    high: Array


class Difference(NamedTuple):
    """A difference of means, in the unit of the data, with its standard error, Student
    degrees of freedom, interval and two-sided p. NaN where nothing varies."""

    value: Array
    error: Array
    freedom: Array
    low: Array
    high: Array
    p: Array


def mean_interval(runs: ArrayLike, level: float) -> Interval:
    """Student's interval of the mean of runs [..., n], n >= 2 (Student 1908)."""
    n, mean, variance = _moments(np.asarray(runs, float))
    half = stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt(variance / n)
    return Interval(mean - half, mean + half)


def prediction_interval(runs: ArrayLike, count: int, level: float) -> Interval:
    """Interval that holds `count` further runs together, by Bonferroni (Hahn 1970).

    Args:
        runs: [..., n], n >= 2, independent and roughly normal.
    """
    n, mean, variance = _moments(np.asarray(runs, float))
    t = stats.t.ppf(1 - (1 - level) / (2 * count), n - 1)
    half = t * np.sqrt(variance * (1 + 1 / n))
    return Interval(mean - half, mean + half)


def welch(a: ArrayLike, b: ArrayLike, level: float) -> Difference:
    """Welch's t: mean of `a` [..., n] - mean of `b` [..., m], n, m >= 2 (Welch 1947)."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    (n, mean_x, variance_x), (m, mean_y, variance_y) = _moments(x), _moments(y)
    square_x, square_y = variance_x / n, variance_y / m
    square = square_x + square_y
    # Runs that do not vary, or are too few, are answered with NaN.
    square = np.where(np.sqrt(square) > _rounding(x, y), square, np.nan)
    freedom = square**2 / (square_x**2 / (n - 1) + square_y**2 / (m - 1))
    return _student(mean_x - mean_y, square, freedom, level)


def difference_from_reported(ours: ArrayLike, reported: ArrayLike, level: float) -> Difference:
    """Mean of our runs - mean of a few reported ones, which are taken to vary as ours do.

    The standard error is s * sqrt(1/S + 1/R) with s from our runs alone and S - 1 degrees of
    freedom: the pooled t test when the reported runs tell nothing about the spread, being
    too few and a selection.

    Args:
        ours: [..., S], S >= 2.
        reported: [..., R], R >= 1.
    """
    x, y = np.asarray(ours, float), np.asarray(reported, float)
    n, mean, variance = _moments(x)
    square = variance * (1 / n + 1 / y.shape[-1])
    square = np.where(np.sqrt(square) > _rounding(x, y), square, np.nan)
    freedom = np.where(np.isnan(square), np.nan, n - 1)
    return _student(mean - y.mean(-1), square, freedom, level)


def _moments(runs: Array) -> tuple[Array, Array, Array]:
    """Number, mean and variance (n - 1) of the runs [..., n] that are not NaN; NaN below two."""
    finished = ~np.isnan(runs)
    n = finished.sum(-1).astype(float)
    n = np.where(n > 1, n, np.nan)
    mean = np.where(finished, runs, 0).sum(-1) / n
    deviation = np.where(finished, runs - mean[..., None], 0)
    return n, mean, (deviation**2).sum(-1) / (n - 1)


def _student(value: Array, square: Array, freedom: Array, level: float) -> Difference:
    """A difference with the interval and p of its squared standard error."""
    error = np.sqrt(square)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    p = 2 * stats.t.sf(np.abs(value) / error, freedom)
    return Difference(value, error, freedom, value - half, value + half, p)


def _rounding(x: Array, y: Array) -> Array:
    """Standard error that equal numbers can show through floating point alone."""
    largest = np.maximum(*(np.where(np.isnan(v), 0, np.abs(v)).max(-1) for v in (x, y)))
    return np.asarray(1e-12 * largest)


def within_margin(found: Difference, margin: float) -> Array:
    """Whether the interval lies in (-margin, margin): with a 90 % interval, two one-sided
    tests at 5 % (Schuirmann 1987)."""
    return np.asarray((found.low > -margin) & (found.high < margin))


def holm(p: ArrayLike, family: int = 0) -> Array:
    """p values [..., k] after Holm (1979), each family on the last axis; NaN stays NaN.

    Args:
        family: size of the family where tests of it are still missing; they count as p = 1.
    """
    raw = np.asarray(p, float)
    order = raw.argsort(-1)  # NaN comes last
    tests = np.maximum((~np.isnan(raw)).sum(-1, keepdims=True), family)
    steps = np.take_along_axis(raw, order, -1) * (tests - np.arange(raw.shape[-1]))
    corrected = np.empty_like(raw)
    np.put_along_axis(corrected, order, np.minimum(np.maximum.accumulate(steps, -1), 1), -1)
    return corrected


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """P(A > B) of a random run of `a` [n] and one of `b` [m], ties counted half: Mann and
    Whitney's U / (n m). A failed run is -inf. NaN where there are none."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if not x.size or not y.size:
        return float("nan")
    return float(stats.mannwhitneyu(x, y, method="asymptotic").statistic / (x.size * y.size))


def min_detectable(error: float, freedom: float, alpha: float, power: float) -> float:
    """Smallest true difference that a two-sided t test finds with this power.

    Args:
        error: standard error of the difference, in the unit of the answer.
        freedom: degrees of freedom.
        alpha: of this test; after Holm's first step over k tests, alpha / k.
    """
    if not (error > 0 and freedom > 0):
        return float("nan")
    bound = stats.t.ppf(1 - alpha / 2, freedom)
    # The other tail adds less than 1e-6 at any power above a half.
    return float(
        error * optimize.brentq(lambda c: stats.nct.sf(bound, freedom, c) - power, 0, 4 * bound + 9)
    )


def wilson(right: int, total: int, level: float) -> tuple[float, float]:
    """Interval of a proportion (Wilson 1927), as fractions."""
    low, high = proportion_confint(right, total, 1 - level, method="wilson")
    return float(low), float(high)


def two_proportions(right: tuple[int, int], total: tuple[int, int]) -> tuple[float, float]:
    """Unpaired z test of two proportions with a pooled variance: z and two-sided p."""
    z, p = proportions_ztest(np.array(right), np.array(total))
    return float(z), float(p)


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's r of runs paired by seed [n]; NaN below three pairs or without variation."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
