"""Rules on the description of a run: folder, settings, protocol, dataset, network, provenance.

The docstring of a rule is what `check --rules` prints.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import torch

import variants
from harness.integrity.stored_run import StoredRun, value_differences
from harness.protocol import budget
from harness.protocol.presets import PROTOCOLS
from harness.runs import store
from harness.training.environment import describe_dataset, describe_normalization
from variants.network import AlexNet
from variants.spec import Variant


def text_is_canonical(stored: StoredRun) -> Iterator[str]:
    """The bytes of record.json are those that the harness writes for its content."""
    if store.to_bytes(stored.record) != stored.path.read_bytes():
        yield "record.json has other bytes than the harness writes for its content"


def folder_matches(stored: StoredRun) -> Iterator[str]:
    """The folder matches the record's dataset, protocol, variant and seed."""
    run = stored.record
    parts = store.directory(Path(), run.protocol, run.variant, run.seed).parts
    folder = stored.path.parent
    # Behind a link to another disk the one is right, of a link to the run itself the other.
    spellings = (Path(os.path.normpath(folder.absolute())), folder.resolve())
    if parts not in [spelling.parts[-len(parts) :] for spelling in spellings]:
        yield f"is in {stored.path.parent}, not in {'/'.join(parts)}"


def settings_match_variant(stored: StoredRun) -> Iterator[str]:
    """Family, settings and changes are those of the registered variant; only a run of a study, or
    of a variant from a user's file, may have an unregistered one."""
    run, expected = stored.record, stored.variant
    from_file = run.family == "own" and run.code.variants_sha256 is not None
    if run.variant in variants.names():
        expected = variants.get(run.variant)
    elif run.study is None and not from_file:
        yield f"no variant {run.variant!r} is registered"
        return
    if run.family != expected.family:
        yield f"family is {run.family}, not {expected.family}"
    # Compared as text: in a file 1 differs from true, and 0 from 0.0.
    if json.dumps(run.settings) != json.dumps(expected.settings()):
        yield "settings are not those of the variant"
    changes = variants.changes(expected, variants.get("paper"))
    if json.dumps(run.changes) != json.dumps(changes):
        yield "changes are not the differences from paper"


def single_factor(stored: StoredRun) -> Iterator[str]:
    """An ablation or extension differs from its parent in one setting."""
    if stored.record.variant not in variants.names():
        return
    variant = variants.get(stored.record.variant)
    if variant.parent is None or variant.family in ("readings", "own"):
        return
    if len(variants.changes(variant, variants.get(variant.parent))) != 1:
        yield f"differs from {variant.parent} in more than one setting"


def departures_are_listed(stored: StoredRun) -> Iterator[str]:
    """The protocol is that of the dataset, except for the listed departures.

    The number of epochs is tuned: a record may have a former one.
    """
    run = stored.record
    standard = PROTOCOLS.get(run.protocol.dataset)
    if standard is None:
        yield f"no protocol for dataset {run.protocol.dataset!r}"
        return
    standard_fields, fields = map(store.to_json_types, (standard.to_dict(), run.protocol.to_dict()))
    departures = {key: value for key, value in fields.items() if value != standard_fields[key]}
    if "epochs" not in run.departures and run.protocol.epochs in budget.load().former:
        departures.pop("epochs", None)
    if departures.keys() == {"epochs"} and not run.departures:
        yield (
            f"has {run.protocol.epochs} epochs, which harness/protocol/budget.toml has never had: "
            "if the number was tuned elsewhere, copy that budget file first"
        )
    elif departures != run.departures:
        yield f"departs from the protocol in {departures}, but lists {run.departures}"


def fold_matches_study(stored: StoredRun) -> Iterator[str]:
    """A run has a fold only in a cross-validation, and the fold is its index in the study."""
    study, fold = stored.record.study, stored.record.protocol.fold
    validates = study is not None and study.kind == "cross-validation"
    index = study.index if study is not None and validates else None
    if index != fold:
        yield f"the fold is {fold}, the index in the cross-validation is {index}"


def study_leaves_out_test_images(stored: StoredRun) -> Iterator[str]:
    """A run of a search or cross-validation is not evaluated on the test images."""
    if stored.record.study is not None and stored.record.protocol.split == "test":
        yield f"a run of a {stored.record.study.kind} is evaluated on the test images"


def dataset_is_known(stored: StoredRun) -> Iterator[str]:
    """The data fingerprint is known; title, classes, split and sizes match that dataset."""
    run, data = stored.record, stored.data
    if data is None:
        yield "unknown data fingerprint: give the folder of the images with --data-dir"
        if run.dataset.official:
            yield "official is true, but the fingerprint is not that of the official archive"
        return
    expected = describe_dataset(data, run.protocol)
    yield from store.diff({"dataset": expected}, {"dataset": run.dataset.model_dump()})
    if run.protocol.dataset != data.name:
        yield f"has the protocol of {run.protocol.dataset}, but the data of {data.name}"


def normalization_matches(stored: StoredRun) -> Iterator[str]:
    """The normalization is that of the variant and, if the images are available, of the images."""
    data = stored.data
    if data is None or (stored.variant.pixel_scaling == "standardize" and not stored.has_images):
        return
    expected = describe_normalization(data, stored.variant)
    yield from value_differences(
        expected, stored.record.normalization.model_dump(), "normalization"
    )


def parameter_count_matches(stored: StoredRun) -> Iterator[str]:
    """The number of parameters is that of the network built from the settings."""
    run = stored.record
    expected = parameter_count(stored.variant, len(run.dataset.classes))
    # A run that failed while its network was built has none.
    if run.parameters != expected and not (run.failed and run.parameters == 0):
        yield f"parameters is {run.parameters}, but the network has {expected}"


@functools.cache
def parameter_count(variant: Variant, classes: int) -> int:
    """Count the parameters of a variant's network, without its weights."""
    with torch.device("meta"):
        model = AlexNet(num_classes=classes, **variant.network_settings())
    return sum(p.numel() for p in model.parameters())


def provenance_is_valid(stored: StoredRun) -> Iterator[str]:
    """The commit is a full Git hash, recorded together with whether the code had changes, and all
    runs but those on a CPU have an execution mode."""
    code, environment = stored.record.code, stored.record.environment
    if code.commit is not None and not re.fullmatch(r"[0-9a-f]{40}", code.commit):
        yield f"code.commit is {code.commit!r}"
    if (code.commit is None) != (code.dirty is None):
        yield f"code is {code!r}"
    if (environment.device_type == "cpu") != (environment.execution is None):
        yield f"environment.execution is {environment.execution} on {environment.device_type}"
