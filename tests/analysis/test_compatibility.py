"""Runs compared with reference runs: intervals by hand, error rates, the file, the command."""

from __future__ import annotations

import functools
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.compatibility import prediction, reference, sentences
from harness.analysis.compatibility.prediction import LEVEL, Compatibility, Outcome
from harness.cli import app
from harness.errors import InputError
from harness.integrity import check as integrity_check
from harness.runs import store
from harness.runs.record import RunRecord
from tests.helpers.judged_studies import comparison_text
from tests.helpers.paths import ROOT
from tests.helpers.records import make_record
from tests.helpers.results_folders import write_grid

Array = NDArray[Any]

# Right answers of 1,000 in each class, by seed.
RIGHT = (748, 752, 757, 750, 743, 755)


def runs(right: tuple[int, ...] = RIGHT, first_seed: int = 0, **changed: Any) -> list[RunRecord]:
    """Runs of `paper` in which every class is recognized equally often, with varying losses."""
    made = (make_record("paper", s, n, **changed) for s, n in enumerate(right, first_seed))
    return [with_metrics(run, loss=0.8 - (run.seed % 7) / 100) for run in made]


def with_metrics(run: RunRecord, **metrics: Any) -> RunRecord:
    assert run.metrics is not None
    return run.model_copy(update={"metrics": run.metrics.model_copy(update=metrics)})


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
    assert line.startswith("compatible with 6 reference runs in 13 figures; a shift of its accur")
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
    assert sentences.summarize([sound], reference_runs) == line
    assert sentences.summarize([sound], reference.from_records([])) == sentences.NO_REFERENCE


# Error rates and power in simulated worlds. Figures are those of a run in percent of 10,000 images
# (accuracy, 10 recalls), 50,000 training images, and a loss.

WORLDS = 10_000
SD_ACCURACY = 0.0035
SD_RECALL = 0.0175  # five times as much, as in the decision file's simulation
STEPS = np.array([1e-4, 0.0, 2e-5, *[1e-3] * 10])


def correlated_worlds(n: int, source: np.random.Generator) -> Array:
    """Figures of n + 1 runs [worlds, figures, n + 1]: the accuracy is the mean of the recalls, the
    loss and the training accuracy go with it, and images are whole."""
    shape = (WORLDS, 10, n + 1)
    base = np.linspace(0.6, 0.9, 10)[:, None]
    # The spread that all classes share makes the standard deviation of the accuracy right.
    shared = math.sqrt(SD_ACCURACY**2 - SD_RECALL**2 / 100 * 0.9)
    recalls = base + source.normal(0, SD_RECALL, shape)
    recalls = recalls - 0.684 * (recalls - base).mean(1, keepdims=True)
    recalls = np.round(1000 * (recalls + source.normal(0, shared, (WORLDS, 1, n + 1)))) / 1000
    accuracy = recalls.mean(1)
    noise = source.normal(0, SD_ACCURACY, (2, *accuracy.shape))
    loss = 0.75 - 2 * (accuracy - accuracy.mean()) + 2 * noise[0]
    train = np.round(50_000 * (0.9 + (accuracy - accuracy.mean()) + noise[1])) / 50_000
    return np.concatenate([np.stack([accuracy, loss, train], 1), recalls], 1)


def independent_worlds(n: int, source: np.random.Generator) -> Array:
    return source.normal(0.75, SD_ACCURACY, (WORLDS, 13, n + 1))


def rare_error_worlds(n: int, source: np.random.Generator) -> Array:
    """Nearly saturated figures: a few wrong images in all of them, as on the digits."""
    images = np.array([360, 360, 1437, *[36] * 10])[:, None]
    rate = np.array([0.01, 0.01, 0.001, *np.linspace(0.001, 0.03, 10)])[:, None]
    wrong = source.binomial(np.broadcast_to(images, (WORLDS, 13, n + 1)), rate)
    return np.asarray(1 - wrong / images)


RARE_STEPS = 1 / np.array([360, 360, 1437, *[36] * 10])


