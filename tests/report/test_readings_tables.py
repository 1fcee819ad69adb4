"""Readings: the sentence, the table, the public figures, and the plot of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import same_color

from harness.paper.public_figures import BY_LETTER, PUBLIC_FIGURES
from harness.protocol import decision
from harness.report.figures import readings as figures_readings
from harness.report.figures import style
from harness.report.figures.figure import CaptionedFigure
from harness.report.tables import readings as tables_readings
from harness.report.tables.table import Table
from harness.report.text import readings as text_readings
from harness.runs.record import RunRecord
from harness.verdict import readings
from harness.verdict.readings import ReadingResult
from tests.helpers.judged_studies import study_of
from tests.helpers.reading_runs import reading_run, rising, several_readings
from tests.helpers.records import make_record

RULES = decision.load()

CUDA = {"environment": {"device_type": "cuda"}}

UNJUDGED = {"history": [{**row, "eval_loss": None} for row in rising(20)]}


def judge(*records: RunRecord) -> tuple[ReadingResult, ...]:
    return readings.judge(study_of([*records]).verdict.group_verdicts)


def sentence(*records: RunRecord) -> str:
    return text_readings.sentence(judge(*records), RULES)


def columns(table: Table) -> dict[str, list[str]]:
    cells = zip(*([cell.text for cell in row] for row in table.rows), strict=True)
    return {name: list(column) for (name, _), column in zip(table.headers, cells, strict=True)}


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([], "no runs on the official test images yet."),
        ([reading_run("paper")], "no runs on the official test images yet."),
        ([reading_run(), reading_run(epochs=90)], ": `low_lr` after 20 and 90 epochs (cpu)."),
        (
            [reading_run(), reading_run("paper", gap=0.06)],
            ": `low_lr` after 20 epochs (cpu); `paper` itself does not fit.",
        ),
        (
            [reading_run(), reading_run(gap=0.06, **CUDA), reading_run("stem_11x11", **CUDA)],
            ": `low_lr` after 20 epochs (cpu) and `stem_11x11` after 20 epochs (cuda); by accuracy "
            "alone: `low_lr` after 20 epochs (cuda).",
        ),
        (
            [reading_run(gap=0.06), reading_run("paper")],
            "Of 4 other readings of the paper's unstated settings 1 was run; none fits by all our "
            "criteria (accuracy, curves, gap and recall of the classes); by accuracy alone: "
            "`low_lr` after 20 epochs (cpu); `paper` itself fits after 20 epochs (cpu).",
        ),
        ([reading_run(gap=0.06, extra=150)], "(accuracy, curves, gap and recall of the classes)."),
        ([reading_run(**UNJUDGED)], "settings 1 was run; none can be judged by all"),
        ([reading_run(), reading_run("paper", **UNJUDGED)], "`paper` itself cannot be judged."),
        (
            [reading_run(gap=0.06), reading_run("stem_11x11", **UNJUDGED)],
            "settings 2 were run; none that can be judged fits by all our criteria (accuracy, "
            "curves, gap and recall of the classes); not to be judged: `stem_11x11` after 20 "
            "epochs (cpu); by accuracy alone: `low_lr` after 20 epochs (cpu).",
        ),
    ],
)
def test_one_sentence_says_which_readings_fit(records: Sequence[RunRecord], text: str) -> None:
    found = sentence(*records) if records else text_readings.sentence((), RULES)
    assert text in found
    assert found.count(".") == found.endswith(".")


def test_the_table_has_every_figure_and_what_it_is_compared_with() -> None:
    results = judge(
        reading_run("paper"),
        reading_run(gap=0.06, extra=150, history=rising(20, 1, "eval_loss")),
        reading_run("stem_11x11", **UNJUDGED),
        reading_run("keras_sgd", failed=True),
    )
    table = tables_readings.fits_table(results, RULES)
    assert columns(table) == {
        "variant": ["paper", "keras_sgd", "low_lr", "stem_11x11"],
        "epochs": ["20"] * 4,
        "n": ["1", "0 (1 failed)", "1", "1"],
        "accuracy, %": ["75.39", "-", "76.89", "75.39"],
        "wrong way, %": ["0.0/0.0/0.0/0.0", "-", "0.0/0.0/0.0/5.3", "0.0/0.0/0.0/-"],
        "gap": ["+2.00", "-", "+6.00", "+2.00"],
        "recall": ["8.2", "-", "9.9", "8.2"],
        "fits": ["yes", "cannot be judged", "no", "cannot be judged"],
        "not by": [
            "-",
            "not judged: accuracy, curves, gap, recall",
            "accuracy, curves, gap",
            "not judged: curves",
        ],
    }
    notes = dict(table.headers)
    assert "the paper's mean, 75.12" in notes["accuracy, %"]
    assert "those two are 16.3 apart, and at most 32.6 fits" in notes["recall"]
    styles = {row[0].text: [c.style for c in row if c.style] for row in table.rows}
    assert styles["paper"] == ["confirmed"]
    assert styles["low_lr"] == ["refuted"]


def test_the_device_is_shown_if_there_are_several() -> None:
    one, two = judge(reading_run()), judge(reading_run(), reading_run(**CUDA))
    assert "device" not in columns(tables_readings.fits_table(one, RULES))
    assert columns(tables_readings.fits_table(two, RULES))["device"] == ["cpu", "cuda"]


def test_public_figures_are_listed_with_what_is_stated() -> None:
    table = columns(tables_readings.public_table())
    assert len(table["figure"]) == len(BY_LETTER) == len(PUBLIC_FIGURES)
    row = {name: cells[table["figure"].index("I")] for name, cells in table.items()}
    assert row["repository"] == "TheLongIslander/Alexnet-cifar10-Adaptation"
    assert (row["epochs"], row["batch"]) == ("not stated", "not stated")
    assert row["accuracy, %"] == "84.9 to 87.3"
    for figure in PUBLIC_FIGURES:
        assert list(figure.accuracies) == sorted(figure.accuracies)
        assert all(0.6 < accuracy < 0.9 for accuracy in figure.accuracies)


@pytest.fixture
def picture() -> CaptionedFigure:
    with style.applied():
        return figures_readings.by_epochs(judge(*several_readings()), RULES)


def _line(axes: Axes, label: str) -> Any:
    return next(line for line in axes.lines if line.get_label() == label)


def test_the_plot_has_all_readings_the_public_figures_and_the_claim(
    picture: CaptionedFigure,
) -> None:
    (axes,) = picture.figure.axes
    lines = {name: _line(axes, name) for name in ("paper", "low_lr", "stem_11x11")}
    assert list(lines["paper"].get_xdata()) == [20, 40]
    assert list(lines["low_lr"].get_ydata()) == pytest.approx([72.39, 75.39])
    assert same_color(lines["paper"].get_color(), style.OURS)
    assert len({line.get_marker() for line in lines.values()}) == 3
    assert set(_line(axes, "the paper: 75 %").get_ydata()) == {75.0}
    letters = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert set(BY_LETTER) < set(letters)
    assert letters["A"] == pytest.approx((200, 74.74))
    assert letters["G"][0] == letters["I"][0] > 200  # epochs not stated
    assert "baseline" not in picture.alt


def test_what_would_flatten_the_plot_is_named_at_its_edge(picture: CaptionedFigure) -> None:
    (axes,) = picture.figure.axes
    assert axes.get_ylim()[0] == 50
    assert "↓ krizhevsky_2012 10.0" in [text.get_text() for text in axes.texts]
    assert "an accuracy below 50 %" in picture.caption
    with style.applied():
        late = figures_readings.by_epochs(
            judge(make_record("low_lr", right=100, protocol={"epochs": 150})), RULES
        )
        other = figures_readings.by_epochs(judge(reading_run()), RULES)
    # It ends where it would leave the axes.
    assert "low_lr 10.0 ↓" in [text.get_text() for text in late.figure.axes[0].texts]
    assert "below 50 %" not in other.caption
    assert other.figure.axes[0].get_ylim()[0] > 50


def test_the_text_of_the_plot_has_its_numbers(picture: CaptionedFigure) -> None:
    assert "paper rises from 77.89 to 80.39: 77.89 at 20, 80.39 at 40; " in picture.alt
    assert "stem_11x11 75.39 at 40" in picture.alt
    assert "below: A, C, E; on both sides: G" in picture.alt
    assert "I 84.9 to 87.3 (epochs: not stated)" in picture.alt


def test_without_a_finished_run_the_plot_says_so_and_devices_have_lines_of_their_own() -> None:
    with style.applied():
        failed = figures_readings.by_epochs(judge(reading_run(failed=True)), RULES)
        two = figures_readings.by_epochs(judge(reading_run(), reading_run(**CUDA)), RULES)
    assert failed.alt.startswith("No run of ours has finished. Public figures")
    assert {"low_lr (cpu)", "low_lr (cuda)"} <= {
        line.get_label() for line in two.figure.axes[0].lines
    }
