"""Findings beside the answer, in sentences: classes, confusions, last epochs, calibration. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness import formatting
from harness.analysis import learning_curves
from harness.analysis.calibration import Calibration
from harness.analysis.confusion_pattern import ConfusionTest
from harness.analysis.groups import RunGroup
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.verdict.outcomes import ClassResult


def recall(found: Sequence[ClassResult], rules: Decision) -> str:
    """Differences of the classes at the last look, found or not; finding none is not called
    agreement. Empty before."""
    tested = [c for c in found if not math.isnan(c.p_holm)]
    if not tested:
        return ""
    hits = [c for c in tested if c.p_holm < rules.classes.alpha]
    if hits:
        named = ", ".join(
            f"{c.name} ({formatting.signed_points(c.difference, 1)} points)" for c in hits
        )
        return f"Recall differs from the paper's in {named}, after Holm over the {len(found)}."
    seen = [c.detectable for c in tested]
    return (
        "Recall of the classes: no difference found; differences of "
        f"{formatting.percent(min(seen), 1)} to {formatting.percent(max(seen), 1)} points, "
        f"depending on the class, would have been seen in {100 * rules.description.power:g} % of "
        "cases."
    )


def confusion(found: ConfusionTest, rules: Decision) -> str:
    """Whether errors go to the classes that the paper's go to."""
    apart = f"{formatting.percent(found.distance, 1)} % of the errors go elsewhere"
    if found.p <= rules.classes.alpha:
        cells = ", ".join(
            f"{CLASSES[i]} as {CLASSES[j]} {100 * ours:.0f} % (reported {100 * theirs:.0f} %)"
            for i, j, ours, theirs in found.cells
        )
        return (
            f"The confusion pattern differs: {apart} (p = {formatting.p_value(found.p)}), most in "
            f"{cells} of the class's errors."
        )
    limit = (
        "so few runs could not have shown one"
        if found.critical is None
        else f"{formatting.percent(found.critical, 1)} % would have been called one"
    )
    return (
        f"The confusion pattern: no difference found; {apart} "
        f"(p = {formatting.p_value(found.p)}), and {limit}."
    )


def last_epochs(group: RunGroup, rules: Decision) -> str:
    """Which runs ended far from where they had been; empty if none did, by the margin.

    The figure of a run is its last epoch's, by rule; where accuracy swings from epoch to epoch,
    that is a part of chance that the reader should see.
    """
    margin = rules.accuracy.margin
    before = learning_curves.reference_epochs(group.protocol.epochs)
    jumps: dict[str, list[float]] = {}
    for run in (r for r in group.records if not r.failed):
        jumps.setdefault(run.variant, []).append(learning_curves.last_epoch_jump(run.history))
    named = [
        f"{name} ({_swing(far, len(all_of))})"
        for name, all_of in jumps.items()
        if (far := [jump for jump in all_of if abs(jump) > margin])
    ]
    if not named:
        return ""
    return (
        f"The figure of a run is its last epoch's. It lies over {100 * margin:g} point from the "
        f"mean of the {before} epochs before in {', '.join(named)}."
    )


def _swing(far: Sequence[float], runs: int) -> str:
    most = formatting.signed_points(max(far, key=abs))
    return most if runs == 1 else f"{len(far)} of {runs} runs, by up to {most}"


def steps(found: Calibration, rules: Decision) -> str:
    """Where the budget chosen reaches more than was asked for, and why; else empty."""
    chosen = found.chosen
    if chosen is None or chosen.mean - found.target <= rules.accuracy.margin:
        return ""
    target, reached = f"{100 * found.target:g} %", f"{formatting.percent(chosen.mean)} %"
    held_out = "on held-out training images"
    why = (
        f"Already the smallest number of epochs tried, {chosen.epochs}, reached {reached} "
        f"{held_out}, where {target} was asked for"
    )
    if below := [c for c in found.candidates if c.epochs < chosen.epochs]:
        last = f"{below[-1].epochs} gave {formatting.percent(below[-1].mean)} %"
        why = (
            f"Of the numbers of epochs tried, {chosen.epochs} is the smallest that reached "
            f"{target} {held_out} ({last}, {chosen.epochs} gave {reached})"
        )
    return f"{why}; so accuracies above {target} were to be expected."
