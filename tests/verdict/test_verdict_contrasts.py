"""Contrasts of synthetic studies: their effects, and the looks that both variants share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.analysis.contrasts import Contrast
from harness.analysis.sequential import Effect
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import (
    RULES,
    failed_runs,
    judge_one_group,
    result_of,
    runs_near,
    verdict_text,
)

pytestmark = pytest.mark.usefixtures("adopted")


def contrast(records: list[RunRecord], name: str) -> Contrast:
    result = result_of(judge_one_group(records), name).contrast
    assert result is not None
    return result


def test_a_contrast_keeps_the_sign_of_the_look_that_settled_it() -> None:
    turned = [
        *runs_near("baseline", 700, n=5),
        *(r for r in runs_near("baseline", 790) if r.seed > 4),
    ]
    difference = contrast([*runs_near(), *turned], "baseline")
    assert (difference.effect, difference.settled_look, difference.look) == (Effect.HURTS, 1, 3)
    assert difference.difference > 0
    assert "Augmentation plus learning-rate decay helps: " in verdict_text([*runs_near(), *turned])


@pytest.mark.parametrize(
    ("right", "effect"),
    [(700, Effect.HURTS), (790, Effect.HELPS), (751, Effect.UNDECIDED)],
)
def test_effects(right: int, effect: Effect) -> None:
    records = [*runs_near(n=5, spread=2), *runs_near("dropout_0", right, n=5)]
    difference = contrast(records, "dropout_0")
    assert (difference.effect, difference.settled_look) == (effect, 0 if right == 751 else 1)
    assert (difference.p_holm < RULES.contrasts.alpha) == (right != 751)


def test_variants_with_unequal_seeds_are_compared_over_shared_looks() -> None:
    records = [
        *runs_near(n=20),
        *runs_near("baseline", 748, n=10),
        *runs_near("dropout_0", 700, n=4),
    ]
    longer = contrast(records, "baseline")
    a, b = (
        np.array([r.metrics.accuracy for r in runs_near(name, right, n=10) if r.metrics])
        for name, right in (("baseline", 748), ("paper", 751))
    )
    p = [stats.ttest_ind(a[:n], b[:n], equal_var=False).pvalue for n in (5, 10)]
    assert longer.q == pytest.approx(min(p) / 0.25)
    assert (longer.look, result_of(judge_one_group(records), "paper").look) == (2, 3)
    shorter = contrast(records, "dropout_0")
    assert (shorter.look, shorter.effect, shorter.p_holm) == (0, Effect.UNDECIDED, 1)
    text = verdict_text(records)
    assert "Dropout 0.5 instead of none: not tested, +5.18 points (4 runs of dropout_0)." in text


def test_a_contrast_waits_for_a_look_that_neither_variant_blocks() -> None:
    records = [*runs_near(n=10), *runs_near("baseline", 700, n=4), *failed_runs("baseline", 4)]
    assert contrast(records, "baseline").effect is Effect.UNDECIDED
    more = [*records, *(run for run in runs_near("baseline", 700, n=10) if run.seed > 4)]
    assert contrast(more, "baseline").settled_look == 2


def test_every_variant_of_the_family_has_a_row_and_others_follow() -> None:
    names = [
        row.variant for row in judge_one_group([*runs_near(), *runs_near("lrn", n=2)]).variants
    ]
    assert names == [*RULES.variants, "lrn"]
