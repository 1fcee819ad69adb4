"""`check`: an unchanged folder passes, and changes that affect a result are caught."""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import variants
from harness.data.dataset import Dataset, load
from harness.integrity.check import MAX_FOLDS, Breach, check, rule_list
from harness.integrity.description_rules import (
    dataset_is_known,
    fold_matches_study,
    normalization_matches,
)
from harness.integrity.outcome_rules import runs_are_distinct
from harness.integrity.reference_data import labels_only_dataset
from harness.integrity.stored_run import StoredRun
from harness.progress import Reporter
from harness.protocol.presets import resolve
from harness.runs import store
from harness.runs.record import RunRecord, Study
from harness.runs.spec import RunSpec
from harness.training import checkpoint
from harness.training.metrics import compute_metrics, metrics_from_predictions
from harness.training.runner import train_run, weights_sha256
from tests.helpers.paths import ROOT
from tests.helpers.records import make_history, make_record

# Fields that no rule can compare with anything: only `verify` detects a change.
ONLY_VERIFY = (
    "code.",
    "environment.",
    "sources_sha256",
    "resumed_at",
    "decision_sha256",  # `verdict` names records that do not cite the decision file
    "weights_sha256",  # checked if the run has its weights: see below
    "history.*.train_loss",
    "history.*.eval_loss",
    "history.*.eval_accuracy",
)


@functools.cache
def short() -> Dataset:
    """The digits with 256 training images: a tenth of the time, the same evaluation."""
    digits = load("digits", Path())
    return dataclasses.replace(digits, train=digits.train.take(torch.arange(256)))


def checked(results: Path) -> tuple[int, list[Breach]]:
    return check(results, short())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of a variant, trained for two epochs on the short digits, with all files."""
    results = tmp_path_factory.mktemp("results")
    protocol, departures = resolve("digits", epochs=2)
    for seed in (0, 1):
        spec = RunSpec(variants.get("batch_norm"), seed, protocol, departures, results)
        train_run(spec, short(), Reporter())
    return results


@pytest.fixture
def results(stored: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, without the weights, which are large."""
    return Path(
        shutil.copytree(stored, tmp_path / "results", ignore=shutil.ignore_patterns(store.WEIGHTS))
    )


def first(results: Path) -> Path:
    return next(store.find(results)).parent


def faults(results: Path) -> list[str]:
    return [f"{b.rule}: {b.fault}" for b in checked(results)[1]]


