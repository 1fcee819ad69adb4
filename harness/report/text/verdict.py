"""A verdict as text: Markdown for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from harness import formatting
from harness.analysis.contrasts import Contrast
from harness.formatting import interval, number, p_value, percent, signed_points
from harness.paper.reported import SELECTION
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.text import budget, markup
from harness.report.text.accuracy import verdict_label
from harness.report.text.comparison import EFFECTS
from harness.report.text.sentences import paragraph
from harness.verdict.verdict import GroupVerdict, Verdict


def render(verdict: Verdict, form: str) -> str:
    """A verdict as "markdown" or "json"; no time, place or machine in it but the records'."""
    return {"markdown": _markdown, "json": _json}[form](verdict)


def _markdown(verdict: Verdict) -> str:
    rules = verdict.rules
    parts = [
        "# The paper's claims against stored records",
        f"Rules: harness/protocol/decision.toml, SHA-256 {verdict.sha256[:12]}; margin "
        f"{100 * rules.accuracy.margin:g} point. Take into account that {SELECTION}.",
    ]
    if not any(j.eligibility.allows_verdict for j in verdict.group_verdicts):
        parts.append("No stored record allows a verdict: each heading says why.")
    if verdict.unread:
        parts.append(f"{verdict.unread} records could not be used; stderr names them.")
    for judgement in verdict.group_verdicts:
        parts += _section(judgement, verdict)
    for curve in verdict.curves:
        parts.append(f"## Budget curve: {curve[0].group.title_without_epochs}")
        parts.append(markup.markdown(budget.columns(curve, rules)))
        parts.append(budget.legend(curve, rules))
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(judgement: GroupVerdict, verdict: Verdict) -> list[str]:
    rules = verdict.rules
    parts = [f"## {judgement.title}: {judgement.eligibility.reason}"]
    if judgement.outcome:
        parts.append(f"**{verdict_label(judgement)}**")
    parts.append(paragraph(judgement, rules))
    parts.append("\n".join(f"- {note}" for note in judgement.notes))
    parts += _predicted(judgement)
    parts += ["### Variants", markup.markdown(_variants(judgement))]
    parts.append(_legend(judgement, rules))
    if judgement.classes:
        parts += ["### Recall of each class", markup.markdown(_classes(judgement))]
    if judgement.claims:
        parts += ["### Claims", markup.markdown(_claims(judgement))]
    return parts


def _legend(judgement: GroupVerdict, rules: Decision) -> str:
    """What the columns of the variants mean."""
    base, level = rules.contrasts.against, f"{100 * rules.description.level:g} %"
    parts = [
        "n: finished runs of the variant's latest look",
        f"points: over the seeds of the latest look that it and {base} have",
    ]
    if judgement.eligibility.allows_verdict:
        parts += [
            f"interval: the one that decides, {level} where nothing is tested",
            "q: sequential p over the looks so far",
            "p Holm: q after Holm",
        ]
    else:
        parts.append(f"interval: {level}, exploratory")
    parts += [
        f"P(>): chance that a random run beats one of {base}",
        "detects: smallest difference found with "
        f"{100 * rules.description.power:g} % power, points",
        "r: correlation over shared seeds",
    ]
    return "; ".join(parts) + "."


def _predicted(judgement: GroupVerdict) -> list[str]:
    found = judgement.accuracy
    if found is None or math.isnan(found.predicted[0]):
        return []
    low, high = found.predicted
    held = sum(low <= a <= high for a in found.reported)
    return [
        f"Two further runs of ours would lie in [{percent(low)}, {percent(high)}] % together, at "
        f"95 %; {held} of the {len(found.reported)} reported runs do "
        f"({', '.join(percent(a) for a in found.reported)}). This decides nothing."
    ]


