"""The report page: its content, that it is self-contained, and that it is accessible."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from harness import formatting
from harness.analysis.sequential import Outcome
from harness.cli.report import report
from harness.protocol import decision, presets
from harness.report import drawings, export
from harness.report.pages import html
from harness.report.text.headline import NO_VERDICT
from harness.runs import store
from harness.verdict import study
from harness.verdict.study import Study
from tests.helpers import commands
from tests.helpers.html_outline import Tag, parse_page
from tests.helpers.records import make_history, make_record
from tests.helpers.results_folders import write_grid, write_troubled_grid

Harness = Callable[..., subprocess.CompletedProcess[str]]


def rendered(results: Path) -> bytes:
    loaded = study.load_study(results)
    return html.page(loaded, drawings.draw(loaded))


def outline(results: Path) -> Tag:
    return parse_page(rendered(results).decode())


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All eight variants at look 1, and some at another budget."""
    results = tmp_path_factory.mktemp("study") / "results"
    write_grid(results, 5)
    write_grid(results, 2, epochs=10, names=["paper", "baseline"])
    return results


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


def test_other_images_are_an_alarm_on_the_first_screen(tmp_path: Path) -> None:
    write_grid(tmp_path, 2, names=["paper"], dataset={"official": False, "title": "a copy"})
    (header,) = outline(tmp_path).find("header")
    assert NO_VERDICT in header.text
    assert not re.search("|".join(Outcome), header.text)
    for text in ("75 % test accuracy", "75.39 % and 74.85 %", "NOT THE OFFICIAL DATA", "2 runs"):
        assert text in header.text
    alarms = [tag for tag in header.find("div") if tag.get("class") == "alarm"]
    assert any("NOT the official CIFAR-10 files" in alarm.text for alarm in alarms)


@pytest.mark.usefixtures("adopted")
@pytest.mark.parametrize(
    ("right", "label"), [(752, "REPRODUCED"), (700, "NOT REACHED"), (800, "EXCEEDED")]
)
def test_a_verdict_is_first_if_one_may_be_given(right: int, label: str, tmp_path: Path) -> None:
    write_grid(tmp_path, 20, right=right, names=["paper"])
    (header,) = outline(tmp_path).find("header")
    (verdict,) = (tag for tag in header.find("p") if tag.get("class") == "verdict")
    assert verdict.text == label
    assert "The official CIFAR-10" in header.text


@pytest.mark.usefixtures("adopted")
def test_before_a_look_the_first_screen_says_so(tmp_path: Path) -> None:
    write_grid(tmp_path, 4, names=["paper"])
    (header,) = outline(tmp_path).find("header")
    (sentence,) = (tag for tag in header.find("p") if tag.get("class") == "sentence")
    assert sentence.text.endswith("so far, and a verdict takes seeds 0 to 4.")
    alarms = [tag.text for tag in header.find("div") if tag.get("class") == "alarm"]
    assert any("none of the planned looks" in text for text in alarms)
    # So is what needs no run of ours; 0.96 in print is 0.8648 by its matrix.
    assert "precision of every class is said to be 60 to 80 %, and is 55 to 90 %" in header.text


def test_the_table_holds_what_compare_holds(tmp_path: Path) -> None:
    write_grid(tmp_path, 5, names=["paper", "baseline", "no_augmentation"])
    frame = study.load_study(tmp_path).primary.numbers
    table = next(t for t in outline(tmp_path).find("table") if t.find("caption")[0].text[0] == "V")
    heads = [tag.text for tag in table.find("thead")[0].find("th")]
    rows = [tag.find("th", "td") for tag in table.find("tbody")[0].find("tr")]
    assert [row[0].text for row in rows] == list(frame["variant"])
    for header, column, form in (
        ("accuracy, %", "accuracy", formatting.percent),
        ("vs paper", "difference", formatting.signed_points),
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


def test_figures_are_written_as_svg_and_png_twice_alike(study_folder: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        loaded = study.load_study(study_folder)
        export.save(folder, loaded, drawings.draw(loaded))
    names = sorted(path.name for path in folders[0].iterdir())
    assert {"answer-seeds.svg", "group-1-recall.png", "table.tex"} <= set(names)
    for name in names:
        first, second = (folder / name for folder in folders)
        assert first.read_bytes() == second.read_bytes()
        if name.endswith(".svg"):
            root = ElementTree.parse(first).getroot()
            assert root.tag.endswith("svg")
            assert b"<dc:date>" not in first.read_bytes()
        if name.endswith(".png"):
            with Image.open(first) as image:
                assert min(image.size) > 100


def test_the_table_compiles_as_latex(tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex here")
    write_grid(tmp_path / "results", 5, names=["paper", "baseline"])
    loaded = study.load_study(tmp_path / "results")
    export.save(tmp_path, loaded, drawings.Drawings((), {}))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs}\n"
        "\\begin{document}\n\\input{table}\n\\end{document}\n"
    )
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


def test_rules_are_cited(study_page: str) -> None:
    assert decision.sha256()[:12] in study_page


def spoiled(results: Path, change: Callable[[dict[str, Any]], Any]) -> Study:
    """Read a folder of two runs after one was damaged inside its fields."""
    for seed in (0, 1):
        run = make_record(seed=seed, history=make_history([0.5] * presets.EPOCHS))
        store.save(results / f"seed-{seed}", run)
    path = results / "seed-0" / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields))
    return study.load_study(results)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields["metrics"]["per_class"].pop("cat"),
        lambda fields: fields["metrics"].update(accuracy="x"),
        lambda fields: fields["metrics"]["confusion_matrix"].pop(),
        lambda fields: fields["history"][3].pop("train_loss"),
    ],
)
def test_a_record_damaged_inside_is_named_and_left_out(
    change: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    loaded = spoiled(tmp_path, change)
    assert loaded.warnings[0].sentence == "1 record could not be read."
    assert "seed-0/record.json is damaged" in loaded.warnings[0].cases[0]
    html.page(loaded, drawings.draw(loaded))
    assert [r.seed for r in loaded.primary.group.records] == [1]
