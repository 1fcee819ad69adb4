"""Rules on what a run says it is: its place, settings, protocol, data, network, origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch

import variants
from harness.integrity.stored_run import Stored
from harness.protocol import budget
from harness.protocol.presets import PROTOCOLS
from harness.runs import record, store
from variants.network import AlexNet


def text_is_as_written(stored: Stored) -> Iterator[str]:
    """record.json has the one form in which the harness writes its content."""
    content = stored.path.read_bytes()
    if json.dumps(json.loads(content), indent=1).encode() + b"\n" != content:
        yield "the text of record.json is not as the harness writes it"


def place_fits(stored: Stored) -> Iterator[str]:
    """The folder is that of the record's dataset, protocol, variant and seed."""
    run = stored.record
    protocol = record.protocol_of(run)
    parts = store.directory(Path(), protocol, run.variant, run.seed).parts
    if stored.path.parent.resolve().parts[-len(parts) :] != parts:
        yield f"lies in {stored.path.parent}, not in {'/'.join(parts)}"


def settings_are_the_variants(stored: Stored) -> Iterator[str]:
    """Settings and changes are those of the registered variant of that name."""
    run = stored.record
    if run.variant not in variants.names():
        yield f"no variant {run.variant!r} is registered"
        return
    registered, paper = variants.get(run.variant), variants.get("paper")
    if run.settings != store.plain(registered.settings()):
        yield "settings are not those of the registered variant"
    if run.changes != store.plain(variants.changes(registered, paper)):
        yield "changes are not the difference to paper"


def single_factor(stored: Stored) -> Iterator[str]:
    """A variant differs from its parent in one setting."""
    if stored.record.variant not in variants.names():
        return
    variant = variants.get(stored.record.variant)
    if variant.parent and len(variants.changes(variant, variants.get(variant.parent))) != 1:
        yield f"differs from {variant.parent} in more than one setting"


def departures_are_named(stored: Stored) -> Iterator[str]:
    """The protocol is the dataset's own but for the departures that are named.

    The number of epochs is tuned: a record may have one that stood there before.
    """
    run = stored.record
    protocol = record.protocol_of(run)
    standard = PROTOCOLS.get(protocol.dataset)
    if standard is None:
        yield f"no protocol for dataset {protocol.dataset!r}"
        return
    here = store.plain(standard.to_dict())
    if missing := store.missing(run.protocol, store.plain(protocol.to_dict())):
        yield f"the protocol lacks {', '.join(missing)}"
    found = {key: value for key, value in run.protocol.items() if value != here.get(key)}
    if "epochs" not in run.departures and protocol.epochs in budget.load().former:
        found.pop("epochs", None)
    if found.keys() == {"epochs"} and not run.departures:
        yield (
            f"has {protocol.epochs} epochs, which harness/protocol/budget.toml here has never had: if its "
            "makers tuned another number, take their file over first"
        )
    elif found != run.departures:
        yield f"departs from the protocol in {found}, names {run.departures}"


def data_are_known(stored: Stored) -> Iterator[str]:
    """The data fingerprint is known, and title, classes, split and sizes are those of the data."""
    run, data = stored.record, stored.data
    if data is None:
        yield "data fingerprint not known here: name the images with --data-dir"
        return
    expected = {
        "name": data.name,
        "title": data.title,
        "fingerprint": data.fingerprint,
        "official": data.official,
        "classes": list(data.classes),
        "split": record.protocol_of(run).split,
        "train_size": len(data.train),
        "test_size": len(data.test),
    }
    yield from store.differences({"dataset": expected}, {"dataset": run.dataset})
    if run.protocol["dataset"] != data.name:
        yield f"protocol of {run.protocol['dataset']} on {data.name}"


def parameters_are_the_networks(stored: Stored) -> Iterator[str]:
    """The number of parameters is that of the network which the settings describe."""
    run = stored.record
    with torch.device("meta"):
        model = AlexNet(
            num_classes=len(run.dataset["classes"]), batch_norm=bool(run.settings["batch_norm"])
        )
    expected = sum(p.numel() for p in model.parameters())
    # A run that failed while its network was made has none.
    if run.parameters != expected and not (run.failed and run.parameters == 0):
        yield f"parameters is {run.parameters}, the network has {expected}"


def provenance_is_there(stored: Stored) -> Iterator[str]:
    """Commit, dirty flag and environment are recorded in their form."""
    code, environment = stored.record.code, stored.record.environment
    commit = code.get("commit")
    if set(code) != {"commit", "dirty"} or not (
        commit is None or re.fullmatch(r"[0-9a-f]{40}", str(commit))
    ):
        yield f"code is {code}"
    missing = [key for key in record.ENVIRONMENT_KEYS if not environment.get(key)]
    if missing:
        yield f"environment lacks {', '.join(missing)}"
