"""Every page gives the same answer, and findings that agree with it."""

from __future__ import annotations

import html as html_text
import json
from pathlib import Path

import pytest

from harness.report import docs, drawings, sections
from harness.report.answer import answer
from harness.report.drawings import Drawings
from harness.report.pages import comparison, html, results, verdict
from harness.report.text.headline import NO_RUNS
from harness.verdict.study import Study
from tests.helpers.html_outline import parse_page
from tests.helpers.judged_studies import failed_runs, full_study, runs_near, study_of

pytestmark = pytest.mark.usefixtures("adopted")

STUDIES = {
    **{
        f"{word}-at-look-{look}": runs_near(right=right, spread=spread, n=n)
        for word, look, right, spread, n in (
            ("reproduced", 1, 751, 1, 5),
            ("reproduced", 2, 746, 1, 10),
            ("reproduced", 3, 744, 1, 20),
            ("exceeded", 1, 775, 1, 5),
            ("exceeded", 2, 766, 1, 10),
            ("exceeded", 3, 764, 1, 20),
            ("not-reached", 1, 730, 1, 5),
            ("not-reached", 2, 737, 1, 10),
            ("not-reached", 3, 736, 2, 20),
            ("undecided", 1, 761, 1, 5),
            ("undecided", 2, 761, 1, 10),
            ("undecided", 3, 761, 1, 20),
        )
    },
    "full": full_study(n=5),
    "failed": [*runs_near(n=4), *failed_runs("paper", 4), *runs_near("baseline", 700, n=5)],
    "all-failed": failed_runs("paper", *range(5)),
    "arms-ahead": [
        *runs_near(n=10),
        *runs_near("no_augmentation", 700, n=20),
        *runs_near("dropout_0", 752, n=5),
    ],
    "look-half-complete": [*runs_near(n=3), *runs_near("baseline", 700, n=7)],
    "two-budgets": [*full_study(n=5), *runs_near(right=790, protocol={"epochs": 90})],
    "no-verdict": runs_near(n=5, protocol={"precision": "fp32"}),
    "digits": runs_near(n=2, dataset={"classes": [*"0123456789"], "official": False}),
}


# Figures say nothing of the answer and take most of the time: with these alone.
DRAWN = ("full", "two-budgets", "digits")


@pytest.mark.parametrize("name", STUDIES)
def test_every_page_gives_the_same_answer(name: str) -> None:
    study = study_of(STUDIES[name])
    found = answer(study)
    outcome = name.partition("-at-look")[0].replace("-", " ").upper()
    assert "-at-look-" not in name or found.label == outcome
    sentences = [f"**{found.label}.** {found.sentence}"]
    whole = [f"{c.sentence}." for c in found.contributions]
    facts = {fact: f"**{fact.name}.** {fact.text}" for fact in found.facts}
    pages = _pages(study, drawings.draw(study) if name in DRAWN else Drawings((), {}))
    for page in ("compare", "verdict", "readme", "results"):
        for sentence in [*sentences, *(whole if page != "compare" else [])]:
            assert sentence in pages[page], page
        for fact, line in facts.items():
            left_out = page == "compare" or (page == "readme" and fact.detail)
            assert (line in pages[page]) is not left_out, page
    assert f"**More** in [{study.results.name}/README.md](" in pages["readme"]
    (header,) = parse_page(pages["report"]).find("header")
    shown = " ".join(header.text.split())
    for sentence in (found.label, found.sentence, *(c.sentence for c in found.contributions)):
        assert sentence in shown
    for line in found.facts:
        assert line.text.replace("`", "") in shown
    as_json = json.loads(verdict.as_json(study))["answer"]
    assert (as_json["label"], as_json["sentence"]) == (found.label, found.sentence)
    _tables_agree(study, pages)


def _pages(study: Study, figures: Drawings) -> dict[str, str]:
    files = results.files(study, sections.sections(study), figures)
    return {
        "compare": comparison.render(study, "markdown"),
        "verdict": verdict.as_markdown(study),
        "readme": results.answer_block(study, figures),
        "results": files[study.results / "README.md"].decode(),
        "report": html_text.unescape(html.page(study, figures).decode()),
    }


def _tables_agree(study: Study, pages: dict[str, str]) -> None:
    """The finding of each variant is the same in the tables of all pages."""
    tables = {name: _findings(pages[name]) for name in ("compare", "verdict", "results")}
    assert tables["verdict"] == tables["results"] == tables["compare"]
    expected = {
        row.variant: row.contrast.finding.value
        for row in study.primary.variants
        if row.contrast and row.contrast.effect and row.contrast.look
    }
    assert tables["compare"] == expected


def _findings(page: str) -> dict[str, str]:
    """Column `finding` of the first table, by variant."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    start = next(i for i, line in enumerate(lines) if line.startswith("| variant"))
    header, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:]
    )
    if "finding" not in header:
        return {}
    end = next((i for i, row in enumerate(rows) if row[0] in ("class", "claim", "variant")), None)
    found = {row[0]: row[header.index("finding")] for row in rows[:end] if len(row) == len(header)}
    return {name: finding for name, finding in found.items() if finding != "-"}


def test_without_records_every_page_says_so(tmp_path: Path) -> None:
    assert docs.blocks(tmp_path)["answer"] == NO_RUNS
    assert NO_RUNS in docs.files(folder=tmp_path)[tmp_path / "README.md"].decode()
