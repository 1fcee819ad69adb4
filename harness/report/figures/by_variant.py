"""Figures with a row for each variant or class: differences, accuracies by seed, recall."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from harness import formatting
from harness.analysis import stats
from harness.analysis.groups import VariantRuns
from harness.paper import reported as paper_reported
from harness.paper.reported import recomputed
from harness.protocol.decision import Decision
from harness.report.figures import style
from harness.report.figures.figure import CaptionedFigure, rows
from harness.verdict.outcomes import AccuracyResult
from harness.verdict.verdict import GroupVerdict


def distance(found: AccuracyResult, rules: Decision) -> CaptionedFigure:
    """How far our runs lie from the paper's mean, against the margin of the decision file."""
    margin = 100 * rules.accuracy.margin
    center = sum(found.reported) / len(found.reported)
    figure, axes = rows(["the paper's two runs", f"ours ({rules.accuracy.variant})"], 0.28)
    axes.axvspan(-margin, margin, color=style.ZONE, lw=0)
    axes.axvline(0, color=style.REPORTED, lw=1.2)
    reported = [100 * (a - center) for a in found.reported]
    axes.plot(reported, [0] * len(reported), "D", color=style.REPORTED, mfc=style.PAGE, ms=6)
    if math.isnan(found.low):
        ours = [100 * (a - center) for a in found.runs]
        what = f"single runs at {', '.join(f'{v:+.2f}' for v in ours)} points; no interval"
    else:
        ours = [100 * found.difference]
        axes.plot([100 * found.low, 100 * found.high], [1, 1], color=style.OURS, lw=2.6)
        what = f"{ours[0]:+.2f} points, interval {formatting.interval(found.low, found.high)}"
    axes.plot(ours, [1] * len(ours), "o", color=style.OURS, ms=7)
    limit = 1.15 * max(2 * margin, *(abs(v) for v in (*ours, *reported)))
    axes.set_xlim(-limit, limit)
    axes.set_xlabel("accuracy minus the paper's mean (points)")
    return CaptionedFigure(
        name="distance",
        title="How far from the paper",
        caption=f"Shaded: within {margin:g} point of the mean of the paper's two runs. "
        "Reproduced is what has its whole interval inside.",
        alt=f"Our accuracy minus the paper's mean: {what}. The margin is {margin:g} point.",
        figure=figure,
    )


def forest(judgement: GroupVerdict, rules: Decision) -> CaptionedFigure | None:
    """Differences of the variants from the one they are compared with; None before the first
    look."""
    compared = [
        (row.variant, row.contrast)
        for row in judgement.variants
        if row.contrast is not None and row.contrast.look
    ]
    if not compared:
        return None
    base = rules.contrasts.against
    figure, axes = rows([name for name, _ in compared])
    axes.axvline(0, color=style.MUTED, lw=1)
    shown = []
    for place, (name, c) in enumerate(compared):
        axes.plot([100 * c.low, 100 * c.high], [place, place], color=style.OURS, lw=2.2)
        fill = style.OURS if c.settled_look else style.PAGE
        axes.plot(100 * c.difference, place, "o", color=style.OURS, mfc=fill, ms=7, mew=1.6)
        shown.append(
            f"{name} {formatting.signed_points(c.difference)} {formatting.interval(c.low, c.high)}"
        )
    axes.set_xlabel(f"accuracy minus {base}'s (points)")
    level = f"{100 * rules.description.level:g} %"
    return CaptionedFigure(
        name="forest",
        title=f"What each change does, compared with {base}",
        caption="Difference of mean accuracies (Welch). Planned contrasts have the interval that "
        f"decides, Holm over {len(rules.contrasts.variants)}; filled: settled; hollow: not "
        f"settled, which is not the same as no difference. Others have {level} intervals and no "
        "test.",
        alt=f"Differences from {base} in points, with intervals: {'; '.join(shown)}.",
        figure=figure,
    )


