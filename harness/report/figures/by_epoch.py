"""Figures over epochs: training curves, accuracy by budget, accuracy by calibration candidate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from sklearn.isotonic import isotonic_regression

from harness.analysis.calibration import Calibration
from harness.analysis.groups import VariantRuns
from harness.formatting import pluralize
from harness.protocol.decision import Decision
from harness.report.figures import alt, panels, style
from harness.report.figures.figure import WIDTH, CaptionedFigure
from harness.runs.record import RunRecord
from harness.verdict import budget_curve
from harness.verdict.verdict import GroupVerdict


def training_curves(
    group_verdict: GroupVerdict, variant_runs: Sequence[VariantRuns]
) -> list[CaptionedFigure]:
    """Draw accuracy and loss of each variant whose runs recorded every epoch, on equal scales."""
    group = group_verdict.group
    figures = []
    for runs in variant_runs:
        finished = [r for r in runs.counted if not r.failed]
        complete = [r for r in finished if len(r.history) == group.protocol.epochs]
        if complete:
            figures.append(_training_curve(runs.name, complete))
    if not figures:
        return []
    for column in range(2):
        panes = [captioned.figure.axes[column] for captioned in figures]
        low, high = (f(a.get_ylim()[end] for a in panes) for f, end in ((min, 0), (max, 1)))
        for axes in panes:
            axes.set_ylim(low, high)
    return figures


def _training_curve(name: str, runs: Sequence[RunRecord]) -> CaptionedFigure:
    histories, split = [r.history for r in runs], runs[0].dataset.split
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    panes = figure.subplots(1, 2)
    for axes, key in zip(panes, panels.AXES, strict=True):
        for part in (None, split):
            panels.curve(axes, histories, key, part)
    panels.mark_lr_drops(panes[1], histories[0])
    figure.legend(*panes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    decays = len({row.lr for row in histories[0]}) > 1
    is_mean = len(runs) > 1
    seeds = f"mean of {len(runs)} seeds, the band contains all of them" if is_mean else "one seed"
    caption = f"{seeds.capitalize()}."
    if decays:
        caption += " Dotted: where the learning rate (lr) drops."
    return CaptionedFigure(
        name=f"curves-{name}",
        title=name,
        caption=caption,
        alt=f"Accuracy and loss of {name} by epoch, {seeds}. {_courses(panes)}",
        figure=figure,
    )


def _courses(panes: Sequence[Axes]) -> str:
    """Say in a sentence for each pane how its lines run."""
    sentences = []
    for axes in panes:
        labelled = axes.get_legend_handles_labels()[0]
        courses = [
            f"{str(line.get_label()).split()[0]} {alt.course(list(np.asarray(line.get_ydata())))}"
            for line in axes.lines
            if line in labelled
        ]
        sentences.append(f"{axes.get_ylabel().capitalize()}: {', '.join(courses)}.")
    return " ".join(sentences)


# Markers that differ without colour; the baseline variant is drawn as "ours" instead.
_MARKERS = "sD^vPX*"


def by_budget(curve: Sequence[GroupVerdict], rules: Decision) -> CaptionedFigure | None:
    """Draw mean accuracy by number of epochs, of each variant with at least two budgets.

    Args:
        curve: the same dataset and protocol at several budgets.
        rules: the decision file.

    Returns:
        The figure, None if no variant has two budgets.
    """
    base = rules.contrasts.against
    finished = {
        line.variant: {epochs: row for epochs, row in line.rows.items() if row.n}
        for line in budget_curve.lines(curve, rules)
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
    _set_epoch_axis(axes, [j.epochs for j in curve])
    axes.set_ylabel("accuracy (%)")
    _end_labels(axes, means, base)
    description = "; ".join(
        f"{name} " + ", ".join(f"{value:.2f} at {epochs}" for epochs, value in line)
        for name, line in means.items()
    )
    run_counts = [row.n for rows in plotted.values() for row in rows.values()]
    fewest, most = min(run_counts), max(run_counts)
    runs = f"{fewest} to {most} runs" if fewest < most else pluralize(most, "run")
    caption = f"Mean accuracy in the last epoch, by number of epochs trained ({runs} each)."
    if base in means:
        caption += f" Blue: {base}."
    if with_paper:
        caption += " Dashed: the paper's two runs, whose budget is not stated."
    return CaptionedFigure(
        name="budgets",
        title="Accuracy by budget",
        caption=caption,
        alt=f"{seen}. Mean accuracy in percent by epochs: {description}.",
        figure=figure,
    )


def _by_course(lines: dict[str, list[tuple[int, float]]]) -> str:
    """Say which lines rise and which fall from the fewest epochs to the most."""
    rising = [name for name, line in lines.items() if line[-1][1] > line[0][1]]
    if len(rising) == len(lines):
        return "Every line rises with the number of epochs"
    if not rising:
        return "No line rises with the number of epochs"
    others = [name for name in lines if name not in rising]
    return "From the fewest epochs to the most, " + alt.grouped(
        {"these rise": rising, "these do not": others}
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
    reaching = [str(c.epochs) for c in candidates if c.mean >= calibration.target]
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
    label_heights = isotonic_regression(np.array([value for value, _, _ in ends]) - steps) + steps
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
