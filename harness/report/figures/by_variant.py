"""Figures with a row for each variant or class: differences, accuracies by seed, recall."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from harness import formatting
from harness.analysis import stats
from harness.analysis.groups import VariantRuns
from harness.paper import reported as paper_reported
from harness.paper.ingredients import INGREDIENTS
from harness.report.figures import alt, style
from harness.report.figures.figure import CaptionedFigure, rows
from harness.verdict import readings
from harness.verdict.verdict import GroupVerdict


def forest(group_verdict: GroupVerdict) -> CaptionedFigure | None:
    """Draw what each ingredient contributes; None before the first look.

    A variant that tells about no ingredient has a row by its name.
    """
    compared = [
        (row.variant, row.contrast)
        for row in group_verdict.variants
        if row.contrast is not None and row.contrast.look
    ]
    if not compared:
        return None
    labels = [INGREDIENTS[name].name if name in INGREDIENTS else name for name, _ in compared]
    figure, axes = rows([textwrap.fill(label, 24) for label in labels], height=0.4)
    axes.axvline(0, color=style.MUTED, lw=1)
    descriptions = []
    zero: dict[str, list[str]] = {"below": [], "above": [], "between": []}
    for y, (name, contrast) in enumerate(compared):
        value, low, high = contrast.difference, contrast.low, contrast.high
        if name in INGREDIENTS:
            value, low, high = INGREDIENTS[name].contribution(value, low, high)
        axes.plot([100 * low, 100 * high], [y, y], color=style.OURS, lw=2.2)
        fill = style.OURS if contrast.settled_look else style.PAGE
        axes.plot(100 * value, y, "o", color=style.OURS, mfc=fill, ms=7, mew=1.6)
        zero[alt.beside(0, (low, high))].append(labels[y])
        interval = formatting.interval(low, high)
        descriptions.append(f"{labels[y]} {formatting.signed_points(value)} {interval}")
    axes.set_xlabel("accuracy with it minus accuracy without it (points)")
    sides = {"right": zero["below"], "left": zero["above"], "on both sides": zero["between"]}
    rules = group_verdict.rules
    level = f"{100 * rules.description.level:g} %"
    named = ""
    if any(name not in INGREDIENTS for name, _ in compared):
        named = (
            " A variant's name stands for what that variant changes in our reading of the paper."
        )
    how_settled = f"Intervals (Welch): {level}; nothing is tested."
    if group_verdict.eligibility.allows_verdict:
        includes_zero = any(c.settled_look and c.low < 0 < c.high for _, c in compared)
        by_holm = ", even where an interval just includes zero" if includes_zero else ""
        how_settled = (
            f"Intervals (Welch) allow for all {len(rules.contrasts.variants)} planned contrasts at "
            f"once. Filled: settled by Holm's test{by_holm}. Hollow: not settled, which does not "
            "mean no difference."
        )
        if named:
            how_settled += f" Other variants have {level} intervals and no test."
    return CaptionedFigure(
        name="forest",
        title="Contribution of each ingredient",
        caption=f"Right of zero: it helps.{named} Differences of mean accuracies. {how_settled}",
        alt=f"Side of zero of the intervals: {alt.grouped(sides)}. In points: "
        f"{'; '.join(descriptions)}.",
        figure=figure,
    )


def by_seed(group_verdict: GroupVerdict) -> CaptionedFigure | None:
    """Draw the accuracy of every run, by variant; None if no run has finished.

    Readings are left out where they are judged: they have a figure of their own, and may lie so
    far from the others that these could not be told apart.
    """
    rules = group_verdict.rules
    judged = {result.variant for result in readings.judge_group(group_verdict)}
    elsewhere = judged - {rules.accuracy.variant}
    finished = [
        runs
        for runs in group_verdict.runs.values()
        if runs.n_finished and runs.name not in elsewhere
    ]
    if not finished:
        return None
    figure, axes = rows([runs.name for runs in finished], 0.36)
    for y, runs in enumerate(finished):
        values = 100 * runs.accuracies
        axes.plot(values, y + _jitter(values), "o", color=style.OURS, alpha=0.75, mew=0, ms=4.5)
        low, high = runs.interval
        if not math.isnan(low):
            mean = [values.mean()] * 2
            axes.plot(mean, [y - 0.38, y + 0.38], color=style.INK, lw=1.6)
            axes.plot([100 * low, 100 * high], [y, y], color=style.INK, lw=1.6)
    with_paper = group_verdict.group.comparable_to_paper
    if group_verdict.accuracy is not None and with_paper:
        for number, value in enumerate(group_verdict.accuracy.reported, start=1):
            axes.axvline(100 * value, color=style.REPORTED, dashes=(4, 2), lw=1.3)
            axes.annotate(
                f"paper's run {number}",
                (100 * value, 1),
                xycoords=("data", "axes fraction"),
                ha="left" if number == 1 else "right",
                va="bottom",
                fontsize=8.5,
                xytext=(2 if number == 1 else -2, 1),
                textcoords="offset points",
                color=style.REPORTED,
            )
        _widen_x_limits(axes)
    split = group_verdict.group.dataset.split
    axes.set_xlabel(f"{split} accuracy (%)")
    description = "; ".join(f"{runs.name} {_range(runs)}" for runs in finished)
    if len(finished) > 1:
        ranked = sorted(finished, key=lambda runs: runs.mean)
        description += f". On average highest: {ranked[-1].name}; lowest: {ranked[0].name}"
    dashed = "Dashed: the paper's two runs. " if with_paper else ""
    return CaptionedFigure(
        name="seeds",
        title="Accuracy of every run",
        caption=f"Each dot is the last epoch of one seed. {dashed}Cross (from "
        f"{rules.looks.seeds[0]} seeds): mean with its {100 * rules.description.level:g} % "
        f"interval.{' Readings have a figure of their own.' if elsewhere else ''}",
        alt=f"{split.capitalize()} accuracy in percent by variant: {description}.",
        figure=figure,
    )


def _range(runs: VariantRuns) -> str:
    low, high = (formatting.percent(float(end(runs.accuracies))) for end in (np.min, np.max))
    return (
        f"{low} to {high} over {runs.n_finished} runs" if runs.n_finished > 1 else f"{low}, one run"
    )


def _jitter(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fixed vertical offsets that separate dots of nearly equal value."""
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return np.array([0.0, 0.16, -0.16, 0.27, -0.27])[order % 5]


