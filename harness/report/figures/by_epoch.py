"""Figures over epochs: curves of each variant; accuracy by budget, and by candidate for it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from sklearn.isotonic import isotonic_regression

from harness import formatting
from harness.analysis.calibration import Calibration
from harness.analysis.groups import VariantRuns
from harness.formatting import pluralize
from harness.protocol.decision import Decision
from harness.report.figures import panels, style
from harness.report.figures.figure import WIDTH, CaptionedFigure
from harness.runs.record import RunRecord
from harness.verdict import budget_curve
from harness.verdict.verdict import GroupVerdict


def of_variants(judgement: GroupVerdict, arms: Sequence[VariantRuns]) -> list[CaptionedFigure]:
    """Curves of each variant whose runs recorded every epoch, all on the same scales."""
    group = judgement.group
    drawn = []
    for arm in arms:
        runs = [r for r in arm.counted if not r.failed]
        whole = [r for r in runs if len(r.history) == group.protocol.epochs]
        if whole:
            drawn.append(_of_variant(arm.name, whole))
    for column in range(2 * bool(drawn)):
        panes = [picture.figure.axes[column] for picture in drawn]
        low, high = (f(a.get_ylim()[end] for a in panes) for f, end in ((min, 0), (max, 1)))
        for axes in panes:
            axes.set_ylim(low, high)
    return drawn


def _of_variant(name: str, runs: Sequence[RunRecord]) -> CaptionedFigure:
    histories, split = [r.history for r in runs], runs[0].dataset.split
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    panes = figure.subplots(1, 2)
    for axes, key in zip(panes, panels.AXES, strict=True):
        for part in (None, split):
            panels.curve(axes, histories, key, part)
    panels.decay(panes[1], histories[0])
    figure.legend(*panes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    falls = len({row.lr for row in histories[0]}) > 1
    several = len(runs) > 1
    shown = f"mean of {len(runs)} seeds, the band holds all of them" if several else "one seed"
    last = [history[-1] for history in histories]
    ends = [
        f"{part} accuracy {formatting.percent(float(np.mean(values)))} %"
        for part, values in (
            ("training", [row.train_accuracy for row in last if row.train_accuracy is not None]),
            (split, [row.eval_accuracy for row in last if row.eval_accuracy is not None]),
        )
        if values
    ]
    return CaptionedFigure(
        name=f"curves-{name}",
        title=name,
        caption=f"{shown.capitalize()}." + " Dotted: where the learning rate (lr) falls." * falls,
        alt=f"Accuracy and loss of {name} by epoch, {shown}. In the last epoch: {', '.join(ends)}.",
        figure=figure,
    )


# Told apart without colour; the variant that the others are held against is drawn as "ours".
_MARKS = "sD^vPX*"


def by_budget(curve: Sequence[GroupVerdict], rules: Decision) -> CaptionedFigure | None:
    """Mean accuracy by the epochs that were trained, of each variant that has two budgets; None
    where none has."""
    base = rules.contrasts.against
    finished = {
        line.variant: {epochs: row for epochs, row in line.rows.items() if row.n}
        for line in budget_curve.lines(curve, rules)
    }
    shown = {name: rows for name, rows in finished.items() if len(rows) > 1}
    if not shown:
        return None
    means = {
        name: [(epochs, 100 * row.mean) for epochs, row in rows.items()]
        for name, rows in shown.items()
    }
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    marks = itertools.cycle(_MARKS)
    for name, line in means.items():
        own = name == base
        axes.plot(
            *zip(*line, strict=True),
            marker="o" if own else next(marks),
            ms=6 if own else 5,
            color=style.OURS if own else style.MUTED,
            lw=2.2 if own else 1.0,
            zorder=3 if own else 2,
        )
    beside = curve[0].group.comparable_to_paper
    if curve[0].accuracy is not None and beside:
        for value in curve[0].accuracy.reported:
            axes.axhline(100 * value, color=style.REPORTED, dashes=(4, 2), lw=1.3)
    _epochs(axes, [j.epochs for j in curve])
    axes.set_ylabel("accuracy (%)")
    _end_labels(axes, means, base)
    told = "; ".join(
        f"{name} " + ", ".join(f"{value:.2f} at {epochs}" for epochs, value in line)
        for name, line in means.items()
    )
    ran = [row.n for rows in shown.values() for row in rows.values()]
    runs = f"{min(ran)} to {max(ran)} runs" if len(set(ran)) > 1 else pluralize(ran[0], "run")
    return CaptionedFigure(
        name="budgets",
        title="Accuracy by budget",
        caption="Mean accuracy in the last epoch of runs that were trained for so many epochs "
        f"({runs} each)."
        + f" Blue: {base}." * (base in means)
        + " Dashed: the paper's two runs, whose budget is not stated." * beside,
        alt=f"Mean accuracy in percent by epochs: {told}.",
        figure=figure,
    )


def by_candidate(found: Calibration) -> CaptionedFigure:
    """Validation accuracy of the candidates for the number of epochs, and the target."""
    tried = found.candidates
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    target = 100 * found.target
    axes.axhline(target, color=style.MUTED, dashes=(4, 2), lw=1.3)
    axes.plot([c.epochs for c in tried], [100 * c.mean for c in tried], color=style.OURS)
    for candidate in tried:
        axes.plot(
            [candidate.epochs] * len(candidate.accuracies),
            [100 * value for value in candidate.accuracies],
            "o",
            color=style.OURS,
            mfc=style.OURS if candidate.epochs == found.epochs else style.PAGE,
            ms=5,
        )
    _epochs(axes, [c.epochs for c in tried])
    axes.set_ylabel("validation accuracy (%)")
    told = ", ".join(f"{formatting.percent(c.mean)} at {c.epochs}" for c in tried)
    return CaptionedFigure(
        name="epochs",
        title="Validation accuracy by number of epochs",
        caption=f"A dot is the last epoch of one seed of {found.variant}, the line their means. "
        f"Dashed: the target of {target:g} %. Filled: the candidate chosen.",
        alt=f"Mean validation accuracy in percent by epochs: {told}; the target is {target:g}.",
        figure=figure,
    )


def _epochs(axes: Axes, budgets: Sequence[int]) -> None:
    """A logarithmic axis of epochs that names these and no others."""
    axes.set_xscale("log")
    axes.set_xticks(budgets, map(str, budgets))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("epochs")


def _end_labels(axes: Axes, lines: dict[str, list[tuple[int, float]]], base: str) -> None:
    """Names right of the axes, each tied to its line's end, so far apart that none covers
    another."""
    ends = sorted((*line[-1][::-1], name) for name, line in lines.items())
    low, high = axes.get_ylim()
    # The nearest places that keep this distance: least squares under an order.
    steps = 0.062 * (high - low) * np.arange(len(ends))
    places = isotonic_regression(np.array([value for value, _, _ in ends]) - steps) + steps
    for place, (value, epochs, name) in zip(places, ends, strict=True):
        colour = style.OURS if name == base else style.MUTED
        axes.annotate(
            name,
            (epochs, value),
            (1.06, place),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 4},
        )
