"""What is to be trained: options, and one spec for each run. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import variants
from harness.protocol import presets
from harness.protocol.spec import Protocol
from harness.runs import store
from harness.runs.options import RunOptions
from harness.runs.record import Study
from variants.spec import Variant


@dataclass(frozen=True)
class RunSpec:
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
    study: Study | None = None

    @property
    def title(self) -> str:
        """For people: variant and seed."""
        return f"{self.variant.name} seed {self.seed}"

    @property
    def directory(self) -> Path:
        """The run's folder."""
        return store.directory(self.results, self.protocol, self.variant.name, self.seed)

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


def run_specs(names: Sequence[str], seeds: Sequence[int], options: RunOptions) -> list[RunSpec]:
    """Every run asked for, variants first, without touching data or device.

    Raises:
        InputError, UnknownVariantError: if a name or an option is wrong.
    """
    protocol, departures = presets.resolve(
        options.dataset,
        epochs=options.epochs,
        precision=options.precision,
        validation=options.validation,
    )
    chosen = [variants.get(name) for name in names]
    return [
        RunSpec(variant, seed, protocol, departures, options.results, options.eager)
        for variant in chosen
        for seed in seeds
    ]
