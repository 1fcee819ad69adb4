"""Save, load and find the records of runs in a results folder.

The folder of a run is `<dataset>/<protocol>/<variant>/seed-<n>`. It holds `record.json`,
`predictions.txt` (one class index per line, in dataset order) and, not committed,
`model.safetensors` and `probabilities.npy`. `record.json` is written last: a run whose folder has
it has ended.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import InputError
from harness.files import write_atomically
from harness.formatting import first_fault, printable
from harness.protocol.spec import Protocol
from harness.runs.record import (
    VERSION,
    DamagedRecordError,
    RunRecord,
    UnreadableRecordError,
)

FILE = "record.json"

PREDICTIONS = "predictions.txt"

WEIGHTS = "model.safetensors"

PROBABILITIES = "probabilities.npy"

CHECKPOINTS = "checkpoints"  # a folder, removed when the run has finished


def directory(results: Path, protocol: Protocol, variant: str, seed: int) -> Path:
    """The folder of a run."""
    return results / protocol.dataset / protocol.name / variant / f"seed-{seed}"


def save(folder: Path, record: RunRecord) -> None:
    """Write `record.json` atomically.

    Raises:
        UnwritableError: if it cannot be written.
    """
    write_atomically(folder / FILE, to_bytes(record))


def to_bytes(record: RunRecord) -> bytes:
    """The content of `record.json`; equal records give equal bytes."""
    return json.dumps(record.model_dump(mode="json"), indent=1, allow_nan=False).encode() + b"\n"


def load(path: Path) -> RunRecord:
    """Read one `record.json`.

    Raises:
        DamagedRecordError: if it is not JSON, or a field is missing, unknown or of the wrong
            type. The message names the file and the first error.
        UnreadableRecordError: if it is of another version, or its file cannot be read.
    """
    try:
        content = path.read_bytes()
        version = _version(content)
        if isinstance(version, int) and version != VERSION:
            raise UnreadableRecordError(
                f"{path} is of version {version}; this code reads version {VERSION}."
            )
        return RunRecord.model_validate_json(content)
    except ValidationError as error:
        raise DamagedRecordError(f"{path} is damaged ({first_fault(error)}).") from error
    except UnreadableRecordError:
        raise
    except OSError as error:
        reason = printable(error.strerror or str(error))
        raise UnreadableRecordError(f"{path} cannot be read ({reason}).") from error
    except (ValueError, RecursionError, InputError) as error:
        raise DamagedRecordError(f"{path} is damaged ({printable(str(error))}).") from error


def load_run(folder: Path) -> RunRecord:
    """Read the record of a run's folder.

    Raises:
        InputError: if the folder has none.
        DamagedRecordError: see `load`.
    """
    if not (folder / FILE).exists():
        raise InputError(f"{folder} has no {FILE}: give the folder of a stored run.")
    return load(folder / FILE)


def _version(content: bytes) -> object:
    """Version of a record, without validating its other fields."""
    fields = json.loads(content)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    return fields.get("version")


def to_json_types(value: Any) -> Any:
    """Convert a value to what JSON would return for it: tuples to lists, mappings to dicts."""
    return json.loads(json.dumps(value))


def diff(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the differences between two nested dicts, one phrase per value.

    Args:
        old, new: the dicts.
        prefix: put before each key.
    """
    differences = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            differences += diff(before, after, f"{prefix}{key}.")
        elif before != after:
            differences.append(f"{prefix}{key} was {before} and is {after}")
    return differences


def find(results: Path) -> Iterator[Path]:
    """Find the paths of all records below a folder, sorted.

    Links to folders are followed; a folder that has several paths is found once, by its own path if
    that is below `results`.

    Raises:
        InputError: if the folder does not exist, or a folder in it cannot be read.
    """
    found, unreadable = _search(results)
    if unreadable:
        raise InputError(unreadable[0])
    yield from found


def _search(results: Path) -> tuple[list[Path], list[str]]:
    """The paths of all records, sorted, and an error message for each unreadable folder."""
    if not results.is_dir():
        raise InputError(f"no results folder {results}: train a run first, or give --results.")
    found: list[Path] = []
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        # Another process, here or on another host, may have removed the folder meanwhile.
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            unreadable.append(f"{error.filename} cannot be read ({error.strerror}).")

    seen, pending = set[str](), [results]
    for top in pending:
        # Not `rglob`, which fails where a folder is removed meanwhile (Python 3.11).
        for root, folders, names in os.walk(top, onerror=note):
            own_path = os.path.realpath(root)
            if own_path in seen:
                folders.clear()
                continue
            seen.add(own_path)
            # After all that are no links.
            pending += [path for name in sorted(folders) if (path := Path(root, name)).is_symlink()]
            if FILE in names:
                found.append(Path(root, FILE))
    return sorted(found), unreadable


def load_all(results: Path) -> tuple[list[RunRecord], list[str]]:
    """Load all records below a folder.

    Returns:
        The readable records, and an error message for each damaged one and for each folder that
        cannot be read.

    Raises:
        InputError: if the folder does not exist.
    """
    found, damaged = _search(results)
    records = []
    for path in found:
        try:
            records.append(load(path))
        except DamagedRecordError as error:
            damaged.append(str(error))
    return records, damaged
