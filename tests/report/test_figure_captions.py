"""Captions of the report's figures, and when they include the paper's runs."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from harness.analysis import groups
from harness.protocol import decision
from harness.report.figures import alt, by_epoch, by_variant, confusion, style
from harness.report.tables import comparison, judged
from harness.runs.record import RunRecord
from harness.verdict import verdict
from harness.verdict.verdict import GroupVerdict
from tests.helpers.judged_studies import runs_near
from tests.helpers.records import make_history, make_record

RULES = decision.load()

VALIDATION = {"dataset": {"split": "validation"}}


def judge(*records: RunRecord) -> GroupVerdict:
    (group_verdict,) = verdict.judge_groups(groups.group(records)[0]).group_verdicts
    return group_verdict


def trained(seed: int = 0, rates: tuple[float, ...] = (0.1, 0.1), **fields: Any) -> RunRecord:
    """A run with an epoch for each of these learning rates."""
    rows = make_history([0.5 + 0.01 * epoch for epoch in range(len(rates))])
    history = [{**row, "lr": rate} for row, rate in zip(rows, rates, strict=True)]
    return make_record(seed=seed, history=history, protocol={"epochs": len(rates)}, **fields)


@pytest.mark.parametrize(
    ("rates", "is_explained"), [((0.1, 0.1, 0.01), True), ((0.1, 0.1, 0.1), False), ((0.1,), False)]
)
def test_a_drop_of_the_learning_rate_is_explained_if_there_is_one(
    rates: tuple[float, ...], is_explained: bool
) -> None:
    group_verdict = judge(trained(rates=rates))
    for figure in by_epoch.training_curves(group_verdict, list(group_verdict.runs.values())):
        assert ("Dotted: where the learning rate" in figure.caption) == is_explained
        dotted = [line for axes in figure.figure.axes for line in axes.lines if _dotted(line)]
        assert bool(dotted) == is_explained


def _dotted(line: Any) -> bool:
    return line.get_linestyle() == ":"


def test_the_text_of_the_seeds_counts_runs() -> None:
    runs = [make_record(seed=s, right=700 + 10 * s) for s in range(3)]
    group_verdict = judge(*runs, make_record("no_augmentation", right=650))
    figure = by_variant.by_seed(group_verdict)
    assert figure is not None
    assert "paper 70.00 to 72.00 over 3 runs; no_augmentation 65.00, one run." in figure.alt
    assert "On average highest: paper; lowest: no_augmentation." in figure.alt


def test_readings_are_left_out_of_the_seeds_where_they_have_a_figure() -> None:
    for about, left_out in (({}, True), (VALIDATION, False)):
        group_verdict = judge(make_record(**about), make_record("low_lr", right=400, **about))
        figure = by_variant.by_seed(group_verdict)
        assert figure is not None
        assert ("low_lr" in figure.alt) != left_out
        assert ("Readings have a figure of their own" in figure.caption) == left_out


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([30, 50, 75], "rises from 30.00 to 75.00"),
        ([0.7, 0.4, 0.5], "falls from 0.70 to 0.50 (lowest: 0.40)"),
        ([70, 76, 70], "begins and ends at 70.00 (highest: 76.00)"),
        ([70], "begins and ends at 70.00"),
    ],
)
def test_a_line_is_described_by_its_course(values: list[float], text: str) -> None:
    assert alt.course(values) == text


def test_the_text_of_the_curves_says_how_they_run() -> None:
    group_verdict = judge(trained(rates=(0.1, 0.1, 0.1)))
    accuracy, loss = by_epoch.training_curves(group_verdict, list(group_verdict.runs.values()))
    assert "paper, 1 seed: training rises from 52.00 to 54.00, test rises from" in accuracy.alt
    assert loss.alt.endswith("test falls from 0.50 to 0.48.")


def test_each_variant_has_a_pane_of_the_curves_on_the_same_scale() -> None:
    names = ["paper", "baseline", "batch_norm", "dropout_0"]
    records = [make_record(name, 0, 700 + 10 * k) for k, name in enumerate(names)]
    group_verdict = judge(*records)
    for figure in by_epoch.training_curves(group_verdict, list(group_verdict.runs.values())):
        panes = [axes for axes in figure.figure.axes if axes.get_visible()]
        assert sorted(axes.get_title() for axes in panes) == sorted(names)
        assert len({axes.get_ylim() for axes in panes}) == 1
        assert [axes.get_xlabel() for axes in panes] == ["", "epoch", "epoch", "epoch"]


@pytest.mark.usefixtures("adopted")
def test_variants_without_a_test_are_explained_if_there_are_any() -> None:
    tested = [*runs_near(n=5), *runs_near("dropout_0", 752, n=5)]
    for others, are_explained in (([], False), (runs_near("lrn", 753, n=5), True)):
        forest = by_variant.forest(judge(*tested, *others))
        assert forest is not None
        assert "Filled: settled by Holm's test" in forest.caption
        assert ("A variant's name stands for" in forest.caption) == are_explained
        assert ("Other variants have 95 % intervals" in forest.caption) == are_explained


@pytest.mark.usefixtures("adopted")
def test_the_text_of_the_forest_says_on_which_side_intervals_lie() -> None:
    forest = by_variant.forest(
        judge(
            *runs_near(right=750, n=5),
            *runs_near("baseline", 700, n=5),
            *runs_near("batch_norm", 790, n=5),
            *runs_near("dropout_0", 750, n=5),
        )
    )
    assert forest is not None
    assert (
        "right: Augmentation plus learning-rate decay, Batch normalization (not in the paper); on "
        "both sides: Dropout 0.5 instead of none." in forest.alt
    )


def test_the_text_of_the_recall_names_extremes_and_compares() -> None:
    group_verdict = judge(make_record(right=751))
    (runs,) = list(group_verdict.runs.values())
    text = by_variant.recall(group_verdict, runs).alt
    assert "Highest" not in text  # all are equal
    assert "ours is above: bird, cat, dog; below: airplane," in text


@pytest.mark.parametrize(
    ("rights", "text"),
    [
        ((700, 750), "Every line ends higher than it begins"),
        ((750, 700), "No line ends higher than it begins"),
    ],
)
def test_the_text_of_the_budgets_says_what_rises(rights: tuple[int, int], text: str) -> None:
    few, many = (
        judge(make_record(right=right, protocol={"epochs": epochs}))
        for right, epochs in zip(rights, (10, 40), strict=True)
    )
    figure = by_epoch.by_budget([few, many])
    assert figure is not None
    assert text in figure.alt


def test_the_text_of_a_matrix_says_whether_its_diagonal_stands_out() -> None:
    for right, text in ((700, "The diagonal stands out"), (50, "A wrong class is the most")):
        group_verdict = judge(make_record(right=right))
        (runs,) = list(group_verdict.runs.values())
        assert text in confusion.confusion_matrices(group_verdict, runs)[0].alt


@pytest.mark.parametrize(("about", "is_shown"), [({}, True), (VALIDATION, False)])
def test_the_papers_runs_are_shown_only_with_test_images(
    about: dict[str, Any], is_shown: bool
) -> None:
    with style.applied():
        group_verdict = judge(make_record(**about))
        (runs,) = list(group_verdict.runs.values())
        seeds = by_variant.by_seed(group_verdict)
        assert seeds is not None
        classes = by_variant.recall(group_verdict, runs)
        other = judge(make_record(protocol={"epochs": 40}, **about))
        budgets = by_epoch.by_budget([group_verdict, other])
        matrices = confusion.confusion_matrices(group_verdict, runs)
    for figure in (seeds, classes, budgets):
        assert _of_the_paper(figure.figure) == is_shown, figure.name
    for figure in (seeds, budgets):
        assert ("the paper's two runs" in figure.caption) == is_shown, figure.name
    assert ("the paper" in classes.title) == is_shown
    assert len(matrices) == (4 if is_shown else 1)
    table = judged.recall_table(group_verdict, runs)
    assert (("run 1, %", "of the paper") in table.headers) == is_shown
    names = [row[0].text for row in comparison.comparison_table(group_verdict, RULES).rows]
    assert ("reported, run 1" in names) == is_shown


def _of_the_paper(figure: Figure) -> bool:
    """Whether anything in a figure has the colour of the paper's runs."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return any(same_color(line.get_color(), style.REPORTED) for line in lines)


