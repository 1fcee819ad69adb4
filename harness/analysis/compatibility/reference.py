"""Reference runs: read them from a results folder or from the package's file, and write that file.

`reference_runs.csv` beside this module has a row for each finished run of the committed results on
the official test images; `python -m harness docs` writes it.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.runs import store
from harness.runs.record import DamagedRecordError, RunRecord, variant_of

FILE = Path(__file__).with_name("reference_runs.csv")

# Hexadecimal digits of the hashes in the file: no two of some hundred runs share as many.
_DIGITS = 16

_DESCRIPTION = ("variant", "data", "protocol", "split", "setting", "seed", "weights")

_RECALL = "recall."


@dataclass(frozen=True)
class RunFigures:
    """The figures of a finished run that are compared, and what identifies the run.

    Attributes:
        variant, data, protocol, split: for people: name of the variant, title of the dataset, name
            of the protocol, "test" or "validation".
        setting: first digits of the SHA-256 of everything that runs must share to be compared:
            variant with its settings, protocol, fingerprint of the dataset, split. Device,
            versions and sources may differ.
        seed: of the run.
        weights: first digits of the SHA-256 of its weights; empty if it is not known.
        values: accuracy, loss, train_accuracy and `recall.<class>`; losses in nats, others
            fractions. A figure that is not known is missing.
    """

    variant: str
    data: str
    protocol: str
    split: str
    setting: str
    seed: int
    weights: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class ReferenceRuns:
    """Finished runs by setting, then seed."""

    by_setting: Mapping[str, Mapping[int, RunFigures]]

    @classmethod
    def of(cls, runs: Iterable[RunFigures]) -> ReferenceRuns:
        """Collect runs; of several with one setting and seed the first counts.

        They share the initial weights and the order of images, so that they may vary less than
        runs with different seeds.
        """
        by_setting: dict[str, dict[int, RunFigures]] = defaultdict(dict)
        for run in runs:
            by_setting[run.setting].setdefault(run.seed, run)
        return cls(by_setting)

    def __len__(self) -> int:
        return sum(map(len, self.by_setting.values()))

    def same_setting(self, run: RunFigures) -> Sequence[RunFigures]:
        """The reference runs with the setting of a run."""
        return list(self.by_setting.get(run.setting, {}).values())

    def contains(self, run: RunFigures) -> bool:
        """Whether a run is one of these: same setting, seed and weights."""
        same_seed = self.by_setting.get(run.setting, {}).get(run.seed)
        return same_seed is not None and same_seed.weights == run.weights


def figures_of(record: RunRecord) -> RunFigures | None:
    """The figures of a record; None if the run failed or its settings are damaged."""
    metrics = record.metrics
    if metrics is None:
        return None
    try:
        # As a variant of today, so that a setting that was added since has its default.
        settings = variant_of(record).settings()
    except DamagedRecordError:
        return None
    dataset, protocol = record.dataset, record.protocol
    shared = [record.variant, settings, protocol.to_dict(), dataset.fingerprint, dataset.split]
    return RunFigures(
        variant=record.variant,
        data=dataset.title,
        protocol=protocol.name,
        split=dataset.split,
        setting=hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:_DIGITS],
        seed=record.seed,
        weights=(record.weights_sha256 or "")[:_DIGITS],
        values={
            "accuracy": metrics.accuracy,
            "loss": metrics.loss,
            "train_accuracy": metrics.train_accuracy,
            **{f"{_RECALL}{name}": figures.recall for name, figures in metrics.per_class.items()},
        },
    )


def smallest_steps(record: RunRecord) -> dict[str, float]:
    """Difference that one image makes in each figure of a finished run.

    Returns:
        By figure; 0 for losses, which are not counted in images, NaN for a class without images.
    """
    metrics, dataset = record.metrics, record.dataset
    counts = [] if metrics is None else [sum(row) for row in metrics.confusion_matrix]
    return {
        "accuracy": 1 / dataset.test_size,
        "loss": 0.0,
        "train_accuracy": 1 / dataset.train_size,
        **{
            f"{_RECALL}{name}": 1 / count if count else math.nan
            for name, count in zip(dataset.classes, counts, strict=False)
        },
    }


def from_records(records: Iterable[RunRecord]) -> ReferenceRuns:
    """Take the finished runs among records as reference runs."""
    return ReferenceRuns.of(run for run in map(figures_of, records) if run is not None)


def to_csv(records: Iterable[RunRecord]) -> bytes:
    """The content of the package's file: the finished runs on the official test images.

    Args:
        records: all records of the committed results, in any order.
    """
    official = (r for r in records if r.dataset.official and r.dataset.split == "test")
    reference = from_records(sorted(official, key=lambda r: r.weights_sha256 or ""))
    runs = [run for by_seed in reference.by_setting.values() for run in by_seed.values()]
    names = list(dict.fromkeys(name for run in runs for name in run.values))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [*_DESCRIPTION, *names], lineterminator="\n")
    writer.writeheader()
    for run in sorted(runs, key=lambda r: (r.variant, r.protocol, r.setting, r.seed)):
        description = {name: getattr(run, name) for name in _DESCRIPTION}
        writer.writerow({**description, **run.values})
    return stream.getvalue().encode()


@functools.cache
def load_csv(path: Path = FILE) -> ReferenceRuns:
    """Read reference runs from a file that `to_csv` wrote; empty if it has no rows.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return ReferenceRuns.of(_from_row(row) for row in csv.DictReader(stream))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is damaged ({error}): install the package again, or give a folder with "
            "finished runs to --against."
        ) from error


def _from_row(row: Mapping[str, str]) -> RunFigures:
    description = {name: row[name] for name in _DESCRIPTION}
    values = {n: float(v) for n, v in row.items() if n not in description and v}
    seed = int(description.pop("seed"))
    return RunFigures(**description, seed=seed, values=values)


def load_folder(folder: Path) -> tuple[ReferenceRuns, list[str]]:
    """Take the finished runs below a folder as reference runs.

    Returns:
        The runs, and an error message for each damaged record.

    Raises:
        InputError: if there is no such folder, or no finished run in it.
    """
    records, damaged = store.load_all(folder) if folder.is_dir() else ([], [])
    reference = from_records(records)
    if not len(reference):
        raise InputError(
            f"no finished run below {folder}: give --against a folder with reference runs, or the "
            "word `reference` for those of the package."
        )
    return reference, damaged
