"""Statistics on arrays. Pure: nothing is drawn, read or written.

Runs lie on the last axis; any axes before it are worked on at once, so that a simulation of
thousands of worlds calls what the tables call. Values keep their unit: fractions give fractions.
"""

from __future__ import annotations

import gc
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
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
    x = np.asarray(runs, float)
    n = x.shape[-1]
    half = stats.t.ppf((1 + level) / 2, n - 1) * x.std(-1, ddof=1) / np.sqrt(n)
    return Interval(x.mean(-1) - half, x.mean(-1) + half)


def prediction_interval(runs: ArrayLike, count: int, level: float) -> Interval:
    """Interval that holds `count` further runs together, by Bonferroni (Hahn 1970).

    Args:
        runs: [..., n], n >= 2, independent and roughly normal.
    """
    x = np.asarray(runs, float)
    n = x.shape[-1]
    t = stats.t.ppf(1 - (1 - level) / (2 * count), n - 1)
    half = t * x.std(-1, ddof=1) * np.sqrt(1 + 1 / n)
    return Interval(x.mean(-1) - half, x.mean(-1) + half)


def welch(a: ArrayLike, b: ArrayLike, level: float) -> Difference:
    """Welch's t: mean of `a` [..., n] - mean of `b` [..., m], n, m >= 2 (Welch 1947)."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    error = np.sqrt(x.var(-1, ddof=1) / x.shape[-1] + y.var(-1, ddof=1) / y.shape[-1])
    with warnings.catch_warnings():  # runs that do not vary are answered with NaN below
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.ttest_ind(x, y, axis=-1, equal_var=False)
        low, high = found.confidence_interval(level)
    varies = error > _rounding(x, y)
    freedom, low, high, p = (
        np.where(varies, v, np.nan) for v in (found.df, low, high, found.pvalue)
    )
    return Difference(x.mean(-1) - y.mean(-1), error, freedom, low, high, p)


def against_reported(ours: ArrayLike, reported: ArrayLike, level: float) -> Difference:
    """Mean of our runs - mean of a few reported ones, which are taken to vary as ours do.

    The standard error is s * sqrt(1/S + 1/R) with s from our runs alone and S - 1 degrees of
    freedom: the pooled t test when the reported runs tell nothing about the spread, being
    too few and a selection.

    Args:
        ours: [..., S], S >= 2.
        reported: [..., R], R >= 1.
    """
    x, y = np.asarray(ours, float), np.asarray(reported, float)
    n = x.shape[-1]
    value = x.mean(-1) - y.mean(-1)
    error = x.std(-1, ddof=1) * np.sqrt(1 / n + 1 / y.shape[-1])
    varies = error > _rounding(x, y)
    freedom = np.where(varies, n - 1.0, np.nan)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    p = 2 * stats.t.sf(np.abs(value) / np.where(varies, error, np.nan), freedom)
    return Difference(value, error, freedom, value - half, value + half, p)


def _rounding(x: Array, y: Array) -> Array:
    """Standard error that equal numbers can show through floating point alone."""
    largest: Array = np.maximum(np.abs(x).max(-1), np.abs(y).max(-1))
    return 1e-12 * largest


def inside(found: Difference, margin: float) -> Array:
    """Whether the interval lies in (-margin, margin): with a 90 % interval, two one-sided
    tests at 5 % (Schuirmann 1987)."""
    return np.asarray((found.low > -margin) & (found.high < margin))


def outside(found: Difference, margin: float) -> Array:
    """Whether the interval lies wholly beyond one of the margins."""
    return np.asarray((found.low > margin) | (found.high < -margin))


def holm(p: ArrayLike, family: int = 0) -> Array:
    """p values [k] after Holm (1979); NaN stays NaN.

    Args:
        family: size of the family where tests of it are still missing; they count as p = 1.
    """
    return _corrected(p, "holm", family)


def benjamini_hochberg(p: ArrayLike) -> Array:
    """p values [k] as false discovery rates (Benjamini and Hochberg 1995); NaN stays NaN."""
    return _corrected(p, "fdr_bh", 0)


def _corrected(p: ArrayLike, method: str, family: int) -> Array:
    raw = np.asarray(p, float)
    corrected = raw.copy()
    there = ~np.isnan(raw)
    if there.any():
        padding = np.ones(max(0, family - int(there.sum())))
        # statsmodels collects garbage on every call, which takes a thousand times as long as
        # the correction; what is frozen is passed over.
        gc.freeze()
        try:
            whole = multipletests(np.concatenate([raw[there], padding]), method=method)[1]
        finally:
            gc.unfreeze()
        corrected[there] = whole[: there.sum()]
    return corrected


def probability_better(a: ArrayLike, b: ArrayLike) -> float:
    """P(A > B) of a random run of `a` [n] and one of `b` [m], ties counted half: Mann and
    Whitney's U / (n m). A failed run is -inf. NaN where there are none."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if not x.size or not y.size:
        return float("nan")
    return float(stats.mannwhitneyu(x, y, method="asymptotic").statistic / (x.size * y.size))


def detectable(error: float, freedom: float, alpha: float, power: float) -> float:
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


def seeds_to_be_inside(
    sd: float, margin: float, alpha: float, power: float, reported: int
) -> int | None:
    """Runs with which a true difference of zero is shown to lie inside the margin.

    Chow and Liu's approximation (1999) for two one-sided tests at `alpha`, with the standard
    error of `against_reported`.

    Returns:
        The number, or None where none would do, as the reported runs alone are too noisy.
    """
    limit = stats.norm.ppf(1 - alpha) + stats.norm.ppf((1 + power) / 2)
    if margin <= limit * sd / np.sqrt(reported):
        return None
    n = 2
    while margin < sd * np.sqrt(1 / n + 1 / reported) * (
        stats.t.ppf(1 - alpha, n - 1) + stats.t.ppf((1 + power) / 2, n - 1)
    ):
        n += 1
    return n


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
