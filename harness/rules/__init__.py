"""The rules that every stored record is held against, as a list to be read.

A rule is a sentence (its docstring) and a function that yields what breaks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.rules import description, outcome
from harness.rules.stored import Stored

Rule = Callable[[Stored], Iterator[str]]
FolderRule = Callable[[Sequence[Stored]], Iterator[tuple[Path, str]]]


def runs_are_distinct(runs: Sequence[Stored]) -> Iterator[tuple[Path, str]]:
    """No two runs share their weights, and each variant and seed of a protocol is there once."""
    weights = Counter(s.record.weights_sha256 for s in runs if s.record.weights_sha256)
    keys = [
        repr((s.record.dataset, s.record.protocol, s.record.variant, s.record.seed)) for s in runs
    ]
    repeated = Counter(keys)
    for stored, key in zip(runs, keys, strict=True):
        if weights[stored.record.weights_sha256 or ""] > 1:
            yield stored.path, "weights_sha256 is that of another run too"
        if repeated[key] > 1:
            yield stored.path, "variant and seed are there twice"


RULES: tuple[Rule, ...] = (
    description.text_is_as_written,
    description.place_fits,
    description.settings_are_the_variants,
    description.single_factor,
    description.departures_are_named,
    description.data_are_known,
    outcome.outcome_is_whole,
    outcome.metrics_follow_from_predictions,
    outcome.hashes_match,
    outcome.probabilities_agree,
    outcome.history_is_complete,
    description.parameters_are_the_networks,
    outcome.resumes_are_possible,
    description.provenance_is_there,
)
FOLDER_RULES: tuple[FolderRule, ...] = (runs_are_distinct,)
