"""Contrasts of arms: who is tested, against which family, and who is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from harness.analysis import contrasts
from harness.analysis.contrasts import Arm
from harness.protocol import datasets, decision
from tests.made import made

RULES = decision.load()


def arm(name: str, rights: list[int], failed: int = 0) -> Arm:
    runs = [made(name, seed, right) for seed, right in enumerate(rights)]
    runs += [made(name, 100 + seed, failed=True) for seed in range(failed)]
    return Arm.of(name, runs[::-1])


BASE = arm("paper", [750, 752, 755, 751, 749, 753])

OTHER = arm("baseline", [748, 751, 752, 751, 745, 750], failed=2)


def test_an_arm_is_its_runs_by_seed_with_failures_counted() -> None:
    assert OTHER.n == 6
    assert OTHER.failed == 2
    assert OTHER.accuracies[:2] == pytest.approx([0.748, 0.751])
    assert np.isneginf(OTHER.all_runs[-2:]).all()
    assert OTHER.figure("recall", datasets.CLASSES).shape == (10, 6)


def test_a_contrast_holds_what_scipy_says() -> None:
    (found,) = contrasts.contrast([OTHER], BASE, RULES)
    library = stats.ttest_ind(OTHER.accuracies, BASE.accuracies, equal_var=False)
    assert found.p == pytest.approx(library.pvalue)
    assert found.low == pytest.approx(library.confidence_interval(0.95).low)
    assert found.correlation == pytest.approx(
        stats.pearsonr(OTHER.accuracies, BASE.accuracies).statistic
    )
    u = stats.mannwhitneyu(OTHER.accuracies, BASE.accuracies).statistic
    assert found.better == pytest.approx(u / (8 * 6))  # two failed runs win against nobody


def test_a_larger_family_raises_p_and_what_is_detectable() -> None:
    (alone,) = contrasts.contrast([OTHER], BASE, RULES)
    (one_of_seven,) = contrasts.contrast([OTHER], BASE, RULES, family=7)
    assert one_of_seven.holm == pytest.approx(min(1, 7 * alone.holm))
    assert one_of_seven.detectable > alone.detectable


def test_too_few_seeds_have_a_difference_and_nothing_else() -> None:
    few = arm("dropout_0", [700, 701, 702, 703])
    tested, untested = contrasts.contrast([OTHER, few], BASE, RULES)
    assert untested.difference == pytest.approx(0.7015 - BASE.accuracies.mean())
    assert math.isnan(untested.p)
    assert math.isnan(untested.better)
    assert tested.holm == tested.p  # the family is what can be tested


def test_an_arm_without_finished_runs_has_no_difference() -> None:
    (found,) = contrasts.contrast([arm("dropout_0", [], failed=3)], BASE, RULES)
    assert math.isnan(found.difference)


def test_false_discovery_rates_are_taken_over_all_arms_and_classes() -> None:
    ten = arm("paper", [750 + seed % 3 for seed in range(10)])
    arms = [arm("baseline", [740 + seed % 3 for seed in range(10)]), OTHER]
    values, q = contrasts.class_differences(arms, ten, datasets.CLASSES, RULES)
    assert values[0] == pytest.approx(np.full(10, -0.01))
    assert (q[0] < 0.05).all()
    assert np.isnan(values[1]).all()  # six seeds are too few for single classes
    assert np.isnan(q[1]).all()
