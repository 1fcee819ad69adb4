"""Independent runs: the paper's method, trained by a program that shares no code with this package.

A results folder may hold their figures in `independent_runs.csv`; the records beside it are the
reference runs that they are compared with.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.compatibility import reference
from harness.analysis.compatibility.prediction import Comparer, Compatibility, Outcome
from harness.errors import InputError
from harness.runs.record import RunRecord

FILE = "independent_runs.csv"

_DESCRIPTION = ("variant", "epochs", "precision", "seed", "torch")


@dataclass(frozen=True)
class IndependentRun:
    """A run that was trained by another program on the official images.

    Attributes:
        variant: the variant whose method it follows.
        epochs: passes over the training images.
        precision: "fp32" or "bf16".
        seed: of that program's generator; its random numbers are not those of this package.
        torch: version of PyTorch.
        values: figures on the test images, and accuracy on the training images, by the names of
            `RunFigures.values`.
        comparison: with the reference runs of the same setting.
    """

    variant: str
    epochs: int
    precision: str
    seed: int
    torch: str
    values: Mapping[str, float]
    comparison: Compatibility


def load(folder: Path, records: Sequence[RunRecord]) -> list[IndependentRun]:
    """Read the independent runs of a results folder and compare them with its records.

    Args:
        folder: the results folder; without the file in it there are no such runs.
        records: those of the folder.

    Raises:
        InputError: if the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return []
    official = [r for r in records if r.dataset.official and r.dataset.split == "test"]
    compare = Comparer(reference.from_records(official))
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [_run(row, official, compare) for row in csv.DictReader(stream, strict=True)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} is damaged ({error}): restore it, or remove it to show no independent runs."
        ) from error


def _run(
    row: Mapping[str, str], official: Sequence[RunRecord], compare: Comparer
) -> IndependentRun:
    described = {name: row[name] for name in _DESCRIPTION}
    values = {name: float(text) for name, text in row.items() if name not in described}
    if not all(map(math.isfinite, values.values())):
        raise ValueError("a figure is not a finite number")
    seed, setting = int(row["seed"]), (row["variant"], int(row["epochs"]), row["precision"])
    comparison = Compatibility(Outcome.NOT_COMPARED, 0)
    for record in official:
        same = (record.variant, record.protocol.epochs, record.protocol.precision) == setting
        if same and (example := reference.figures_of(record)):
            run = dataclasses.replace(example, seed=seed, weights="", values=values)
            comparison = compare(run, reference.smallest_steps(record))
            break
    return IndependentRun(*setting, seed, row["torch"], values, comparison)
