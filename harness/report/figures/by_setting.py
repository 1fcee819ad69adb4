"""The trials of a search: validation accuracy by each setting that was varied."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from harness.analysis.studies.search import Search, index
from harness.formatting import percent, pluralize
from harness.report.figures import style
from harness.report.figures.figure import WIDTH, CaptionedFigure


def by_setting(search: Search) -> CaptionedFigure | None:
    """Draw the accuracy of every finished trial, with a pane for each setting.

    Returns:
        The figure, None if no trial has finished or no setting was varied.
    """
    finished, names = search.finished, search.varied
    if not finished or not names:
        return None
    figure = Figure(figsize=(WIDTH, 1.9 * len(names) + 0.3), layout="constrained")
    panes = figure.subplots(len(names), sharey=True, squeeze=False)[:, 0]
    accuracies = [100 * trial.metrics.accuracy for trial in finished if trial.metrics]
    described = []
    for axes, name in zip(panes, names, strict=True):
        values = [trial.settings[name] for trial in finished]
        axes.plot(values, accuracies, "o", color=style.OURS, mfc=style.PAGE, ms=5)
        axes.plot(values[0], accuracies[0], "o", color=style.OURS, ms=7)
        if search.is_logarithmic(name) and min(values) > 0:
            axes.set_xscale("log")
        axes.set_xlabel(name)
        axes.set_ylabel("accuracy (%)")
        described.append(f"{name} {values[0]:g}, tried {min(values):g} to {max(values):g}")
    best = finished[0].metrics
    assert best is not None
    return CaptionedFigure(
        name="trials",
        title="Validation accuracy by setting",
        caption="Each dot is one trial, in every pane the same ones; the settings vary together. "
        "Filled: the best trial.",
        alt=f"Validation accuracy of {pluralize(len(finished), 'trial')}: median "
        f"{float(np.median(accuracies)):.2f} %, best {percent(best.accuracy)} % in trial "
        f"{index(finished[0])} with {'; '.join(described)}.",
        figure=figure,
    )
