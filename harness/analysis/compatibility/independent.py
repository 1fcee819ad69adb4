"""Independent runs: the paper's method, trained by a program that shares no code with this package.

A results folder may hold their figures in `independent_runs.csv`; the records beside it are the
reference runs that they are compared with.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
)

import variants
from harness.analysis.compatibility import reference
from harness.analysis.compatibility.prediction import Comparer, Compatibility, Outcome
from harness.errors import InputError
from harness.formatting import first_fault, printable
from harness.protocol.datasets import CLASSES
from harness.runs.record import Fraction, RunRecord

FILE = "independent_runs.csv"


class Setting(BaseModel):
    """What an independent run trained.

    Attributes:
        variant: the variant whose method it follows.
        epochs: passes over the training images.
        precision: "fp32" or "bf16".
        seed: of that program's generator; its random numbers are not those of this package.
        torch: version of PyTorch.
    """

    model_config = ConfigDict(frozen=True)

    variant: str
    epochs: PositiveInt
    precision: Literal["fp32", "bf16"]
    seed: NonNegativeInt
    torch: str


class _Figures(BaseModel):
    """Figures on the test images, and accuracy on the training images; recalls are extra fields."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, Fraction]

    accuracy: Fraction
    loss: NonNegativeFloat
    train_accuracy: Fraction


@dataclass(frozen=True)
class IndependentRun:
    """A run that was trained by another program on the official images.

    Attributes:
        setting: what it trained.
        values: its figures, by the names of `RunFigures.values`.
        comparison: with the reference runs of the same setting.
    """

    setting: Setting
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
            runs = [_run(row, official, compare) for row in csv.DictReader(stream, strict=True)]
    except ValidationError as error:
        raise _damaged(path, first_fault(error)) from error
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(path, str(error)) from error
    repeated = [run for i, run in enumerate(runs) if run in runs[:i]]
    if repeated:
        raise _damaged(path, f"the run of seed {repeated[0].setting.seed} is in it twice")
    return runs


def _damaged(path: Path, fault: str) -> InputError:
    return InputError(
        f"{path} is damaged ({printable(fault)}): restore it, or remove it to show no independent "
        "runs."
    )


def _run(
    row: Mapping[Any, Any], official: Sequence[RunRecord], compare: Comparer
) -> IndependentRun:
    setting = Setting.model_validate(row)
    if None in row:
        raise ValueError("a row is longer than the first")
    if setting.variant not in variants.names():
        raise ValueError(f"unknown variant {setting.variant}")
    figures = {name: text for name, text in row.items() if name not in Setting.model_fields}
    values = _Figures.model_validate(figures).model_dump()
    if missing := {f"recall.{name}" for name in CLASSES} - values.keys():
        raise ValueError(f"{min(missing)} is missing")
    comparison = Compatibility(Outcome.NOT_COMPARED, 0)
    for record in official:
        example = reference.figures_of(record)
        if example and _trains(record, setting):
            run = dataclasses.replace(example, seed=setting.seed, weights="", values=values)
            comparison = compare(run, reference.smallest_steps(record))
            break
    return IndependentRun(setting, values, comparison)


def _trains(record: RunRecord, setting: Setting) -> bool:
    trained = (record.variant, record.protocol.epochs, record.protocol.precision)
    return trained == (setting.variant, setting.epochs, setting.precision)
