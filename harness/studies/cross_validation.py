"""A cross-validation of a variant: its folds as runs."""

from __future__ import annotations

import dataclasses

import numpy as np

import variants
from harness.data import source
from harness.errors import InputError
from harness.protocol import datasets, presets
from harness.runs.options import RunOptions
from harness.runs.record import StudyInfo
from harness.runs.spec import RunSpec


def fold_specs(variant: str, folds: int, seed: int, options: RunOptions) -> tuple[RunSpec, ...]:
    """Specify the folds of a cross-validation, each a run of the variant.

    Args:
        variant: name of the variant.
        folds: number of folds.
        seed: seed of every run; the division into folds is always the same.
        options: of all runs.

    Raises:
        InputError: if an option is invalid.
        UnknownVariantError: if the variant is not registered.
    """
    validated = variants.get(variant)
    protocol, departures = presets.resolve(
        options.dataset, epochs=options.epochs, precision=options.precision
    )
    name, settings = f"{variant}_{folds}_folds", {"variant": variant, "folds": folds}
    specs = []
    for fold in range(folds):
        specs.append(
            RunSpec(
                validated,
                seed,
                dataclasses.replace(protocol, fold=fold, folds=folds),
                {**departures, "fold": fold, "folds": folds},
                options.results,
                options.eager,
                study=StudyInfo(kind="cross-validation", name=name, index=fold, settings=settings),
            )
        )
    return tuple(specs)


def require_images(folds: int, options: RunOptions) -> None:
    """Refuse more folds than the rarest class has training images.

    Raises:
        InputError: if a class cannot be in every fold, or the dataset cannot be read.
    """
    raw = source.read(
        options.dataset,
        datasets.directory(options.data_dir),
        datasets.archive_source(options.archive),
    )
    counts = np.bincount(raw.train[1], minlength=len(raw.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < folds:
        raise InputError(
            f"--folds is {folds}: class {raw.classes[rarest]!r} has only {counts[rarest]} training "
            "images; give at most as many folds."
        )