def by_seed(
    judgement: GroupVerdict, arms: Sequence[VariantRuns], rules: Decision
) -> CaptionedFigure | None:
    """Accuracy of every run, by variant; None where no run has finished."""
    there = [arm for arm in arms if arm.n_finished]
    if not there:
        return None
    figure, axes = rows([arm.name for arm in there], 0.36)
    for place, arm in enumerate(there):
        values = 100 * arm.accuracies
        axes.plot(values, place + _spread(values), "o", color=style.OURS, alpha=0.75, mew=0, ms=4.5)
        low, high = arm.interval
        if not math.isnan(low):
            mean = [values.mean()] * 2
            axes.plot(mean, [place - 0.38, place + 0.38], color=style.INK, lw=1.6)
            axes.plot([100 * low, 100 * high], [place, place], color=style.INK, lw=1.6)
    beside = judgement.group.comparable_to_paper
    if judgement.accuracy is not None and beside:
        for number, value in enumerate(judgement.accuracy.reported, start=1):
            axes.axvline(100 * value, color=style.REPORTED, dashes=(4, 2), lw=1.3)
            axes.annotate(
                f"run {number}",
                (100 * value, 1),
                xycoords=("data", "axes fraction"),
                ha="left" if number == 1 else "right",
                va="bottom",
                fontsize=8.5,
                xytext=(2 if number == 1 else -2, 1),
                textcoords="offset points",
                color=style.REPORTED,
            )
        _widen(axes)
    split = judgement.group.dataset.split
    axes.set_xlabel(f"{split} accuracy (%)")
    told = "; ".join(f"{arm.name} {_range(arm)}" for arm in there)
    dashed = "Dashed: the paper's two runs. " * beside
    return CaptionedFigure(
        name="seeds",
        title="Accuracy of every run",
        caption=f"A dot is the last epoch of one seed. {dashed}The cross, from "
        f"{rules.looks.seeds[0]} seeds on: mean and its {100 * rules.description.level:g} % "
        "interval.",
        alt=f"{split.capitalize()} accuracy in percent by variant: {told}.",
        figure=figure,
    )


def _range(arm: VariantRuns) -> str:
    low, high = (formatting.percent(float(end(arm.accuracies))) for end in (np.min, np.max))
    return (
        f"{low} to {high} over {arm.n_finished} runs" if arm.n_finished > 1 else f"{low}, one run"
    )


def _spread(values: ArrayLike) -> np.ndarray:
    """Offsets within a row that keep dots of nearly equal value apart, always the same."""
    x = np.asarray(values, float)
    order = np.argsort(np.argsort(x, kind="stable"), kind="stable")
    return np.array([0.0, 0.16, -0.16, 0.27, -0.27])[order % 5] if x.size > 1 else np.zeros(x.size)


def _widen(axes: Axes) -> None:
    """Room of a point and more about what is drawn."""
    low, high = axes.get_xlim()
    room = max(0.3, (3 - (high - low)) / 2)
    axes.set_xlim(low - room, high + room)


def recall(judgement: GroupVerdict, arm: VariantRuns, rules: Decision) -> CaptionedFigure:
    """Recall of each class, ours beside the paper's two runs where they may stand there.

    Args:
        arm: a variant with at least one finished run.
    """
    classes = judgement.group.dataset.classes
    ours = arm.per_class("recall", classes)
    figure, axes = rows(classes, 0.32)
    beside = judgement.group.comparable_to_paper
    lines = [recomputed(run)[0] for run in paper_reported.REPORTED_RUNS] if beside else []
    for number, (line, mark) in enumerate(zip(lines, ("D", "s"), strict=False), start=1):
        shift = 0.2 * (-1) ** number
        axes.plot(
            [100 * line[c][1] for c in classes],
            np.arange(len(classes)) + shift,
            mark,
            mfc="none",
            color=style.REPORTED,
            ms=4.5,
            mew=1.3,
            label=f"the paper, run {number}",
        )
    enough = arm.look > 0
    if enough:
        low, high = stats.mean_interval(ours, rules.description.level)
        axes.hlines(range(len(classes)), 100 * low, 100 * high, color=style.OURS, lw=2.4)
        axes.plot(
            100 * ours.mean(1),
            range(len(classes)),
            "o",
            color=style.OURS,
            ms=5.5,
            label=f"ours, mean of {arm.n_finished}",
        )
    else:
        for number, values in enumerate(ours.T):
            axes.plot(
                100 * values,
                range(len(classes)),
                "o",
                color=style.OURS,
                ms=5.5,
                label="ours, single runs" if not number else None,
            )
    axes.set_xlabel("recall (% of the class's images)")
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.2, columnspacing=1.2)
    told = ", ".join(
        f"{c} {formatting.percent(float(v), 1)}" for c, v in zip(classes, ours.mean(1), strict=True)
    )
    bars = (
        f"Bars: {100 * rules.description.level:g} % intervals of the mean over seeds."
        if enough
        else f"Before {rules.looks.seeds[0]} seeds: the runs themselves, no interval."
    )
    return CaptionedFigure(
        name="recall",
        title=f"{arm.name}" + " beside the paper's two runs" * bool(lines),
        caption=f"Share of a class's images that are given the right name. {bars}",
        alt=f"Recall of {arm.name} in percent, by class: {told}.",
        figure=figure,
    )