def _widen_x_limits(axes: Axes) -> None:
    """Add a margin to both ends of the x axis, for a range of at least three points."""
    low, high = axes.get_xlim()
    room = max(0.3, (3 - (high - low)) / 2)
    axes.set_xlim(low - room, high + room)


def recall(group_verdict: GroupVerdict, runs: VariantRuns) -> CaptionedFigure:
    """Draw the recall of each class, ours and, if they compare, the paper's two runs.

    Args:
        group_verdict: the group of the runs.
        runs: a variant with at least one finished run.
    """
    rules = group_verdict.rules
    classes = group_verdict.group.dataset.classes
    ours = runs.per_class("recall", classes)
    figure, axes = rows(classes, 0.32)
    with_paper = group_verdict.group.comparable_to_paper
    reported_runs = paper_reported.REPORTED_RUNS if with_paper else ()
    for run, mark in zip(reported_runs, ("D", "s"), strict=False):
        shift = 0.2 * (-1) ** run.number
        axes.plot(
            [100 * run.recall[c] for c in classes],
            np.arange(len(classes)) + shift,
            mark,
            mfc="none",
            color=style.REPORTED,
            ms=4.5,
            mew=1.3,
            label=f"the paper, run {run.number}",
        )
    has_interval = runs.look > 0
    if has_interval:
        low, high = stats.mean_interval(ours, rules.description.level)
        axes.hlines(range(len(classes)), 100 * low, 100 * high, color=style.OURS, lw=2.4)
    dots = ours.mean(1, keepdims=True) if has_interval else ours
    label = f"ours, mean of {runs.n_finished}" if has_interval else "ours, single runs"
    drawn = axes.plot(100 * dots, range(len(classes)), "o", color=style.OURS, ms=5.5)
    drawn[0].set_label(label)
    axes.set_xlabel("recall (% of the class's images)")
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.2, columnspacing=1.2)
    by_class = dict(zip(classes, ours.mean(1).tolist(), strict=True))
    description = ", ".join(f"{c} {formatting.percent(v, 1)}" for c, v in by_class.items())
    lowest, *_, highest = sorted(by_class, key=by_class.__getitem__)
    if by_class[lowest] < by_class[highest]:
        description += f". Highest for {highest}, lowest for {lowest}"
    if reported_runs:
        sides: dict[str, list[str]] = {"above": [], "below": [], "between": []}
        for c, v in by_class.items():
            sides[alt.beside(v, [run.recall[c] for run in reported_runs])].append(c)
        description += f". Beside the paper's two runs ours is {alt.grouped(sides)}"
    bars = (
        f"Bars: {100 * rules.description.level:g} % intervals of the mean over seeds."
        if has_interval
        else f"Single runs, without an interval before {rules.looks.seeds[0]} seeds."
    )
    return CaptionedFigure(
        name="recall",
        title=f"{runs.name} and the paper's two runs" if reported_runs else runs.name,
        caption=f"Percentage of a class's images that are classified correctly. {bars}",
        alt=f"Recall of {runs.name} in percent, by class: {description}.",
        figure=figure,
    )
