"""The part of a record that must be equal in two runs of the same specification."""

from __future__ import annotations

from typing import Any


def comparable_bits(record: dict[str, Any]) -> dict[str, Any]:
    """Hashes, metrics, and the history without times."""
    timed = ("seconds", "images_per_second")
    history = [{k: v for k, v in row.items() if k not in timed} for row in record["history"]]
    return {
        "history": history,
        **{k: record[k] for k in ("weights_sha256", "predictions_sha256", "metrics")},
    }
