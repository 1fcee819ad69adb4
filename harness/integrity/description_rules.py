"""Rules on what a run says it is: its place, settings, protocol, data, network, origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch

import variants
from harness.integrity.stored_run import StoredRun, value_differences
from harness.protocol import budget
from harness.protocol.presets import PROTOCOLS
from harness.runs import store
from harness.training.augmentation import pixel_scaling
from variants.network import AlexNet
from variants.spec import Variant


def text_is_as_written(stored: StoredRun) -> Iterator[str]:
    """record.json has the one form in which the harness writes its content."""
    if store.to_bytes(stored.record) != stored.path.read_bytes():
        yield "the text of record.json is not as the harness writes it"


def place_fits(stored: StoredRun) -> Iterator[str]:
    """The folder is that of the record's dataset, protocol, variant and seed."""
    run = stored.record
    parts = store.directory(Path(), run.protocol, run.variant, run.seed).parts
    if stored.path.parent.resolve().parts[-len(parts) :] != parts:
        yield f"lies in {stored.path.parent}, not in {'/'.join(parts)}"


def settings_are_the_variants(stored: StoredRun) -> Iterator[str]:
    """Family, settings and changes are those of the registered variant of that name; in a study
    they may be those of a variant of its own."""
    run, expected = stored.record, stored.variant
    if run.variant in variants.names():
        expected = variants.get(run.variant)
    elif run.study is None:
        yield f"no variant {run.variant!r} is registered"
        return
    if run.family != expected.family:
        yield f"family is {run.family}, not {expected.family}"
    # As text, since 1 is not true, nor 0 the same as 0.0, in a file.
    if json.dumps(run.settings) != json.dumps(expected.settings()):
        yield "settings are not those of the variant"
    changes = variants.changes(expected, variants.get("paper"))
    if json.dumps(run.changes) != json.dumps(changes):
        yield "changes are not the difference to paper"


def single_factor(stored: StoredRun) -> Iterator[str]:
    """An ablation or extension differs from its parent in one setting."""
    if stored.record.variant not in variants.names():
        return
    variant = variants.get(stored.record.variant)
    if variant.parent is None or variant.family == "readings":
        return
    if len(variants.changes(variant, variants.get(variant.parent))) != 1:
        yield f"differs from {variant.parent} in more than one setting"


def departures_are_named(stored: StoredRun) -> Iterator[str]:
    """The protocol is the dataset's own but for the departures that are named.

    The number of epochs is tuned: a record may have one that stood there before.
    """
    run = stored.record
    standard = PROTOCOLS.get(run.protocol.dataset)
    if standard is None:
        yield f"no protocol for dataset {run.protocol.dataset!r}"
        return
    preset, trained = map(store.to_json_types, (standard.to_dict(), run.protocol.to_dict()))
    found = {key: value for key, value in trained.items() if value != preset[key]}
    if "epochs" not in run.departures and run.protocol.epochs in budget.load().former:
        found.pop("epochs", None)
    if found.keys() == {"epochs"} and not run.departures:
        yield (
            f"has {run.protocol.epochs} epochs, which harness/protocol/budget.toml here has never "
            "had: if its makers tuned another number, take their file over first"
        )
    elif found != run.departures:
        yield f"departs from the protocol in {found}, names {run.departures}"


def study_fits(stored: StoredRun) -> Iterator[str]:
    """A fold belongs to a cross-validation, whose index is the fold."""
    study, fold = stored.record.study, stored.record.protocol.fold
    validates = study is not None and study.kind == "cross-validation"
    index = study.index if study is not None and validates else None
    if index != fold:
        yield f"the fold is {fold}, that of the cross-validation {index}"


def data_are_known(stored: StoredRun) -> Iterator[str]:
    """The data fingerprint is known, and title, classes, split and sizes are those of the data."""
    run, data = stored.record, stored.data
    if data is None:
        yield "data fingerprint not known here: name the images with --data-dir"
        if run.dataset.official:
            yield "says official, but the fingerprint is not that of the official archive"
        return
    expected = {
        "name": data.name,
        "title": data.title,
        "fingerprint": data.fingerprint,
        "official": data.official,
        "classes": list(data.classes),
        "split": run.protocol.split,
        "train_size": len(data.train),
        "test_size": len(data.test),
    }
    yield from store.diff({"dataset": expected}, {"dataset": run.dataset.model_dump()})
    if run.protocol.dataset != data.name:
        yield f"protocol of {run.protocol.dataset} on {data.name}"


def normalization_fits(stored: StoredRun) -> Iterator[str]:
    """The normalization is that of the variant and, where the images are at hand, of the images."""
    data = stored.data
    if data is None or (stored.variant.pixel_scaling == "standardize" and not stored.has_images):
        return
    expected = dict(
        zip(("mean", "std"), pixel_scaling(stored.variant.pixel_scaling, data), strict=True)
    )
    yield from value_differences(
        expected, stored.record.normalization.model_dump(), "normalization"
    )


def parameters_are_the_networks(stored: StoredRun) -> Iterator[str]:
    """The number of parameters is that of the network which the settings describe."""
    run = stored.record
    expected = _parameters(stored.variant, len(run.dataset.classes))
    # A run that failed while its network was made has none.
    if run.parameters != expected and not (run.failed and run.parameters == 0):
        yield f"parameters is {run.parameters}, the network has {expected}"


def _parameters(variant: Variant, classes: int) -> int:
    """Parameters of a variant's network, which is made without its weights."""
    with torch.device("meta"):
        model = AlexNet(
            num_classes=classes,
            dropout=variant.dropout,
            batch_norm=variant.batch_norm,
            lrn=variant.lrn,
            overlapping_pool=variant.overlapping_pool,
            groups=variant.groups,
            stem=variant.stem,
        )
    return sum(p.numel() for p in model.parameters())


def provenance_fits(stored: StoredRun) -> Iterator[str]:
    """The commit is one of git, with whether it had changes, and a CPU has no way of execution."""
    code, environment = stored.record.code, stored.record.environment
    if code.commit is not None and not re.fullmatch(r"[0-9a-f]{40}", code.commit):
        yield f"code.commit is {code.commit!r}"
    if (code.commit is None) != (code.dirty is None):
        yield f"code is {code!r}"
    if (environment.device_type == "cpu") != (environment.execution is None):
        yield f"environment.execution on {environment.device_type} is {environment.execution}"
