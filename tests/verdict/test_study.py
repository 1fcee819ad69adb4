"""What a report reads of a folder in which the protocol was tuned, and what it says is wrong."""

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
from harness.protocol import presets
from harness.protocol.presets import EPOCHS
from harness.report import html, sections
from harness.runs import store
from harness.verdict import study
from tests.helpers.results_folders import write_grid

PRECISION = presets.PROTOCOLS["cifar10"].precision

VALIDATION = {"split": "validation", "train_size": 45_000, "test_size": 5_000}


def tuning(results: Path, seeds: int = 3) -> None:
    """Runs on the validation split."""
    write_grid(results, seeds, names=["paper"], dataset=VALIDATION, protocol={"validation": True})


@pytest.fixture
def found(tmp_path: Path) -> Calibration:
    """Of the validation runs in a folder that has runs on the test images too."""
    write_grid(tmp_path, 3, names=["paper"])
    tuning(tmp_path)
    runs = [r for r in store.load_all(tmp_path)[0] if r.dataset.split == "validation"]
    return calibration.summarise(runs)


def shown(results: Path) -> list[str]:
    return [s.anchor for s in sections.sections(study.load_study(results))]


def problems(results: Path) -> dict[str, tuple[str, ...]]:
    return {p.sentence: p.cases for p in study.load_study(results).warnings}


def folder(results: Path, seed: int, split: str = "validation") -> Path:
    return results / f"{split}-{EPOCHS}/paper/seed-{seed}"


def test_runs_that_tuned_the_protocol_stand_in_the_calibrations_section_alone(
    found: Calibration, tmp_path: Path
) -> None:
    assert shown(tmp_path) == ["group-1", "group-2"]
    calibration_record.save(tmp_path, found)
    assert shown(tmp_path) == ["group-1", "calibration-1"]
    assert not problems(tmp_path)


def test_a_calibration_from_other_runs_says_nothing_of_these(
    found: Calibration, tmp_path: Path
) -> None:
    tried = {EPOCHS: {seed: value / 2 for (_, seed), value in found.runs.items()}}
    calibration_record.save(tmp_path, calibration.apply_rule(found.dataset, tried))
    assert shown(tmp_path) == ["group-1", "group-2", "calibration-1"]
    assert "3 of 3 runs behind the number of epochs are not in this folder." in problems(tmp_path)


def test_where_only_runs_that_tuned_are_there_they_are_judged(
    found: Calibration, tmp_path: Path
) -> None:
    for seed in range(3):
        (folder(tmp_path, seed, "test") / store.FILE).unlink()
    calibration_record.save(tmp_path, found)
    assert shown(tmp_path) == ["group-1", "calibration-1"]
    assert not problems(tmp_path)


def test_runs_missing_behind_a_calibration_are_named(found: Calibration, tmp_path: Path) -> None:
    calibration_record.save(tmp_path, found)
    (folder(tmp_path, 1) / store.FILE).unlink()
    assert problems(tmp_path) == {
        "1 of 3 runs behind the number of epochs is not in this folder.": (
            f"paper, {EPOCHS} epochs, seed 1 (CIFAR-10 (official))",
        )
    }
    assert shown(tmp_path) == ["group-1", "calibration-1"]


def test_a_run_beyond_those_of_the_calibration_brings_its_group_back_and_why_is_told(
    found: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, found)
    tuning(tmp_path, 4)
    told = problems(tmp_path)
    assert shown(tmp_path) == ["group-1", "group-2", "calibration-1"]
    (cases,) = (told[sentence] for sentence in told if "section of their own too" in sentence)
    title = f"CIFAR-10 (official), {EPOCHS} epochs, {PRECISION} on cpu, validation split"
    assert cases == (f"{title}: 3 of 4 runs",)
    assert not any("not in this folder" in sentence for sentence in told)


def test_a_calibration_on_the_test_images_is_none_and_hides_no_run(
    found: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, found)
    path.write_text(path.read_text().replace('"split": "validation"', '"split": "test"'))
    assert shown(tmp_path) == ["group-1", "group-2"]
    assert {
        case.split()[0]
        for case in problems(tmp_path)[
            "1 calibration could not be read; its runs are judged like all others."
        ]
    } == {str(path)}


def test_runs_of_another_precision_are_not_those_that_tuned(
    found: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, found)
    for seed in range(3):
        path = folder(tmp_path, seed) / store.FILE
        run = store.load(path)
        protocol = dataclasses.replace(run.protocol, precision="fp32")
        changed = {"protocol": protocol, "departures": {"precision": "fp32"}}
        store.save(path.parent, run.model_copy(update=changed))
    assert shown(tmp_path) == ["group-1", "group-2", "calibration-1"]


def test_a_damaged_calibration_is_told_apart_from_damaged_records(
    found: Calibration, tmp_path: Path
) -> None:
    path = calibration_record.save(tmp_path, found)
    path.write_text(json.dumps({**json.loads(path.read_text()), "candidates": []}))
    (folder(tmp_path, 0, "test") / store.FILE).write_text("{")
    read = study.load_study(tmp_path)
    sentences = [problem.sentence for problem in read.warnings]
    assert sentences[:2] == [
        "1 record could not be read.",
        "1 calibration could not be read; its runs are judged like all others.",
    ]
    assert str(path).encode() in html.page(read, sections.sections(read))


def test_the_verdict_leaves_runs_that_tuned_to_their_calibration(
    found: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, found)
    text = tmp_path / "verdict.md"
    cli_results.verdict(tmp_path, TextFormat.markdown, text)
    assert "validation split" not in text.read_text()


def test_more_seeds_at_a_budget_of_the_curve_do_not_make_it_lead(tmp_path: Path) -> None:
    for epochs, seeds in ((EPOCHS - 1, 6), (EPOCHS, 2)):
        write_grid(tmp_path, seeds, names=["paper"], protocol={"epochs": epochs})
    assert study.load_study(tmp_path).primary.epochs == EPOCHS
    assert not problems(tmp_path)


def test_a_damaged_calibration_is_named_by_the_verdict_which_judges_its_runs(
    found: Calibration, tmp_path: Path
) -> None:
    calibration_record.save(tmp_path, found).write_text("{")
    text = tmp_path / "verdict.md"
    with pytest.raises(InputError, match="its runs are judged like all others"):
        cli_results.verdict(tmp_path, TextFormat.markdown, text)
    assert "validation split" in text.read_text()
    assert "could not be used" not in text.read_text()
