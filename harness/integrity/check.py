"""Check every stored record against the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import Dataset
from harness.integrity import description_rules, outcome_rules, reference_data
from harness.integrity.stored_run import StoredRun
from harness.runs import store
from harness.runs.record import DamagedRecordError, RunRecord, variant_of

# More than any cross-validation has: dividing the images so often would take all memory.
MOST_FOLDS = 50


@dataclass(frozen=True)
class Breach:
    """A record that breaks a rule: where, which, and how."""

    path: Path
    rule: str
    fault: str


def rule_list() -> list[str]:
    """The rules as sentences, in the order in which they are applied."""
    rules = [*RULES, *FOLDER_RULES]
    return ["A record is of this version, with every field in its form."] + [
        " ".join((rule.__doc__ or "").split()) for rule in rules
    ]


def check(results: Path, own: Dataset | None = None) -> tuple[int, list[Breach]]:
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
    runs: list[StoredRun] = []
    paths = list(store.find(results))
    datasets: dict[str, Dataset | None] = {}
    for path in paths:
        try:
            read = store.load(path)
            variant_of(read)
            protocol = read.protocol
            key = repr((read.dataset, protocol.validation, protocol.fold, protocol.folds))
            if key not in datasets:
                datasets[key] = _data_of(read, own)
        except (DamagedRecordError, ValueError) as error:
            breaches.append(Breach(path, "record reads", str(error).removeprefix(f"{path} ")))
            continue
        runs.append(StoredRun(path, results, read, datasets[key]))
    for stored in runs:
        for rule in RULES:
            name = rule.__name__.replace("_", " ")
            breaches += [Breach(stored.path, name, fault) for fault in _applied(rule, stored)]
    for folder_rule in FOLDER_RULES:
        name = folder_rule.__name__.replace("_", " ")
        breaches += [Breach(path, name, fault) for path, fault in folder_rule(runs)]
    return len(paths), sorted(breaches, key=lambda b: (b.path, b.rule, b.fault))


def _applied(rule: Rule, stored: StoredRun) -> list[str]:
    """Faults found; a record too strange for a rule to look at breaks it."""
    try:
        return list(rule(stored))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return [f"cannot be checked ({type(error).__name__}: {error})"]


def _data_of(read: RunRecord, own: Dataset | None) -> Dataset | None:
    """The data of a run as split by its protocol; None where they are not known.

    Raises:
        ValueError: if they cannot be divided into so many folds.
    """
    if (read.protocol.folds or 0) > MOST_FOLDS:
        raise ValueError(f"more than {MOST_FOLDS} folds")
    at_hand = own is not None and own.fingerprint == read.dataset.fingerprint
    found = own if at_hand else reference_data.labels_only_dataset(read.dataset)
    return found.split_by(read.protocol) if found is not None else None


Rule = Callable[[StoredRun], Iterator[str]]

FolderRule = Callable[[Sequence[StoredRun]], Iterator[tuple[Path, str]]]

RULES: tuple[Rule, ...] = (
    description_rules.text_is_as_written,
    description_rules.place_fits,
    description_rules.settings_are_the_variants,
    description_rules.single_factor,
    description_rules.departures_are_named,
    description_rules.study_fits,
    description_rules.data_are_known,
    description_rules.normalization_fits,
    outcome_rules.outcome_is_whole,
    outcome_rules.metrics_follow_from_predictions,
    outcome_rules.train_accuracy_is_a_count,
    outcome_rules.hashes_match,
    outcome_rules.probabilities_agree,
    outcome_rules.history_is_complete,
    description_rules.parameters_are_the_networks,
    outcome_rules.resumes_are_possible,
    description_rules.provenance_fits,
)

FOLDER_RULES: tuple[FolderRule, ...] = (outcome_rules.runs_are_distinct,)
