"""Hold every stored record against the rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import known, record
from harness.data import Data
from harness.rules import FOLDER_RULES, RULES, Rule
from harness.rules.stored import Stored


@dataclass(frozen=True)
class Breach:
    """A record that breaks a rule: where, which, and how."""

    path: Path
    rule: str
    fault: str


def rule_list() -> list[str]:
    """The rules as sentences, in the order in which they are applied."""
    rules = [*RULES, *FOLDER_RULES]
    return ["A record reads, with every field in its form."] + [
        " ".join((rule.__doc__ or "").split()) for rule in rules
    ]


def check(results: Path, own: Data | None = None) -> tuple[int, list[Breach]]:
    """Check all records below a folder.

    Args:
        results: the results folder, or one run's.
        own: a dataset that is at hand, for records on data that are not known otherwise.

    Returns:
        The number of records found, and every breach in the order of the paths.

    Raises:
        InputError: if there is no such folder.
    """
    breaches: list[Breach] = []
    runs: list[Stored] = []
    paths = list(record.find(results))
    datasets: dict[str, Data | None] = {}
    for path in paths:
        try:
            read = record.load(path)
            validation = record.protocol_of(read).validation
            record.variant_of(read)
        except record.DamagedRecordError as error:
            breaches.append(Breach(path, rule_list()[0], str(error)))
            continue
        key = repr((read.dataset, validation))
        if key not in datasets:
            datasets[key] = _data_of(read, own, validation)
        runs.append(Stored(path, results, read, datasets[key]))
    for stored in runs:
        for rule in RULES:
            name = rule.__name__.replace("_", " ")
            breaches += [Breach(stored.path, name, fault) for fault in _applied(rule, stored)]
    for folder_rule in FOLDER_RULES:
        name = folder_rule.__name__.replace("_", " ")
        breaches += [Breach(path, name, fault) for path, fault in folder_rule(runs)]
    return len(paths), sorted(breaches, key=lambda b: (b.path, b.rule, b.fault))


def _applied(rule: Rule, stored: Stored) -> list[str]:
    """Faults found; a record too strange for a rule to look at breaks it."""
    try:
        return list(rule(stored))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return [f"cannot be held against it ({type(error).__name__}: {error})"]


def _data_of(read: record.RunRecord, own: Data | None, validation: bool) -> Data | None:
    at_hand = own is not None and own.fingerprint == read.dataset["fingerprint"]
    found = own if at_hand else known.stand_in(read.dataset)
    return found.validation() if found is not None and validation else found
