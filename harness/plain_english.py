"""What a judgement says, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness import curves, rendering
from harness.calibration import Calibration
from harness.contrasts import Arm, Contrast
from harness.decision import Decision
from harness.grouping import Group
from harness.judging import AblationResult, AccuracyResult, ClassResult
from harness.paper import CLASSES
from harness.pattern import PatternTest
from harness.record import RunRecord
from harness.rendering import count
from harness.verdict import Judgement


def paragraph(judgement: Judgement, rules: Decision) -> str:
    """The whole judgement in one paragraph; no outcome where it may not be shown."""
    sentences = []
    if judgement.accuracy is None:
        sentences.append(
            "The images are not CIFAR-10's, so the paper's figures do not compare; only our "
            "variants do."
        )
    else:
        sentences += _accuracy(judgement.accuracy, judgement.outcome, rules)
    # Before the plan has been run, figures alone: a test that is read after every run errs more
    # often than its level says (docs/statistics.md).
    if not Arm.of(rules.accuracy.variant, judgement.group.records).interim(rules):
        if judgement.classes:
            sentences.append(recall(judgement.classes, rules))
        if judgement.pattern:
            sentences.append(confusion(judgement.pattern, rules))
    sentences += [ablations(judgement, rules), last_epochs(judgement.group, rules)]
    return " ".join(sentence for sentence in sentences if sentence)


def _accuracy(found: AccuracyResult, outcome: str | None, rules: Decision) -> list[str]:
    name, limits = rules.accuracy.variant, rules.accuracy
    if not found.n:
        return [f"No finished run of {name}; {needed(found, rules)}"]
    reported = rendering.percent(sum(found.reported) / len(found.reported))
    ran = f"{count(found.n, 'run')} of {name}" + (
        f" ({found.failed} more failed)" if found.failed else ""
    )
    if math.isnan(found.low):
        shown = ", ".join(rendering.percent(a) for a in found.runs) or "no variation"
        lines = [f"{ran}: {shown} %; the paper's two average {reported} %."]
    else:
        lines = [
            f"{ran} reach {rendering.percent(found.mean)} % on average "
            f"(SD {rendering.percent(found.sd)}); the paper's two average {reported} %. The "
            f"difference is {rendering.points(found.difference)} points, "
            f"{100 * (1 - 2 * limits.alpha):g} % interval {rendering.span(found.low, found.high)}, "
            f"against a margin of {100 * limits.margin:g} point."
        ]
    if outcome is not None:
        lines.append(f"{outcome}: {found.reason}.")
    if outcome == rules.outcomes.inside:
        lines.append(
            "That means that the paper's text can be read so that it gives 75 %, and no more: "
            "the paper leaves most settings open and its two runs were selected."
        )
    if found.undecided:
        lines.append(needed(found, rules))
    return lines


def needed(found: AccuracyResult, rules: Decision) -> str:
    """What is still to come, and where it may help, how many seeds would do."""
    planned, margin = rules.seeds.accuracy, rules.accuracy.margin
    measured = found.n >= rules.seeds.least
    least = f"At least {rules.seeds.least} seeds are needed for any interval; {planned} are planned"
    if measured and (found.low > margin or found.high < -margin):
        return (
            f"So far the interval lies wholly beyond the margin; {planned} seeds are planned, "
            "and nothing is decided before."
        )
    if not measured and abs(found.difference) > margin:
        return f"{least}."
    spread = found.sd if measured else rules.accuracy.expected_sd
    power = f"{100 * rules.tests.power:g} %"
    told = f"with a deviation of {rendering.percent(spread)} points over seeds"
    if found.needed is None:
        return (
            f"No number of seeds would settle it {told}: the reported mean rests on two runs only."
        )
    return (
        f"{least}. " * (not measured)
        + f"About {found.needed} seeds would show agreement, were it perfect, with {power} "
        + f"power {told}"
        + (f"; {planned} are planned." if measured else ".")
    )


def recall(found: Iterable[ClassResult], rules: Decision) -> str:
    """Differences of the classes, found or not; finding none is not called agreement."""
    rows = tuple(found)
    hits = [c for c in rows if c.holm < rules.tests.alpha]
    if hits:
        named = ", ".join(f"{c.name} ({rendering.points(c.difference, 1)} points)" for c in hits)
        return f"Recall differs from the paper's in {named}, after Holm over the {len(rows)}."
    seen = [c.detectable for c in rows if not math.isnan(c.detectable)]
    if not seen:
        return "Recall of the classes does not vary over our runs: no test."
    return (
        "Recall of the classes: no difference found; differences of "
        f"{rendering.percent(min(seen), 1)} to {rendering.percent(max(seen), 1)} points, "
        "depending on the class, would have been seen."
    )


def confusion(found: PatternTest, rules: Decision) -> str:
    """Whether errors go to the classes that the paper's go to."""
    apart = f"{rendering.percent(found.distance, 1)} % of the errors go elsewhere"
    if found.p <= rules.tests.alpha:
        cells = ", ".join(
            f"{CLASSES[i]} as {CLASSES[j]} {100 * ours:.0f} % (reported {100 * theirs:.0f} %)"
            for i, j, ours, theirs in found.cells
        )
        return (
            f"The confusion pattern differs: {apart} (p = {rendering.p_value(found.p)}), most in "
            f"{cells} of the class's errors."
        )
    limit = (
        "so few runs could not have shown one"
        if found.critical is None
        else f"{rendering.percent(found.critical, 1)} % would have been called one"
    )
    return (
        f"The confusion pattern: no difference found; {apart} "
        f"(p = {rendering.p_value(found.p)}), and {limit}."
    )