@functools.cache
def acceptance(worlds: Callable[[int, np.random.Generator], Array], n: int) -> float:
    """Fraction of the worlds in which a run from the distribution of the reference is accepted."""
    figures = worlds(n, np.random.default_rng(n))
    ends = prediction.intervals(
        figures[..., :n], RARE_STEPS if worlds is rare_error_worlds else STEPS
    )
    inside = (ends.low <= figures[..., n]) & (figures[..., n] <= ends.high)
    return float(inside.all(-1).mean())


WORLD_KINDS = (correlated_worlds, independent_worlds, rare_error_worlds)


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("worlds", WORLD_KINDS)
def test_a_sound_run_is_accepted_in_95_percent_of_the_worlds(
    worlds: Callable[[int, np.random.Generator], Array], n: int
) -> None:
    # By independence the rate is (1 - 0.05 / 13)^13 or 95.1 %; three standard errors are 0.65 %.
    assert acceptance(worlds, n) >= LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / WORLDS)


def test_the_simulated_accuracy_varies_as_it_should() -> None:
    figures = correlated_worlds(5, np.random.default_rng(0))
    assert figures[:, 0].std() == pytest.approx(SD_ACCURACY, rel=0.05)
    assert figures[:, 3:].std((0, 2)) == pytest.approx(SD_RECALL, rel=0.05)


@functools.cache
def shift_in_points(n: int) -> float:
    """The smallest shift that is found if the accuracy has the standard deviation SD_ACCURACY."""
    values = np.arange(n, dtype=float)
    scaled = values / values.std(ddof=1) * SD_ACCURACY
    return 100 * prediction.smallest_shift(scaled, 1e-4, 13)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_smallest_shift_is_found_in_80_percent_of_the_worlds(n: int) -> None:
    figures = independent_worlds(n, np.random.default_rng(n))
    ends = prediction.intervals(figures[..., :n], STEPS)
    shifted = figures[:, 0, n] - shift_in_points(n) / 100
    assert float((shifted < ends.low[:, 0]).mean()) == pytest.approx(0.8, abs=0.013)


def test_the_rates_in_the_docs_are_those_of_the_simulation() -> None:
    text = (ROOT / "docs/trust.md").read_text()
    for n in (5, 10, 20):
        rates = " | ".join(f"{100 * acceptance(worlds, n):.1f} %" for worlds in WORLD_KINDS)
        assert f"| {n} | {rates} | {shift_in_points(n):.1f} |" in text


# The file of the package, and the command.


def test_the_file_has_the_finished_runs_on_the_official_test_images(tmp_path: Path) -> None:
    write_grid(tmp_path, 6, names=["paper", "batch_norm"])
    write_grid(tmp_path, 6, names=["paper"], epochs=40)
    held_out = {"split": "validation", "train_size": 45_000, "test_size": 5_000}
    copy = {"official": False, "fingerprint": "1" * 64}
    for number, dataset in enumerate((held_out, copy)):
        run = make_record("paper", 50 + number, dataset=dataset)
        store.save(tmp_path / f"other/{number}", run)
    store.save(tmp_path / "other/failed", make_record("paper", 60, failed=True))
    records = store.load_all(tmp_path)[0]
    content = reference.to_csv(records)
    assert content == reference.to_csv(records[::-1])
    file = tmp_path / "runs.csv"
    file.write_bytes(content)
    stored = reference.load_csv(file)
    assert len(stored) == 18
    expected = reference.from_records(records).by_setting
    assert stored.by_setting == {key: expected[key] for key in stored.by_setting}
    assert [set(by_seed) for by_seed in stored.by_setting.values()] == [set(range(6))] * 3


