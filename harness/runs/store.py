"""Files of a run: where its record is, and how it is written, read and found.

The folder of a run is `<dataset>/<protocol>/<variant>/seed-<n>` in a results folder. Beside
`record.json` are `predictions.txt` (one class index a line, in dataset order) and, for a person's
own use, `model.safetensors` and `probabilities.npy`. `record.json` is written last: a folder that
has it is finished.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol.spec import Protocol
from harness.runs.record import VERSION, DamagedRecordError, RunRecord

FILE = "record.json"

PREDICTIONS = "predictions.txt"

WEIGHTS = "model.safetensors"

PROBABILITIES = "probabilities.npy"

CHECKPOINTS = "checkpoints"  # a folder, gone when the run is finished


def directory(results: Path, protocol: Protocol, variant: str, seed: int) -> Path:
    """The folder of a run."""
    return results / protocol.dataset / protocol.name / variant / f"seed-{seed}"


def save(folder: Path, record: RunRecord) -> None:
    """Write `record.json`, whole or not at all."""
    write_atomically(folder / FILE, to_bytes(record))


def to_bytes(record: RunRecord) -> bytes:
    """The text of `record.json`: one text for one content."""
    return json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False).encode() + b"\n"


def load(path: Path) -> RunRecord:
    """Read one `record.json`.

    Raises:
        DamagedRecordError: if it is not JSON, is of another version, or a field is missing,
            unknown or of another type. The message names the file and the first fault.
    """
    try:
        content = path.read_bytes()
        version = _version(content)
        if version != VERSION:
            raise ValueError(f"version {version}, this code reads version {VERSION}")
        return RunRecord.model_validate_json(content)
    except ValidationError as error:
        raise DamagedRecordError(f"{path} is damaged ({first_fault(error)}).") from error
    except (OSError, ValueError, RecursionError, InputError) as error:
        raise DamagedRecordError(f"{path} is damaged ({error}).") from error


def _version(content: bytes) -> object:
    """Version of a record, before anything else of it is read."""
    fields = json.loads(content)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    return fields.get("version")


def first_fault(error: ValidationError) -> str:
    """The first fault that pydantic found, as one phrase: "metrics.accuracy: Field required"."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def to_json_types(value: Any) -> Any:
    """A value as it comes back from JSON: tuples as lists, mappings as dicts."""
    return json.loads(json.dumps(value))


def diff(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What differs between two nested dicts, one phrase for each value."""
    changed = []
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            changed += diff(a, b, f"{prefix}{key}.")
        elif a != b:
            changed.append(f"{prefix}{key} was {a} and is {b}")
    return changed


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
