"""What is to be trained: options, and one plan for each run. No torch here."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import variants
from harness import protocols, record
from harness.errors import InputError
from harness.protocol import Protocol
from harness.record import RunRecord
from variants.spec import Variant

if TYPE_CHECKING:
    from harness.data import Data


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person can choose about a run besides variant and seed.

    Attributes:
        dataset: "cifar10", "folder" or "digits".
        data_dir: where the dataset lies; None means $ALEXNET_DATA, else "data".
        archive: URL or file of the official archive; None means $ALEXNET_ARCHIVE, else
            torchvision's URL.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision, epochs: None for the protocol's own.
        validation: judge on a tenth of the training images instead of the test images.
        results: the results folder.
        eager: see `Plan`.
    """

    dataset: str = "cifar10"
    data_dir: Path | None = None
    archive: str | None = None
    device: str = "auto"
    precision: str | None = None
    epochs: int | None = None
    validation: bool = False
    results: Path = Path("results")
    eager: bool = False

    def load_data(self) -> Data:
        """The dataset, on the CPU."""
        from harness import data

        return data.load(self.dataset, self._directory, self._archive)

    def absolute(self) -> Options:
        """The same from whatever folder, and whatever variables say there."""
        archive = self._archive
        if archive and "://" not in archive:
            archive = str(Path(archive).absolute())
        return dataclasses.replace(
            self,
            results=self.results.absolute(),
            data_dir=self._directory.absolute(),
            archive=archive,
        )

    @property
    def _directory(self) -> Path:
        return self.data_dir or Path(os.environ.get("ALEXNET_DATA", "data"))

    @property
    def _archive(self) -> str | None:
        return self.archive or os.environ.get("ALEXNET_ARCHIVE")


@dataclass(frozen=True)
class Plan:
    """What one run is.

    Attributes:
        variant, seed: which network, started how.
        protocol: how it is trained and judged; `departures` are the fields an option changed.
        results: the results folder.
        eager: launch a step's kernels one by one on CUDA too, instead of replaying a graph.
        replaces: when the record of the failed try that this run is to replace was written, in
            ns. A later one stands, such as that of the new try when it has failed too.
    """

    variant: Variant
    seed: int
    protocol: Protocol
    departures: dict[str, Any]
    results: Path
    eager: bool = False
    replaces: int | None = None

    @property
    def title(self) -> str:
        """For people: variant and seed."""
        return f"{self.variant.name} seed {self.seed}"

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return record.directory(self.results, self.protocol, self.variant.name, self.seed)

    def identity(self, fingerprint: str) -> dict[str, Any]:
        """What must be the same for a stored run to count as this one.

        Args:
            fingerprint: of the data.
        """
        return {
            "settings": self.variant.settings(),
            "protocol": self.protocol.to_dict(),
            "seed": self.seed,
            "data": fingerprint,
        }


def plans(names: Sequence[str], seeds: Sequence[int], options: Options) -> list[Plan]:
    """Every run asked for, variants first, without touching data or device.

    Raises:
        InputError, UnknownVariantError: if a name or an option is wrong.
    """
    protocol, departures = protocols.resolve(
        options.dataset,
        epochs=options.epochs,
        precision=options.precision,
        validation=options.validation,
    )
    chosen = [variants.get(name) for name in names]
    return [
        Plan(variant, seed, protocol, departures, options.results, options.eager)
        for variant in chosen
        for seed in seeds
    ]


def stored(plan: Plan, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it has one already.

    Args:
        plan: the run.
        fingerprint: of the data; None where they are not loaded: then any will do.

    Raises:
        InputError: if the folder holds a record that is damaged or of another run.
    """
    path = plan.directory / record.FILE
    if not path.exists():
        return None
    try:
        found = record.load(path)
    except record.DamagedRecordError as error:
        raise InputError(f"{error} Delete it to train again.") from error
    data = found.dataset["fingerprint"]
    before = {
        "settings": found.settings,
        "protocol": found.protocol,
        "seed": found.seed,
        "data": data,
    }
    now = record.plain(plan.identity(data if fingerprint is None else fingerprint))
    if changed := record.differences(before, now):
        raise InputError(
            f"{path} is of another run: {'; '.join(changed)}. Name another folder with --results."
        )
    return found


def retrying(plan: Plan) -> Plan:
    """The plan of a new try, where the run has failed; else the plan.

    Raises:
        InputError: see `stored`.
    """
    found = stored(plan)
    if found is None or not found.failed:
        return plan
    return dataclasses.replace(plan, replaces=_written(plan))


def settled(plan: Plan, fingerprint: str | None = None) -> RunRecord | None:
    """The record of this run where it needs no training.

    Args:
        plan, fingerprint: see `stored`.

    Raises:
        InputError: see `stored`.
    """
    found = stored(plan, fingerprint)
    if found is not None and found.failed and plan.replaces == _written(plan):
        return None
    return found


def _written(plan: Plan) -> int:
    # Two tries that fail before an epoch has ended have the same bytes.
    return (plan.directory / record.FILE).stat().st_mtime_ns


def parse_seeds(text: str) -> list[int]:
    """Seeds of "0-19,30": numbers and ranges, each once, in the order given.

    Raises:
        InputError: if the text is anything else.
    """
    seeds: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low > high or high - low >= 100_000:
            raise InputError(
                f"seeds {text!r} do not parse: write numbers and ranges such as 0-19,30."
            )
        seeds.update(dict.fromkeys(range(low, high + 1)))
    return list(seeds)


def parse_variants(text: str) -> list[str]:
    """Names of "a,b" or "all", each once."""
    if text == "all":
        return variants.names()
    return list(dict.fromkeys(name.strip() for name in text.split(",")))
