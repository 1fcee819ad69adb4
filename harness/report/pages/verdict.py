"""What `verdict` prints: the answer with all that it follows from."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.paper.reported import SELECTION
from harness.protocol import decision
from harness.protocol.datasets import CLASSES
from harness.report import markdown, sections
from harness.report.answer import answer, sentence
from harness.report.tables import writers
from harness.report.text import readings as text_readings
from harness.verdict.study import Study
from harness.verdict.verdict import GroupVerdict


def as_markdown(study: Study) -> str:
    """Return the verdict for people; no time, place or machine in it but the records'."""
    parts = ["# Does the paper reproduce?", *markdown.answer_block(answer(study))]
    parts.append(
        f"Rules: harness/protocol/decision.toml, SHA-256 {decision.sha256()[:12]}. "
        f"Mind that {SELECTION}."
    )
    parts.append(markdown.bullets(warning.sentence for warning in study.warnings))
    for section in sections.sections(study):
        parts += markdown.section_opening(section)
        for table in section.tables:
            parts += markdown.table_block(table)
    return markdown.join(parts)


def as_json(study: Study) -> str:
    """Return the verdict for programs."""
    found = answer(study)
    return writers.as_json(
        {
            "answer": {
                "label": found.label,
                "sentence": found.sentence,
                "contributions": [dataclasses.asdict(c) for c in found.contributions],
                "facts": {fact.name: fact.text for fact in found.facts},
            },
            "decision_sha256": decision.sha256(),
            "selection": SELECTION,
            "unread": study.verdict.unread,
            "judgements": [_group(study, g) for g in study.group_verdicts],
            "readings": _readings(study),
        }
    )


def _readings(study: Study) -> dict[str, Any]:
    return {
        "sentence": text_readings.sentence(study.readings, study.verdict.rules),
        "results": [{**dataclasses.asdict(r), "fit": r.fit} for r in study.readings],
    }


def _group(study: Study, group_verdict: GroupVerdict) -> dict[str, Any]:
    confusions = group_verdict.confusions
    return {
        "title": group_verdict.title,
        "epochs": group_verdict.epochs,
        "device_type": group_verdict.group.device_type,
        "decides": group_verdict.eligibility.allows_verdict,
        "standing": group_verdict.eligibility.reason,
        "verdict": group_verdict.outcome,
        "paragraph": sentence(study, group_verdict),
        "notes": list(group_verdict.notes),
        "accuracy": dataclasses.asdict(group_verdict.accuracy) if group_verdict.accuracy else None,
        "variants": [dataclasses.asdict(result) for result in group_verdict.variants],
        "classes": [dataclasses.asdict(c) for c in group_verdict.classes],
        "pattern": {
            **dataclasses.asdict(confusions),
            "cells": [
                {"class": CLASSES[i], "taken_for": CLASSES[j], "ours": a, "reported": b}
                for i, j, a, b in confusions.cells
            ],
        }
        if confusions
        else None,
        "claims": [
            {
                "claim": s.claim.sentence,
                "verdict": s.status,
                "look": s.look,
                "by_tables": s.refuted_by_own_tables,
                "evidence": s.evidence,
            }
            for s in group_verdict.claims
        ],
    }
