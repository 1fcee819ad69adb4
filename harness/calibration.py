"""The one tuned knob: the smallest budget that reaches the target on the validation split.

The rule, its candidates and its target stand in the decision file. The test images have no
part in it: the runs train on 45,000 of the training images and are judged on the other 5,000.
A candidate whose first seed misses the target by more than chance over seeds can make good gets
no others; on a CPU this saves a third of the time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import decision, rendering
from harness.errors import InputError, RunFailedError
from harness.files import write_atomically
from harness.form import NUMBER, Form, faults
from harness.record import RunRecord

FILE = "calibration.json"
# Deviations over seeds, as the decision file expects them, by which a first run must miss the
# target for the other seeds of its candidate to be spared.
HOPELESS = 6


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What a budget came to.

    Attributes:
        epochs: the budget.
        seeds: of its runs.
        accuracies: on the validation split after the last epoch, by seed; fractions.
        mean: of the accuracies.
        standard_error: of the mean over seeds, None of one; the split's own is 0.6 points at 75 %.
        reaches: whether the mean reaches the target.
    """

    epochs: int
    seeds: list[int]
    accuracies: list[float]
    mean: float
    standard_error: float | None
    reaches: bool


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The record of a calibration; everything in it follows from the records of its runs.

    Attributes:
        variant, target: what is to reach which accuracy.
        dataset: name, title, fingerprint, official, sizes and split, as in a run's record.
        candidates: those that were tried, smallest first.
        epochs: the smallest that reaches the target; None if none has.
        decision_sha256: of the decision file that has the rule.
    """

    variant: str
    target: float
    dataset: dict[str, Any]
    candidates: list[Candidate]
    epochs: int | None
    decision_sha256: str

    def to_bytes(self) -> bytes:
        """The text of `calibration.json`: one form for one content."""
        return json.dumps(dataclasses.asdict(self), indent=1).encode() + b"\n"

    def sha256(self) -> str:
        """SHA-256 of that text."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def search(
    seeds: Sequence[int], train: Callable[[int, Sequence[int]], list[RunRecord]]
) -> Calibration:
    """Try the candidates from the smallest up until one reaches the target.

    Args:
        seeds: of the runs of every candidate that is not hopeless after the first.
        train: gives the records at a budget of these seeds, trained or found.

    Raises:
        RunFailedError: if a run failed: a mean over the others would flatter.
    """
    rule = decision.load().budgets
    tried: list[RunRecord] = []
    for epochs in rule.candidates:
        (first,) = train(epochs, seeds[:1])
        others = [] if _hopeless(first) else train(epochs, seeds[1:])
        tried += [first, *others]
        found = summarise(tried)
        if found.epochs is not None:
            break
    return found


def _hopeless(first: RunRecord) -> bool:
    rule = decision.load()
    least = rule.budgets.target - HOPELESS * rule.accuracy.expected_sd
    return first.metrics is None or first.metrics["accuracy"] < least


def summarise(records: Iterable[RunRecord]) -> Calibration:
    """The calibration that the records of its runs amount to.

    Raises:
        RunFailedError: if one of them failed.
    """
    rule, records = decision.load(), list(records)
    if failed := [record for record in records if record.metrics is None]:
        raise RunFailedError(
            f"{failed[0].protocol['epochs']} epochs, seed {failed[0].seed}: {failed[0].reason}. "
            "A budget is chosen over all its seeds or not at all."
        )
    budgets = sorted({record.protocol["epochs"] for record in records})
    candidates = [
        _candidate(epochs, [r for r in records if r.protocol["epochs"] == epochs], rule)
        for epochs in budgets
    ]
    reaching = [candidate.epochs for candidate in candidates if candidate.reaches]
    about = ("name", "title", "fingerprint", "official", "split", "train_size", "test_size")
    return Calibration(
        variant=rule.accuracy.variant,
        target=rule.budgets.target,
        dataset={key: records[0].dataset[key] for key in about},
        candidates=candidates,
        epochs=min(reaching, default=None),
        decision_sha256=decision.sha256(),
    )


def _candidate(epochs: int, records: Sequence[RunRecord], rule: decision.Decision) -> Candidate:
    ordered = sorted(records, key=lambda record: record.seed)
    accuracies = [record.metrics["accuracy"] for record in ordered if record.metrics]
    enough = len(accuracies) >= rule.budgets.calibration_seeds
    mean = statistics.fmean(accuracies)
    several = len(accuracies) > 1
    error = statistics.stdev(accuracies) / math.sqrt(len(accuracies)) if several else None
    return Candidate(
        epochs=epochs,
        seeds=[record.seed for record in ordered],
        accuracies=accuracies,
        mean=mean,
        standard_error=error,
        reaches=enough and mean >= rule.budgets.target,
    )


def is_cifar10(found: Calibration) -> bool:
    """Whether the images were CIFAR-10's, or the known copy of them."""
    from harness.data import KNOWN_FINGERPRINTS  # needs torch, which a report does without

    return found.dataset["official"] or found.dataset["fingerprint"] in KNOWN_FINGERPRINTS


def save(results: Path, calibration: Calibration) -> Path:
    """Write the record beside the runs that it is made from, and return its path."""
    path: Path = results / calibration.dataset["name"] / FILE
    write_atomically(path, calibration.to_bytes())
    return path


def rests_on(found: Calibration, run: RunRecord) -> bool:
    """Whether a run is one of those that the calibration is made from."""
    about = ("fingerprint", "split")
    return (
        run.variant == found.variant
        and run.metrics is not None
        and all(run.dataset[key] == found.dataset[key] for key in about)
        and any(
            run.protocol["epochs"] == candidate.epochs
            and (run.seed, run.metrics["accuracy"])
            in zip(candidate.seeds, candidate.accuracies, strict=False)
            for candidate in found.candidates
        )
    )


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
        "test_size": int,
    },
    "candidates": [_CANDIDATE],
    "epochs": int | None,
    "decision_sha256": str,
}


def load(path: Path) -> Calibration:
    """Read a calibration record.

    Raises:
        InputError: if it is damaged.
    """
    try:
        fields = json.loads(path.read_bytes())
        if fault := next(faults(fields, _FORM), None):
            raise ValueError(fault)
        fields["candidates"] = [Candidate(**candidate) for candidate in fields["candidates"]]
        return Calibration(**fields)
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


def columns(found: Calibration) -> dict[str, list[str]]:
    """The candidates tried, as the columns of a table."""
    tried = found.candidates
    return {
        "epochs": [str(c.epochs) for c in tried],
        "seeds": [str(len(c.seeds)) for c in tried],
        "validation accuracy, %": [rendering.percent(c.mean) for c in tried],
        "standard error": [
            "-" if c.standard_error is None else rendering.percent(c.standard_error) for c in tried
        ],
        "reaches it": ["yes" if c.reaches else "no" for c in tried],
    }
