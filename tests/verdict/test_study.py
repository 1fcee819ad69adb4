"""Loading a results folder with calibration runs, and the warnings about its data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.analysis import calibration, calibration_record
from harness.analysis.calibration import Calibration
from harness.cli import results as cli_results
from harness.cli.options import TextFormat
from harness.errors import InputError
from harness.protocol import decision, presets
from harness.protocol.presets import EPOCHS
from harness.report import drawings, sections
from harness.report.pages import html
from harness.runs import store
from harness.verdict import study
from tests.helpers.results_folders import write_grid

PRECISION = presets.PROTOCOLS["cifar10"].precision

SMALLEST = decision.load().budgets.candidates[0]

VALIDATION = {"split": "validation", "train_size": 45_000, "test_size": 5_000}


def write_calibration_runs(results: Path, seeds: int = 3) -> None:
    """Write records of runs of the smallest candidate on the validation split."""
    about = {"dataset": VALIDATION, "protocol": {"validation": True}}
    write_grid(results, seeds, SMALLEST, names=["paper"], **about)


@pytest.fixture
def calibrated(tmp_path: Path) -> Calibration:
    """Calibration by the validation runs in a folder that has runs on the test images too."""
    write_grid(tmp_path, 3, names=["paper"])
    write_calibration_runs(tmp_path)
    runs = [r for r in store.load_all(tmp_path)[0] if r.dataset.split == "validation"]
    return calibration.summarize(runs)


def section_anchors(results: Path) -> list[str]:
    return [s.anchor for s in sections.sections(study.load_study(results))]


def warnings_of(results: Path) -> dict[str, tuple[str, ...]]:
    return {p.sentence: p.cases for p in study.load_study(results).warnings}


def folder(results: Path, seed: int, split: str = "validation") -> Path:
    epochs = SMALLEST if split == "validation" else EPOCHS
    return results / f"{split}-{epochs}/paper/seed-{seed}"


def test_calibration_runs_are_shown_in_the_calibrations_section_alone(
    calibrated: Calibration, tmp_path: Path
) -> None:
    assert section_anchors(tmp_path) == ["group-1", "group-2"]
    calibration_record.save(tmp_path, calibrated)
    assert section_anchors(tmp_path) == ["group-1", "calibration-1"]
    assert not warnings_of(tmp_path)


def test_a_calibration_from_other_runs_does_not_hide_these(
    calibrated: Calibration, tmp_path: Path
) -> None:
    tried = {SMALLEST: {seed: value - 0.005 for (_, seed), value in calibrated.runs.items()}}
    calibration_record.save(tmp_path, calibration.apply_rule(calibrated.dataset, tried))
    assert section_anchors(tmp_path) == ["group-1", "group-2", "calibration-1"]
    assert "3 of 3 runs of the calibrations are not in this folder." in warnings_of(tmp_path)


def test_if_there_are_only_calibration_runs_they_are_judged(
    calibrated: Calibration, tmp_path: Path
) -> None:
    for seed in range(3):
        (folder(tmp_path, seed, "test") / store.FILE).unlink()
    calibration_record.save(tmp_path, calibrated)
    assert section_anchors(tmp_path) == ["group-1", "calibration-1"]
    assert not warnings_of(tmp_path)


def test_missing_calibration_runs_are_named(calibrated: Calibration, tmp_path: Path) -> None:
    calibration_record.save(tmp_path, calibrated)
    (folder(tmp_path, 1) / store.FILE).unlink()
    assert warnings_of(tmp_path) == {
        "1 of 3 runs of the calibrations is not in this folder.": (
            f"paper, {SMALLEST} epochs, seed 1 (CIFAR-10 (official))",
        )
    }
    assert section_anchors(tmp_path) == ["group-1", "calibration-1"]


def test_a_run_that_is_not_the_calibrations_brings_its_group_back_with_a_warning(
    calibrated: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, calibrated)
    write_calibration_runs(tmp_path, 4)
    warnings = warnings_of(tmp_path)
    assert section_anchors(tmp_path) == ["group-1", "group-2", "calibration-1"]
    (cases,) = (
        warnings[sentence] for sentence in warnings if "also grouped with other runs" in sentence
    )
    title = f"CIFAR-10 (official), {SMALLEST} epochs, {PRECISION} on cpu, validation split"
    assert cases == (f"{title}: 3 of 4 runs",)
    assert not any("not in this folder" in sentence for sentence in warnings)


def test_a_calibration_on_the_test_images_is_refused_and_hides_no_run(
    calibrated: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    path.write_text(path.read_text().replace('"split": "validation"', '"split": "test"'))
    assert section_anchors(tmp_path) == ["group-1", "group-2"]
    assert {
        case.split()[0]
        for case in warnings_of(tmp_path)[
            "1 calibration could not be read; its runs are treated like all others."
        ]
    } == {str(path)}


def test_runs_of_another_precision_are_not_calibration_runs(
    calibrated: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, calibrated)
    for seed in range(3):
        path = folder(tmp_path, seed) / store.FILE
        run = store.load(path)
        protocol = dataclasses.replace(run.protocol, precision="fp32")
        changed = {"protocol": protocol, "departures": {"precision": "fp32"}}
        store.save(path.parent, run.model_copy(update=changed))
    assert section_anchors(tmp_path) == ["group-1", "group-2", "calibration-1"]


def test_damaged_calibrations_and_damaged_records_have_separate_warnings(
    calibrated: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, calibrated)
    path.write_text(json.dumps({**json.loads(path.read_text()), "candidates": []}))
    (folder(tmp_path, 0, "test") / store.FILE).write_text("{")
    loaded = study.load_study(tmp_path)
    sentences = [warning.sentence for warning in loaded.warnings]
    assert sentences[:2] == [
        "1 record could not be read.",
        "1 calibration could not be read; its runs are treated like all others.",
    ]
    assert str(path).encode() in html.page(loaded, drawings.draw(loaded))


def test_the_verdict_leaves_out_calibration_runs(calibrated: Calibration, tmp_path: Path) -> None:
    calibration_record.save(tmp_path, calibrated)
    text = tmp_path / "verdict.md"
    cli_results.verdict(tmp_path, TextFormat.markdown, text)
    assert f"{PRECISION} on cpu, validation split" not in text.read_text()


def test_more_seeds_at_another_budget_do_not_make_it_primary(tmp_path: Path) -> None:
    for epochs, seeds in ((EPOCHS - 1, 6), (EPOCHS, 2)):
        write_grid(tmp_path, seeds, names=["paper"], protocol={"epochs": epochs})
    assert study.load_study(tmp_path).primary.epochs == EPOCHS
    assert not warnings_of(tmp_path)


def test_a_damaged_calibration_is_named_by_the_verdict_which_judges_its_runs(
    calibrated: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, calibrated).write_text("{")
    text = tmp_path / "verdict.md"
    with pytest.raises(InputError, match=r"1 file skipped \(listed above\)"):
        cli_results.verdict(tmp_path, TextFormat.markdown, text)
    assert "validation split" in text.read_text()
    assert "could not be used" not in text.read_text()
