"""Every statistic compared with a computation by hand, a table, or another library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from harness.analysis import stats as analysis_stats

# Accuracies of stored runs, fractions.
A = [0.7512, 0.7548, 0.7490, 0.7533, 0.7561, 0.7507, 0.7525]

B = [0.7431, 0.7466, 0.7502, 0.7418, 0.7455]

NAN = float("nan")


def test_the_interval_of_a_mean_by_hand() -> None:
    # 1, 2, 3, 4: mean 2.5, s^2 = 5/3, t(0.975, 3) = 3.182446
    low, high = analysis_stats.mean_interval([1, 2, 3, 4], 0.95)
    half = 3.182446305 * math.sqrt(5 / 3) / 2
    assert (low, high) == (pytest.approx(2.5 - half), pytest.approx(2.5 + half))
    library = stats.ttest_1samp(A, 0).confidence_interval(0.95)
    assert analysis_stats.mean_interval(A, 0.95) == pytest.approx((library.low, library.high))


def test_welch_by_hand_and_by_statsmodels() -> None:
    difference = analysis_stats.welch(A, B, 0.95)
    a, b = np.array(A), np.array(B)
    va, vb = a.var(ddof=1) / 7, b.var(ddof=1) / 5
    freedom = (va + vb) ** 2 / (va**2 / 6 + vb**2 / 4)
    assert difference.value == pytest.approx(a.mean() - b.mean())
    assert difference.error == pytest.approx(math.sqrt(va + vb))
    assert difference.freedom == pytest.approx(freedom)
    library = CompareMeans(DescrStatsW(a), DescrStatsW(b))
    assert difference.p == pytest.approx(library.ttest_ind(usevar="unequal")[1])
    ends = library.tconfint_diff(0.05, usevar="unequal")
    assert (difference.low, difference.high) == pytest.approx(ends)


def test_welch_works_on_many_worlds_at_once() -> None:
    many = analysis_stats.welch([A[:5], B], B, 0.9)
    alone = analysis_stats.welch(A[:5], B, 0.9)
    assert many.p[0] == pytest.approx(alone.p)
    assert many.value[1] == 0


def test_runs_that_do_not_vary_are_not_tested() -> None:
    assert np.isnan(analysis_stats.welch([0.1] * 5, [0.2] * 5, 0.95).p)
    assert np.isnan(analysis_stats.welch([0.1 + 0.2] * 5, [0.3] * 5, 0.95).p)
    difference = analysis_stats.difference_from_reported([0.7] * 5, [0.7, 0.8], 0.9)
    assert np.isnan(difference.low)
    assert not analysis_stats.within_margin(difference, 1.0)


def test_the_reported_mean_counts_as_two_noisy_runs() -> None:
    # ours 1, 2, 3, 4, reported 2 and 4: s = 1.290994, se = s * sqrt(1/4 + 1/2) = 1.118034,
    # d = -0.5, t(0.95, 3) = 2.353363
    difference = analysis_stats.difference_from_reported([1, 2, 3, 4], [2, 4], 0.9)
    assert difference.value == -0.5
    assert difference.error == pytest.approx(1.118034, abs=1e-6)
    assert difference.low == pytest.approx(-0.5 - 2.353363 * 1.118034, abs=1e-5)
    assert difference.high == pytest.approx(-0.5 + 2.353363 * 1.118034, abs=1e-5)
    assert difference.p == pytest.approx(2 * stats.t.cdf(-0.5 / 1.118034, 3), abs=1e-6)


def test_the_reported_runs_may_have_a_deviation_of_their_own() -> None:
    # se = sqrt(5/3 / 4 + 3 ** 2 / 2) = 2.217356, with the same degrees of freedom
    difference = analysis_stats.difference_from_reported([1, 2, 3, 4], [2, 4], 0.9, reported_sd=3)
    assert difference.error == pytest.approx(2.217356, abs=1e-6)
    assert difference.low == pytest.approx(-0.5 - 2.353363 * 2.217356, abs=1e-5)


def test_the_interval_against_the_reported_mean_is_two_one_sided_tests() -> None:
    reported = [0.7539, 0.7485]
    difference = analysis_stats.difference_from_reported(A, reported, 0.9)
    for margin in (0.003, 0.004, 0.01):
        t = [
            (difference.value + margin) / difference.error,
            (margin - difference.value) / difference.error,
        ]
        worse = max(stats.t.sf(t, difference.freedom))
        assert analysis_stats.within_margin(difference, margin) == (worse < 0.05)


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (-0.9, 0.9, True),
        (1.1, 2.0, False),
        (-3.0, -1.1, False),
        (0.5, 1.5, False),
        (-2.0, 2.0, False),
        (0.0, 1.0, False),
    ],
)
def test_where_an_interval_lies(low: float, high: float, inside: bool) -> None:
    difference = analysis_stats.Difference(*map(np.array, (0.0, 1.0, 1.0, low, high, 1.0)))
    assert analysis_stats.within_margin(difference, 1.0) == inside


def test_prediction_interval_by_hand() -> None:
    # two further runs at 95 %: t(1 - 0.05/4, 3) = 4.176535
    low, high = analysis_stats.prediction_interval([1, 2, 3, 4], 2, 0.95)
    half = 4.176535 * math.sqrt(5 / 3) * math.sqrt(1.25)
    assert (low, high) == (pytest.approx(2.5 - half, abs=1e-4), pytest.approx(2.5 + half, abs=1e-4))
    # of a standard deviation of at least 2, then of one that is smaller than that of the runs
    half = 4.176535 * 2 * math.sqrt(1.25)
    low, high = analysis_stats.prediction_interval([[1, 2, 3, 4]] * 2, 2, 0.95, [2.0, 0.1])
    assert high[0] == pytest.approx(2.5 + half, abs=1e-4)
    assert high[1] == analysis_stats.prediction_interval([1, 2, 3, 4], 2, 0.95).high


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1, made monotone
    corrected = analysis_stats.holm([0.03, 0.01, 0.5, 0.02])
    assert corrected == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_counts_tests_that_are_still_missing_and_passes_over_nan() -> None:
    corrected = analysis_stats.holm([0.01, NAN, 0.02], family=7)
    assert corrected == pytest.approx([0.07, NAN, 0.12], nan_ok=True)
    assert np.isnan(analysis_stats.holm([NAN, NAN])).all()


def test_holm_of_many_families_is_that_of_statsmodels() -> None:
    p = np.random.default_rng(1).random((100, 7)) ** 4
    p[:50, 2] = p[:50, 4]  # ties
    for row, corrected in zip(p, analysis_stats.holm(p), strict=True):
        assert corrected == pytest.approx(multipletests(row, method="holm")[1])
    p[:, 1] = NAN
    for row, corrected in zip(p, analysis_stats.holm(p, family=7), strict=True):
        assert np.isnan(corrected[1])
        row[1] = 1.0  # a test that is missing
        expected = multipletests(row, method="holm")[1]
        assert np.delete(corrected, 1) == pytest.approx(np.delete(expected, 1))


def test_a_failed_run_is_in_no_figure() -> None:
    a = [[*A[:3], NAN, *A[3:]], [NAN, *A[:5], NAN, A[5]]]
    difference = analysis_stats.welch(a, [*B, NAN], 0.9)
    library = stats.ttest_ind(a, [[*B, NAN]] * 2, axis=1, equal_var=False, nan_policy="omit")
    assert difference.p == pytest.approx(library.pvalue)
    alone = analysis_stats.difference_from_reported(A, [0.75, 0.76], 0.9)
    together = analysis_stats.difference_from_reported(a, [0.75, 0.76], 0.9)
    assert [float(field[0]) for field in together] == pytest.approx([*map(float, alone)])
    assert together.freedom[1] == 5
    for interval in (
        analysis_stats.mean_interval(a, 0.9),
        analysis_stats.prediction_interval(a, 2, 0.9),
    ):
        assert not np.isnan(interval).any()
    assert analysis_stats.mean_interval(a[0], 0.9) == analysis_stats.mean_interval(A, 0.9)
    assert np.isnan(analysis_stats.mean_interval([NAN, 0.7], 0.9)).all()


def test_probability_better_by_counting() -> None:
    # pairs: 3>1, 3>2, 3=3 (half), 1=1 (half), 1<2, 1<3
    assert analysis_stats.probability_of_improvement([3, 1], [1, 2, 3]) == pytest.approx(3 / 6)
    pairs = [(x > y) + 0.5 * (x == y) for x in A for y in B]
    assert analysis_stats.probability_of_improvement(A, B) == pytest.approx(np.mean(pairs))


def test_a_failed_run_loses_and_two_tie() -> None:
    assert (
        analysis_stats.probability_of_improvement([1.0, -np.inf], [0.5, -np.inf])
        == (1 + 1 + 0 + 0.5) / 4
    )
    assert math.isnan(analysis_stats.probability_of_improvement([], [1.0]))


def test_the_smallest_detectable_difference_by_statsmodels() -> None:
    n, sd = 12, 0.4
    effect = TTestIndPower().solve_power(nobs1=n, alpha=0.01, power=0.8)
    detectable = analysis_stats.min_detectable(sd * math.sqrt(2 / n), 2 * n - 2, 0.01, 0.8)
    assert detectable == pytest.approx(effect * sd, rel=1e-4)
    assert math.isnan(analysis_stats.min_detectable(0.0, 10, 0.05, 0.8))


def test_wilson_of_the_reported_runs_by_hand() -> None:
    assert analysis_stats.wilson(7539, 10_000, 0.95) == pytest.approx((0.7454, 0.7622), abs=5e-5)
    assert analysis_stats.wilson(7485, 10_000, 0.95) == pytest.approx((0.7399, 0.7569), abs=5e-5)
    library = stats.binomtest(7539, 10_000).proportion_ci(0.95, method="wilson")
    assert analysis_stats.wilson(7539, 10_000, 0.95) == pytest.approx((library.low, library.high))


def test_two_proportions_by_hand_and_as_chi_squared() -> None:
    z, p = analysis_stats.two_proportions((7539, 7485), (10_000, 10_000))
    pooled = 15_024 / 20_000
    assert z == pytest.approx(0.0054 / math.sqrt(pooled * (1 - pooled) * 2 / 10_000))
    table = [[7539, 2461], [7485, 2515]]
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_correlation_by_scipy_and_where_there_is_none() -> None:
    assert analysis_stats.correlation(A[:5], B) == pytest.approx(stats.pearsonr(A[:5], B).statistic)
    assert math.isnan(analysis_stats.correlation([1, 2], [2, 1]))
    assert math.isnan(analysis_stats.correlation([1, 1, 1], [1, 2, 3]))