@pytest.mark.usefixtures("adopted")
def test_the_table_of_the_report_has_the_family_of_the_verdict() -> None:
    table = comparison.comparison_table(
        judge(*runs_near(n=5), *runs_near("baseline", 700, n=5)), RULES
    )
    assert (
        "p",
        "sequential over the looks, after Holm over the 7 planned contrasts",
    ) in table.headers
    row = next(row for row in table.rows if row[0].text == "baseline")
    names = [name for name, _ in table.headers]
    assert row[names.index("finding")].text == "hurts"
    assert row[names.index("look")].text == "1"


def _filled(group_verdict: GroupVerdict) -> list[bool]:
    """Whether each dot of the forest is filled."""
    forest = by_variant.forest(group_verdict)
    assert forest is not None
    dots = [line for line in forest.figure.axes[0].lines if line.get_marker() == "o"]
    return [not same_color(dot.get_markerfacecolor(), style.PAGE) for dot in dots]


@pytest.mark.usefixtures("adopted")
def test_a_dot_is_filled_once_a_look_has_settled_it() -> None:
    group_verdict = judge(
        *runs_near(n=5), *runs_near("baseline", 700, n=5), *runs_near("dropout_0", n=5)
    )
    assert _filled(group_verdict) == [True, False]
    other_budget = {"protocol": {"epochs": 40}}
    records = (*runs_near(n=5, **other_budget), *runs_near("baseline", 700, n=5, **other_budget))
    assert _filled(judge(*records)) == [False]
    few = judge(*runs_near(n=4), *runs_near("baseline", 700, n=5))
    assert by_variant.forest(few) is None


@pytest.mark.usefixtures("adopted")
@pytest.mark.parametrize(("n", "tested"), [(10, False), (20, True)])
def test_recall_has_a_test_at_the_last_look_alone(n: int, tested: bool) -> None:
    group_verdict = judge(*runs_near(n=n))
    table = judged.recall_table(group_verdict, group_verdict.claim_runs)
    assert ("p" in dict(table.headers)) == tested
    assert "points" in dict(table.headers)