def _variants(judgement: GroupVerdict) -> markup.Columns:
    columns: dict[str, list[str]] = {}
    for row in judgement.variants:
        c = row.contrast
        cells = {
            "variant": row.variant,
            "n": formatting.count_runs(row.n, row.failed),
            "accuracy, %": ", ".join(map(percent, row.runs)) or percent(row.mean),
            "SD": percent(row.sd),
            "points": signed_points(c.difference) if c else formatting.EMPTY,
            "interval": interval(c.low, c.high) if c else formatting.EMPTY,
            "look": str(c.look) if c and c.look else formatting.EMPTY,
            "p raw": p_value(c.p) if c else formatting.EMPTY,
            "q": p_value(c.q) if c and c.look else formatting.EMPTY,
            "p Holm": p_value(c.p_holm) if c and c.look else formatting.EMPTY,
            "effect": effect(c),
            "P(>)": number(c.better) if c else formatting.EMPTY,
            "detects": percent(c.detectable) if c else formatting.EMPTY,
            "r": number(c.correlation) if c else formatting.EMPTY,
        }
        for name, cell in cells.items():
            columns.setdefault(name, []).append(cell)
    return markup.drop_empty_columns(columns)


def effect(contrast: Contrast | None) -> str:
    """The effect of a planned contrast, with the look that settled it."""
    if contrast is None or contrast.effect is None or not contrast.look:
        return formatting.EMPTY
    settled = f", look {contrast.settled_look}" if contrast.settled_look else ""
    return f"{EFFECTS[contrast.effect]}{settled}"


def _classes(judgement: GroupVerdict) -> markup.Columns:
    rows = judgement.classes
    columns = {
        "class": [c.name for c in rows],
        "ours, %": [percent(c.ours, 1) for c in rows],
        "reported, %": [percent(c.reported, 1) for c in rows],
        "points": [signed_points(c.difference, 1) for c in rows],
        "95 % interval": [interval(c.low, c.high) for c in rows],
        "p raw": [p_value(c.p) for c in rows],
        "p Holm": [p_value(c.p_holm) for c in rows],
        "detects": [percent(c.detectable, 1) for c in rows],
    }
    return markup.drop_empty_columns(columns)


def _claims(judgement: GroupVerdict) -> markup.Columns:
    return {
        "claim": [s.claim.sentence for s in judgement.claims],
        "verdict": [s.status.value for s in judgement.claims],
        "evidence": [s.evidence for s in judgement.claims],
    }


def _json(verdict: Verdict) -> str:
    return markup.as_json(
        {
            "decision_sha256": verdict.sha256,
            "selection": SELECTION,
            "unread": verdict.unread,
            "judgements": [_judgement(j, verdict) for j in verdict.group_verdicts],
        }
    )


def _judgement(judgement: GroupVerdict, verdict: Verdict) -> dict[str, Any]:
    pattern = None
    if judgement.confusions:
        pattern = dataclasses.asdict(judgement.confusions)
        pattern["cells"] = [
            {"class": CLASSES[i], "taken_for": CLASSES[j], "ours": a, "reported": b}
            for i, j, a, b in judgement.confusions.cells
        ]
    return {
        "title": judgement.title,
        "epochs": judgement.epochs,
        "device_type": judgement.group.device_type,
        "decides": judgement.eligibility.allows_verdict,
        "standing": judgement.eligibility.reason,
        "verdict": judgement.outcome,
        "paragraph": paragraph(judgement, verdict.rules),
        "notes": list(judgement.notes),
        "accuracy": dataclasses.asdict(judgement.accuracy) if judgement.accuracy else None,
        "variants": [dataclasses.asdict(result) for result in judgement.variants],
        "classes": [dataclasses.asdict(c) for c in judgement.classes],
        "pattern": pattern,
        "claims": [
            {
                "claim": s.claim.sentence,
                "verdict": s.status,
                "look": s.look,
                "by_tables": s.refuted_by_own_tables,
                "evidence": s.evidence,
            }
            for s in judgement.claims
        ],
    }
