"""What the report's figures say of themselves, and when the paper's runs stand in them."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from harness.analysis import groups
from harness.protocol import decision
from harness.report import sections
from harness.report import tables as report_tables
from harness.report.figures import by_epoch, by_variant, confusion, style
from harness.report.text import verdict as text_verdict
from harness.runs.record import RunRecord
from harness.verdict import verdict
from harness.verdict.verdict import GroupVerdict
from tests.helpers.judged_studies import runs_near
from tests.helpers.records import make_history, make_record

RULES = decision.load()

VALIDATION = {"dataset": {"split": "validation"}}


def judged(*records: RunRecord) -> GroupVerdict:
    (judgement,) = verdict.judge_groups(groups.group(records)[0]).group_verdicts
    return judgement


def trained(seed: int = 0, rates: tuple[float, ...] = (0.1, 0.1), **about: Any) -> RunRecord:
    """A run with an epoch for each of these learning rates."""
    rows = make_history([0.5 + 0.01 * epoch for epoch in range(len(rates))])
    history = [{**row, "lr": rate} for row, rate in zip(rows, rates, strict=True)]
    return make_record(seed=seed, history=history, protocol={"epochs": len(rates)}, **about)


@pytest.mark.parametrize(
    ("rates", "told"), [((0.1, 0.1, 0.01), True), ((0.1, 0.1, 0.1), False), ((0.1,), False)]
)
def test_a_fall_of_the_learning_rate_is_explained_where_there_is_one(
    rates: tuple[float, ...], told: bool
) -> None:
    judgement = judged(trained(rates=rates))
    (picture,) = by_epoch.of_variants(judgement, sections.arms_of(judgement))
    assert ("Dotted: where the learning rate" in picture.caption) == told
    dotted = [line for axes in picture.figure.axes for line in axes.lines if _dotted(line)]
    assert bool(dotted) == told


def _dotted(line: Any) -> bool:
    return line.get_linestyle() == ":"


def test_the_text_of_the_seeds_counts_runs() -> None:
    runs = [make_record(seed=s, right=700 + 10 * s) for s in range(3)]
    judgement = judged(*runs, make_record("no_augmentation", right=650))
    picture = by_variant.by_seed(judgement, sections.arms_of(judgement), RULES)
    assert picture is not None
    assert "paper 70.00 to 72.00 over 3 runs; no_augmentation 65.00, one run." in picture.alt


@pytest.mark.parametrize(("about", "there"), [({}, True), (VALIDATION, False)])
def test_the_papers_runs_are_beside_test_images_alone(about: dict[str, Any], there: bool) -> None:
    with style.applied():
        judgement = judged(make_record(**about))
        (arm,) = sections.arms_of(judgement)
        seeds = by_variant.by_seed(judgement, [arm], RULES)
        assert seeds is not None
        classes = by_variant.recall(judgement, arm, RULES)
        other = judged(make_record(protocol={"epochs": 40}, **about))
        budgets = by_epoch.by_budget([judgement, other], RULES)
        confused = confusion.of_arm(judgement, arm)
    for picture in (seeds, classes, budgets):
        assert _of_the_paper(picture.figure) == there, picture.name
    for picture in (seeds, budgets):
        assert ("the paper's two runs" in picture.caption) == there, picture.name
    assert ("the paper" in classes.title) == there
    assert len(confused) == (4 if there else 1)
    table = report_tables.recall(judgement, arm)
    assert (("run 1, %", "of the paper") in table.headers) == there
    names = [row[0].text for row in report_tables.ablations(judgement, RULES).rows]
    assert ("reported, run 1" in names) == there


def _of_the_paper(figure: Figure) -> bool:
    """Whether anything in a figure has the colour of the paper's runs."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return any(same_color(line.get_color(), style.REPORTED) for line in lines)


@pytest.mark.usefixtures("adopted")
def test_the_table_of_the_report_has_the_family_of_the_verdict() -> None:
    table = report_tables.ablations(
        judged(*runs_near(n=5), *runs_near("baseline", 700, n=5)), RULES
    )
    assert (
        "p",
        "sequential over the looks so far, after Holm over the 7 planned contrasts",
    ) in table.headers
    row = next(row for row in table.rows if row[0].text == "baseline")
    names = [name for name, _ in table.headers]
    assert row[names.index("effect")].text == "hurts"
    assert row[names.index("look")].text == "1"


def _filled(judgement: GroupVerdict) -> list[bool]:
    """Whether each dot of the forest is filled."""
    forest = by_variant.forest(judgement, RULES)
    assert forest is not None
    dots = [line for line in forest.figure.axes[0].lines if line.get_marker() == "o"]
    return [not same_color(dot.get_markerfacecolor(), style.PAGE) for dot in dots]


@pytest.mark.usefixtures("adopted")
def test_a_dot_is_filled_once_a_look_has_settled_it() -> None:
    found = judged(*runs_near(n=5), *runs_near("baseline", 700, n=5), *runs_near("dropout_0", n=5))
    assert _filled(found) == [True, False]
    elsewhere = {"protocol": {"epochs": 40}}
    arms = (*runs_near(n=5, **elsewhere), *runs_near("baseline", 700, n=5, **elsewhere))
    assert _filled(judged(*arms)) == [False]
    few = judged(*runs_near(n=4), *runs_near("baseline", 700, n=5))
    assert by_variant.forest(few, RULES) is None


@pytest.mark.usefixtures("adopted")
@pytest.mark.parametrize(("n", "tested"), [(10, False), (20, True)])
def test_recall_has_a_test_at_the_last_look_alone(n: int, tested: bool) -> None:
    found = judged(*runs_near(n=n))
    table = report_tables.recall(found, found.claim_runs)
    assert ("p" in dict(table.headers)) == tested
    assert "points" in dict(table.headers)
    assert ("p Holm" in verdict_text(found)) == tested


def verdict_text(found: GroupVerdict) -> str:
    shown = text_verdict.render(verdict.judge_groups([found.group]), "markdown")
    return shown[shown.index("### Recall") :]
