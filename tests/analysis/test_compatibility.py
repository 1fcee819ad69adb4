"""Runs compared with reference runs: intervals by hand, and which runs are a reference."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.analysis.compatibility import prediction, reference, sentences
from harness.analysis.compatibility.prediction import Compatibility, Outcome
from harness.runs.record import RunRecord
from tests.helpers.records import make_record
from tests.helpers.reference_runs import RIGHT, runs, with_metrics


def with_recall(run: RunRecord, name: str, recall: float) -> RunRecord:
    assert run.metrics is not None
    figures = run.metrics.per_class[name].model_copy(update={"recall": recall})
    return with_metrics(run, per_class={**run.metrics.per_class, name: figures})


def compared(run: RunRecord, others: list[RunRecord]) -> Compatibility:
    return compare_run(run, reference.from_records(others))


def compare_run(run: RunRecord, others: reference.ReferenceRuns) -> Compatibility:
    (comparison,) = prediction.compare_runs([run], others)
    assert comparison is not None
    return comparison


def test_the_interval_of_one_figure_by_hand() -> None:
    # 1, 2, 3, 4: mean 2.5, s^2 = 5/3, t(0.975, 3) = 3.182446, one figure: no correction
    low, high = prediction.intervals([[1, 2, 3, 4]], [0.0])
    half = 3.182446305 * math.sqrt(5 / 3) * math.sqrt(1 + 1 / 4)
    assert (low[0], high[0]) == (pytest.approx(2.5 - half), pytest.approx(2.5 + half))


def test_the_intervals_are_corrected_for_the_number_of_figures() -> None:
    figures = np.array([[0.74, 0.75, 0.76, 0.75, 0.77], [0.6, 0.7, 0.65, 0.71, 0.62]])
    low, high = prediction.intervals(figures, [1e-4, 1e-3])
    half = stats.t(4).isf(0.05 / 2 / 2) * figures.std(1, ddof=1) * math.sqrt(6 / 5)
    assert low == pytest.approx(figures.mean(1) - half - [1e-4, 1e-3])
    assert high == pytest.approx(figures.mean(1) + half + [1e-4, 1e-3])


def test_equal_counts_deviate_by_half_an_image() -> None:
    low, high = prediction.intervals([[1.0] * 5], [1 / 36])
    half = stats.t(4).isf(0.025) * (1 / 72) * math.sqrt(6 / 5) + 1 / 36
    assert (low[0], high[0]) == (pytest.approx(1 - half), pytest.approx(1 + half))


def test_a_run_inside_all_intervals_is_compatible_on_any_device() -> None:
    elsewhere = {"device": "another GPU", "device_type": "cuda", "torch": "2.11.0"}
    (run,) = runs((749,), first_seed=40, environment=elsewhere)
    comparison = compared(run, runs())
    assert (comparison.outcome, comparison.n_reference) == (Outcome.COMPATIBLE, len(RIGHT))
    assert (len(comparison.compared), comparison.outside) == (13, ())
    line = sentences.line(comparison)
    assert line.startswith("compatible with 6 reference runs in 13 figures; a true difference of ")
    assert "correct" not in line


def test_every_figure_outside_is_named_with_its_interval() -> None:
    (run,) = runs((749,), first_seed=40)
    changed = with_recall(with_metrics(run, loss=1.25), "cat", 0.5)
    comparison = compared(changed, runs())
    assert comparison.outcome is Outcome.NOT_COMPATIBLE
    assert [outlier.name for outlier in comparison.outside] == ["loss", "recall.cat"]
    values = np.array(RIGHT) / 1000
    half = stats.t(5).isf(0.05 / 26) * values.std(ddof=1) * math.sqrt(7 / 6) + 0.001
    expected = f"{100 * (values.mean() - half):.2f} to {100 * (values.mean() + half):.2f} %"
    assert sentences.line(comparison).endswith(f"; recall of cat is 50.00 %, expected {expected}")
    assert "NOT COMPATIBLE with 6 reference runs: loss is 1.250, expected 0." in sentences.line(
        comparison
    )


@pytest.mark.parametrize("name", ["accuracy", "loss", "train_accuracy"])
def test_a_shift_of_any_figure_is_found(name: str) -> None:
    (run,) = runs((749,), first_seed=40)
    (outlier,) = compared(with_metrics(run, **{name: 0.3}), runs()).outside
    assert outlier.name == name
    assert outlier.value == 0.3 < outlier.low < outlier.high


def test_bounds_that_are_shown_are_possible_values() -> None:
    (run,) = runs((749,), first_seed=40)
    others = [with_recall(run, "cat", 0.99 + (run.seed % 3) / 300) for run in runs()]
    line = sentences.line(compared(with_recall(run, "cat", 0.1), others))
    assert re.search(r"recall of cat is 10\.00 %, expected 9\d\.\d\d to 100\.00 %", line)
    others = [with_metrics(run, loss=0.01 * (1 + run.seed % 3)) for run in runs()]
    line = sentences.line(compared(with_metrics(run, loss=1.5), others))
    assert re.search(r"loss is 1\.500, expected 0\.000 to 0\.\d{3}", line)


@pytest.mark.parametrize(
    "changed",
    [
        {"protocol": {"epochs": 40}},
        {"protocol": {"precision": "fp32"}},
        {"dataset": {"fingerprint": "1" * 64}},
        {"dataset": {"split": "validation"}},
    ],
)
def test_runs_of_another_setting_are_no_reference(changed: dict[str, Any]) -> None:
    (run,) = runs((749,), first_seed=40)
    comparison = compared(run, [*runs(RIGHT[:4]), *runs(RIGHT, first_seed=10, **changed)])
    assert (comparison.outcome, comparison.n_reference) == (Outcome.NOT_COMPARED, 4)
    line = sentences.line(comparison)
    assert line == "not compared: 4 reference runs, at least 5 are needed"


def test_a_variant_of_the_same_name_with_other_settings_is_another_setting() -> None:
    (run,) = runs((749,), first_seed=40)
    changed = run.model_copy(update={"settings": {**run.settings, "learning_rate": 0.1}})
    assert compared(changed, runs()).n_reference == 0
    # A setting that did not exist yet when the reference was trained has its default.
    older = {k: v for k, v in run.settings.items() if k != "initialization"}
    assert compared(run.model_copy(update={"settings": older}), runs()).n_reference == len(RIGHT)
    damaged = run.model_copy(update={"settings": {"unknown": 1}})
    assert prediction.compare_runs([damaged], reference.from_records(runs())) == [None]


def test_a_reference_run_is_not_compared_with_itself() -> None:
    others = runs()
    shifted = with_metrics(others[0], accuracy=0.2)  # it would be an outlier otherwise
    comparison = compared(shifted, [shifted, *others[1:]])
    assert comparison.outcome is Outcome.IS_REFERENCE
    assert sentences.line(comparison).startswith("is a reference run itself")
    # The same seed on another machine has other weights.
    other = shifted.model_copy(update={"weights_sha256": "ab" * 32})
    assert compared(other, others).outcome is Outcome.NOT_COMPATIBLE


def test_a_seed_counts_once() -> None:
    others = runs(RIGHT[:4])
    copies = [run.model_copy(update={"weights_sha256": "ab" * 32}) for run in others]
    (run,) = runs((749,), first_seed=40)
    assert compared(run, [*others, *copies]).n_reference == 4


def test_figures_that_are_missing_or_do_not_vary_are_left_out() -> None:
    others = [make_record("paper", seed, n) for seed, n in enumerate(RIGHT)]  # loss 0.8 in all
    (run,) = runs((749,), first_seed=40)
    comparison = compared(run, others)
    assert (comparison.outcome, comparison.left_out) == (Outcome.COMPATIBLE, ("loss",))
    assert sentences.line(comparison).endswith(
        " (left out, as it does not vary or is missing: loss)"
    )
    values = {"accuracy": math.nan, "train_accuracy": 0.77}
    figures = [f for f in map(reference.figures_of, others) if f is not None]
    sparse = [
        reference.RunFigures(**{**vars(f), "values": {**values, "train_accuracy": 0.7 + f.seed}})
        for f in figures
    ]
    comparison = compare_run(run, reference.ReferenceRuns.of(sparse))
    assert comparison.compared == ("train_accuracy",)
    assert math.isnan(comparison.smallest_shift)
    assert "shift" not in sentences.line(comparison)


def test_without_any_figure_that_varies_nothing_is_compared() -> None:
    figures = [f for f in map(reference.figures_of, runs()) if f is not None]
    empty = [reference.RunFigures(**{**vars(f), "values": {}}) for f in figures]
    (run,) = runs((749,), first_seed=40)
    comparison = compare_run(run, reference.ReferenceRuns.of(empty))
    assert comparison.outcome is Outcome.NOT_COMPARED
    assert sentences.line(comparison) == "not compared: no figure varies in its 6 reference runs"


def test_a_class_without_images_is_left_out() -> None:
    def emptied(run: RunRecord) -> RunRecord:
        assert run.metrics is not None
        matrix = [[0] * 10, *run.metrics.confusion_matrix[1:]]
        return with_recall(with_metrics(run, confusion_matrix=matrix), "airplane", 0.0)

    (run,) = runs((749,), first_seed=40)
    comparison = compared(emptied(run), [emptied(other) for other in runs()])
    assert comparison.left_out == ("recall.airplane",)


def test_failed_runs_are_neither_compared_nor_a_reference() -> None:
    failed = [make_record("paper", seed, failed=True) for seed in range(10, 20)]
    reference_runs = reference.from_records([*runs(), *failed])
    assert len(reference_runs) == len(RIGHT)
    assert prediction.compare_runs(failed, reference_runs) == [None] * 10
    assert sentences.line(None) == "not compared: the run failed, or its settings are damaged"


def test_the_summary_counts_the_outcomes() -> None:
    others = runs()
    (sound,) = runs((749,), first_seed=40)
    (off,) = runs((500,), first_seed=41)
    alone = make_record("baseline", 0)
    reference_runs = reference.from_records(others)
    comparisons = prediction.compare_runs([sound, off, alone, others[0]], reference_runs)
    assert sentences.summary(comparisons) == (
        "2 runs compared with reference runs: 1 compatible, 1 NOT COMPATIBLE (of sound runs, up to "
        "5 % are); 1 run of the reference itself; 1 not compared: too few reference runs"
    )
    line = "1 run compared with reference runs: 1 compatible"
    assert sentences.summary(comparisons[:1]) == line
    assert sentences.summary(prediction.compare_runs([sound], reference_runs)) == line
