"""Runs of variants and their contrasts: which runs count, and which contrasts are tested."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis import contrasts, groups
from harness.analysis.contrasts import Contrast, VariantResult
from harness.analysis.groups import VariantRuns
from harness.analysis.sequential import Effect
from harness.protocol import datasets
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import RULES, failed_runs, runs_near
from tests.helpers.records import make_record


def runs_of(records: list[RunRecord], name: str = "paper") -> VariantRuns:
    return groups.runs_by_variant(records, RULES)[name]


def rows(
    *records: RunRecord, planned: bool = True, against: str = "paper"
) -> dict[str, VariantResult]:
    by_variant = groups.runs_by_variant(records, RULES)
    results = contrasts.results(by_variant, against, RULES, planned)
    return {row.variant: row for row in results}


def contrast(row: VariantResult) -> Contrast:
    assert row.contrast is not None
    return row.contrast


@pytest.mark.parametrize(
    ("n", "look", "counted", "waiting"),
    [(4, 0, 4, 0), (5, 1, 5, 0), (9, 1, 5, 4), (10, 2, 10, 0), (19, 2, 10, 9), (20, 3, 20, 0)],
)
def test_runs_of_the_latest_look_count_and_the_others_wait(
    n: int, look: int, counted: int, waiting: int
) -> None:
    runs = runs_of(runs_near(n=n)[::-1])
    assert (runs.look, runs.n_finished, runs.waiting) == (look, counted, waiting)
    assert [record.seed for record in runs.counted] == list(range(counted))
    assert math.isnan(runs.deviation) == math.isnan(runs.interval[0]) == (look == 0)


def test_a_look_needs_its_very_seeds_and_seeds_beyond_the_last_are_left_out() -> None:
    assert runs_of([run for run in runs_near(n=7) if run.seed != 3]).look == 0
    assert runs_of(runs_near(n=25)).n_finished == 20
    assert not groups.runs_by_variant([make_record(seed=30)], RULES)


def test_a_failed_run_counts_as_present_and_too_many_block_a_look() -> None:
    five = runs_of([*runs_near(n=4), *failed_runs("paper", 4)])
    assert (five.look, five.n_finished, five.n_failed) == (0, 4, 1)  # at five seeds one is too many
    ten = runs_of([*runs_near(n=9), *failed_runs("paper", 9)])
    assert (ten.look, ten.n_finished, ten.n_failed) == (2, 9, 1)
    blocked = runs_of([*runs_near(n=8), *failed_runs("paper", 8, 9)])
    assert (blocked.look, blocked.n_finished, blocked.waiting) == (1, 5, 5)


def test_figures_of_a_variant() -> None:
    runs = runs_of(runs_near(n=6))
    assert runs.accuracies == pytest.approx([0.748, 0.750, 0.751, 0.751, 0.752])
    assert runs.per_class("recall", datasets.CLASSES).shape == (10, 5)
    assert runs.at_look(0) == runs
    later = runs_of(runs_near(n=10))
    assert later.at_look(1).mean == pytest.approx(runs.mean)
    none = VariantRuns("paper", {}, RULES)
    assert none.per_class("recall", datasets.CLASSES).shape == (10, 0)
    assert math.isnan(none.mean)


def test_a_planned_contrast_is_over_the_seeds_of_the_look_that_both_have() -> None:
    other, base = runs_near("baseline", 745, n=10), runs_near(n=20, spread=2)
    row = rows(*base, *other)["baseline"]
    difference = contrast(row)
    a, b = runs_of(other, "baseline").accuracies, runs_of(base).at_look(2).accuracies
    library = stats.ttest_ind(a, b, equal_var=False)
    assert (row.look, difference.look) == (2, 2)
    assert difference.p == pytest.approx(library.pvalue)
    assert difference.level == pytest.approx(1 - 0.05 * 0.25 / 7)
    assert difference.low == pytest.approx(library.confidence_interval(difference.level).low)
    assert difference.difference == pytest.approx(a.mean() - b.mean())
    assert difference.correlation == pytest.approx(stats.pearsonr(a, b).statistic)
    assert difference.better == pytest.approx(stats.mannwhitneyu(a, b).statistic / 100)
    assert row.mean == pytest.approx(a.mean())


def test_holm_counts_the_whole_family_run_or_not() -> None:
    results = rows(*runs_near(n=5), *runs_near("no_augmentation", 747, n=5))
    assert list(results) == ["paper", *RULES.contrasts.variants]
    assert contrast(results["no_augmentation"]).p_holm == pytest.approx(
        min(1, 7 * contrast(results["no_augmentation"]).q)
    )
    absent = results["dropout_75"]
    assert (absent.n, contrast(absent).effect, contrast(absent).q) == (0, Effect.UNDECIDED, 1)


def test_extensions_and_readings_are_outside_the_family() -> None:
    planned = [*runs_near(n=5), *runs_near("no_augmentation", 747, n=5)]
    alone = rows(*planned)
    together = rows(*planned, *runs_near("lrn", 700, n=5), *runs_near("low_lr", n=2))
    assert together["no_augmentation"] == alone["no_augmentation"]
    exploratory = contrast(together["lrn"])
    assert exploratory.effect is None
    assert np.isnan([exploratory.p, exploratory.q, exploratory.p_holm]).all()
    assert exploratory.level == RULES.description.level
    library = stats.ttest_ind(
        runs_of(runs_near("lrn", 700, n=5), "lrn").accuracies,
        runs_of(runs_near(n=5)).accuracies,
        equal_var=False,
    ).confidence_interval(0.95)
    assert (exploratory.low, exploratory.high) == pytest.approx((library.low, library.high))
    few = contrast(together["low_lr"])
    assert few.difference == pytest.approx(0.749 - 0.7504)
    assert np.isnan([few.low, few.better, few.detectable, few.level]).all()
    assert together["low_lr"].runs == pytest.approx((0.748, 0.750))


def test_where_nothing_is_planned_nothing_is_tested() -> None:
    results = rows(*runs_near(n=20), *runs_near("no_augmentation", 700, n=20), planned=False)
    assert list(results) == ["paper", "no_augmentation"]
    assert contrast(results["no_augmentation"]).effect is None
    assert contrast(results["no_augmentation"]).high < -0.04


def test_another_baseline_has_intervals_and_no_tests() -> None:
    results = rows(
        *runs_near(n=5), *runs_near("dropout_0", 700, n=5), planned=False, against="dropout_0"
    )
    assert results["dropout_0"].contrast is None
    assert contrast(results["paper"]).against == "dropout_0"
    assert contrast(results["paper"]).low > 0
    alone = rows(*runs_near(n=5), planned=False, against="dropout_0")
    assert alone["paper"].contrast is None


def test_failed_runs_lose_every_comparison() -> None:
    even = [make_record("dropout_0", seed, 751) for seed in range(9)]
    results = rows(
        *(make_record(seed=s, right=751) for s in range(10)), *even, *failed_runs("dropout_0", 9)
    )
    assert contrast(results["dropout_0"]).better == pytest.approx(0.9 * 0.5)
    assert (results["dropout_0"].n, results["dropout_0"].failed) == (9, 1)


def test_variants_come_as_registered_and_unknown_ones_last() -> None:
    old = make_record("dropout_0").model_copy(update={"variant": "retired"})
    results = rows(old, make_record("baseline"), make_record(), planned=False)
    assert list(results) == ["paper", "baseline", "retired"]
