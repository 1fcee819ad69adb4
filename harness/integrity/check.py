"""Check every stored record against the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import Dataset
from harness.integrity import description_rules, outcome_rules, reference_data
from harness.integrity.stored_run import StoredRun
from harness.runs import store
from harness.runs.record import DamagedRecordError, RunRecord, variant_of


@dataclass(frozen=True)
class Breach:
    """A broken rule: the record's path, the name of the rule, and what is wrong."""

    path: Path
    rule: str
    fault: str


def rule_list() -> list[str]:
    """Return the rules as sentences, in the order in which they are applied."""
    rules = [*RULES, outcome_rules.runs_are_distinct]
    return ["A record has this version's format, and every field is valid."] + [
        " ".join((rule.__doc__ or "").split()) for rule in rules
    ]


def check(results: Path, local_dataset: Dataset | None = None) -> tuple[int, list[Breach]]:
    """Check all records below a folder against the rules.

    Args:
        results: the results folder, or the folder of one run.
        local_dataset: a loaded dataset, for records whose dataset is not a known one.

    Returns:
        The number of records, and every breach, sorted by path.

    Raises:
        InputError: if there is no such folder.
    """
    breaches: list[Breach] = []
    runs: list[StoredRun] = []
    paths = list(store.find(results))
    datasets: dict[str, Dataset | None] = {}
    for path in paths:
        try:
            record = store.load(path)
            variant_of(record)
            protocol = record.protocol
            dataset_key = repr((record.dataset, protocol.validation, protocol.fold, protocol.folds))
            if dataset_key not in datasets:
                datasets[dataset_key] = _dataset_of(record, local_dataset)
        except (DamagedRecordError, ValueError) as error:
            breaches.append(Breach(path, "record is valid", str(error).removeprefix(f"{path} ")))
            continue
        runs.append(StoredRun(path, record, datasets[dataset_key]))
    for run in runs:
        for rule in RULES:
            name = rule.__name__.replace("_", " ")
            breaches += [Breach(run.path, name, fault) for fault in _apply_rule(rule, run)]
    distinct = outcome_rules.runs_are_distinct(runs)
    breaches += [Breach(path, "runs are distinct", fault) for path, fault in distinct]
    return len(paths), sorted(breaches, key=lambda b: (b.path, b.rule, b.fault))


def _apply_rule(rule: Rule, run: StoredRun) -> list[str]:
    """Return the faults that a rule finds; a record on which the rule itself fails breaks it."""
    try:
        return list(rule(run))
    except Exception as error:  # readers of damaged files raise undocumented types
        return [f"cannot be checked ({type(error).__name__}: {error})"]


def _dataset_of(record: RunRecord, local_dataset: Dataset | None) -> Dataset | None:
    """Return a run's dataset as split by its protocol, None if it is not known.

    Raises:
        ValueError: if the images cannot be divided into so many folds.
    """
    is_local = local_dataset is not None and local_dataset.fingerprint == record.dataset.fingerprint
    dataset = local_dataset if is_local else reference_data.labels_only_dataset(record.dataset)
    return dataset.split_by(record.protocol) if dataset is not None else None


Rule = Callable[[StoredRun], Iterator[str]]

# Of one run; of all runs together there is one rule, `outcome_rules.runs_are_distinct`.
RULES: tuple[Rule, ...] = (
    description_rules.text_is_canonical,
    description_rules.folder_matches,
    description_rules.settings_match_variant,
    description_rules.single_factor,
    description_rules.departures_are_listed,
    description_rules.fold_matches_study,
    description_rules.study_leaves_out_test_images,
    description_rules.dataset_is_known,
    description_rules.normalization_matches,
    outcome_rules.outcome_is_complete,
    outcome_rules.metrics_match_predictions,
    outcome_rules.train_accuracy_is_possible,
    outcome_rules.hashes_match,
    outcome_rules.probabilities_match,
    outcome_rules.history_is_complete,
    description_rules.parameter_count_matches,
    outcome_rules.resumes_are_valid,
    description_rules.provenance_is_valid,
)
