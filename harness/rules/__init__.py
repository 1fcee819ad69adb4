"""The rules that every stored record is held against, as a list to be read.

A rule is a sentence (its docstring) and a function that yields what breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.rules import description, outcome, together
from harness.rules.stored import Stored

Rule = Callable[[Stored], Iterator[str]]
FolderRule = Callable[[Sequence[Stored]], Iterator[tuple[Path, str]]]

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
FOLDER_RULES: tuple[FolderRule, ...] = (together.runs_are_distinct,)
