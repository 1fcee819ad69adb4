"""Where the record of a run lies, and how it is written, read and found."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol.spec import Protocol
from harness.runs import schema
from harness.runs.record import VERSION, DamagedRecordError, RunRecord

FILE = "record.json"

PREDICTIONS = "predictions.txt"

WEIGHTS = "model.safetensors"

PROBABILITIES = "probabilities.npy"

CHECKPOINTS = "checkpoints"  # a folder, gone when the run is finished


_ANNOTATIONS = {
    name: tuple(typing.get_origin(part) or part for part in typing.get_args(hint) or [hint])
    if isinstance(hint, UnionType)
    else typing.get_origin(hint) or hint
    for name, hint in typing.get_type_hints(RunRecord).items()
}


# What a record of an older version lacks, by version; each step leads to the next version.
_UPGRADES: dict[int, dict[str, Any]] = {1: {"decision_sha256": None}}


def directory(results: Path, protocol: Protocol, variant: str, seed: int) -> Path:
    """The folder of a run."""
    return results / protocol.dataset / protocol.name / variant / f"seed-{seed}"


def save(folder: Path, record: RunRecord) -> None:
    """Write `record.json`, whole or not at all."""
    write_atomically(folder / FILE, to_bytes(record))


def to_bytes(record: RunRecord) -> bytes:
    """The text of `record.json`: one form for one content."""
    return json.dumps(dataclasses.asdict(record), indent=1, allow_nan=False).encode() + b"\n"


def load(path: Path) -> RunRecord:
    """Read one `record.json`.

    Raises:
        DamagedRecordError: if it is no JSON, lacks a field, has a strange one at any depth
            that tables, figures and `verify` read, or is newer than this code.
    """
    try:
        fields = json.loads(path.read_bytes())
        if not isinstance(fields, dict):
            raise TypeError("not a JSON object")
        while fields.get("version") in _UPGRADES:
            older = fields["version"]
            fields = {**fields, **_UPGRADES[older], "version": older + 1}
        if fields.get("version") != VERSION:
            raise TypeError(f"version {fields.get('version')}, this code reads 1 to {VERSION}")
        known = {f.name for f in dataclasses.fields(RunRecord)}
        if wrong := sorted(known ^ set(fields)):
            raise TypeError(f"missing or unknown fields: {', '.join(wrong)}")
        for name, annotation in _ANNOTATIONS.items():
            if not isinstance(fields[name], annotation):
                raise TypeError(f"{name} is {str(fields[name])[:40]!r}")
        if fault := schema.fault(fields):
            raise TypeError(fault)
        return RunRecord(**fields)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedRecordError(f"{path} is damaged ({error}).") from error


def plain(value: Any) -> Any:
    """A value as it comes back from JSON: tuples as lists, mappings as dicts."""
    return json.loads(json.dumps(value))


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """What differs between two nested dicts, one phrase for each value."""
    found = []
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            found.append(f"{prefix}{key} was {a} and is {b}")
    return found


def missing(part: dict[str, Any], whole: dict[str, Any], prefix: str = "") -> list[str]:
    """Keys of a nested dict that another lacks."""
    found = []
    for key, value in whole.items():
        if key not in part:
            found.append(f"{prefix}{key}")
        elif isinstance(value, dict) and isinstance(part[key], dict):
            found += missing(part[key], value, f"{prefix}{key}.")
    return found


def find(results: Path) -> Iterator[Path]:
    """Paths of all records below a folder, sorted.

    Raises:
        InputError: if there is no such folder.
    """
    if not results.is_dir():
        raise InputError(f"no results folder {results}: train something first, or see --results.")
    yield from sorted(results.rglob(FILE))


def load_all(results: Path) -> tuple[list[RunRecord], list[str]]:
    """All readable records below a folder, and a line for each that is not."""
    records, damaged = [], []
    for path in find(results):
        try:
            records.append(load(path))
        except DamagedRecordError as error:
            damaged.append(str(error))
    return records, damaged