def edit(results: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a record in the format that the harness writes."""
    path = first(results) / store.FILE
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields, indent=1) + "\n")


def test_an_untouched_folder_passes(stored: Path) -> None:
    assert checked(stored) == (2, [])


def test_the_digits_are_known_without_being_named(stored: Path) -> None:
    breaches = [b for b in check(stored)[1] if b.rule == "dataset is known"]
    assert [b.fault for b in breaches] == ["dataset.train_size was 1437 and is 256"] * 2


@pytest.mark.parametrize("folder", ["results", "tests/stored"])
@pytest.mark.usefixtures("full_network")
def test_the_committed_records_pass(folder: str) -> None:
    assert check(ROOT / folder)[1] == []


def test_the_jpeg_copy_cannot_be_called_official(tmp_path: Path) -> None:
    source = ROOT / "tests/stored/folder"
    results = Path(shutil.copytree(source, tmp_path / "results" / "folder")).parent
    edit(results, lambda fields: fields["dataset"].update(official=True))
    assert "dataset is known: dataset.official was False and is True" in faults(results)


@pytest.mark.parametrize(
    ("dataset", "fault"),
    [
        ({}, None),
        ({"fingerprint": "0" * 64}, "official is true, but the fingerprint is not that of the"),
        ({"official": False}, "dataset.official was True and is False"),
        ({"official": False, "fingerprint": "0" * 64}, "unknown data fingerprint"),
        ({"name": "folder"}, "official is true, but the fingerprint is not that of the"),
        ({"title": "CIFAR-10"}, "dataset.title was CIFAR-10 (official) and is CIFAR-10"),
    ],
)
def test_official_is_the_fingerprint_and_not_the_records_word(
    dataset: dict[str, Any], fault: str | None
) -> None:
    run = make_record(dataset=dataset, protocol=resolve("cifar10")[0].to_dict())
    path = Path("record.json")
    data = labels_only_dataset(run.dataset)
    messages = list(dataset_is_known(StoredRun(path, path, run, data)))
    assert (messages == []) if fault is None else any(fault in line for line in messages)


def test_a_budget_tuned_elsewhere_has_its_own_message(results: Path) -> None:
    edit(results, lambda fields: fields["departures"].clear())
    assert (
        "departures are listed: has 2 epochs, which harness/protocol/budget.toml has never had"
        in faults(results)[0]
    )


def test_every_rule_is_a_sentence() -> None:
    for rule in rule_list():
        assert rule[0].isupper()
        assert rule.endswith(".")


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path into a nested JSON value, leaves and branches alike."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from paths(below, (*path, key))
    if isinstance(value, list):
        for number, below in enumerate(value):
            yield from paths(below, (*path, number))


def leaves(value: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every path to a value that holds no others, and the value."""
    for path in paths(value):
        leaf = value
        for key in path:
            leaf = leaf[key]
        if not isinstance(leaf, dict | list):
            yield path, leaf


def changed(value: Any) -> Any:
    """Another value of the same kind, as near as a forger would choose it."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.99 + 0.001
    if isinstance(value, str):
        return ("b" if value[:1] == "a" else "a") + value[1:]
    if isinstance(value, list):
        return value[:-1] if value else [1]
    if isinstance(value, dict):
        return dict(list(value.items())[:-1]) if value else {"more": 1}
    return 0.5


def only_verify(path: tuple[Any, ...]) -> bool:
    name = ".".join("*" if isinstance(key, int) else str(key) for key in path)
    return any(name == p or (p.endswith(".") and f"{name}.".startswith(p)) for p in ONLY_VERIFY)


def mutations(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The record with one path changed, and with one path removed."""
    for path in paths(fields):
        for kind in ("changed", "removed"):
            forged = copy.deepcopy(fields)
            parent = forged
            for key in path[:-1]:
                parent = parent[key]
            if kind == "changed":
                parent[path[-1]] = changed(parent[path[-1]])
            else:
                del parent[path[-1]]
            yield f"{kind} {'.'.join(map(str, path))}", forged


def test_every_path_of_a_record_that_touches_a_result_is_guarded(results: Path) -> None:
    file = first(results) / store.FILE
    shutil.rmtree(file.parent.with_name("seed-1"))  # one record is enough, and faster
    fields = json.loads(file.read_bytes())
    tried, missed = 0, []
    for path, (name, forged) in zip(
        (p for p in paths(fields) for _ in range(2)), mutations(fields), strict=True
    ):
        # The last epoch's figures are in the metrics too: those are guarded.
        if only_verify(path) or forged == fields:
            continue
        file.write_text(json.dumps(forged, indent=1) + "\n")
        tried += 1
        if not checked(results)[1]:
            missed.append(name)
    assert missed == []
    assert tried >= 200


def test_changed_bytes_of_any_file_are_caught(stored: Path, tmp_path: Path) -> None:
    source = random.Random(0)
    names = (store.FILE, store.PREDICTIONS, store.PROBABILITIES)
    missed = []
    for name in names:
        for number in range(12):
            results = tmp_path / f"{name}-{number}"
            shutil.copytree(stored, results, ignore=shutil.ignore_patterns(store.WEIGHTS))
            path = first(results) / name
            content = bytearray(path.read_bytes())
            # Numpy's header is followed by numbers of which single low bits mean nothing.
            offset = source.randrange(0 if name != store.PROBABILITIES else 128, len(content) - 3)
            content[offset : offset + 4] = bytes(b ^ 0x41 for b in content[offset : offset + 4])
            path.write_bytes(content)
            if not checked(results)[1] and not harmless(stored, results, name):
                missed.append((name, offset))
    assert missed == []


def harmless(stored: Path, results: Path, name: str) -> bool:
    """Whether a change is in a field without a rule, or changes no figure by more than rounding."""
    if name == store.FILE:
        files = [(first(folder) / name).read_bytes() for folder in (stored, results)]
        old, new = (dict(leaves(json.loads(content))) for content in files)
        return all(only_verify(p) for p in old.keys() | new if old.get(p) != new.get(p))
    if name != store.PROBABILITIES:
        return False
    digits = load("digits", Path())
    figures = []
    for folder in (stored, results):
        logits = np.log(np.load(first(folder) / name))
        computed = compute_metrics(logits, digits.test.labels.numpy(), digits.classes)
        figures.append((computed["accuracy"], computed["auc"], computed["loss"]))
    return figures[0] == pytest.approx(figures[1], abs=1e-4)


def test_better_predictions_with_hashes_and_figures_made_to_fit_are_caught(results: Path) -> None:
    """Predictions that were edited, with everything recomputed that follows from them, still
    disagree with the probabilities and the history."""
    folder = first(results)
    truth = load("digits", Path()).test.labels.tolist()
    text = "".join(f"{label}\n" for label in truth).encode()
    (folder / store.PREDICTIONS).write_bytes(text)

    def forge(fields: dict[str, Any]) -> None:
        labels = np.array(truth)
        classes = fields["dataset"]["classes"]
        fields["metrics"].update(metrics_from_predictions(labels, labels, classes))
        fields["predictions_sha256"] = hashlib.sha256(text).hexdigest()

    edit(results, forge)
    messages = " ".join(faults(results))
    assert "are not the most probable classes" in messages
    assert "metrics.accuracy and history" in messages


def test_other_weights_are_caught(stored: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(stored, tmp_path / "results"))
    path = first(results) / store.WEIGHTS
    weights = safetensors.torch.load(path.read_bytes())
    weights["classifier.7.bias"] += 1e-3
    path.write_bytes(safetensors.torch.save(weights))
    assert any("weights_sha256" in fault for fault in faults(results))
    edit(results, lambda f: f.update(weights_sha256=weights_sha256(weights)))
    # Now the hash fits: only repeating the run can tell.
    assert faults(results) == []


def test_a_run_copied_to_another_seed_is_caught(results: Path) -> None:
    folder = first(results)
    copied = folder.with_name("seed-7")
    shutil.copytree(folder, copied)
    fields = json.loads((copied / store.FILE).read_bytes())
    fields["seed"] = 7
    (copied / store.FILE).write_text(json.dumps(fields, indent=1) + "\n")
    assert any("another run has the same weights_sha256" in fault for fault in faults(results))


def history(*rates: float) -> list[dict[str, Any]]:
    return [
        {**row, "lr": lr} for row, lr in zip(make_history([0.7] * len(rates)), rates, strict=True)
    ]


def copied(*runs: RunRecord) -> list[str]:
    """Faults that the rule finds in runs with the same weights, each in its own folder."""
    stored_runs = [
        StoredRun(
            Path(str(number)), Path(), run.model_copy(update={"weights_sha256": "a" * 64}), None
        )
        for number, run in enumerate(runs)
    ]
    return [fault for _, fault in runs_are_distinct(stored_runs)]


@pytest.mark.parametrize(
    ("first_variant", "second_variant"), [("paper", "no_lr_decay"), ("no_augmentation", "baseline")]
)
def test_variants_that_are_equal_in_one_epoch_may_share_their_weights(
    first_variant: str, second_variant: str
) -> None:
    assert (
        copied(
            make_record(first_variant, history=history(0.01)),
            make_record(second_variant, history=history(0.01)),
        )
        == []
    )


@pytest.mark.parametrize(
    "other",
    [
        make_record("no_lr_decay", history=history(0.01, 0.01)),  # has seen the decay
        make_record("no_lr_decay", seed=1, history=history(0.01, 0.001)),
        make_record(
            "no_lr_decay", history=history(0.01, 0.001), dataset={"fingerprint": "cd" * 32}
        ),
        make_record("no_lr_decay", history=history(0.01, 0.001), protocol={"precision": "fp32"}),
        make_record("baseline", history=history(0.01, 0.001)),
        make_record("dropout_25", history=history(0.01, 0.001)),
        make_record("mixup", history=history(0.01, 0.001)),
        make_record("lrn", history=history(0.01, 0.001)),
    ],
)
def test_any_other_run_that_shares_weights_is_a_copy(other: RunRecord) -> None:
    paper = make_record("paper", history=history(0.01, 0.001))
    assert copied(paper, other) == ["another run has the same weights_sha256"] * 2


@pytest.mark.parametrize(
    ("settings", "alike"),
    [({}, True), ({"learning_rate": 0.01}, True), ({"learning_rate": 0.02}, False)],
)
def test_a_trial_that_spells_out_the_protocol_is_rightly_equal_to_paper(
    settings: dict[str, Any], alike: bool
) -> None:
    paper = make_record("paper", history=history(0.01, 0.001))
    trial = paper.model_copy(
        update={"variant": "trial_3", "settings": {**paper.settings, **settings}, "study": SEARCH}
    )
    assert (copied(paper, trial) == []) == alike


def test_a_run_moved_to_another_variant_is_caught(results: Path) -> None:
    moved = first(results).parent.with_name("paper")
    first(results).parent.rename(moved)
    assert any("folder matches" in fault for fault in faults(results))


def test_an_unknown_dataset_is_a_breach(results: Path) -> None:
    edit(results, lambda f: f["dataset"].update(fingerprint="0" * 64))
    assert any("unknown data fingerprint" in fault for fault in faults(results))


def test_a_damaged_record_is_named(results: Path) -> None:
    path = first(results) / store.FILE
    path.write_bytes(path.read_bytes()[:-20])
    (breach,) = checked(results)[1]
    assert breach.path == path
    assert breach.rule == "record is valid"
    assert breach.fault.startswith("is damaged (")


def test_a_record_of_an_older_version_is_one_line(results: Path) -> None:
    edit(results, lambda fields: fields.update(version=2))
    assert faults(results) == [
        "record is valid: is damaged (version 2, this code reads version 3)."
    ]


SEARCH = Study(kind="search", name="tpe", index=3, settings={"trials": 20})


def folded(fold: int | None, study: Study | None) -> list[str]:
    """Faults that the rule finds in a fold and a study."""
    changed = {"fold": fold, "folds": None if fold is None else 5}
    run = make_record(protocol=changed).model_copy(update={"study": study})
    return list(fold_matches_study(StoredRun(Path(), Path(), run, None)))


def test_a_fold_is_that_of_its_cross_validation() -> None:
    validation = Study(kind="cross-validation", name="five", index=3, settings={})
    assert folded(3, validation) == folded(None, None) == folded(None, SEARCH) == []
    for fold, study in ((2, validation), (None, validation), (3, SEARCH), (3, None)):
        assert len(folded(fold, study)) == 1


def test_folds_that_no_data_have_are_one_line(results: Path) -> None:
    for folds in (MAX_FOLDS + 1, MAX_FOLDS):  # the digits have 25 images of some class
        edit(results, lambda f, n=folds: f["protocol"].update(fold=0, folds=n))  # type: ignore[misc]
        assert any(fault.startswith("record is valid: ") for fault in faults(results))


def trial(fields: dict[str, Any], **settings: Any) -> None:
    """Turn a record into a trial of a search, with other settings."""
    fields["study"] = SEARCH.model_dump()
    fields["variant"] = "trial_3"
    fields["settings"].update(settings)
    fields["changes"].update(settings)


def test_a_trial_of_a_search_may_have_settings_that_no_variant_has(results: Path) -> None:
    edit(results, lambda f: trial(f, dropout=0.3))
    assert [fault for fault in faults(results) if not fault.startswith("folder matches")] == []
    edit(results, lambda f: trial(f, dropout=1.5))
    assert "dropout is 1.5" in faults(results)[0]
    edit(results, lambda f: (trial(f, dropout=0.3), f.update(study=None)))
    assert any("no variant 'trial_3' is registered" in fault for fault in faults(results))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: f.update(family="extensions"), "family is extensions, not ablations"),
        (lambda f: f["settings"].update(lr_decay=1), "lr_decay is 1, not one of False, True"),
        (lambda f: f["settings"].update(groups=True), "groups is True, not one of 1, 2"),
        (lambda f: f["settings"].update(dropout=0), "settings are not those of the variant"),
        (lambda f: f["settings"].pop("stem"), "settings are not those of the variant"),
        (lambda f: f["normalization"]["mean"].__setitem__(1, 0.0), "normalization.mean[1]"),
        (lambda f: f["metrics"].update(train_accuracy=1.5), "train_accuracy: Input should be less"),
        (lambda f: f["metrics"].update(train_accuracy=0.33), "metrics.train_accuracy: 0.33 of"),
        (lambda f: f["history"][0].update(train_accuracy=None), "train_accuracy is None"),
        (lambda f: f["history"][0].update(eval_loss=None), "eval_loss is None"),
        (lambda f: f["history"][0].update(lr=0.01), "lr is 0.01, but the recipe has 0.02"),
        (lambda f: f["code"].update(commit="abc"), "code.commit is 'abc'"),
        (lambda f: f["environment"].update(execution="eager"), "execution is eager on cpu"),
        (lambda f: f.update(decision_sha256="none"), "decision_sha256 is not a SHA-256"),
    ],
)
def test_what_cannot_be_is_caught(
    change: Callable[[dict[str, Any]], object], fault: str, results: Path
) -> None:
    edit(results, change)
    assert any(fault in message for message in faults(results))


