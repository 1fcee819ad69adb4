"""Runs of an independent program: read, compared with the suite's, and shown on the pages."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.analysis.compatibility import independent
from harness.analysis.compatibility.independent import IndependentRun
from harness.analysis.compatibility.prediction import Outcome
from harness.errors import InputError
from harness.report import sections
from harness.report.answer import Answer, answer
from harness.report.drawings import Drawings
from harness.report.pages import html, results
from harness.report.section import Kind
from harness.report.text import independent as text_independent
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict import study as verdict_study
from tests.helpers import plain_training, reference_runs
from tests.helpers.html_outline import parse_page
from tests.helpers.records import make_record

REFERENCE = reference_runs.runs()


def write(folder: Path, record: RunRecord, *, epochs: int | None = None, **changed: float) -> Path:
    """Add the figures of a record to a folder's independent runs, as the program writes them."""
    metrics, protocol = record.metrics, record.protocol
    assert metrics is not None
    figures = {
        "accuracy": metrics.accuracy,
        "loss": metrics.loss,
        "train_accuracy": metrics.train_accuracy,
        **{f"recall.{name}": of.recall for name, of in metrics.per_class.items()},
    }
    setting = (epochs or protocol.epochs, protocol.precision, record.seed)
    row = plain_training.csv_row(*setting, figures | changed)
    plain_training.add_row(folder / independent.FILE, row)
    return folder / independent.FILE


def load(folder: Path) -> list[IndependentRun]:
    return independent.load(folder, REFERENCE)


def test_a_run_is_compared_with_the_records_of_its_setting(tmp_path: Path) -> None:
    sound, other = reference_runs.runs((751, 751), first_seed=0)
    write(tmp_path, sound)
    write(tmp_path, other, accuracy=0.5)
    write(tmp_path, sound, epochs=41)
    runs = load(tmp_path)
    # With a seed of the reference runs: it is compared all the same, since random numbers differ.
    outcomes = [run.comparison.outcome for run in runs]
    assert outcomes == [Outcome.COMPATIBLE, Outcome.NOT_COMPATIBLE, Outcome.NOT_COMPARED]
    assert [run.comparison.n_reference for run in runs] == [6, 6, 0]
    assert [outlier.name for outlier in runs[1].comparison.outside] == ["accuracy"]


@pytest.mark.parametrize(
    "dataset", [{"official": False}, {"split": "validation"}], ids=["a copy", "held-out images"]
)
def test_only_runs_on_the_official_test_images_are_compared_with(
    dataset: dict[str, object], tmp_path: Path
) -> None:
    write(tmp_path, REFERENCE[0])
    others = reference_runs.runs(dataset=dataset)
    (run,) = independent.load(tmp_path, others)
    assert run.comparison.outcome is Outcome.NOT_COMPARED


def test_without_the_file_there_are_no_runs(tmp_path: Path) -> None:
    assert load(tmp_path) == []


@pytest.mark.parametrize("reference", [REFERENCE, []], ids=["compared", "not compared"])
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace("paper,", "", 1), "epochs: "),
        (lambda text: text.replace("paper", "another"), "unknown variant another"),
        (lambda text: text.replace("accuracy", "other", 1), "accuracy: Field required"),
        (lambda text: text.replace("loss", "recall.elk"), "loss: Field required"),
        (lambda text: text.replace("recall.cat", "recall.kitten"), "recall.cat is missing"),
        (lambda text: text.replace("recall.cat", "recall.dog"), "recall.cat is missing"),
        (lambda text: text.replace(",0.8,", ",nan,"), "loss: "),
        (lambda text: text.replace(",0.8,", ",-0.8,"), "loss: "),
        (lambda text: text.replace("0.7", "70.7"), "less than or equal to 1"),
        (lambda text: text.replace("bf16", "bf17"), "precision: "),
        (lambda text: text[:-30], "recall"),
        (lambda text: text.rstrip() + ",1\n", "a row is longer than the first"),
        (lambda text: text + text.splitlines()[-1], "the run of seed 0 is in it twice"),
        (lambda text: text + "\0\n", ""),
    ],
)
def test_a_damaged_file_is_one_line(
    change: Callable[[str], str], fault: str, reference: list[RunRecord], tmp_path: Path
) -> None:
    path = write(tmp_path, REFERENCE[0])
    damaged = change(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    with pytest.raises(InputError, match=r"independent_runs\.csv is damaged .*restore it") as error:
        independent.load(tmp_path, reference)
    assert fault in str(error.value)
    assert "\n" not in str(error.value)


def test_two_machines_may_have_trained_the_same_seed(tmp_path: Path) -> None:
    write(tmp_path, REFERENCE[0])
    write(tmp_path, REFERENCE[0], loss=0.7)
    assert [run.setting.seed for run in load(tmp_path)] == [0, 0]


def test_without_enough_runs_of_the_suite_none_is_called_compared(tmp_path: Path) -> None:
    write(tmp_path, REFERENCE[0])
    runs = independent.load(tmp_path, REFERENCE[:4])
    assert text_independent.sentence(runs).endswith(
        "on the test images. Not compared yet: at least 5 runs of the suite with the same setting "
        "are needed."
    )
    assert not [note for note in text_independent.notes(runs) if "interval" in note]


def test_every_page_has_the_runs(tmp_path: Path) -> None:
    for record in REFERENCE:
        store.save(tmp_path / f"paper/seed-{record.seed}", record)
    write(tmp_path, make_record("paper", 7, 753))
    write(tmp_path, make_record("paper", 8, 640))
    study = verdict_study.load_study(tmp_path)
    nothing = Drawings((), {})
    page = parse_page(html.page(study, nothing).decode())
    (heading,) = [t for t in page.find("h2") if t.get("id") == Kind.INDEPENDENT]
    assert heading.text == "Trained again by an independent program"
    files = results.files(study, sections.sections(study), nothing)
    readme = files[study.results / "README.md"].decode()
    for text in (page.text, readme):
        assert "75.30 % and 64.00 % on the test images" in text
        assert re.search(
            r"Compatible with our \d+ runs of the same setting: 1 of 2 \(of sound runs, up to 5 % "
            r"are not\); a true difference of \d\.\d points in accuracy would be found with 80 %",
            text,
        )


def test_the_answer_has_the_runs(tmp_path: Path) -> None:
    for record in REFERENCE:
        store.save(tmp_path / f"paper/seed-{record.seed}", record)
    assert "By other code" not in [fact.name for fact in answer_of(tmp_path).facts]
    write(tmp_path, make_record("paper", 7, 753))
    (text,) = (fact.text for fact in answer_of(tmp_path).facts if fact.name == "By other code")
    assert text.endswith(" % probability. This checks our code, not our reading of the paper.")


def answer_of(results: Path) -> Answer:
    return answer(verdict_study.load_study(results))


def test_the_program_writes_a_header_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for seed in range(2):
        plain_training.add_row(path, {"seed": seed, "accuracy": 0.5})
    with path.open(encoding="utf-8", newline="") as stream:
        assert list(csv.DictReader(stream)) == [
            {"seed": "0", "accuracy": "0.5"},
            {"seed": "1", "accuracy": "0.5"},
        ]
