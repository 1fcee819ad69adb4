"""What a judgement says, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness import formatting
from harness.analysis import learning_curves
from harness.analysis.calibration import Calibration
from harness.analysis.confusion_pattern import PatternTest
from harness.analysis.contrasts import Arm, Contrast
from harness.analysis.groups import Group
from harness.formatting import count
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.text import accuracy
from harness.verdict.outcomes import AblationResult, ClassResult
from harness.verdict.verdict import Judgement


def paragraph(judgement: Judgement, rules: Decision) -> str:
    """The whole judgement in one paragraph; no outcome where it may not be shown."""
    parts = accuracy.sentences(judgement, rules)
    # Before the plan has been run, figures alone: a test that is read after every run errs more
    # often than its level says (docs/statistics.md). None either where too many runs failed.
    arm = Arm.of(rules.accuracy.variant, judgement.group.records)
    if judgement.standing.planned and not arm.unsettled(rules):
        if judgement.classes:
            parts.append(recall(judgement.classes, rules))
        if judgement.pattern:
            parts.append(confusion(judgement.pattern, rules))
    parts += [ablations(judgement, rules), last_epochs(judgement.group, rules)]
    return " ".join(part for part in parts if part)


def recall(found: Iterable[ClassResult], rules: Decision) -> str:
    """Differences of the classes, found or not; finding none is not called agreement."""
    rows = tuple(found)
    hits = [c for c in rows if c.holm < rules.tests.alpha]
    if hits:
        named = ", ".join(f"{c.name} ({formatting.points(c.difference, 1)} points)" for c in hits)
        return f"Recall differs from the paper's in {named}, after Holm over the {len(rows)}."
    seen = [c.detectable for c in rows if not math.isnan(c.detectable)]
    if not seen:
        return "Recall of the classes does not vary over our runs: no test."
    return (
        "Recall of the classes: no difference found; differences of "
        f"{formatting.percent(min(seen), 1)} to {formatting.percent(max(seen), 1)} points, "
        f"depending on the class, would have been seen in {_power(rules)} of cases."
    )


def confusion(found: PatternTest, rules: Decision) -> str:
    """Whether errors go to the classes that the paper's go to."""
    apart = f"{formatting.percent(found.distance, 1)} % of the errors go elsewhere"
    if found.p <= rules.tests.alpha:
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


def ablations(judgement: Judgement, rules: Decision) -> str:
    """Which contrasts are real, how far apart the runs lie that are not tested, and where too
    many failed."""
    records, base = judgement.group.records, rules.contrasts.against
    own = Arm.of(base, records)
    there = [
        (row, row.contrast)
        for row in judgement.ablations
        if row.contrast is not None and not math.isnan(row.contrast.difference)
    ]
    if not judgement.standing.planned:
        return _so_far(there, own, "Any of this may be chance.")
    if (why := own.too_many_failed(rules)) and there:
        return f"No ablation is tested: {why}."
    arms = (Arm.of(name, records) for name in rules.contrasts.variants)
    failed = {arm.name: why for arm in arms if (why := arm.too_many_failed(rules))}
    tested = [
        contrast
        for row, contrast in there
        if judgement.tested(rules, row.variant) and not math.isnan(contrast.holm)
    ]
    rest = [(r, c) for r, c in there if c not in tested and r.variant not in failed]
    left_out = f"Not tested: {'; '.join(failed.values())}." if failed else ""
    parts = (_tested(tested, rules), left_out, _so_far(rest, own, _when_tested(rules)))
    return " ".join(part for part in parts if part)


def _when_tested(rules: Decision) -> str:
    seeds, base = rules.seeds, rules.contrasts.against
    return (
        "Any of this may be chance: tests wait until all planned seeds have been run "
        f"({seeds.accuracy} of {base}, {seeds.others} of each other variant)."
    )


def _tested(found: Sequence[Contrast], rules: Decision) -> str:
    if not found:
        return ""
    base, family = rules.contrasts.against, len(rules.contrasts.variants)
    real = [
        f"{c.variant} ({formatting.points(c.difference)})"
        for c in found
        if c.holm < rules.tests.alpha
    ]
    unseen = [
        f"{c.variant} ({formatting.points(c.difference)}; {formatting.percent(c.detectable)})"
        for c in found
        if not c.holm < rules.tests.alpha
    ]
    parts = [f"differ from {base}, in points: {', '.join(real)}"] * bool(real)
    parts += [
        f"no difference found for {', '.join(unseen)}: one as large as the second figure would "
        f"have been found in {_power(rules)} of cases"
    ] * bool(unseen)
    return f"Ablations after Holm over {family}: {'; '.join(parts)}."


def _power(rules: Decision) -> str:
    return f"{100 * rules.tests.power:g} %"


def _so_far(rows: Sequence[tuple[AblationResult, Contrast]], own: Arm, worth: str) -> str:
    """How far the runs that are there lie apart, and what that is worth."""
    if not rows:
        return ""
    ran = [count(row.n, "run") for row, _ in rows]
    even = f" ({ran[0]} each)" if len(ran) > 1 and len(set(ran)) == 1 else ""
    told = ", ".join(
        f"{row.variant} {formatting.points(c.difference)}" + f" ({runs})" * (not even)
        for (row, c), runs in zip(rows, ran, strict=True)
    )
    return (
        f"Differences of the ablations from {count(own.n, 'run')} of {own.name} so far, in points: "
        f"{told}{even}. {worth}"
    )


def last_epochs(group: Group, rules: Decision) -> str:
    """Which runs ended far from where they had been; empty if none did, by the margin.

    The figure of a run is its last epoch's, by rule; where accuracy swings from epoch to epoch,
    that is a part of chance that the reader should see.
    """
    margin = rules.accuracy.margin
    before = learning_curves.before(group.protocol.epochs)
    jumps: dict[str, list[float]] = {}
    for run in (r for r in group.records if not r.failed):
        jumps.setdefault(run.variant, []).append(learning_curves.jump(run.history))
    told = [
        f"{name} ({_swing(far, len(all_of))})"
        for name, all_of in jumps.items()
        if (far := [jump for jump in all_of if abs(jump) > margin])
    ]
    return (
        f"The figure of a run is its last epoch's. It lies over {100 * margin:g} point from the "
        f"mean of the {before} epochs before in {', '.join(told)}."
        if told
        else ""
    )


def _swing(far: Sequence[float], runs: int) -> str:
    most = formatting.points(max(far, key=abs))
    return most if runs == 1 else f"{len(far)} of {runs} runs, by up to {most}"


def steps(found: Calibration, rules: Decision) -> str:
    """Where the budget chosen reaches more than was asked for, and why; else empty."""
    chosen = next((c for c in found.candidates if c.epochs == found.epochs), None)
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
