"""Tables that need no runs: claims, assumptions, and the registered variants."""

from __future__ import annotations

import variants
from harness.paper.assumptions import assumptions
from harness.paper.claims import claims
from harness.protocol.decision import Decision
from harness.protocol.presets import PROTOCOLS
from harness.report.tables.table import Table, text_table


def criteria_table(rules: Decision) -> Table:
    """Return the paper's claims with what would confirm and refute each."""
    rows = claims(rules)
    return text_table(
        "The paper's claims",
        {
            "claim": [claim.sentence for claim in rows],
            "where": [claim.where for claim in rows],
            "the paper's words": [f'"{claim.quote}"' for claim in rows],
            "confirmed if": [claim.confirmed for claim in rows],
            "refuted if": [claim.refuted for claim in rows],
        },
        prose=True,
    )


def assumptions_table(rules: Decision) -> Table:
    """Return what the paper does not state, with the assumption made for it and why."""
    rows = assumptions(PROTOCOLS["cifar10"], rules)
    return text_table(
        "What the paper does not state",
        {
            "not stated": [row.what for row in rows],
            "assumed": [row.assumption for row in rows],
            "why": [row.why for row in rows],
        },
        prose=True,
    )


def variants_table(rules: Decision) -> Table:
    """Return the registered variants and what each changes in the paper's settings."""
    registered = [variants.get(name) for name in variants.names()]
    paper = variants.get(rules.contrasts.against)
    changed = [variants.changes(variant, paper) for variant in registered]
    return text_table(
        "The variants",
        {
            "variant": [variant.name for variant in registered],
            "changes": [", ".join(f"{k}={v}" for k, v in c.items()) or "-" for c in changed],
            "what it is": [variant.summary for variant in registered],
        },
        prose=True,
    )
