"""The report page: its content, that it is self-contained, and that it is accessible."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import itertools
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import formatting
from harness.cli.report import report
from harness.protocol import decision, presets
from harness.runs import store
from harness.verdict import study
from tests.helpers import commands
from tests.helpers.html_outline import Tag, parse_page
from tests.helpers.records import make_record
from tests.helpers.report_pages import outline, rendered
from tests.helpers.results_folders import write_grid, write_troubled_grid

Harness = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def study_page(study_folder: Path) -> str:
    return rendered(study_folder).decode()


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("trouble") / "results"
    write_troubled_grid(results)
    return results


@pytest.fixture(scope="module")
def written(trouble: Path) -> tuple[Path, str]:
    """The file that the command writes, and what it prints."""
    path, printed = trouble.parent / "out/a.html", io.StringIO()
    with contextlib.redirect_stdout(printed):
        report(trouble, path)
    return path, printed.getvalue()


@pytest.fixture(scope="module")
def troubled_page(written: tuple[Path, str]) -> str:
    return written[0].read_text(encoding="utf-8")


@pytest.fixture(params=["study_page", "troubled_page"])
def page(request: pytest.FixtureRequest) -> Tag:
    return parse_page(request.getfixturevalue(request.param))


def test_the_table_holds_what_compare_holds(tmp_path: Path) -> None:
    write_grid(tmp_path, 5, names=["paper", "baseline", "no_augmentation"])
    frame = study.load_study(tmp_path).primary.numbers
    table = next(t for t in outline(tmp_path).find("table") if t.find("caption")[0].text[0] == "V")
    heads = [tag.text for tag in table.find("thead")[0].find("th")]
    rows = [tag.find("th", "td") for tag in table.find("tbody")[0].find("tr")]
    assert [row[0].text for row in rows] == list(frame["variant"])
    for header, column, form in (
        ("accuracy, %", "accuracy", formatting.percent),
        ("vs our paper", "difference", formatting.signed_points),
        ("detects", "detectable", formatting.percent),
    ):
        cells = [row[heads.index(header)] for row in rows]
        texts = [cell.text.partition(" ±")[0] for cell in cells]
        assert texts == [form(value) for value in frame[column]]
        keys = [float(cell.get("data-key") or "nan") for cell in cells]
        np.testing.assert_array_equal(keys, frame[column])


def test_what_is_wrong_is_named_at_the_top(troubled_page: str) -> None:
    (warnings,) = (
        t for t in parse_page(troubled_page).find("section") if t.get("class") == "warnings"
    )
    for text in (
        "1 record could not be read",
        "seed-0/record.json",
        "1 duplicate record was left out",
        "paper seed 1 is duplicated",
        "1 of 44 runs failed",
        "dropout_75, seed 7",
        "diverged",
        "3 groups of runs differ",
        "another GPU",
    ):
        assert text in warnings.text


def test_each_group_has_a_section_and_budgets_have_a_curve(troubled_page: str) -> None:
    headings = [tag.text for tag in parse_page(troubled_page).find("h2")]
    for part in (
        f"{presets.EPOCHS} epochs, ",
        "40 epochs, ",
        "validation split",
        "by number of epochs",
    ):
        assert sum(part in heading for heading in headings) >= 1


def test_the_command_says_what_it_wrote_and_what_is_wrong(written: tuple[Path, str]) -> None:
    assert "out/a.html: " in written[1]
    assert "1 of 44 runs failed" in written[1]


def test_the_report_is_small_and_needs_no_torch(
    study_folder: Path, study_page: str, tmp_path: Path
) -> None:
    # Its import alone takes longer than the answer should.
    (tmp_path / "torch.py").write_text("raise ImportError('torch was imported')\n")
    options = ("--results", str(study_folder), "--output", "out/a.html")
    done = commands.run_fresh(tmp_path, "report", *options, PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    # Another process, another seed of its hashes: the same bytes.
    assert (tmp_path / "out/a.html").read_bytes() == study_page.encode()
    assert len(study_page.encode()) < 5e6


def test_without_records_there_is_one_line_and_exit_2(harness: Harness, tmp_path: Path) -> None:
    folder = tmp_path / "results/paper/seed-0"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{")
    done = harness("report")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "(1 damaged). The first: " in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_every_text_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('\"&')</script>"
    environment = {"device": evil, "torch": evil, "threads": 1}
    run = make_record(dataset={"title": evil}, environment=environment)
    store.save(tmp_path / "a", run)
    store.save(tmp_path / "b", make_record(seed=1, dataset={"title": evil}))
    text = rendered(tmp_path).decode()
    assert "alert(" in text
    assert evil not in text
    assert len(parse_page(text).find("script")) == 1


def test_nothing_comes_from_outside(page: Tag) -> None:
    for tag in page.all():
        for name in ("src", "href", "action", "srcset", "data"):
            assert not tag.get(name) or tag.get(name).startswith(("#", "data:")), tag.name
        assert "style" not in tag.attributes
        assert not [name for name in tag.attributes if name.startswith("on")]
    (style_tag,) = page.find("style")
    assert not re.search(r"@import|url\(", style_tag.text)


def test_the_policy_allows_the_pages_own_style_and_script_alone(study_page: str) -> None:
    (policy,) = (
        tag.get("content")
        for tag in parse_page(study_page).find("meta")
        if tag.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for name in ("style", "script"):
        (text,) = re.findall(rf"<{name}>(.*?)</{name}>", study_page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"


def test_headings_come_in_order_and_ids_once(page: Tag) -> None:
    levels = [int(tag.name[1]) for tag in page.find("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = Counter(tag.get("id") for tag in page.all() if tag.get("id"))
    assert set(ids.values()) == {1}
    labelled_by = [tag.get("aria-labelledby") for tag in page.all() if tag.get("aria-labelledby")]
    links = [tag.get("href")[1:] for tag in page.find("a")]
    assert {*labelled_by, *links} <= ids.keys()


def test_landmarks_have_names_of_their_own(page: Tag) -> None:
    headings = {tag.get("id"): tag.text for tag in page.find("h2")}
    names = Counter(
        tag.get("aria-label") or headings[tag.get("aria-labelledby")]
        for tag in page.find("section", "nav", "div")
        if tag.name != "div" or tag.get("role") == "region"
    )
    assert len(names) > 6
    assert "" not in names
    assert set(names.values()) == {1}


def test_pictures_and_tables_can_be_read_out(page: Tag) -> None:
    (page_tag,) = page.find("html")
    assert page_tag.get("lang") == "en"
    figures = page.find("img")
    assert len(figures) > 5
    for tag in figures:
        assert re.search(r"\d", tag.get("alt")), "what it shows, with its figures"
    for table in page.find("table"):
        assert table.find("caption")[0].text.strip()
        width = len(table.find("thead")[0].find("th"))
        assert {tag.get("scope") for tag in table.find("thead")[0].find("th")} == {"col"}
        for row in table.find("tbody")[0].find("tr"):
            assert [tag.get("scope") for tag in row.find("th")] == ["row"]
            assert len(row.find("th", "td")) == width


def test_rules_are_cited(study_page: str) -> None:
    assert decision.sha256()[:12] in study_page
