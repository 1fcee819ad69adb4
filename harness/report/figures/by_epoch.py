"""Figures over epochs: training curves, accuracy by budget, accuracy by calibration candidate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.optimize import isotonic_regression

from harness.analysis.calibration import Calibration
from harness.analysis.groups import VariantRuns
from harness.formatting import pluralize
from harness.report.figures import alt, panels, style
from harness.report.figures.figure import WIDTH, CaptionedFigure
from harness.runs.record import RunRecord
from harness.verdict import budget_curve
from harness.verdict.verdict import GroupVerdict

# Panes side by side in a figure of all variants.
_COLUMNS = 3


def training_curves(
    group_verdict: GroupVerdict, variant_runs: Sequence[VariantRuns]
) -> list[CaptionedFigure]:
    """Draw accuracy and loss, with a pane for each variant whose runs recorded every epoch."""
    epochs = group_verdict.group.protocol.epochs
    complete = {
        runs.name: [r for r in runs.counted if not r.failed and len(r.history) == epochs]
        for runs in variant_runs
    }
    drawn = {name: runs for name, runs in complete.items() if runs}
    return [_training_curves(key, drawn) for key in panels.AXES] if drawn else []


def _training_curves(key: str, runs_by_variant: dict[str, list[RunRecord]]) -> CaptionedFigure:
    n, n_rows = len(runs_by_variant), math.ceil(len(runs_by_variant) / _COLUMNS)
    height = 1.4 * n_rows + 0.8
    figure = Figure(figsize=(WIDTH, height))
    # In inches: a layout that measures every label takes half of the time of a page.
    left, right, top, bottom = 0.62 / WIDTH, 0.1 / WIDTH, 0.25 / height, 0.72 / height
    figure.subplots_adjust(left, bottom, 1 - right, 1 - top, wspace=0.1, hspace=0.3)
    panes = list(figure.subplots(n_rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).flat)
    for axes in panes[n:]:
        axes.set_visible(False)
    seen = []
    for number, (name, runs) in enumerate(runs_by_variant.items()):
        axes = panes[number]
        for part in (None, runs[0].dataset.split):
            panels.curve(axes, [r.history for r in runs], key, part)
        panels.mark_lr_drops(axes, runs[0].history, labelled=False)
        axes.set_title(name, fontsize=8.5)
        axes.label_outer()
        if number + _COLUMNS >= n:  # the lowest of its column
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("epoch")
        seen.append(f"{name}, {pluralize(len(runs), 'seed')}: {_courses(axes)}")
    figure.legend(*panes[0].get_legend_handles_labels(), loc="lower center", ncols=2)
    caption = "Mean over the seeds; the band contains all of them."
    if any(len({row.lr for row in runs[0].history}) > 1 for runs in runs_by_variant.values()):
        caption += " Dotted: where the learning rate drops."
    return CaptionedFigure(
        name=f"curves-{key}",
        title=f"{key.capitalize()} by epoch",
        caption=caption,
        alt=f"{panels.AXES[key][0].capitalize()} of each variant by epoch. {'; '.join(seen)}.",
        figure=figure,
    )


def _courses(axes: Axes) -> str:
    """Say how the lines of a pane run."""
    labelled = axes.get_legend_handles_labels()[0]
    return ", ".join(
        f"{str(line.get_label()).split()[0]} {alt.course(list(np.asarray(line.get_ydata())))}"
        for line in axes.lines
        if line in labelled
    )


# Markers that differ without colour; the baseline variant is drawn as "ours" instead.
_MARKERS = "sD^vPX*"


def by_budget(curve: Sequence[GroupVerdict]) -> CaptionedFigure | None:
    """Draw mean accuracy by number of epochs, of each variant with at least two budgets at which
    not too many of its runs failed.

    Args:
        curve: the same dataset and protocol at several budgets; at least one.

    Returns:
        The figure, None if no variant has two budgets.
    """
    base = curve[0].rules.contrasts.against
    finished = {
        name: {epochs: row for epochs, row in by_epochs.items() if row.n}
        for name, by_epochs in budget_curve.comparable(curve).items()
    }
    plotted = {name: rows for name, rows in finished.items() if len(rows) > 1}
    if not plotted:
        return None
    means = {
        name: [(epochs, 100 * row.mean) for epochs, row in rows.items()]
        for name, rows in plotted.items()
    }
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    marks = itertools.cycle(_MARKERS)
    for name, line in means.items():
        is_base = name == base
        axes.plot(
            *zip(*line, strict=True),
            marker="o" if is_base else next(marks),
            ms=6 if is_base else 5,
            color=style.OURS if is_base else style.MUTED,
            lw=2.2 if is_base else 1.0,
            zorder=3 if is_base else 2,
        )
    with_paper = curve[0].group.comparable_to_paper
    seen = _by_course(means)
    if curve[0].accuracy is not None and with_paper:
        reported = [100 * value for value in curve[0].accuracy.reported]
        if base in means:
            where = alt.beside(means[base][-1][1], reported)
            seen += f". {base} ends {where} the paper's two runs"
        for value in curve[0].accuracy.reported:
            axes.axhline(100 * value, color=style.REPORTED, dashes=(4, 2), lw=1.3)
    _set_epoch_axis(axes, [judged.epochs for judged in curve])
    axes.set_ylabel("accuracy (%)")
    _end_labels(axes, means, base)
    description = "; ".join(
        f"{name} " + ", ".join(f"{value:.2f} at {epochs}" for epochs, value in line)
        for name, line in means.items()
    )
    run_counts = [row.n for rows in plotted.values() for row in rows.values()]
    fewest, most = min(run_counts), max(run_counts)
    runs = f"{fewest} to {most} runs" if fewest < most else pluralize(most, "run")
    caption = (
        f"Mean accuracy in the last epoch, by number of epochs trained ({runs} each). Nothing was "
        "run between the points."
    )
    if base in means:
        caption += f" Blue: {base}."
    if with_paper:
        caption += " Dashed: the paper's two runs, whose number of epochs is not stated."
    return CaptionedFigure(
        name="budgets",
        title="Accuracy by number of epochs",
        caption=caption,
        alt=f"{seen}. Mean accuracy in percent by epochs: {description}.",
        figure=figure,
    )


def _by_course(lines: dict[str, list[tuple[int, float]]]) -> str:
    """Say which lines are higher at the most epochs than at the fewest."""
    rising = [name for name, line in lines.items() if line[-1][1] > line[0][1]]
    if len(rising) == len(lines):
        return "Every line ends higher than it begins"
    if not rising:
        return "No line ends higher than it begins"
    others = [name for name in lines if name not in rising]
    return "From the fewest epochs to the most, " + alt.grouped(
        {"these end higher": rising, "these do not": others}
    )


def by_candidate(calibration: Calibration) -> CaptionedFigure:
    """Draw the validation accuracy of the candidates for the number of epochs, and the target."""
    candidates = calibration.candidates
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    target = 100 * calibration.target
    means = [100 * c.mean for c in candidates]
    axes.axhline(target, color=style.MUTED, dashes=(4, 2), lw=1.3)
    axes.plot([c.epochs for c in candidates], means, color=style.OURS)
    for candidate in candidates:
        axes.plot(
            [candidate.epochs] * len(candidate.accuracies),
            [100 * value for value in candidate.accuracies],
            "o",
            color=style.OURS,
            mfc=style.OURS if candidate.epochs == calibration.epochs else style.PAGE,
            ms=5,
        )
    _set_epoch_axis(axes, [c.epochs for c in candidates])
    axes.set_ylabel("validation accuracy (%)")
    description = ", ".join(
        f"{mean:.2f} at {c.epochs}" for mean, c in zip(means, candidates, strict=True)
    )
    reaching = [str(c.epochs) for c in candidates if c.reaches]
    if reaching:
        where = f"at or above the target of {target:g} at {', '.join(reaching)} epochs"
    else:
        where = f"everywhere below the target of {target:g}"
    return CaptionedFigure(
        name="epochs",
        title="Validation accuracy by number of epochs",
        caption=f"Each dot is the last epoch of one seed of {calibration.variant}; the line shows "
        f"the means. Dashed: the target of {target:g} %. Filled: the chosen candidate.",
        alt=f"Mean validation accuracy {alt.course(means)} %; it is {where}. By epochs: "
        f"{description}.",
        figure=figure,
    )


def _set_epoch_axis(axes: Axes, budgets: Sequence[int]) -> None:
    """Make the x axis logarithmic, with ticks at these numbers of epochs only."""
    axes.set_xscale("log")
    axes.set_xticks(budgets, map(str, budgets))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("epochs")


def _end_labels(axes: Axes, lines: dict[str, list[tuple[int, float]]], base: str) -> None:
    """Label each line right of the axes, connected to its end, without overlaps."""
    ends = sorted((*line[-1][::-1], name) for name, line in lines.items())
    low, high = axes.get_ylim()
    # The nearest heights at this distance: least squares under an order constraint.
    steps = 0.062 * (high - low) * np.arange(len(ends))
    label_heights = isotonic_regression([value for value, _, _ in ends] - steps).x + steps
    for height, (value, epochs, name) in zip(label_heights, ends, strict=True):
        colour = style.OURS if name == base else style.MUTED
        axes.annotate(
            name,
            (epochs, value),
            (1.06, height),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 4},
        )
