"""Rules on the runs of a folder together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.record import RunRecord
from harness.rules.stored import Stored


def runs_are_distinct(runs: Sequence[Stored]) -> Iterator[tuple[Path, str]]:
    """No two runs share their weights unless a decay that came in no epoch is all that sets them
    apart, and each variant and seed of a protocol is there once."""
    sharing = defaultdict(list)
    for stored in runs:
        if stored.record.weights_sha256:
            sharing[stored.record.weights_sha256].append(stored.record)
    keys = [
        repr((s.record.dataset, s.record.protocol, s.record.variant, s.record.seed)) for s in runs
    ]
    repeated = Counter(keys)
    for stored, key in zip(runs, keys, strict=True):
        run = stored.record
        others = (other for other in sharing[run.weights_sha256 or ""] if other is not run)
        if not all(trained_alike(run, other) for other in others):
            yield stored.path, "weights_sha256 is that of another run too"
        if repeated[key] > 1:
            yield stored.path, "variant and seed are there twice"


def trained_alike(one: RunRecord, other: RunRecord) -> bool:
    """Whether two variants are rightly equal to the bit: they differ in the decay alone, and no
    epoch had a learning rate that tells them apart, as where there is one epoch.

    `history_is_complete` holds the learning rates to the protocol, so that no copy gets by.
    """
    same = all(getattr(one, key) == getattr(other, key) for key in ("seed", "dataset", "protocol"))
    differing = {key for key in one.settings if one.settings[key] != other.settings.get(key)}
    rates = ([row["lr"] for row in run.history] for run in (one, other))
    return same and differing == {"lr_decay"} and next(rates) == next(rates)