@pytest.mark.parametrize("name", ["mixup", "keras_sgd", "krizhevsky_2012"])
def test_a_variant_with_a_recipe_and_a_network_of_its_own_passes(name: str, tmp_path: Path) -> None:
    protocol, departures = resolve("digits", epochs=1)
    few = dataclasses.replace(short(), train=short().train.take(torch.arange(64)))
    train_run(RunSpec(variants.get(name), 0, protocol, departures, tmp_path), few, Reporter())
    assert check(tmp_path, few) == (1, [])
    if name == "mixup":
        edit(tmp_path, lambda f: f["history"][0].update(train_accuracy=0.5))
        assert "epoch 1: train_accuracy is 0.5" in check(tmp_path, few)[1][0].fault
    if name == "keras_sgd":  # known even without the images
        edit(tmp_path, lambda f: f["normalization"].update(std=[127.5] * 3))
        assert any(b.rule == "normalization matches" for b in check(tmp_path)[1])
    if name == "krizhevsky_2012":
        edit(tmp_path, lambda f: f.update(parameters=23_272_266))
        (breach,) = check(tmp_path, few)[1]
        assert breach.rule == "parameter count matches"


def test_the_normalization_of_images_that_are_not_available_is_not_checked() -> None:
    run = make_record()
    data = labels_only_dataset(run.dataset)
    stored = StoredRun(Path(), Path(), run, data)
    assert not stored.has_images
    assert list(normalization_matches(stored)) == []
    unit = make_record("keras_sgd")
    (fault, *_) = normalization_matches(StoredRun(Path(), Path(), unit, data))
    assert fault.startswith("normalization.mean[0]: 125.0 recorded, 0.0 expected")


def test_probabilities_are_never_unpickled(results: Path) -> None:
    path = first(results) / store.PROBABILITIES
    np.save(path, np.array([object()]), allow_pickle=True)
    assert any("allow_pickle=False" in fault for fault in faults(results))


def test_checkpoints_are_loaded_without_running_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "owned",))

    folder = tmp_path / store.CHECKPOINTS
    folder.mkdir()
    torch.save({"identity": {}, "state": Evil()}, folder / "x")
    content = (folder / "x").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"epoch-00001-{digest}.pt").write_bytes(content)
    with pytest.raises(Exception, match=r"[Ww]eights"):
        checkpoint.load(tmp_path, {})
    assert not (tmp_path / "owned").exists()
