"""The record of a calibration on disk: `<dataset>/calibration.json` in a results folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from harness.analysis import calibration
from harness.analysis.calibration import Calibration
from harness.errors import InputError
from harness.files import write_atomically
from harness.runs.store import first_fault

FILE = "calibration.json"


def save(results: Path, found: Calibration) -> Path:
    """Write the record beside the runs that it is made from, and return its path."""
    path = results / found.dataset.name / FILE
    write_atomically(path, found.to_bytes())
    return path


def load(path: Path) -> Calibration:
    """Read a calibration record.

    Raises:
        InputError: if it is damaged, or says what does not follow from the accuracies in it by
            the rule of the decision file.
    """
    try:
        found = Calibration.model_validate_json(path.read_bytes())
        if fault := next(_contradictions(found), None):
            raise ValueError(fault)
        return found
    except ValidationError as error:
        raise _damaged(path, first_fault(error)) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def load_calibrations(results: Path) -> tuple[dict[Path, Calibration], list[str]]:
    """The calibration records below a results folder, one for each dataset, and what is wrong
    with those that could not be read."""
    found, damaged = {}, []
    for path in sorted(results.glob(f"*/{FILE}")):
        try:
            found[path] = load(path)
        except InputError as error:
            damaged.append(str(error))
    return found, damaged


def _damaged(path: Path, fault: str) -> InputError:
    return InputError(f"{path} is damaged ({fault}): run `calibrate` again.")


def _contradictions(found: Calibration) -> Iterator[str]:
    """What in a record does not follow from its runs."""
    tried = {c.epochs: dict(zip(c.seeds, c.accuracies, strict=True)) for c in found.candidates}
    due = calibration.apply_rule(found.dataset, tried)
    for number, (candidate, expected) in enumerate(
        zip(found.candidates, due.candidates, strict=True)
    ):
        yield from _unequal(f"candidates.{number}.", candidate, expected)
    # Which text the decision file had does not matter, as long as the same follows from it.
    yield from _unequal(
        "", found, due.model_copy(update={"decision_sha256": found.decision_sha256})
    )


def _unequal(place: str, stored: BaseModel, due: BaseModel) -> Iterator[str]:
    for name in type(stored).model_fields:
        value, expected = getattr(stored, name), getattr(due, name)
        if value != expected:
            yield f"{place}{name} is {str(value)[:40]!r} and by the rule {expected!r}"
