"""README's tables of claims and unknowns, from the data they stand for.

`python -m harness.docs` rewrites them between their markers; a test fails while they differ.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness import decision, rendering
from harness.claims import claims
from harness.errors import InputError
from harness.files import write_atomically
from harness.protocols import PROTOCOLS
from harness.unknowns import unknowns

README = Path(__file__).resolve().parent.parent / "README.md"


def claims_table() -> str:
    """Claims with what would confirm and refute each, as Markdown."""
    rows = claims(decision.load())
    return rendering.markdown(
        {
            "claim": [c.sentence for c in rows],
            "where": [c.where for c in rows],
            "the paper's words": [f'"{c.quote}"' for c in rows],
            "confirmed if": [c.confirmed for c in rows],
            "refuted if": [c.refuted for c in rows],
        },
        words=True,
    )


def unknowns_table() -> str:
    """What the paper leaves open, as Markdown."""
    rows = unknowns(PROTOCOLS["cifar10"], decision.load())
    return rendering.markdown(
        {
            "not stated": [u.what for u in rows],
            "assumed": [u.assumption for u in rows],
            "why": [u.why for u in rows],
        },
        words=True,
    )


def updated(text: str) -> str:
    """A README with its tables as they should be.

    Raises:
        InputError: if it lacks a pair of markers.
    """
    for name, table in (("claims", claims_table()), ("unknowns", unknowns_table())):
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not between.search(text):
            raise InputError(f"README.md lacks <!-- {name} --> and <!-- /{name} --> on own lines.")
        text = between.sub(lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    write_atomically(README, updated(README.read_text(encoding="utf-8")).encode())
