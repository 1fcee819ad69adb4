"""Specify runs: variant, seed, protocol and results folder. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import variants
from harness.errors import InputError
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.options import MAX_SEED, RunOptions, whole_number
from harness.runs.record import StudyInfo
from variants.spec import Variant


@dataclass(frozen=True)
class RunSpec:
    """Specification of one run.

    Attributes:
        variant, seed: the network and its training settings, and the random seed.
        protocol: how the network is trained and evaluated.
        departures: fields of the protocol that an option changed, as {field: value}.
        results: the results folder.
        eager: on CUDA, launch the kernels of a step one by one instead of replaying a graph.
        replaces: for a retry, when the failed record to be replaced was written, in ns; a record
            written later, such as the retry's own, is final. None if no record is replaced.
        study: the search or cross-validation that the run belongs to, if any.

    Raises:
        InputError: if the seed is no whole number from 0 to `MAX_SEED`, or the protocol does not
            have the variant's augmentation.
    """

    variant: Variant
    seed: int
    protocol: Protocol
    departures: dict[str, Any]
    results: Path
    eager: bool = False
    replaces: int | None = None
    study: StudyInfo | None = None

    def __post_init__(self) -> None:
        seed = whole_number("seed", self.seed)
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"seed is {seed}: give one from 0 to {MAX_SEED}.")
        object.__setattr__(self, "seed", seed)
        if self.variant.augmentation not in self.protocol.augmentation:
            raise InputError(
                f"{self.variant.name} has augmentation {self.variant.augmentation!r}, which the "
                f"protocol does not define: use {', '.join(self.protocol.augmentation)}."
            )

    @property
    def title(self) -> str:
        """Variant, seed and fold, for messages."""
        protocol, title = self.protocol, f"{self.variant.name} seed {self.seed}"
        return title if protocol.fold is None else f"{title} fold {protocol.fold}"

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return store.directory(self.results, self.protocol, self.variant.name, self.seed)

    def identity(self, fingerprint: str) -> dict[str, Any]:
        """The values that a stored run must share to count as this run.

        Args:
            fingerprint: the dataset's fingerprint.
        """
        return {
            "settings": self.variant.settings(),
            "protocol": self.protocol.to_dict(),
            "seed": self.seed,
            "data": fingerprint,
        }


def run_specs(names: Sequence[str], seeds: Sequence[int], options: RunOptions) -> list[RunSpec]:
    """Specify every combination of variant and seed, ordered by variant; loads no data.

    Args:
        names: names of variants.
        seeds: seeds of each variant.
        options: options of all runs.

    Raises:
        InputError: if an option is invalid.
        UnknownVariantError: if a variant is not registered.
    """
    protocol, departures = presets.resolve(
        options.dataset,
        epochs=options.epochs,
        precision=options.precision,
        validation=options.validation,
    )
    selected = [variants.get(name) for name in names]
    return [
        RunSpec(variant, seed, protocol, departures, options.results, options.eager)
        for variant in selected
        for seed in seeds
    ]
