"""A verdict as text: Markdown for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from harness import formatting
from harness.formatting import number, p_value, percent, points, span
from harness.paper.reported import SELECTION
from harness.protocol.datasets import CLASSES
from harness.protocol.decision import Decision
from harness.report.text import budget, markup
from harness.report.text.accuracy import word
from harness.report.text.sentences import paragraph
from harness.verdict.verdict import Judgement, Verdict


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
    if not any(j.standing.decides for j in verdict.judgements):
        parts.append("No stored record allows a verdict: each heading says why.")
    if verdict.unread:
        parts.append(f"{verdict.unread} records could not be used; stderr names them.")
    for judgement in verdict.judgements:
        parts += _section(judgement, verdict)
    for curve in verdict.curves:
        parts.append(f"## Budget curve: {curve[0].group.setting}")
        parts.append(markup.markdown(budget.columns(curve, rules)))
        parts.append(budget.legend(curve, rules))
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(judgement: Judgement, verdict: Verdict) -> list[str]:
    title = f"{judgement.title}: {judgement.standing.heading}"
    parts = [f"## {title}"]
    if judgement.outcome:
        parts.append(f"**{word(judgement, verdict.rules)}**")
    parts.append(paragraph(judgement, verdict.rules))
    parts.append("\n".join(f"- {note}" for note in judgement.notes))
    parts += _predicted(judgement)
    parts += ["### Ablations", markup.markdown(_ablations(judgement, verdict.rules))]
    parts.append(
        "p: Welch's t, raw and after Holm, where the plan is through; P(>): chance that "
        f"a random run beats one of {verdict.rules.contrasts.against}; detects: smallest "
        f"difference found with {100 * verdict.rules.tests.power:g} % power, points; r: "
        "correlation over shared seeds."
    )
    if not judgement.standing.stated:
        return parts
    if judgement.classes:
        parts += [
            "### Recall of each class",
            markup.markdown(_classes(judgement, verdict.rules)),
        ]
    parts += ["### Claims", markup.markdown(_claims(judgement))]
    return parts


def _predicted(judgement: Judgement) -> list[str]:
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


def _ablations(judgement: Judgement, rules: Decision) -> markup.Cells:
    columns: dict[str, list[str]] = {}
    for row in judgement.ablations:
        c = row.contrast
        tested = c if judgement.tested(rules, row.variant) else None
        cells = {
            "variant": row.variant,
            "n": formatting.runs(row.n, row.failed),
            "accuracy, %": ", ".join(map(percent, row.runs)) or percent(row.mean),
            "SD": formatting.EMPTY if row.runs else percent(row.sd),
            "points": points(c.difference) if c else formatting.EMPTY,
            "95 % interval": span(c.low, c.high) if c else formatting.EMPTY,
            "p raw": p_value(tested.p) if tested else formatting.EMPTY,
            "p Holm": p_value(tested.holm) if tested else formatting.EMPTY,
            "P(>)": number(c.better) if c else formatting.EMPTY,
            "detects": percent(c.detectable) if c else formatting.EMPTY,
            "r": number(c.correlation) if c else formatting.EMPTY,
        }
        for name, cell in cells.items():
            columns.setdefault(name, []).append(cell)
    return markup.used(columns)


def _classes(judgement: Judgement, rules: Decision) -> markup.Cells:
    rows, tested = judgement.classes, judgement.tested(rules)
    columns = {
        "class": [c.name for c in rows],
        "ours, %": [percent(c.ours, 1) for c in rows],
        "reported, %": [percent(c.reported, 1) for c in rows],
        "points": [points(c.difference, 1) for c in rows],
        "p raw": [p_value(c.p) if tested else formatting.EMPTY for c in rows],
        "p Holm": [p_value(c.holm) if tested else formatting.EMPTY for c in rows],
        "detects": [percent(c.detectable, 1) for c in rows],
    }
    return markup.used(columns)


def _claims(judgement: Judgement) -> markup.Cells:
    return {
        "claim": [s.claim.sentence for s in judgement.claims],
        "verdict": [s.told(judgement.standing.decides) for s in judgement.claims],
        "evidence": [s.evidence for s in judgement.claims],
    }


def _json(verdict: Verdict) -> str:
    return markup.as_json(
        {
            "decision_sha256": verdict.sha256,
            "selection": SELECTION,
            "unread": verdict.unread,
            "judgements": [_judgement(j, verdict) for j in verdict.judgements],
        }
    )


def _judgement(judgement: Judgement, verdict: Verdict) -> dict[str, Any]:
    accuracy = None
    if judgement.accuracy:
        accuracy = dataclasses.asdict(judgement.accuracy)
        del accuracy["outcome"]  # stands under "verdict", where one may be given
        if not judgement.standing.decides:
            del accuracy["reason"]
    pattern = None
    if judgement.pattern:
        pattern = dataclasses.asdict(judgement.pattern)
        pattern["cells"] = [
            {"class": CLASSES[i], "taken_for": CLASSES[j], "ours": a, "reported": b}
            for i, j, a, b in judgement.pattern.cells
        ]
    return {
        "title": judgement.title,
        "epochs": judgement.epochs,
        "decides": judgement.standing.decides,
        "standing": judgement.standing.heading,
        "verdict": judgement.outcome and word(judgement, verdict.rules),
        "paragraph": paragraph(judgement, verdict.rules),
        "notes": list(judgement.notes),
        "accuracy": accuracy,
        "classes": [dataclasses.asdict(c) for c in judgement.classes],
        "pattern": pattern,
        "ablations": [
            {**dataclasses.asdict(a), "tested": judgement.tested(verdict.rules, a.variant)}
            for a in judgement.ablations
        ],
        "claims": [
            {
                "claim": s.claim.sentence,
                "verdict": s.status if judgement.standing.decides else None,
                "evidence": s.evidence,
            }
            for s in judgement.claims
        ],
    }