def ablations(judgement: Judgement, rules: Decision) -> str:
    """Which contrasts are real, and how far apart the runs lie that cannot be tested yet."""
    records, base = judgement.group.records, rules.contrasts.against
    rows = [
        (row, row.contrast)
        for row in judgement.ablations
        if row.contrast is not None and not math.isnan(row.contrast.difference)
    ]
    waiting = {
        name for name in (base, *(r.variant for r, _ in rows)) if _interim(name, records, rules)
    }
    tested = [c for r, c in rows if not waiting & {base, r.variant} and not math.isnan(c.holm)]
    rest = [(r, c) for r, c in rows if c not in tested]
    own = next((row.n for row in judgement.ablations if row.variant == base), 0)
    return " ".join([*_tested(tested, rules), *_untested(rest, own, rules)])


def _interim(name: str, records: Iterable[RunRecord], rules: Decision) -> bool:
    return bool(Arm.of(name, records).interim(rules))


def _tested(found: Sequence[Contrast], rules: Decision) -> list[str]:
    base, family = rules.contrasts.against, len(rules.contrasts.variants)
    real = [
        f"{c.variant} ({rendering.points(c.difference)})"
        for c in found
        if c.holm < rules.tests.alpha
    ]
    unseen = [
        f"{c.variant} ({rendering.points(c.difference)}; {rendering.percent(c.detectable)} would "
        "have been found)"
        for c in found
        if not c.holm < rules.tests.alpha
    ]
    parts = [f"differ from {base}, in points: {', '.join(real)}"] * bool(real)
    parts += [f"no difference found for {', '.join(unseen)}"] * bool(unseen)
    return [f"Ablations after Holm over {family}: {'; '.join(parts)}."] * bool(found)


def _untested(
    rows: Sequence[tuple[AblationResult, Contrast]], own: int, rules: Decision
) -> list[str]:
    """How far the runs that are there lie apart, which may be chance."""
    if not rows:
        return []
    base, seeds = rules.contrasts.against, rules.seeds
    ran = [count(row.n, "run") for row, _ in rows]
    even = f" ({ran[0]} each)" if len(set(ran)) == 1 else ""
    told = ", ".join(
        f"{row.variant} {rendering.points(c.difference)}" + f" ({runs})" * (not even)
        for (row, c), runs in zip(rows, ran, strict=True)
    )
    return [
        f"Not tested before all planned seeds have been run ({seeds.accuracy} of {base}, "
        f"{seeds.others} of each other variant), so any of this may be chance: against "
        f"{count(own, 'run')} of {base}, in points, {told}{even}."
    ]


def last_epochs(group: Group, rules: Decision) -> str:
    """Which runs ended far from where they had been; empty if none did, by the margin.

    The figure of a run is its last epoch's, by rule; where accuracy swings from epoch to epoch,
    that is a part of chance that the reader should see.
    """
    split, margin = group.dataset["split"], rules.accuracy.margin
    before = curves.before(group.protocol["epochs"])
    jumps: dict[str, list[float]] = {}
    for run in (r for r in group.records if not r.failed):
        jumps.setdefault(run.variant, []).append(curves.jump(run.history, split))
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
    most = rendering.points(max(far, key=abs))
    return most if runs == 1 else f"{len(far)} of {runs} runs, by up to {most}"


def steps(found: Calibration, rules: Decision) -> str:
    """Where the budget chosen reaches more than was asked for, and why; else empty."""
    chosen = next((c for c in found.candidates if c.epochs == found.epochs), None)
    if chosen is None or chosen.mean - found.target <= rules.accuracy.margin:
        return ""
    below = [c for c in found.candidates if c.epochs < chosen.epochs]
    before = (
        f"{rendering.percent(below[-1].mean)} % at {below[-1].epochs} epochs, " if below else ""
    )
    return (
        f"The candidates step over the target of {100 * found.target:g} % on the validation split: "
        f"{before}{rendering.percent(chosen.mean)} % at {chosen.epochs}, which the rule takes; so "
        "the runs on the test images are to be expected above it too."
    )
