"""Searches and cross-validations in the report: sections of their own, from records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.report import drawings, sections
from harness.report.pages import html, results
from harness.report.section import Kind, Section
from harness.runs.record import RunRecord, StudyInfo
from harness.verdict import study as verdict_study
from tests.analysis.studies.test_cross_validation_interval import FIVE
from tests.helpers.judged_studies import comparison_text, runs_near, study_of, verdict_text
from tests.helpers.records import make_record

HELD_OUT = {"split": "validation", "train_size": 45_000, "test_size": 5_000}

PLAN: dict[str, Any] = {
    "variant": "paper",
    "space": {
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "dropout": {"low": 0.0, "high": 0.75, "log": False},
    },
    "trials": 4,
}


def trial(
    number: int, right: int, rate: float = 0.01, *, failed: bool = False, **settings: Any
) -> RunRecord:
    """A trial of a search."""
    record = make_record(
        right=right, failed=failed, dataset=HELD_OUT, protocol={"validation": True}
    )
    changed = {"learning_rate": rate, "dropout": 0.1 * number, **settings}
    return record.model_copy(
        update={
            "variant": f"paper_search_0_{number:03d}",
            "settings": {**record.settings, **changed},
            "changes": changed,
            "study": StudyInfo(kind="search", name="paper_search_0", index=number, settings=PLAN),
        }
    )


TRIALS = [
    trial(0, 600),
    trial(1, 700, 0.05),
    trial(2, 0, 0.1, failed=True),
    trial(3, 650, 0.002),
]


def section(records: list[RunRecord], kind: Kind) -> Section:
    shown = sections.sections(study_of(records))
    (found,) = (each for each in shown if each.kind is kind)
    return found


def test_trials_are_ranked_in_a_section_of_their_own() -> None:
    found = section([*runs_near(n=5), *TRIALS], Kind.SEARCH)
    (table,) = found.tables
    assert [row[0].text for row in table.rows] == ["1", "3", "0", "2"]
    assert [name for name, _ in table.headers] == [
        *("trial", "learning_rate", "dropout", "validation accuracy, %", "loss", "failed")
    ]
    assert "Best of 4 trials (1 failed): trial 1, 70.00 %" in found.sentences[0]
    assert "too high on average" in found.sentences[0]
    assert "learning_rate (low 0.001, high 0.1, log True)" in found.notes[0]


@pytest.mark.parametrize("records", [TRIALS, FIVE])
def test_no_run_command_is_given_for_runs_that_only_their_study_can_repeat(
    records: list[RunRecord],
) -> None:
    shown = sections.sections(study_of(records))
    assert {s.repeat for s in shown if s.kind is Kind.GROUP} == {None}
    assert section(runs_near(n=1), Kind.GROUP).repeat is not None


def test_folds_have_a_section_with_the_corrected_interval() -> None:
    found = section([*runs_near(n=5), *FIVE], Kind.FOLDS)
    assert "72.00 %, corrected 95 % interval 69.06 to 74.94 %" in found.sentences[0]
    assert len(found.tables[0].rows) == 5
    assert (
        "4 of 5 folds have finished: no mean yet."
        in section([*runs_near(n=5), *FIVE[:4]], Kind.FOLDS).sentences
    )


def test_studies_change_nothing_in_the_tables_of_claims() -> None:
    alone = runs_near(n=5)
    mixed = [*TRIALS, *alone, *FIVE]
    assert comparison_text(mixed) == comparison_text(alone)
    assert verdict_text(mixed, "json") == verdict_text(alone, "json")
    judged, with_studies = study_of(alone), study_of([*alone, *TRIALS, *FIVE])
    assert with_studies.warnings == judged.warnings
    assert [g.group for g in with_studies.group_verdicts] == [
        g.group for g in judged.group_verdicts
    ]


def test_the_best_trial_is_no_rival_on_the_validation_split_either() -> None:
    ordinary = [
        make_record(seed=s, dataset=HELD_OUT, protocol={"validation": True}) for s in range(3)
    ]
    (group,) = (g.group for g in study_of([*ordinary, *TRIALS]).group_verdicts)
    assert {record.variant for record in group.records} == {"paper"}


def test_a_folder_of_studies_alone_gives_no_verdict() -> None:
    judged = study_of([*TRIALS, *FIVE])
    assert not any(g.eligibility.allows_verdict for g in judged.group_verdicts)
    assert (len(judged.searches), len(judged.cross_validations)) == (1, 1)


def test_the_figure_has_a_pane_for_each_setting_and_marks_the_best() -> None:
    drawn = drawings.draw(study_of(TRIALS))
    ((figure,),) = (part.figures for part in drawn.by_anchor["search-1"])
    panes = figure.figure.axes
    assert [(axes.get_xlabel(), axes.get_xscale()) for axes in panes] == [
        ("learning_rate", "log"),
        ("dropout", "linear"),
    ]
    for axes, best in zip(panes, (0.05, 0.1), strict=True):
        every, filled = axes.lines
        assert sorted(every.get_ydata()) == pytest.approx([60, 65, 70])
        assert (filled.get_xdata()[0], filled.get_ydata()[0]) == pytest.approx((best, 70))
    assert "best 70.00 % in trial 1 with learning_rate 0.05, tried 0.002 to 0.05" in figure.alt


def test_pages_show_the_studies() -> None:
    judged = study_of([*runs_near(n=5), *TRIALS, *FIVE])
    drawn, shown = drawings.draw(judged), sections.sections(judged)
    page = html.page(judged, drawn).decode()
    text = results.files(judged, shown, drawn)[Path("results/README.md")].decode()
    for heading in ("Search over settings: CIFAR-10", "Cross-validation of paper: CIFAR-10"):
        assert heading in page
        assert f"## {heading}" in text
    assert "figures/search-1-trials.svg" in text


@pytest.mark.parametrize(
    "plan",
    [{}, {"space": None}, {"space": ["dropout"]}, {"space": {"dropout": 3, "stem": {}, "no": {}}}],
)
def test_a_plan_that_makes_no_sense_does_not_break_the_page(plan: dict[str, Any]) -> None:
    study = StudyInfo(kind="search", name="<b>", index=0, settings=plan)
    judged = study_of([TRIALS[0].model_copy(update={"study": study})])
    page = html.page(judged, drawings.draw(judged)).decode()
    assert "&lt;b&gt;" in page
    assert "The trials, best first" in page


def test_trials_that_all_failed_have_no_figure() -> None:
    failed = [trial(number, 0, failed=True) for number in range(2)]
    found = section([*runs_near(n=5), *failed], Kind.SEARCH)
    assert found.sentences == ("None of the 2 trials finished.",)
    assert "search-1" not in drawings.draw(study_of(failed)).by_anchor


def test_trials_on_other_data_or_seeds_are_other_searches() -> None:
    other = TRIALS[0].model_copy(update={"seed": 1})
    assert len(verdict_study.judge_records(Path("results"), [*TRIALS, other]).searches) == 2