@pytest.mark.parametrize("content", ["variant,seed\npaper,1\n", "\0", None])
def test_a_damaged_file_is_one_line(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "reference_runs.csv"
    header = reference.to_csv([]).decode().strip()
    if content is not None:
        path.write_text(content.replace("\0", f"{header}\n{'x,' * header.count(',')}x\n"))
    with pytest.raises(InputError, match=r"reference_runs\.csv is damaged .*--against"):
        reference.load_csv(path)


Check = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """Run `check results` in this process: exit status, lines after the rules, errors."""

    def command(*arguments: str) -> tuple[int, list[str], str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["harness", "check", "results", *arguments])
        with pytest.raises(SystemExit) as end:
            app.main()
        shown = capsys.readouterr()
        after = shown.out.splitlines()[-len(list(store.find(Path("results")))) - 2 :]
        first = next((n for n, line in enumerate(after) if "break a rule" in line), -1)
        return int(end.value.code or 0), after[first + 1 :], shown.err

    return command


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder `sound` with reference runs, `results` with one compatible run, and no rules: these
    records have no predictions."""
    monkeypatch.setattr(integrity_check, "RULES", ())
    for run in runs():
        store.save(tmp_path / f"sound/seed-{run.seed}", run)
    store.save(tmp_path / "results/a", runs((749,), first_seed=40)[0])
    return tmp_path


COMPATIBLE = (
    r"results/a: compatible with 6 reference runs in 13 figures; a shift of its accuracy by "
    r"\d\.\d points would be found with 80 % probability"
)


def test_check_compares_with_a_folder(check: Check, stored: Path) -> None:
    status, lines, error = check("--against", "sound")
    assert (status, error) == (0, "")
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert lines[1:] == ["1 run compared with reference runs: 1 compatible"]
    store.save(stored / "results/b", runs((500,), first_seed=41)[0])
    store.save(stored / "results/c", make_record("baseline", 0))
    store.save(stored / "results/d", make_record("paper", 7, failed=True))
    status, lines, error = check("--against", "sound")
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert lines[1].startswith("results/b: NOT COMPATIBLE with 6 reference runs: accuracy is 50.00")
    assert lines[2:] == [
        "results/c: not compared: 0 reference runs, at least 5 are needed",
        "results/d: not compared: the run failed, or its settings are damaged",
        "2 runs compared with reference runs: 1 compatible, 1 NOT COMPATIBLE (of sound runs, up to "
        "5 % are); 1 not compared: too few reference runs",
    ]
    assert status == 1
    assert error == "harness: 1 run not compatible with the reference runs (listed above).\n"


def test_check_with_a_folder_applies_the_rules_as_before(
    check: Check, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    status, lines, error = check("--against", str(stored / "sound"))
    assert status == 1
    assert re.fullmatch(COMPATIBLE, lines[0])
    assert error == "harness: 1 of 1 record break a rule (listed above).\n"


def test_damaged_records_are_skipped(check: Check, stored: Path) -> None:
    (stored / "sound/seed-0/record.json").write_text("{}")
    (stored / "results/b").mkdir()
    (stored / "results/b/record.json").write_text("{}")
    status, lines, error = check("--against", "sound")
    assert status == 1
    assert lines[0].startswith("results/a: compatible with 5 reference runs")
    assert "skipped: sound/seed-0/record.json is damaged" in error
    assert "1 of 2 records break a rule" in error


def test_check_with_a_folder_without_runs_is_one_line(check: Check, stored: Path) -> None:
    (stored / "empty").mkdir()
    for folder in ("empty", "missing"):
        status, _, error = check("--against", folder)
        assert status == 2
        assert error.count("\n") == 1
        assert error.startswith(f"harness: no finished run below {folder}: give --against ")


def test_check_compares_with_the_runs_of_the_package(
    check: Check, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = stored / "reference_runs.csv"
    original = reference.load_csv
    monkeypatch.setattr(reference, "load_csv", lambda: original(file))
    file.write_bytes(reference.to_csv([]))
    status, lines, error = check("--against", "reference")
    assert (status, lines, error) == (0, [sentences.NO_REFERENCE], "")
    filled = stored / "filled.csv"
    filled.write_bytes(reference.to_csv(runs()))
    monkeypatch.setattr(reference, "load_csv", lambda: original(filled))
    status, lines, error = check("--against", "reference")
    assert (status, error) == (0, "")
    assert re.fullmatch(COMPATIBLE, lines[0])


def test_compare_has_a_line_on_comparable_runs_only() -> None:
    ours, others = runs(), reference.from_records(runs())
    assert "reference run" not in comparison_text(ours)
    assert "reference run" not in comparison_text(ours, reference=others)  # these very runs
    away = [make_record("paper", 8, 700), make_record("baseline", 0, 700)]
    text = comparison_text([*ours, *away], reference=others)
    assert "1 run compared with reference runs: 0 compatible, 1 NOT COMPATIBLE" in text
    assert "6 runs of the reference itself; 1 not compared: too few reference runs." in text
