"""Statistics on arrays: intervals, t tests, Holm's correction, power. Pure.

Runs are on the last axis; leading axes are vectorized, so that a simulation of thousands of worlds
calls the same functions as the tables. NaN is a failed run and is ignored. Results have the unit
of the data: fractions give fractions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

Array = NDArray[Any]


class Interval(NamedTuple):
    """Both ends of an interval, in the unit of the data."""

    low: Array
    high: Array


class Difference(NamedTuple):
    """A difference of means with its t test; NaN where the runs do not vary.

    Attributes:
        value: the difference, in the unit of the data.
        error: its standard error.
        freedom: degrees of freedom of Student's t.
        low, high: interval.
        p: two-sided.
    """

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


def prediction_interval(
    runs: ArrayLike, count: int, level: float, least_deviation: ArrayLike = 0
) -> Interval:
    """Interval that contains all of `count` further runs, by Bonferroni (Hahn 1970).

    Args:
        runs: [..., n], n >= 2, independent and roughly normal.
        count: number of further runs.
        level: probability that the interval contains all of them.
        least_deviation: assumed where the standard deviation of the runs is smaller [...].
    """
    n, mean, variance = _moments(np.asarray(runs, float))
    variance = np.maximum(variance, np.square(least_deviation))
    t = stats.t.ppf(1 - (1 - level) / (2 * count), n - 1)
    half = t * np.sqrt(variance * (1 + 1 / n))
    return Interval(mean - half, mean + half)


def welch(a: ArrayLike, b: ArrayLike, level: float) -> Difference:
    """Welch's t test of mean(a) - mean(b) (Welch 1947).

    Args:
        a: [..., n], n >= 2.
        b: [..., m], m >= 2.
        level: of the interval.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    (n, mean_x, variance_x), (m, mean_y, variance_y) = _moments(x), _moments(y)
    square_x, square_y = variance_x / n, variance_y / m
    square = square_x + square_y
    # NaN for runs that do not vary or are too few.
    square = np.where(np.sqrt(square) > _rounding(x, y), square, np.nan)
    freedom = square**2 / (square_x**2 / (n - 1) + square_y**2 / (m - 1))
    return _student(mean_x - mean_y, square, freedom, level)


def difference_from_reported(
    ours: ArrayLike, reported: ArrayLike, level: float, reported_sd: float | None = None
) -> Difference:
    """t test of mean(ours) - mean(reported), assuming that both vary equally unless told otherwise.

    The standard error is s * sqrt(1/S + 1/R) with s from our runs alone and S - 1 degrees of
    freedom: a pooled t test that does not estimate the variance from the reported runs, as these
    are few and selected.

    Args:
        ours: [..., S], S >= 2.
        reported: [..., R], R >= 1.
        level: of the interval.
        reported_sd: standard deviation of the reported runs, taken to be known; the degrees of
            freedom stay. None for that of ours.
    """
    x, y = np.asarray(ours, float), np.asarray(reported, float)
    n, mean, variance = _moments(x)
    reported_variance = variance if reported_sd is None else reported_sd**2
    square = variance / n + reported_variance / y.shape[-1]
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
    """Interval and p of a difference from its squared standard error."""
    error = np.sqrt(square)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    p = 2 * stats.t.sf(np.abs(value) / error, freedom)
    return Difference(value, error, freedom, value - half, value + half, p)


def _rounding(x: Array, y: Array) -> Array:
    """Upper bound of the standard error that equal numbers have by rounding."""
    largest = np.maximum(*(np.where(np.isnan(v), 0, np.abs(v)).max(-1) for v in (x, y)))
    return np.asarray(1e-12 * largest)


def within_margin(difference: Difference, margin: float) -> Array:
    """Whether the interval of a difference is in (-margin, margin).

    With a 90 % interval these are two one-sided tests at 5 % (Schuirmann 1987).
    """
    return np.asarray((difference.low > -margin) & (difference.high < margin))


def holm(p: ArrayLike, family: int = 0) -> Array:
    """Correct p values for multiple testing (Holm 1979).

    Args:
        p: p values [..., k], each family on the last axis; NaN stays NaN.
        family: size of the family if it is larger than k; missing tests count as p = 1.
    """
    raw = np.asarray(p, float)
    order = raw.argsort(-1)  # NaN comes last
    tests = np.maximum((~np.isnan(raw)).sum(-1, keepdims=True), family)
    steps = np.take_along_axis(raw, order, -1) * (tests - np.arange(raw.shape[-1]))
    corrected = np.empty_like(raw)
    np.put_along_axis(corrected, order, np.minimum(np.maximum.accumulate(steps, -1), 1), -1)
    return corrected


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """P(A > B) for a random run of each sample: Mann and Whitney's U / (n m).

    Args:
        a: [n]; a failed run is -inf.
        b: [m].

    Returns:
        Ties count half; NaN if a sample is empty.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    if not x.size or not y.size:
        return float("nan")
    return float(stats.mannwhitneyu(x, y, method="asymptotic").statistic / (x.size * y.size))


def min_detectable(error: float, freedom: float, alpha: float, power: float) -> float:
    """Smallest true difference that a two-sided t test detects with a given power.

    Args:
        error: standard error of the difference; the result has its unit.
        freedom: degrees of freedom.
        alpha: level of the test; for Holm's first step over k tests, alpha / k.
        power: of the test.
    """
    if not (error > 0 and freedom > 0):
        return float("nan")
    bound = stats.t.ppf(1 - alpha / 2, freedom)
    # The other tail adds less than 1e-6 at any power above a half.
    return float(
        error * optimize.brentq(lambda c: stats.nct.sf(bound, freedom, c) - power, 0, 4 * bound + 9)
    )


def wilson(right: int, total: int, level: float) -> tuple[float, float]:
    """Wilson's interval of the proportion right / total (Wilson 1927), as fractions."""
    low, high = proportion_confint(right, total, 1 - level, method="wilson")
    return float(low), float(high)


def two_proportions(right: tuple[int, int], total: tuple[int, int]) -> tuple[float, float]:
    """Unpaired z test of two proportions right / total with a pooled variance.

    Returns:
        z and two-sided p.
    """
    z, p = proportions_ztest(np.array(right), np.array(total))
    return float(z), float(p)


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's r of runs paired by seed [n]; NaN for fewer than three pairs or no variation."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
