"""Readings on the pages, in `verdict --format json` and in `compare --family`."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import variants
from harness.errors import InputError
from harness.protocol import decision
from harness.report import drawings, sections
from harness.report.drawings import Drawings
from harness.report.pages import comparison, html, results
from harness.report.section import Kind
from harness.report.text import readings as text_readings
from harness.runs import store
from harness.runs.record import RunRecord
from harness.verdict import readings
from tests.helpers.html_outline import parse_page
from tests.helpers.judged_studies import comparison_text, study_of, verdict_text
from tests.helpers.reading_runs import reading_run, several_readings
from tests.helpers.records import make_record

RULES = decision.load()


@pytest.fixture(scope="module")
def several() -> list[RunRecord]:
    return several_readings()


def sentence(*records: RunRecord) -> str:
    judged = readings.judge(study_of([*records]).verdict.group_verdicts)
    return text_readings.sentence(judged, RULES)


def test_every_page_has_the_section() -> None:
    records = [reading_run("paper", gap=0.06), reading_run()]
    study, text = study_of(records), sentence(*records)
    assert "`low_lr` after 20 epochs (cpu); `paper` itself does not fit." in text
    # Other figures take seconds.
    drawn = Drawings((), {Kind.READINGS: drawings.draw(study).by_anchor[Kind.READINGS]})
    page = parse_page(html.page(study, drawn).decode())
    (heading,) = [t for t in page.find("h2") if t.get("id") == Kind.READINGS]
    assert heading.text == "Readings of the paper's unstated settings"
    assert "Which readings fit the paper" in [t.text for t in page.find("caption")]
    assert text.replace("`", "") in page.text
    files = results.files(study, sections.sections(study), drawn)
    readme = files[study.results / "README.md"].decode()
    assert "### Which readings fit the paper" in readme
    assert "(figures/readings-accuracy.svg)" in readme
    assert study.results / "figures/readings-accuracy.svg" in files
    for written in (readme, verdict_text(records)):
        assert text in written


def test_the_verdict_for_programs_has_every_reading(several: list[RunRecord]) -> None:
    judged = json.loads(verdict_text(several, "json"))["readings"]
    assert judged["sentence"] == sentence(*several)
    fits = {(r["variant"], r["epochs"]): r["fit"] for r in judged["results"]}
    assert fits["low_lr", 90] == "fits"
    assert fits["krizhevsky_2012", 20] == "does not fit"


def test_without_readings_pages_have_no_section() -> None:
    study = study_of([reading_run("paper"), reading_run("paper", epochs=40)])
    assert Kind.READINGS not in [section.anchor for section in sections.sections(study)]
    assert Kind.READINGS not in drawings.draw(study).by_anchor
    judged = json.loads(verdict_text([reading_run("paper")], "json"))["readings"]
    assert judged == {"sentence": text_readings.sentence((), RULES), "results": []}


def test_compare_shows_a_family_beside_what_it_is_compared_with(several: list[RunRecord]) -> None:
    text = comparison_text(several, family="readings")
    assert f"\n{sentence(*several)}\n\n## Which readings fit the paper\n" in text
    assert "| baseline" not in text
    assert "| reported, run 1 " in text
    ablations = comparison_text(several, family="ablations")
    assert "| baseline" in ablations
    assert "krizhevsky_2012" not in ablations
    assert "Which readings fit" not in ablations
    latex = comparison_text(several, "latex", family="readings")
    assert f"% {sentence(*several)}\n% Which readings fit the paper\n\\begin" in latex
    assert r"krizhevsky\_2012" in latex
    title = comparison_text(several, family="readings", full=True).splitlines()[2]
    assert "`python -m harness compare --full --family readings`" in title


def test_csv_and_json_of_readings_have_the_raw_figures(several: list[RunRecord]) -> None:
    digits = make_record("stem_11x11", dataset={"classes": list("0123456789"), "name": "digits"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = json.loads(comparison_text([*several, digits], "json", family="readings"))
        text = comparison_text([*several, digits], "csv", family="readings")
    read = list(csv.DictReader(io.StringIO(text)))
    assert len(read) == len(rows)
    (row,) = [r for r in rows if (r["variant"], r["epochs"]) == ("low_lr", 90)]
    assert (row["fits"], row["fits_gap"], row["wrong_way_eval_loss"]) == ("fits", "fits", 0.0)
    assert row["gap"] == pytest.approx(0.02)
    for other in rows:  # neither the paper's own runs nor other images are judged
        is_judged = other["dataset"].startswith("CIFAR") and len(other["runs"]) > 0
        assert is_judged or other["fits"] is None
    assert [r["fits"] for r in rows if r["variant"].startswith("reported")] == [None] * 6
    assert "fits" not in comparison_text(several, "csv").splitlines()[0]


def test_readings_on_other_images_are_compared_and_not_judged() -> None:
    text = comparison_text([reading_run(dataset={"split": "validation"})], family="readings")
    assert "no runs on the official test images yet." in text
    assert "Which readings fit" not in text
    assert "| low_lr" in text


def test_an_unknown_or_missing_family_is_refused(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    run = reading_run("paper")
    store.save(tmp_path / "results" / "paper" / "seed-0", run)
    line = refused("compare", "--family", "reading")
    assert line == "harness: --family reading: unknown family. Families: " + (
        f"{', '.join(variants.FAMILIES)}.\n"
    )
    line = refused("compare", "--family", "readings")
    assert "--family readings: no stored run of that family yet. There are: ablations." in line
    assert not (tmp_path / "results" / "comparison.md").exists()
    with pytest.raises(InputError, match="no stored run of that family"):
        comparison.render(study_of([run]), comparison.TableFormat.CSV, family="extensions")
