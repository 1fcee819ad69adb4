"""`check`: what each rule refuses in a record, and what it allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.integrity.check import check, rule_list
from harness.integrity.description_rules import (
    dataset_is_known,
    fold_matches_study,
    normalization_matches,
)
from harness.integrity.reference_data import labels_only_dataset
from harness.integrity.stored_run import StoredRun
from harness.protocol.datasets import MAX_FOLDS
from harness.protocol.presets import resolve
from harness.runs import store
from harness.runs.record import StudyInfo
from tests.helpers.checked_results import edit, faults, first, short
from tests.helpers.records import SEARCH, make_record


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
    messages = list(dataset_is_known(StoredRun(path, run, data)))
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


def test_an_unknown_dataset_is_a_breach(results: Path) -> None:
    edit(results, lambda f: f["dataset"].update(fingerprint="0" * 64))
    assert any("unknown data fingerprint" in fault for fault in faults(results))


def folded(fold: int | None, study: StudyInfo | None) -> list[str]:
    """Faults that the rule finds in a fold and a study."""
    changed = {"fold": fold, "folds": None if fold is None else 5}
    run = make_record(protocol=changed).model_copy(update={"study": study})
    return list(fold_matches_study(StoredRun(Path(), run, None)))


def test_a_fold_is_that_of_its_cross_validation() -> None:
    validation = StudyInfo(kind="cross-validation", name="five", index=3, settings={})
    assert folded(3, validation) == folded(None, None) == folded(None, SEARCH) == []
    for fold, study in ((2, validation), (None, validation), (3, SEARCH), (3, None)):
        assert len(folded(fold, study)) == 1


def test_folds_that_no_data_have_are_one_line(results: Path) -> None:
    for folds in (MAX_FOLDS + 1, MAX_FOLDS):  # the digits have 25 images of some class
        edit(results, lambda f, n=folds: f["protocol"].update(fold=0, folds=n))  # type: ignore[misc]
        assert any(fault.startswith("record is valid: ") for fault in faults(results))


def test_a_registered_name_has_the_registered_settings_also_if_a_file_is_named(
    results: Path,
) -> None:
    def forge(fields: dict[str, Any]) -> None:
        fields["code"]["variants_sha256"] = "ab" * 32
        fields["family"] = "own"
        fields["settings"]["dropout"] = fields["changes"]["dropout"] = 0.1

    edit(results, forge)
    found = faults(results)
    assert "settings match variant: family is own, not ablations" in found
    assert "settings match variant: settings are not those of the variant" in found


def test_a_run_behind_a_link_is_where_it_belongs(results: Path) -> None:
    (results / "a_latest").symlink_to(first(results))
    assert check(results, short()) == (2, [])
    assert check(results / "a_latest", short()) == (1, [])
    (results / "a_latest").unlink()
    (results / "digits").rename(results.parent / "disk")
    (results / "digits").symlink_to(results.parent / "disk")
    assert check(results, short()) == (2, [])


def test_a_trial_on_the_test_images_is_a_breach(results: Path) -> None:
    edit(results, lambda f: trial(f, dropout=0.3))
    assert "study leaves out test images: a run of a search is evaluated on the test images" in (
        faults(results)
    )


def trial(fields: dict[str, Any], **settings: Any) -> None:
    """Turn a record into a trial of a search, with other settings."""
    fields["study"] = SEARCH.model_dump()
    fields["variant"] = "trial_3"
    fields["settings"].update(settings)
    fields["changes"].update(settings)


def test_a_trial_of_a_search_may_have_settings_that_no_variant_has(results: Path) -> None:
    edit(results, lambda f: trial(f, dropout=0.3))
    others = ("folder matches", "study leaves out test images")
    assert [fault for fault in faults(results) if not fault.startswith(others)] == []
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
        (lambda f: f.update(resumed_at=[9, 1]), "resumed_at"),
        (lambda f: f.update(status="failed", reason="x"), "failed, but"),
    ],
)
def test_what_cannot_be_is_caught(
    change: Callable[[dict[str, Any]], object], fault: str, results: Path
) -> None:
    edit(results, change)
    assert any(fault in message for message in faults(results))


def test_a_record_in_another_form_of_the_same_json_is_caught(results: Path) -> None:
    path = first(results) / store.FILE
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=2) + "\n")
    assert any("has other bytes than the harness writes" in fault for fault in faults(results))


def test_the_normalization_of_images_that_are_not_available_is_not_checked() -> None:
    run = make_record()
    data = labels_only_dataset(run.dataset)
    stored = StoredRun(Path(), run, data)
    assert not stored.has_images
    assert list(normalization_matches(stored)) == []
    unit = make_record("keras_sgd")
    (fault, *_) = normalization_matches(StoredRun(Path(), unit, data))
    assert fault.startswith("normalization.mean[0]: 125.0 recorded, 0.0 expected")
