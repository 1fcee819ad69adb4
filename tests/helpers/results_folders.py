"""Results folders of synthetic records: a clean grid, and one with every kind of warning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

import variants
from harness.protocol import decision, presets
from harness.runs import store
from tests.helpers.records import make_history, make_record

SHIFTS = dict(zip(variants.names(), (0, -55, -12, -60, 35, -15, -2, -9), strict=False))


def write_grid(
    results: Path,
    seeds: int = 6,
    epochs: int = presets.EPOCHS,
    right: int = 752,
    names: list[str] | None = None,
    **changed: Any,
) -> None:
    """Write records of the variants on CIFAR-10's official images with plausible figures."""
    source = np.random.default_rng(epochs)
    dataset, protocol = changed.pop("dataset", {}), changed.pop("protocol", {})
    split = dataset.get("split", "test")
    for name in names or variants.names("ablations"):
        for seed in range(seeds):
            share = (right + SHIFTS.get(name, 0) + round(source.normal(0, 3))) / 1000
            history = make_history(np.linspace(0.3, share, epochs).tolist())
            run = make_record(
                name,
                seed,
                round(1000 * share),
                dataset=dataset,
                protocol={"epochs": epochs, **protocol},
                history=history,
                decision_sha256=decision.sha256(),
                **changed,
            )
            store.save(results / f"{split}-{epochs}" / name / f"seed-{seed}", run)


def write_troubled_grid(results: Path) -> None:
    """Write a grid with damaged, duplicate and failed runs, and several settings."""
    write_grid(results, 5)
    write_grid(results, 2, epochs=40, names=["paper"])
    write_grid(
        results,
        1,
        names=["paper"],
        dataset={"split": "validation", "train_size": 45_000, "test_size": 5_000},
        protocol={"validation": True},
    )
    folder = results / f"test-{presets.EPOCHS}"
    (folder / "paper/seed-0/record.json").write_text('{"version": 3')
    shutil.copytree(folder / "paper/seed-1", results / "copy/seed-1")
    failed = make_record("dropout_75", 7, failed=True)
    store.save(folder / "dropout_75/seed-7", failed)
    elsewhere = {"device": "another GPU", "torch": "2.15.0", "threads": 8}
    other = make_record("dropout_0", 7, environment=elsewhere)
    store.save(folder / "dropout_0/seed-7", other)
