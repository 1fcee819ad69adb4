"""Classes and the confusion pattern of synthetic studies: tested at the last look alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.paper import reported
from harness.protocol import datasets
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import judge_one_group, runs_near, verdict_text

pytestmark = pytest.mark.usefixtures("adopted")


def test_classes_and_pattern_are_tested_at_the_last_look_alone() -> None:
    # All our classes have one recall, so every one that differs from the paper's is found.
    for n_seeds in (5, 10, 20):
        group_verdict, last = judge_one_group(runs_near(n=n_seeds)), n_seeds == 20
        assert [c.name for c in group_verdict.classes] == list(datasets.CLASSES)
        assert all(math.isnan(c.p_holm) != last for c in group_verdict.classes)
        assert all(math.isnan(c.p) != last for c in group_verdict.classes)
        assert (group_verdict.confusions is not None) == last
        assert (
            "Recall differs from the paper's in airplane" in verdict_text(runs_near(n=n_seeds))
        ) == last
        assert ("The confusion pattern differs" in verdict_text(runs_near(n=n_seeds))) == last
    assert judge_one_group(runs_near(n=4)).classes == ()


def test_if_no_class_differs_the_detectable_difference_is_reported() -> None:
    text = verdict_text([reported_again(run) for run in runs_near()])
    assert "Recall of the classes: no difference found; differences of" in text
    assert "would have been seen in 80 % of cases" in text
    assert "The confusion pattern: no difference found" in text


def reported_again(record: RunRecord) -> RunRecord:
    """Return the record with figures drawn around the mean of the reported matrices."""
    source = np.random.default_rng(record.seed)
    assert record.metrics is not None
    mean = np.mean([run.confusion_matrix for run in reported.REPORTED_RUNS], axis=0)
    matrix = np.stack([source.multinomial(1000, row / row.sum()) for row in mean])
    # Deviations of recall over runs are a few points, as between the reported two.
    per_class = {
        name: figures.model_copy(update={"recall": mean[i, i] / 1000 + source.normal(0, 0.03)})
        for i, (name, figures) in enumerate(record.metrics.per_class.items())
    }
    changed = {"confusion_matrix": matrix.tolist(), "per_class": per_class}
    return record.model_copy(update={"metrics": record.metrics.model_copy(update=changed)})
