"""The record of a calibration on disk: `<dataset>/calibration.json` in a results folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.analysis import calibration
from harness.analysis.calibration import Calibration, Candidate
from harness.errors import InputError
from harness.files import write_atomically
from harness.protocol import decision
from harness.runs.schema import NUMBER, Form, faults

FILE = "calibration.json"

_CANDIDATE: Form = {
    "epochs": int,
    "seeds": [int],
    "accuracies": [NUMBER],
    "mean": NUMBER,
    "standard_error": NUMBER | None,
    "reaches": bool,
}

_FORM: Form = {
    "variant": str,
    "target": NUMBER,
    "dataset": {
        **dict.fromkeys(("name", "title", "fingerprint", "split"), str),
        "official": bool,
        **dict.fromkeys(("train_size", "test_size"), int),
    },
    "candidates": [_CANDIDATE],
    "epochs": int | None,
    "decision_sha256": str,
}


def save(results: Path, found: Calibration) -> Path:
    """Write the record beside the runs that it is made from, and return its path."""
    path: Path = results / found.dataset["name"] / FILE
    write_atomically(path, found.to_bytes())
    return path


def load(path: Path) -> Calibration:
    """Read a calibration record.

    Raises:
        InputError: if it is damaged, or says what does not follow from the accuracies in it by
            the rule of the decision file.
    """
    try:
        fields = json.loads(path.read_bytes())
        if not isinstance(fields, dict):
            raise TypeError("not a JSON object")
        for inspect in (_malformed, _impossible):
            if fault := next(inspect(fields), None):
                raise ValueError(fault)
        fields["candidates"] = [Candidate(**candidate) for candidate in fields["candidates"]]
        found = Calibration(**fields)
        if fault := next(_contradictions(found), None):
            raise ValueError(fault)
        return found
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}): give `calibrate` again.") from error


def stored(results: Path) -> tuple[dict[Path, Calibration], list[str]]:
    """The calibration records below a results folder, one for each dataset, and what is wrong
    with those that could not be read."""
    found, damaged = {}, []
    for path in sorted(results.glob(f"*/{FILE}")):
        try:
            found[path] = load(path)
        except InputError as error:
            damaged.append(str(error))
    return found, damaged


def _malformed(fields: dict[str, Any]) -> Iterator[str]:
    return faults(fields, _FORM)


def _impossible(fields: dict[str, Any]) -> Iterator[str]:
    """What no calibration can have come to, in fields of the right form."""
    data, tried = fields["dataset"], fields["candidates"]
    if data["split"] != calibration.SPLIT:
        yield f"dataset.split is {data['split'][:40]!r} and not {calibration.SPLIT!r}"
    if min(data["train_size"], data["test_size"]) < 1:
        yield "the dataset has no images"
    if not tried:
        yield "there is no candidate"
    budgets = [candidate["epochs"] for candidate in tried]
    if budgets != [epochs for epochs in decision.load().budgets.candidates if epochs in budgets]:
        yield "the candidates are not the decision file's, smallest first"
    for number, candidate in enumerate(tried):
        place, seeds = f"candidates.{number}", candidate["seeds"]
        if not seeds or len(seeds) != len(candidate["accuracies"]):
            yield f"{place} has {len(seeds)} seeds and {len(candidate['accuracies'])} accuracies"
        if seeds != sorted(set(seeds)):
            yield f"{place}.seeds are not distinct, smallest first"
        if not all(0 <= accuracy <= 1 for accuracy in candidate["accuracies"]):
            yield f"{place}.accuracies are not all from 0 to 1"


def _contradictions(found: Calibration) -> Iterator[str]:
    """What in a record does not follow from its runs."""
    tried = {c.epochs: dict(zip(c.seeds, c.accuracies, strict=True)) for c in found.candidates}
    given = dataclasses.asdict(found)
    due = dataclasses.asdict(calibration.conclude(found.dataset, tried))
    pairs = {
        f"candidates.{number}.": both
        for number, both in enumerate(
            zip(given.pop("candidates"), due.pop("candidates"), strict=True)
        )
    }
    # Which text the decision file had is no matter, as long as the same follows from it.
    due["decision_sha256"] = given["decision_sha256"]
    for place, (one, other) in {**pairs, "": (given, due)}.items():
        for key in one:
            if one[key] != other[key]:
                yield f"{place}{key} is {str(one[key])[:40]!r} and by the rule {other[key]!r}"
