"""README's generated blocks and the page of results: up to date, with records and without."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import variants
from harness.analysis import calibration, calibration_record
from harness.analysis.compatibility import reference
from harness.errors import InputError
from harness.paper import assumptions
from harness.protocol import decision
from harness.report import docs
from harness.report.pages import results
from harness.report.tables import background, writers
from harness.report.text.headline import NO_RUNS
from harness.runs import store
from tests.helpers.paths import ROOT
from tests.helpers.results_folders import write_grid

HELD_OUT = {"split": "validation", "train_size": 45_000, "test_size": 5_000}


def test_what_follows_from_data_and_records_is_up_to_date() -> None:
    wanted = docs.files()
    for path, content in wanted.items():
        assert path.read_bytes() == content, f"{path.name}: run python -m harness docs"
    figures = {path for path in wanted if path.suffix == ".svg"}
    assert figures == set((ROOT / "results" / results.FIGURES).glob("*"))


def tune(results: Path) -> None:
    """Runs behind a calibration, and its record."""
    about = {"dataset": HELD_OUT, "protocol": {"validation": True}}
    write_grid(results, 3, decision.load().budgets.candidates[0], names=["paper"], **about)
    runs = [r for r in store.load_all(results)[0] if r.dataset.split == "validation"]
    calibration_record.save(results, calibration.summarize(runs))


def test_without_records_every_block_is_one_line(tmp_path: Path) -> None:
    blocks = docs.blocks(tmp_path)
    assert (blocks["answer"], blocks["table"]) == (NO_RUNS, "")
    assert blocks["calibration"] == docs.NO_CALIBRATION
    wanted = docs.files(folder=tmp_path)
    pages = {ROOT / "README.md", *(ROOT / "docs").glob("*.md")}
    assert set(wanted) == {*pages, tmp_path / "README.md", reference.FILE}
    assert wanted[reference.FILE] == reference.to_csv([])
    assert NO_RUNS in wanted[tmp_path / "README.md"].decode()


def test_with_runs_behind_a_calibration_alone_there_is_no_answer_yet(tmp_path: Path) -> None:
    tune(tmp_path)
    blocks = docs.blocks(tmp_path)
    assert (blocks["answer"], blocks["table"]) == (NO_RUNS, "")
    assert "How the number of epochs was chosen" in blocks["calibration"]
    wanted = docs.files(folder=tmp_path)
    page = wanted[tmp_path / "README.md"].decode()
    assert NO_RUNS in page
    assert "### The candidates" in page
    # The runs are in the table of the calibration and in runs.csv, in no section of their own.
    assert "NOT THE TEST IMAGES" not in page
    assert not {path.name for path in wanted} & {"comparison.md", "comparison.csv"}
    assert [path.name for path in wanted if path.suffix == ".svg"] == ["calibration-1-epochs.svg"]
    assert wanted[tmp_path / "runs.csv"].count(b"\n") == 1 + 3


@pytest.mark.usefixtures("adopted")
def test_the_page_of_a_study_has_its_tables_and_figures(tmp_path: Path) -> None:
    tune(tmp_path)
    write_grid(tmp_path, 5)
    wanted = docs.files(folder=tmp_path)
    names = {path.name for path in wanted}
    assert {"comparison.md", "comparison.csv", "README.md"} <= names
    assert wanted[reference.FILE] == reference.to_csv(store.load_all(tmp_path)[0])
    assert len(wanted[reference.FILE].splitlines()) == 1 + 5 * len(variants.names("ablations"))
    page = wanted[tmp_path / "README.md"].decode()
    for heading in (
        "Variants, test images",
        "Precision and F1 of each class",
        "The paper's claims",
    ):
        assert heading in page
    shown = set(re.findall(r"^!\[.*\]\(([^)]+)\)$", page, re.MULTILINE))
    assert {str(path.relative_to(tmp_path)) for path in wanted if path.suffix == ".svg"} == shown
    blocks = docs.blocks(tmp_path)
    assert blocks["answer"].startswith("**UNDECIDED.** Whether AlexNet trained as we read ")
    assert "Augmentation (random crop and flip) helps: +" in blocks["answer"]
    assert "| finding" in re.sub(" +", " ", blocks["table"])


def test_pages_are_not_written_from_a_damaged_record(tmp_path: Path) -> None:
    write_grid(tmp_path, 1, names=["paper"])
    (path,) = store.find(tmp_path)
    path.write_text("{}")
    with pytest.raises(InputError, match=r"record\.json is damaged"):
        docs.files(folder=tmp_path)


def test_a_table_that_was_edited_is_restored() -> None:
    path = ROOT / "docs/verdict.md"
    text = path.read_text()
    edited = text.replace("test accuracy is 75 %", "test accuracy is 80 %")
    assert edited != text
    claims = {"claims": writers.markdown(background.criteria_table(decision.load()))}
    assert docs.updated({path: edited}, claims) == {path: text}


def test_links_of_a_part_are_those_of_its_page(tmp_path: Path) -> None:
    marked = "<!-- part -->\n<!-- /part -->"
    inner, outer = tmp_path / "docs/page.md", tmp_path / "README.md"
    part = {"part": "![a](results/figures/a.svg)"}
    texts = docs.updated({inner: marked, outer: marked}, part)
    assert "](../results/figures/a.svg)" in texts[inner]
    assert "](results/figures/a.svg)" in texts[outer]


def test_the_values_of_the_protocol_are_in_the_table_of_assumptions() -> None:
    table = writers.markdown(background.assumptions_table(decision.load()))
    for value in (
        "0.01",
        "128",
        "60 % and 85 %",
        "dropout 0.5",
        "outputs of the first two fully connected layers",
        "45,000/5,000",
        "0 to 19 for every variant, judged at 5, 10 and 20 seeds",
        assumptions._budget_origin(),
    ):
        assert value in table


def test_a_part_that_no_page_shows_is_an_error() -> None:
    with pytest.raises(InputError, match=r"neither README\.md nor a page of docs has"):
        docs.updated({Path("README.md"): "# nothing\n"}, {"claims": ""})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """README and docs as they are, without results."""
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def test_stale_figures_are_removed(checkout: Path) -> None:
    stale = checkout / "results" / results.FIGURES / "group-9-seeds.svg"
    stale.parent.mkdir(parents=True)
    stale.write_text("<svg/>")
    assert Path("results/README.md") in docs.write(checkout)
    assert not stale.exists()
    assert NO_RUNS in (checkout / "results/README.md").read_text()
    assert docs.write(checkout) == []


def test_outside_a_checkout_there_are_no_pages_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="writes the pages of a checkout"):
        docs.write(tmp_path)
    assert not list(tmp_path.iterdir())
