"""Arms and contrasts: which runs count, who is tested against which family, and who is not."""

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


def arm(records: list[RunRecord], name: str = "paper") -> VariantRuns:
    return VariantRuns.of(name, records, RULES)


def rows(
    *records: RunRecord, planned: bool = True, against: str = "paper"
) -> dict[str, VariantResult]:
    (group,), _ = groups.group(records)
    found = contrasts.results(group, against, RULES, planned)
    return {row.variant: row for row in found}


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
    found = arm(runs_near(n=n)[::-1])
    assert (found.look, found.n_finished, found.waiting) == (look, counted, waiting)
    assert [run.seed for run in found.counted] == list(range(counted))
    assert math.isnan(found.deviation) == math.isnan(found.interval[0]) == (look == 0)


def test_a_look_needs_its_very_seeds_and_seeds_beyond_the_last_are_left_out() -> None:
    assert arm([run for run in runs_near(n=7) if run.seed != 3]).look == 0
    assert arm(runs_near(n=25)).n_finished == 20
    assert arm([make_record(seed=30)]).n_finished == 0


def test_a_failed_run_counts_as_present_and_too_many_block_a_look() -> None:
    five = arm([*runs_near(n=4), *failed_runs("paper", 4)])
    assert (five.look, five.n_finished, five.n_failed) == (0, 4, 1)  # at five seeds one is too many
    ten = arm([*runs_near(n=9), *failed_runs("paper", 9)])
    assert (ten.look, ten.n_finished, ten.n_failed) == (2, 9, 1)
    blocked = arm([*runs_near(n=8), *failed_runs("paper", 8, 9)])
    assert (blocked.look, blocked.n_finished, blocked.waiting) == (1, 5, 5)


def test_figures_of_an_arm() -> None:
    found = arm(runs_near(n=6))
    assert found.accuracies == pytest.approx([0.748, 0.750, 0.751, 0.751, 0.752])
    assert found.per_class("recall", datasets.CLASSES).shape == (10, 5)
    assert found.at_look(0) is found
    later = arm(runs_near(n=10))
    assert later.at_look(1).mean == pytest.approx(found.mean)
    none = arm([])
    assert none.per_class("recall", datasets.CLASSES).shape == (10, 0)
    assert math.isnan(none.mean)


def test_a_planned_contrast_is_over_the_seeds_of_the_look_that_both_have() -> None:
    other, base = runs_near("baseline", 745, n=10), runs_near(n=20, spread=2)
    row = rows(*base, *other)["baseline"]
    found = contrast(row)
    a, b = arm(other, "baseline").accuracies, arm(base).at_look(2).accuracies
    library = stats.ttest_ind(a, b, equal_var=False)
    assert (row.look, found.look) == (2, 2)
    assert found.p == pytest.approx(library.pvalue)
    assert found.level == pytest.approx(1 - 0.05 * 0.25 / 7)
    assert found.low == pytest.approx(library.confidence_interval(found.level).low)
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert found.correlation == pytest.approx(stats.pearsonr(a, b).statistic)
    assert found.better == pytest.approx(stats.mannwhitneyu(a, b).statistic / 100)
    assert row.mean == pytest.approx(a.mean())


def test_holm_counts_the_whole_family_run_or_not() -> None:
    found = rows(*runs_near(n=5), *runs_near("no_augmentation", 747, n=5))
    assert list(found) == ["paper", *RULES.contrasts.variants]
    assert contrast(found["no_augmentation"]).p_holm == pytest.approx(
        min(1, 7 * contrast(found["no_augmentation"]).q)
    )
    absent = found["dropout_75"]
    assert (absent.n, contrast(absent).effect, contrast(absent).q) == (0, Effect.UNDECIDED, 1)


def test_extensions_and_readings_are_outside_the_family() -> None:
    planned = [*runs_near(n=5), *runs_near("no_augmentation", 747, n=5)]
    alone, beside = (
        rows(*planned),
        rows(*planned, *runs_near("lrn", 700, n=5), *runs_near("low_lr", n=2)),
    )
    assert beside["no_augmentation"] == alone["no_augmentation"]
    found = contrast(beside["lrn"])
    assert found.effect is None
    assert np.isnan([found.p, found.q, found.p_holm]).all()
    assert found.level == RULES.description.level
    library = stats.ttest_ind(
        arm(runs_near("lrn", 700, n=5), "lrn").accuracies,
        arm(runs_near(n=5)).accuracies,
        equal_var=False,
    ).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((library.low, library.high))
    few = contrast(beside["low_lr"])
    assert few.difference == pytest.approx(0.749 - 0.7504)
    assert np.isnan([few.low, few.better, few.detectable, few.level]).all()
    assert beside["low_lr"].runs == pytest.approx((0.748, 0.750))


def test_where_nothing_is_planned_nothing_is_tested() -> None:
    found = rows(*runs_near(n=20), *runs_near("no_augmentation", 700, n=20), planned=False)
    assert list(found) == ["paper", "no_augmentation"]
    assert contrast(found["no_augmentation"]).effect is None
    assert contrast(found["no_augmentation"]).high < -0.04


def test_another_baseline_has_intervals_and_no_tests() -> None:
    found = rows(
        *runs_near(n=5), *runs_near("dropout_0", 700, n=5), planned=False, against="dropout_0"
    )
    assert found["dropout_0"].contrast is None
    assert contrast(found["paper"]).against == "dropout_0"
    assert contrast(found["paper"]).low > 0
    alone = rows(*runs_near(n=5), planned=False, against="dropout_0")
    assert alone["paper"].contrast is None


def test_failed_runs_lose_every_comparison() -> None:
    even = [make_record("dropout_0", seed, 751) for seed in range(9)]
    found = rows(
        *(make_record(seed=s, right=751) for s in range(10)), *even, *failed_runs("dropout_0", 9)
    )
    assert contrast(found["dropout_0"]).better == pytest.approx(0.9 * 0.5)
    assert (found["dropout_0"].n, found["dropout_0"].failed) == (9, 1)


def test_variants_come_as_registered_and_unknown_ones_last() -> None:
    old = make_record("dropout_0").model_copy(update={"variant": "retired"})
    found = rows(old, make_record("baseline"), make_record(), planned=False)
    assert list(found) == ["paper", "baseline", "retired"]
