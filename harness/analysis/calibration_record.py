"""Save and load calibration records: `<dataset>/calibration.json` in a results folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from harness.analysis import calibration
from harness.analysis.calibration import Calibration
from harness.errors import InputError
from harness.files import write_atomically
from harness.formatting import first_fault, printable

FILE = "calibration.json"


def save(results: Path, record: Calibration) -> Path:
    """Write a calibration record into the folder of its dataset, and return its path."""
    path = results / record.dataset.name / FILE
    write_atomically(path, record.to_bytes())
    return path


def load(path: Path) -> Calibration:
    """Read a calibration record.

    Raises:
        InputError: if it is damaged, or contradicts the accuracies in it by the rule of the
            decision file.
    """
    try:
        record = Calibration.model_validate_json(path.read_bytes())
        fault = next(_contradictions(record), None)
        if fault is not None:
            raise ValueError(fault)
        return record
    except ValidationError as error:
        raise _damaged(path, first_fault(error)) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, printable(str(error))) from error


def load_calibrations(results: Path) -> tuple[dict[Path, Calibration], list[str]]:
    """Read all calibration records in a results folder, at most one for each dataset.

    Returns:
        The records by path, and one error message for each that could not be read.
    """
    records, damaged = {}, []
    for path in sorted(results.glob(f"*/{FILE}")):
        try:
            records[path] = load(path)
        except InputError as error:
            damaged.append(str(error))
    return records, damaged


def _damaged(path: Path, fault: str) -> InputError:
    return InputError(f"{path} is damaged ({fault}): run `calibrate` again.")


def _contradictions(record: Calibration) -> Iterator[str]:
    """Fields of a record that do not follow from its runs, one message each."""
    tried = {c.epochs: dict(zip(c.seeds, c.accuracies, strict=True)) for c in record.candidates}
    expected = calibration.apply_rule(record.dataset, tried)
    for number, pair in enumerate(zip(record.candidates, expected.candidates, strict=True)):
        yield from _differences(f"candidates.{number}.", *pair)
    # The decision file may have changed if the same budget follows from it.
    same_file = {"decision_sha256": record.decision_sha256}
    yield from _differences("", record, expected.model_copy(update=same_file))


def _differences(prefix: str, stored: BaseModel, expected: BaseModel) -> Iterator[str]:
    for name in type(stored).model_fields:
        value, required = getattr(stored, name), getattr(expected, name)
        if value != required:
            yield f"{prefix}{name} is {str(value)[:40]!r} but the rule gives {required!r}"
