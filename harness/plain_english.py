"""What a judgement says, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness import rendering
from harness.decision import Decision
from harness.judging import AblationResult, AccuracyResult, ClassResult
from harness.paper import CLASSES
from harness.pattern import PatternTest
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
    if judgement.classes:
        sentences.append(recall(judgement.classes, rules))
    if judgement.pattern:
        sentences.append(confusion(judgement.pattern, rules))
    sentences.append(ablations(judgement.ablations, rules))
    return " ".join(sentences)


def _accuracy(found: AccuracyResult, outcome: str | None, rules: Decision) -> list[str]:
    name, limits = rules.accuracy.variant, rules.accuracy
    if not found.n:
        return [f"No finished run of {name}; {needed(found, rules)}"]
    reported = rendering.percent(sum(found.reported) / len(found.reported))
    count = f"{found.n} run{'s' * (found.n != 1)} of {name}" + (
        f" ({found.failed} more failed)" if found.failed else ""
    )
    if math.isnan(found.low):
        shown = ", ".join(rendering.percent(a) for a in found.runs) or "no variation"
        lines = [f"{count}: {shown} %; the paper's two average {reported} %."]
    else:
        lines = [
            f"{count} reach {rendering.percent(found.mean)} % on average "
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
    """How many seeds would do."""
    measured = found.n >= rules.seeds.least
    spread = found.sd if measured else rules.accuracy.expected_sd
    power = f"{100 * rules.tests.power:g} %"
    told = f"with a deviation of {rendering.percent(spread)} points over seeds"
    if found.needed is None:
        return (
            f"No number of seeds would settle it {told}: the reported mean rests on two runs only."
        )
    least = "" if measured else f"At least {rules.seeds.least} seeds are needed for any interval. "
    return (
        f"{least}About {found.needed} seeds would show agreement, were it perfect, with {power} "
        f"power {told}; {rules.seeds.accuracy} are planned."
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


def ablations(rows: Iterable[AblationResult], rules: Decision) -> str:
    """Which contrasts are real."""
    there = [r for r in rows if r.contrast is not None and not math.isnan(r.contrast.difference)]
    tested = [r for r in there if r.contrast is not None and not math.isnan(r.contrast.holm)]
    if not tested:
        return " ".join(
            [
                f"No ablation can be tested: {rules.seeds.least} seeds of both variants are "
                f"needed, {rules.seeds.others} are planned.",
                *([_untested(there, rules)] if there else []),
            ]
        )
    words = {True: [], False: []}  # type: dict[bool, list[str]]
    for row in tested:
        assert row.contrast is not None
        found = row.contrast.holm < rules.tests.alpha
        value = rendering.points(row.contrast.difference)
        seen = rendering.percent(row.contrast.detectable)
        text = f"{row.variant} ({value})" if found else f"{row.variant} ({value}; {seen} seen)"
        words[found].append(text)
    base = rules.contrasts.against
    parts = []
    if words[True]:
        parts.append(f"differ from {base}, in points: {', '.join(words[True])}")
    if words[False]:
        parts.append(f"no difference found for {', '.join(words[False])}")
    return f"Ablations after Holm over {len(rules.contrasts.variants)}: {'; '.join(parts)}."


def _untested(rows: Iterable[AblationResult], rules: Decision) -> str:
    """How far the runs that are there lie apart, which may be chance."""
    told = ", ".join(
        f"{row.variant} {rendering.points(row.contrast.difference)} (runs: {row.n})"
        for row in rows
        if row.contrast is not None
    )
    return (
        f"The runs so far, on average and in points against {rules.contrasts.against}, of which "
        f"any may be chance: {told}."
    )
