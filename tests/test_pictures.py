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
from harness.verdict.verdict import Judgement
from tests.made import curve, made

RULES = decision.load()

VALIDATION = {"dataset": {"split": "validation"}}


def judged(*records: RunRecord) -> Judgement:
    (judgement,) = verdict.judge(groups.group(records)[0]).judgements
    return judgement


def trained(seed: int = 0, rates: tuple[float, ...] = (0.1, 0.1), **about: Any) -> RunRecord:
    """A run with an epoch for each of these learning rates."""
    rows = curve([0.5 + 0.01 * epoch for epoch in range(len(rates))])
    history = [{**row, "lr": rate} for row, rate in zip(rows, rates, strict=True)]
    return made(seed=seed, history=history, protocol={"epochs": len(rates)}, **about)


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
    runs = [made(seed=s, right=700 + 10 * s) for s in range(3)]
    judgement = judged(*runs, made("no_augmentation", right=650))
    picture = by_variant.by_seed(judgement, sections.arms_of(judgement), RULES)
    assert picture is not None
    assert "paper 70.00 to 72.00 over 3 runs; no_augmentation 65.00, one run." in picture.alt


@pytest.mark.parametrize(("about", "there"), [({}, True), (VALIDATION, False)])
def test_the_papers_runs_stand_beside_test_images_alone(about: dict[str, Any], there: bool) -> None:
    with style.applied():
        judgement = judged(made(**about))
        (arm,) = sections.arms_of(judgement)
        seeds = by_variant.by_seed(judgement, [arm], RULES)
        assert seeds is not None
        classes = by_variant.recall(judgement, arm, RULES)
        other = judged(made(protocol={"epochs": 40}, **about))
        budgets = by_epoch.by_budget([judgement, other], RULES)
        confused = confusion.of_arm(judgement, arm)
    for picture in (seeds, classes, budgets):
        assert _of_the_paper(picture.figure) == there, picture.name
    for picture in (seeds, budgets):
        assert ("the paper's two runs" in picture.caption) == there, picture.name
    assert ("the paper" in classes.title) == there
    assert len(confused) == (4 if there else 1)
    table = report_tables.recall(judgement, arm, RULES)
    assert (("run 1, %", "of the paper") in table.headers) == there
    names = [row[0].text for row in report_tables.ablations(judgement, RULES).rows]
    assert ("reported, run 1" in names) == there


def _of_the_paper(figure: Figure) -> bool:
    """Whether anything in a figure has the colour of the paper's runs."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return any(same_color(line.get_color(), style.REPORTED) for line in lines)


def test_the_table_of_the_report_has_the_family_of_the_verdict() -> None:
    runs = [
        made(variant, seed, 700 + seed + seed % 3)
        for variant in ("paper", "no_augmentation")
        for seed in RULES.planned(variant)
    ]
    table = report_tables.ablations(judged(*runs), RULES)
    assert (
        "p",
        "Welch's t, after Holm over the 7 planned contrasts; over others apart",
    ) in table.headers


def test_before_the_plan_is_through_pages_show_intervals_and_no_tests() -> None:
    def shown(*runs: RunRecord) -> tuple[list[bool], bool, str]:
        found = judged(*runs)
        forest = by_variant.forest(found, RULES)
        assert forest is not None
        (dot,) = [line for line in forest.figure.axes[0].lines if line.get_marker() == "o"]
        filled = not same_color(dot.get_markerfacecolor(), style.PAGE)
        arm = next(arm for arm in sections.arms_of(found) if arm.name == "paper")
        tables = report_tables.ablations(found, RULES), report_tables.recall(found, arm, RULES)
        return ["p" in dict(t.headers) for t in tables], filled, text(found)

    def text(found: Judgement) -> str:
        return text_verdict.render(verdict.judge([found.group]), "markdown")

    through = [
        made(variant, seed, right + seed % 3)
        for variant, right in (("paper", 750), ("no_augmentation", 700))
        for seed in RULES.planned(variant)
    ]
    tested, filled, told = shown(*through)
    assert filled and all(tested) and told.count("p Holm") == 2 and "Holm p" in told
    tested, filled, told = shown(*(run for run in through if run.seed < 12))
    assert not (filled or any(tested)) and "p Holm" not in told and "Holm p" not in told
    assert "95 % interval" in told
